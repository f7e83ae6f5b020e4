"""The forms that travel with an answer: its canonical bytes, and the proof of the logged look."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import AnswerUnusable, FormatError
from ledger.formats import strictjson
from ledger.formats.answer import answer_digest, canonical_answer
from ledger.formats.look import MAX_LOOK, LookProof, format_look, parse_look
from ledger.gm import sm3

HASHES = st.binary(min_size=32, max_size=32)
BATCHED = st.builds(
    LookProof,
    origin=st.just("yunling.example/access"),
    index=st.integers(0, 2**53 - 1),
    entry=st.binary(max_size=200),
    receipt=st.binary(max_size=200),
    manifest=st.binary(max_size=200),
    path=st.lists(HASHES, max_size=16).map(tuple),
)
ALONE = st.builds(
    LookProof,
    origin=st.just("yunling.example/access"),
    index=st.integers(0, 2**53 - 1),
    entry=st.binary(max_size=200),
    receipt=st.binary(max_size=200),
)


@given(look=BATCHED | ALONE)
def test_a_look_is_read_as_it_was_written(look: LookProof) -> None:
    assert parse_look(format_look(look)) == look


def members(**changes: Any) -> bytes:
    look = LookProof("yunling.example/access", 1, b"entry", b"receipt", b"manifest", (bytes(32),))
    document = strictjson.loads(format_look(look)) | changes
    return strictjson.dumps({name: value for name, value in document.items() if value is not None})


REFUSED: dict[str, bytes] = {
    "another media type": members(mediaType="x"),
    "an unknown member": members(more=1),
    "a member missing": members(entry=None),
    "a manifest without path": members(path=None),
    "a path without manifest": members(manifest=None),
    "a path too long": members(path=["00" * 32] * 17),
    "a step that is no hash": members(path=["00"]),
    "base64 that is none": members(receipt="=="),
    "an index below 0": members(index=-1),
    "an origin that is none": members(origin="A B"),
    "no object": b"[]",
    "too many bytes": members(entry="AAAA" * (MAX_LOOK // 4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_look_in_another_form_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        parse_look(REFUSED[name])


def test_a_look_that_is_too_large_is_not_read() -> None:
    with pytest.raises(AnswerUnusable, match="bytes"):
        parse_look(b" " * (MAX_LOOK + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(document=st.dictionaries(st.text(max_size=4), JSON, max_size=6))
def test_an_answer_has_one_form_however_it_was_spaced_or_sorted(document: dict[str, Any]) -> None:
    canonical = canonical_answer(document)
    spaced = json.dumps(dict(reversed(document.items())), indent=2, ensure_ascii=True).encode()
    assert canonical_answer(strictjson.loads(spaced)) == canonical
    assert canonical_answer(strictjson.loads(canonical)) == canonical


def test_bundle_and_look_are_no_part_of_an_answer() -> None:
    document = {"decision": "clear", "b": 1, "a": {"d": 1, "c": "信"}}
    canonical = canonical_answer(document | {"bundle": {}, "logged": {}})
    assert canonical == '{"a":{"c":"信","d":1},"b":1,"decision":"clear"}'.encode()
    assert answer_digest(canonical) == sm3(canonical).hex()

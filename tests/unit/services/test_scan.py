"""A scan finds every statement of the kinds sought, however its JSON is written, and no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.formats.encoding import b64encode
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE
from ledger.services.scan import needles_of, statement_among

SOUGHT = ("credit.list.entered", "credit.list.removed")
OTHERS = ("credit.penalty.published", "credit.list.entered2", "credit.case.initiated", "a.b")


def payload(kind: str, note: str = "甲", escaped: bool = False, spaced: bool = False) -> bytes:
    statement = {
        "id": "01a2020d-0000-7000-8000-000000000000",
        "kind": kind,
        "log": "yunling.example/credit",
        "issuer": "91350100MA99000369",
        "at": "2026-11-22T07:00:00.000Z",
        "keys": {"subject": ["0" * 64]},
        "body": {"note": note},
    }
    text = json.dumps(statement, ensure_ascii=False, separators=(" , ", " : ") if spaced else (",", ":"))
    if escaped:
        text = text.replace(f'"{kind}"', '"' + "".join(f"\\u{ord(c):04x}" for c in kind) + '"')
        text = text.replace('"kind"', '"k\\u0069nd"')
    return text.encode()


def envelope(content: bytes, payload_type: str = STATEMENT_TYPE) -> bytes:
    """The entry's form as far as a scan looks at it."""
    members: dict[str, Any] = {"payloadType": payload_type, "payload": b64encode(content), "signatures": []}
    return json.dumps(members, separators=(",", ":")).encode()


@given(
    kind=st.sampled_from(SOUGHT + OTHERS),
    note=st.text(max_size=20),
    escaped=st.booleans(),
    spaced=st.booleans(),
)
def test_nothing_that_is_sought_is_missed(kind: str, note: str, escaped: bool, spaced: bool) -> None:
    found = statement_among(envelope(payload(kind, note, escaped, spaced)), needles_of(SOUGHT))
    if kind in SOUGHT:
        assert found is not None
    if found is not None:
        assert (found.kind, found.body) == (kind, {"note": note})


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_surely_of_another_kind_is_not_parsed(kind: str) -> None:
    # A name that begins with a sought one may be it, as far as its bytes tell.
    expected = kind.startswith(SOUGHT[0])
    found = statement_among(envelope(payload(kind)), needles_of(SOUGHT))
    assert (found is not None) == expected


def test_a_manifest_is_passed_over() -> None:
    assert statement_among(envelope(b"{}", BATCH_TYPE), needles_of(SOUGHT)) is None

"""Answers as documents: every member under its name, bytes as base64, and what stands beside left out."""

from dataclasses import dataclass
from datetime import date

import pytest

from ledger.formats.strictjson import canonical, dumps
from ledger.services.documents import document_of


@dataclass(frozen=True)
class One:
    only: tuple[int, ...]


@dataclass(frozen=True)
class Many:
    day: date
    entry: bytes
    parts: tuple[One, ...]
    named: dict[str, One]
    missing: str | None
    true: bool
    bundle: bytes = b"beside"
    said: bytes = b"beside"


def test_a_tree_of_values_becomes_members_and_what_stands_beside_is_left_out() -> None:
    value = Many(date(2026, 9, 21), b"\x00\xff", (One((1, 2)), One(())), {"a": One((3,))}, None, True)
    assert document_of(value) == {
        "day": "2026-09-21",
        "entry": "AP8=",
        "parts": [{"only": [1, 2]}, {"only": []}],
        "named": {"a": {"only": [3]}},
        "missing": None,
        "true": True,
    }


def test_what_is_no_answer_has_no_document() -> None:
    with pytest.raises(AssertionError):
        document_of(1.5)


def test_canonical_text_has_one_order_of_members_whatever_theirs() -> None:
    one = {"b": [{"z": 1, "a": "甲"}], "a": None}
    other = {"a": None, "b": [{"a": "甲", "z": 1}]}
    assert canonical(one) == canonical(other) == dumps(other)

"""The answer document of a check, as far as the verifier reads it; who wrote it may have said more.

It comes as the file answer.json of a receipt, in its canonical form and nothing else, or as the answer that
the service gave, with `bundle` and `logged` beside it (`xinzheng check --json`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import AnswerUnusable, FormatError, TooLarge
from ledger.formats import strictjson
from ledger.formats.answer import answer_digest, canonical_answer
from ledger.formats.bundle import MAX_BUNDLE
from ledger.formats.encoding import b64decode_strict
from ledger.formats.envelope import parse_envelope
from ledger.formats.look import LookProof
from ledger.formats.members import (
    read_hash,
    read_integer,
    read_list,
    read_origin,
    read_text,
)

MAX_ANSWER = 16 << 20
"""Most bytes of an answer document."""
DECISIONS = ("prohibit", "restrict", "caution", "incentive", "clear")
"""What a check decides, the gravest first."""
ITSELF = "itself"
"""The role of the subject asked about among the keys."""

_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


@dataclass(frozen=True, slots=True)
class AskedKey:
    """An index key that was asked: `role` is `itself`, or that of a person behind the subject."""

    name: str
    tag: str
    epoch: int
    role: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """An entry as the answer names it: place, leaf hash, and whose statement it is."""

    index: int
    leaf: bytes
    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class HitClaim:
    """A hit: its entry, its decision, and what the answer repeats of the entry."""

    entry: Claimed
    decision: str
    members: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerDocument:
    """What an answer claims. `canonical` are its canonical bytes, `members` all that it says."""

    canonical: bytes
    members: Mapping[str, Any]
    subject_type: str
    subject_code: str
    subject_tags: tuple[str, ...]
    matter: str
    day: str
    decision: str
    hits: tuple[HitClaim, ...]
    no_longer: tuple[tuple[Claimed, str], ...]
    keys: tuple[AskedKey, ...]
    not_asked: tuple[str, ...]
    edition: str
    edition_sm3: str
    edition_entry: Claimed | None
    origin: str
    size: int
    root: bytes
    index_root: bytes

    @property
    def sm3(self) -> str:
        """The digest that the logged look must name."""
        return answer_digest(self.canonical)


def parse_answer(data: bytes) -> AnswerDocument:
    """The file answer.json of a receipt. Raises `AnswerUnusable` or another `FormatError`."""
    answer = answer_of(_object(data))
    if answer.canonical != data:
        raise AnswerUnusable("the document is not in its canonical form")
    return answer


def is_plain_answer(data: bytes) -> bool:
    """Whether these bytes are the answer of a check rather than a bundle, as far as one sees at once."""
    if data.startswith(b'{"mediaType"'):
        return False
    try:
        members = strictjson.loads(data)
    except FormatError:
        return False
    return isinstance(members, dict) and "mediaType" not in members and "decision" in members


def parse_plain_answer(data: bytes) -> tuple[AnswerDocument, bytes | None, LookProof | None]:
    """An answer as the service gave it: the document, its bundle and the proof of its look where they are
    there. Raises `AnswerUnusable` or another `FormatError`."""
    members = _object(data)
    bundle = strictjson.dumps(members["bundle"]) if "bundle" in members else None
    look = _look_of(members["logged"]) if "logged" in members else None
    return answer_of(members), bundle, look


def answer_of(members: Mapping[str, Any]) -> AnswerDocument:
    """The claims of an answer, given as JSON members. Raises `AnswerUnusable`."""
    subject, catalogue = _part(members, "subject"), _part(members, "catalogue")
    checkpoint, decision = _part(members, "checkpoint"), _text(members, "decision")
    day = _text(members, "day")
    if decision not in DECISIONS or _is_day(day) is None:
        raise AnswerUnusable(f"a decision is one of {', '.join(DECISIONS)}, a day YYYY-MM-DD")
    entry = catalogue.get("entry")
    return AnswerDocument(
        canonical=canonical_answer(members),
        members=members,
        subject_type=_text(subject, "type"),
        subject_code=_text(subject, "code"),
        subject_tags=tuple(_hash(tag, "subject.tags").hex() for tag in _list(subject, "tags")),
        matter=_text(members, "matter"),
        day=day,
        decision=decision,
        hits=tuple(_hit(value) for value in _list(members, "hits")),
        no_longer=tuple(
            (_claimed(_part(value, "entry")), _text(value, "reason")) for value in _list(members, "no_longer")
        ),
        keys=tuple(_key(value) for value in _list(members, "keys")),
        not_asked=tuple(read_text(role, "not_asked", AnswerUnusable) for role in _list(members, "not_asked")),
        edition=_text(catalogue, "edition"),
        edition_sm3=_text(catalogue, "sm3"),
        edition_entry=None if entry is None else _claimed(_mapping(entry, "catalogue.entry")),
        origin=read_origin(checkpoint.get("origin"), "checkpoint.origin", AnswerUnusable),
        size=read_integer(checkpoint.get("size"), "checkpoint.size", AnswerUnusable),
        root=_hash(checkpoint.get("root"), "checkpoint.root"),
        index_root=_hash(checkpoint.get("index_root"), "checkpoint.index_root"),
    )


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_ANSWER + MAX_BUNDLE:
        raise TooLarge(f"an answer has at most {MAX_ANSWER} bytes besides its bundle")
    return _mapping(strictjson.loads(data), "an answer")


def _look_of(value: Any) -> LookProof:
    """The look as the service names it; a batch of one needs no path."""
    logged = _mapping(value, "logged")
    entry, receipt = _bytes(logged, "entry"), _bytes(logged, "receipt")
    origin = read_origin(logged.get("origin"), "logged.origin", AnswerUnusable)
    index = read_integer(logged.get("index"), "logged.index", AnswerUnusable)
    place = parse_envelope(entry).batch
    if place is None:
        return LookProof(origin, index, entry, receipt)
    return LookProof(
        origin, index, entry, receipt, _bytes(logged, "manifest"), () if place.size == 1 else None
    )


def _hit(value: Any) -> HitClaim:
    members = _mapping(value, "a hit")
    decision = _text(members, "decision")
    if decision not in DECISIONS:
        raise AnswerUnusable(f"a decision is one of {', '.join(DECISIONS)}")
    return HitClaim(_claimed(_part(members, "entry")), decision, members)


def _key(value: Any) -> AskedKey:
    members = _mapping(value, "a key")
    return AskedKey(
        _text(members, "name"),
        _hash(members.get("tag"), "keys.tag").hex(),
        read_integer(members.get("epoch"), "keys.epoch", AnswerUnusable),
        _text(members, "role"),
    )


def _claimed(members: Mapping[str, Any]) -> Claimed:
    return Claimed(
        read_integer(members.get("index"), "entry.index", AnswerUnusable),
        _hash(members.get("leaf_hash"), "entry.leaf_hash"),
        _text(members, "issuer"),
        _text(members, "id"),
    )


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerUnusable(f"{what} must be an object")
    return value


def _part(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _mapping(_mapping(members, "a part of the answer").get(name), name)


def _list(members: Mapping[str, Any], name: str) -> list[Any]:
    return read_list(members.get(name), name, AnswerUnusable)


def _text(members: Mapping[str, Any], name: str) -> str:
    return read_text(_mapping(members, "a part of the answer").get(name), name, AnswerUnusable)


def _hash(value: Any, what: str) -> bytes:
    return read_hash(value, what, AnswerUnusable)


def _bytes(members: Mapping[str, Any], name: str) -> bytes:
    return b64decode_strict(_text(members, name))

"""Statements and batch manifests: what a member signs (DESIGN.md 4.2 and 4.3).

    {"id":"01a2020d-...","kind":"credit.penalty.published","log":"suzhou.example/credit",
     "issuer":"11320500MB0000001A","at":"2026-11-22T07:00:00.000Z","keys":{"subject":["4325..."]},
     "body":{...},"sealed":{"digest":"4776..."},"refers":[{"issuer":"...","id":"..."}]}

Parsing is strict about members and their form, and leaves their order and white space free, because a
statement's exact bytes are what is signed. Whether a kind exists, and which tags it must have, is the
domain's business; whether an index name is one of the log's, the verifier's and the log's.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import EntryTooLarge, StatementMalformed, TimeInvalid
from ledger.formats import strictjson
from ledger.formats.members import is_origin
from ledger.formats.times import format_time, parse_time
from ledger.identifiers import is_uscc

MAX_STATEMENT = 32 * 1024
"""Most bytes of a statement."""

_REQUIRED = frozenset(("id", "kind", "log", "issuer", "at", "keys", "body"))
_ALLOWED = _REQUIRED | {"sealed", "refers"}
_MANIFEST = frozenset(("log", "issuer", "id", "at", "root", "size"))
_MAX_BATCH_SIZE = 65_535

_is_id = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch
_is_kind = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+").fullmatch
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Reference:
    """Another statement, which this one corrects or continues."""

    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What an issuer asserts. `at` in milliseconds since 1970; `keys`: index name -> distinct hex tags."""

    id: str
    kind: str
    log: str
    issuer: str
    at: int
    keys: dict[str, tuple[str, ...]]
    body: dict[str, Any]
    sealed: bytes | None = None
    refers: tuple[Reference, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a gateway asserts about a batch. `at` in milliseconds; 1 <= size <= 65,535; `root` 32 bytes."""

    log: str
    issuer: str
    id: str
    at: int
    root: bytes
    size: int


def new_id(ms: int, random: bytes) -> str:
    """A UUIDv7 (RFC 9562) from a time in milliseconds and 10 random bytes."""
    bits = ms << 80 | int.from_bytes(random[:10], "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_kind(text: object) -> bool:
    """Whether this is a string of a kind's form."""
    return isinstance(text, str) and _is_kind(text) is not None


def is_id(text: object) -> bool:
    """Whether this is a UUIDv7 in lowercase."""
    return isinstance(text, str) and _is_id(text) is not None


def parse_statement(payload: bytes) -> Statement:
    """A statement from its exact bytes.

    Raises `EntryTooLarge` above 32 KiB, the errors of `strictjson`, or `StatementMalformed`.
    """
    members = _load(payload)
    names = members.keys()
    if not (_REQUIRED <= names <= _ALLOWED):
        raise StatementMalformed("a member is missing or unknown")
    id_, issuer, at = _common(members)
    kind, body = members["kind"], members["body"]
    if not isinstance(kind, str) or not _is_kind(kind):
        raise StatementMalformed("kind must look like credit.penalty.published")
    if type(body) is not dict:
        raise StatementMalformed("body must be an object")
    sealed = _parse_sealed(members["sealed"]) if "sealed" in names else None
    refers = _parse_refers(members["refers"]) if "refers" in names else ()
    keys = _parse_keys(members["keys"])
    return Statement(id_, kind, members["log"], issuer, at, keys, body, sealed, refers)


def parse_manifest(payload: bytes) -> Manifest:
    """A batch manifest from its exact bytes; raises as `parse_statement` does."""
    members = _load(payload)
    if members.keys() != _MANIFEST:
        raise StatementMalformed("a manifest has exactly log, issuer, id, at, root and size")
    id_, issuer, at = _common(members)
    root, size = members["root"], members["size"]
    if not isinstance(root, str) or not _is_hash(root):
        raise StatementMalformed("root must be 64 lowercase hex digits")
    if type(size) is not int or not 1 <= size <= _MAX_BATCH_SIZE:
        raise StatementMalformed("size must be an integer from 1 to 65,535")
    return Manifest(members["log"], issuer, id_, at, bytes.fromhex(root), size)


def format_statement(statement: Statement) -> bytes:
    """A statement's compact JSON. Raises `EntryTooLarge` above 32 KiB."""
    members: dict[str, Any] = {
        "id": statement.id,
        "kind": statement.kind,
        "log": statement.log,
        "issuer": statement.issuer,
        "at": format_time(statement.at),
        "keys": statement.keys,
        "body": statement.body,
    }
    if statement.sealed is not None:
        members["sealed"] = {"digest": statement.sealed.hex()}
    if statement.refers:
        members["refers"] = [{"issuer": other.issuer, "id": other.id} for other in statement.refers]
    payload = strictjson.dumps(members)
    if len(payload) > MAX_STATEMENT:
        raise EntryTooLarge("a statement has at most 32,768 bytes")
    return payload


def format_manifest(manifest: Manifest) -> bytes:
    """A manifest's compact JSON."""
    return strictjson.dumps(
        {
            "log": manifest.log,
            "issuer": manifest.issuer,
            "id": manifest.id,
            "at": format_time(manifest.at),
            "root": manifest.root.hex(),
            "size": manifest.size,
        }
    )


def _load(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_STATEMENT:
        raise EntryTooLarge("a statement has at most 32,768 bytes")
    members = strictjson.loads(payload)
    if type(members) is not dict:
        raise StatementMalformed("not a JSON object")
    return members


def _common(members: dict[str, Any]) -> tuple[str, str, int]:
    """id, issuer and at; checks log as well."""
    id_, issuer, log = members["id"], members["issuer"], members["log"]
    if not isinstance(id_, str) or not _is_id(id_):
        raise StatementMalformed("id must be a UUIDv7 in lowercase")
    if not is_origin(log):
        raise StatementMalformed("log must be an origin such as suzhou.example/credit")
    if not isinstance(issuer, str) or not is_uscc(issuer):
        raise StatementMalformed("issuer must be a USCC")
    try:
        at = parse_time(members["at"], millis=True)
    except TimeInvalid as error:
        raise StatementMalformed("at must be a time in UTC with milliseconds") from error
    return id_, issuer, at


def _parse_keys(value: Any) -> dict[str, tuple[str, ...]]:
    if type(value) is not dict:
        raise StatementMalformed("keys must be an object")
    keys = {}
    for name, tags in value.items():
        if type(tags) is not list or not tags:
            raise StatementMalformed("each member of keys must be a non-empty list")
        for tag in tags:
            if not isinstance(tag, str) or not _is_hash(tag):
                raise StatementMalformed("a tag must be 64 lowercase hex digits")
        if len(tags) > 1 and len(set(tags)) != len(tags):
            raise StatementMalformed("the tags of one index must be distinct")
        keys[name] = tuple(tags)
    return keys


def _parse_sealed(value: Any) -> bytes:
    if type(value) is not dict or value.keys() != {"digest"}:
        raise StatementMalformed("sealed must be an object with digest alone")
    digest = value["digest"]
    if not isinstance(digest, str) or not _is_hash(digest):
        raise StatementMalformed("sealed.digest must be 64 lowercase hex digits")
    return bytes.fromhex(digest)


def _parse_refers(value: Any) -> tuple[Reference, ...]:
    if type(value) is not list:
        raise StatementMalformed("refers must be a list")
    refers = []
    for other in value:
        if type(other) is not dict or other.keys() != {"issuer", "id"}:
            raise StatementMalformed("each of refers must be an object with issuer and id alone")
        issuer, id_ = other["issuer"], other["id"]
        if not isinstance(issuer, str) or not is_uscc(issuer) or not isinstance(id_, str) or not _is_id(id_):
            raise StatementMalformed("each of refers must have a USCC and a UUIDv7")
        refers.append(Reference(issuer, id_))
    return tuple(refers)

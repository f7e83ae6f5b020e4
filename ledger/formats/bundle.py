"""Bundles: everything needed to verify one answer offline (DESIGN.md 4.6).

A bundle is JSON, `{"mediaType": ..., "origin": ..., "checkpoint": "<note>", "entries": [...]}` with optional
`completeness` and `anchor`. Parsing refuses every form error of the bundle and its note (`BundleUnusable`
or another `FormatError`); an entry whose own bytes are malformed is kept, with what is wrong in `flaw`,
because that fails a verdict instead.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ledger.errors import BundleUnusable, InputError, TooLarge
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.envelope import Envelope, parse_envelope
from ledger.formats.finality import AnchorRecord, format_anchor, parse_anchor
from ledger.formats.members import (
    read_hash,
    read_hex,
    read_integer,
    read_list,
    read_object,
    read_origin,
    read_text,
)
from ledger.formats.note import SignedNote, format_note, parse_note
from ledger.formats.sealed import SALT_SIZE
from ledger.merkle import EMPTY_HEAD, Absent, End, OtherKey, Present, chain_step, index_value

MEDIA_TYPE = "application/vnd.xinzheng.bundle+json;v=1"

MAX_BUNDLE = 64 * 1024 * 1024
"""Most bytes of a bundle that is read at all."""
MAX_SIBLINGS = 256
_KEPT_MANIFESTS = 2_048
"""Manifests whose text is kept, some 4 kB each: thousands of entries have the same."""

_BUNDLE = frozenset(("mediaType", "origin", "checkpoint", "entries"))
_BUNDLE_OPTIONAL = frozenset(("completeness", "anchor"))
_ENTRY = frozenset(("index", "entry", "inclusion"))
_ENTRY_OPTIONAL = frozenset(("batch", "disclosure"))
_BATCH = frozenset(("manifest", "path"))
_DISCLOSURE = frozenset(("salt", "content"))
_SECTION = frozenset(("name", "tag", "chain", "siblings", "end"))
_AFTER = frozenset(("count", "head", "last"))
_LINK = frozenset(("index", "leaf"))
_OTHER = frozenset(("key", "value"))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry's exact bytes at a log index, with its inclusion proof.

    `envelope` is its content where it has one, `flaw` what is wrong where not; both are filled by parsing
    and left out by formatting.
    """

    index: int
    entry: bytes
    inclusion: tuple[bytes, ...]
    envelope: Envelope | None = field(default=None, compare=False, repr=False)
    flaw: InputError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BundleBatch:
    """The manifest that covers a batch entry, and the path from the entry to the manifest's root."""

    manifest: ProvenEntry
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The sealed content of a statement, laid open."""

    salt: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry shown, with what proves and explains it."""

    proven: ProvenEntry
    batch: BundleBatch | None = None
    disclosure: Disclosure | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Where an earlier page of a chain ended: number of entries, head, log index of the last one."""

    count: int
    head: bytes
    last: int


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One entry of a chain: log index and leaf hash."""

    index: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Completeness:
    """What an index says about one (name, tag): its chain and the proof of it. `tag` is 64 hex digits.

    Where `end` is `Present`, its value is the one that the chain (and `after`) leads to.
    """

    name: str
    tag: str
    chain: tuple[ChainLink, ...]
    siblings: tuple[bytes, ...]
    end: End
    after: After | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """One answer with its proofs, none of them verified."""

    origin: str
    note: SignedNote
    entries: tuple[BundleEntry, ...]
    completeness: tuple[Completeness, ...] | None = None
    anchor: AnchorRecord | None = None


def parse_bundle(data: bytes) -> Bundle:
    """A bundle. Raises `TooLarge` above 64 MiB, or a `FormatError` when it is unusable."""
    if len(data) > MAX_BUNDLE:
        raise TooLarge("a bundle has at most 64 MiB")
    members = read_object(strictjson.loads(data), "a bundle", _BUNDLE, _BUNDLE_OPTIONAL, BundleUnusable)
    if members["mediaType"] != MEDIA_TYPE:
        raise BundleUnusable(f"mediaType must be {MEDIA_TYPE}")
    entries = tuple(_parse_entry(value) for value in read_list(members["entries"], "entries", BundleUnusable))
    for before, entry in itertools.pairwise(entries):
        if entry.proven.index <= before.proven.index:
            raise BundleUnusable("entries must be strictly ascending by index")
    return Bundle(
        read_origin(members["origin"], "origin", BundleUnusable),
        parse_note(read_text(members["checkpoint"], "checkpoint", BundleUnusable)),
        entries,
        _parse_completeness(members["completeness"]) if "completeness" in members else None,
        parse_anchor(members["anchor"]) if "anchor" in members else None,
    )


def format_bundle(bundle: Bundle) -> bytes:
    """A bundle's compact JSON.

    Written member by member, and not by way of objects: most of a bundle is hashes and base64, which need no
    escaping, and a service makes hundreds of bundles a second.
    """
    parts = [
        f'{{"mediaType":"{MEDIA_TYPE}","origin":{_text(bundle.origin)}',
        f',"checkpoint":{_note_text(bundle.note)},"entries":[',
        ",".join([_entry_text(entry) for entry in bundle.entries]),
        "]",
    ]
    if bundle.completeness is not None:
        parts += [',"completeness":[', ",".join(map(_section_text, bundle.completeness)), "]"]
    if bundle.anchor is not None:
        parts += [',"anchor":', strictjson.dumps(format_anchor(bundle.anchor)).decode()]
    parts.append("}")
    return "".join(parts).encode()


def _hashes(value: Any, what: str) -> tuple[bytes, ...]:
    return tuple(read_hash(item, what, BundleUnusable) for item in read_list(value, what, BundleUnusable))


def _parse_proven(members: dict[str, Any]) -> ProvenEntry:
    entry = b64decode_strict(read_text(members["entry"], "entry", BundleUnusable))
    envelope, flaw = None, None
    try:
        envelope = parse_envelope(entry)
    except InputError as error:
        flaw = error
    return ProvenEntry(
        read_integer(members["index"], "index", BundleUnusable),
        entry,
        _hashes(members["inclusion"], "inclusion"),
        envelope,
        flaw,
    )


def _parse_entry(value: Any) -> BundleEntry:
    members = read_object(value, "an entry", _ENTRY, _ENTRY_OPTIONAL, BundleUnusable)
    proven = _parse_proven(members)
    batch = _parse_batch(members["batch"]) if "batch" in members else None
    if proven.envelope is not None and (proven.envelope.batch is None) != (batch is None):
        raise BundleUnusable("batch must be there exactly when the entry's signature is in batch form")
    disclosure = _parse_disclosure(members["disclosure"]) if "disclosure" in members else None
    return BundleEntry(proven, batch, disclosure)


def _parse_batch(value: Any) -> BundleBatch:
    members = read_object(value, "batch", _BATCH, _NONE, BundleUnusable)
    manifest = read_object(members["manifest"], "batch.manifest", _ENTRY, _NONE, BundleUnusable)
    return BundleBatch(_parse_proven(manifest), _hashes(members["path"], "batch.path"))


def _parse_disclosure(value: Any) -> Disclosure:
    members = read_object(value, "disclosure", _DISCLOSURE, _NONE, BundleUnusable)
    return Disclosure(
        read_hex(members["salt"], "disclosure.salt", SALT_SIZE, BundleUnusable),
        b64decode_strict(read_text(members["content"], "disclosure.content", BundleUnusable)),
    )


def _parse_completeness(value: Any) -> tuple[Completeness, ...]:
    sections = tuple(_parse_section(item) for item in read_list(value, "completeness", BundleUnusable))
    if len({(section.name, section.tag) for section in sections}) != len(sections):
        raise BundleUnusable("one (name, tag) stands once in completeness")
    return sections


def _parse_section(value: Any) -> Completeness:
    members = read_object(value, "a completeness section", _SECTION, frozenset(("after",)), BundleUnusable)
    chain = []
    for item in read_list(members["chain"], "chain", BundleUnusable):
        link = read_object(item, "a link of a chain", _LINK, _NONE, BundleUnusable)
        index = read_integer(link["index"], "index", BundleUnusable)
        chain.append(ChainLink(index, read_hash(link["leaf"], "leaf", BundleUnusable)))
    siblings = _hashes(members["siblings"], "siblings")
    if len(siblings) > MAX_SIBLINGS:
        raise BundleUnusable("an index proof has at most 256 siblings")
    after = _parse_after(members["after"]) if "after" in members else None
    end = _parse_end(members["end"], tuple(chain), after)
    return Completeness(
        read_text(members["name"], "name", BundleUnusable),
        read_hash(members["tag"], "tag", BundleUnusable).hex(),
        tuple(chain),
        siblings,
        end,
        after,
    )


def _parse_after(value: Any) -> After:
    members = read_object(value, "after", _AFTER, _NONE, BundleUnusable)
    return After(
        read_integer(members["count"], "after.count", BundleUnusable, minimum=1),
        read_hash(members["head"], "after.head", BundleUnusable),
        read_integer(members["last"], "after.last", BundleUnusable),
    )


def chain_value(chain: Sequence[ChainLink], after: After | None) -> bytes:
    """The index value that a chain leads to, from its beginning or from where `after` ended."""
    count, head = (after.count, after.head) if after else (0, EMPTY_HEAD)
    for link in chain:
        head = chain_step(head, link.index, link.leaf)
    return index_value(count + len(chain), head)


def _parse_end(value: Any, chain: tuple[ChainLink, ...], after: After | None) -> End:
    if value == "leaf":
        return Present(chain_value(chain, after))
    if value == "empty":
        return Absent()
    members = read_object(value, "end", _OTHER, _NONE, BundleUnusable)
    return OtherKey(
        read_hash(members["key"], "end.key", BundleUnusable),
        read_hash(members["value"], "end.value", BundleUnusable),
    )


def _text(value: str) -> str:
    return strictjson.dumps(value).decode()


@lru_cache(maxsize=16)
def _note_text(note: SignedNote) -> str:
    return _text(format_note(note).decode())


def _hashes_text(hashes: Sequence[bytes]) -> str:
    return '["' + '","'.join([hash_.hex() for hash_ in hashes]) + '"]' if hashes else "[]"


def _proven_text(entry: ProvenEntry) -> str:
    return f'{{"index":{entry.index},"entry":"{b64encode(entry.entry)}","inclusion":' + _hashes_text(
        entry.inclusion
    )


_manifest_text = lru_cache(maxsize=_KEPT_MANIFESTS)(_proven_text)


def _entry_text(entry: BundleEntry) -> str:
    parts = [_proven_text(entry.proven)]
    if entry.batch is not None:
        parts += [',"batch":{"manifest":', _manifest_text(entry.batch.manifest), '},"path":']
        parts += [_hashes_text(entry.batch.path), "}"]
    if entry.disclosure is not None:
        salt, content = entry.disclosure.salt.hex(), b64encode(entry.disclosure.content)
        parts.append(f',"disclosure":{{"salt":"{salt}","content":"{content}"}}')
    parts.append("}")
    return "".join(parts)


def _section_text(section: Completeness) -> str:
    parts = [f'{{"name":{_text(section.name)},"tag":"{section.tag}"']
    if section.after is not None:
        after = section.after
        parts.append(f',"after":{{"count":{after.count},"head":"{after.head.hex()}","last":{after.last}}}')
    links = ",".join([f'{{"index":{link.index},"leaf":"{link.leaf.hex()}"}}' for link in section.chain])
    parts.append(f',"chain":[{links}],"siblings":{_hashes_text(section.siblings)},"end":')
    match section.end:
        case Present():
            parts.append('"leaf"')
        case Absent():
            parts.append('"empty"')
        case OtherKey(key=key, value=value):
            parts.append(f'{{"key":"{key.hex()}","value":"{value.hex()}"}}')
    parts.append("}")
    return "".join(parts)

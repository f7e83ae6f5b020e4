"""Proofs of misbehaviour: what a log signed and may not sign, in one file that anybody verifies offline.

    {"mediaType": "application/vnd.xinzheng.misbehaviour+json;v=1",
     "origin": "suzhou.example/credit",
     "kind": "two_roots",
     "notes": ["<signed note>", "<signed note>"]}

`notes` are whole checkpoint notes, signature lines included; `material` is what else a kind needs, and is
there exactly then. Hashes are 64 lowercase hex digits.

| kind | notes | material | what is proven, given that a key of the log signed the notes |
|---|---|---|---|
| `two_roots` | 2 | | one size with two roots, or two index roots |
| `went_back` | 2 | | the first note is larger, and the second was signed later by its own time |
| `inconsistent` | 2 | `root`, `consistency` | the second, larger tree does not begin with the first |
| `two_entries` | 2 | `index`, `first`, `second` | at one index the two trees hold two different leaves |
| `repeated_id` | 1 | `entries` | one (issuer, id) stands at two places of one tree |
| `not_as_anchored` | 1 | `anchor` | the chain holds other roots for the note's size |

`inconsistent`: `consistency` is the proof (RFC 9162, 2.1.4) from the first note's size to the second note; it
holds for `root`, which is not the first note's root. Its hashes lead to the second note's root, so the tree
that the log signed there has `root` at the smaller size, whatever else may be hidden. Two notes of different
sizes prove nothing without it, and only who can see into the second tree can make it. Where the log shows
nobody a way into it, the consistency challenge on the chain is the answer (`DisputeRegistry`).

`first` and `second` of `two_entries` are `{"leaf", "inclusion"}`; `entries` of `repeated_id` are two
`{"index", "entry", "inclusion"}` as in a bundle; `anchor` is that of a bundle, and proves as much as its
finality, or a node of the verifier's own, backs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import FormatError, MisbehaviourUnusable, TooLarge
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.finality import AnchorRecord, format_anchor, parse_anchor
from ledger.formats.members import read_hash, read_integer, read_list, read_object, read_origin, read_text
from ledger.formats.note import SignedNote, format_note, parse_note

MEDIA_TYPE = "application/vnd.xinzheng.misbehaviour+json;v=1"

MAX_PROOF = 1 << 20
"""Most bytes of a proof of misbehaviour."""
MAX_PATH = 128
"""Most hashes of one path."""

TWO_ROOTS = "two_roots"
WENT_BACK = "went_back"
INCONSISTENT = "inconsistent"
TWO_ENTRIES = "two_entries"
REPEATED_ID = "repeated_id"
NOT_AS_ANCHORED = "not_as_anchored"

_MEMBERS = frozenset(("mediaType", "origin", "kind", "notes"))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Beginning:
    """Material of `inconsistent`: the second tree's root at the first note's size, and the proof of it."""

    root: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A leaf hash and its inclusion proof."""

    leaf: bytes
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TwoLeaves:
    """Material of `two_entries`: what stands at `index` under the first and under the second note."""

    index: int
    first: PlacedLeaf
    second: PlacedLeaf


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry's exact bytes at a log index, with its inclusion proof."""

    index: int
    entry: bytes
    inclusion: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Material of `repeated_id`."""

    first: PlacedEntry
    second: PlacedEntry


Material = Beginning | TwoLeaves | Repeated | AnchorRecord | None


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """A proof of misbehaviour, none of it verified."""

    origin: str
    kind: str
    notes: tuple[SignedNote, ...]
    material: Material = None


def looks_like_misbehaviour(data: bytes) -> bool:
    """Whether these bytes announce themselves as a proof of misbehaviour."""
    if len(data) > MAX_PROOF or MEDIA_TYPE.encode() not in data:
        return False
    try:
        value = strictjson.loads(data)
    except FormatError:
        return False
    return isinstance(value, dict) and value.get("mediaType") == MEDIA_TYPE


def parse_misbehaviour(data: bytes) -> Misbehaviour:
    """A proof of misbehaviour. Raises `TooLarge` above 1 MiB, or a `FormatError`."""
    if len(data) > MAX_PROOF:
        raise TooLarge("a proof of misbehaviour has at most 1 MiB")
    error = MisbehaviourUnusable
    value = strictjson.loads(data)
    members = read_object(value, "a proof of misbehaviour", _MEMBERS, frozenset(("material",)), error)
    if members["mediaType"] != MEDIA_TYPE:
        raise error(f"mediaType must be {MEDIA_TYPE}")
    kind = read_text(members["kind"], "kind", error)
    known = _KINDS.get(kind)
    if known is None:
        raise error(f"kind must be one of {', '.join(_KINDS)}")
    count, read = known
    notes = read_list(members["notes"], "notes", error)
    if len(notes) != count:
        raise error(f"a proof of kind {kind} has {count} notes")
    if ("material" in members) != (read is not None):
        raise error(f"material must be there exactly where a kind needs it, and {kind} is another case")
    return Misbehaviour(
        read_origin(members["origin"], "origin", error),
        kind,
        tuple(parse_note(read_text(note, "a note", error)) for note in notes),
        read(members["material"]) if read is not None else None,
    )


def format_misbehaviour(proof: Misbehaviour) -> bytes:
    """A proof's compact JSON."""
    document: dict[str, Any] = {
        "mediaType": MEDIA_TYPE,
        "origin": proof.origin,
        "kind": proof.kind,
        "notes": [format_note(note).decode() for note in proof.notes],
    }
    if proof.material is not None:
        document["material"] = _format_material(proof.material)
    return strictjson.dumps(document)


def _path(value: Any, what: str) -> tuple[bytes, ...]:
    path = read_list(value, what, MisbehaviourUnusable)
    if len(path) > MAX_PATH:
        raise MisbehaviourUnusable(f"{what} has at most {MAX_PATH} hashes")
    return tuple(read_hash(item, what, MisbehaviourUnusable) for item in path)


def _parse_beginning(value: Any) -> Beginning:
    members = _object(value, "root", "consistency")
    return Beginning(
        read_hash(members["root"], "material.root", MisbehaviourUnusable),
        _path(members["consistency"], "material.consistency"),
    )


def _parse_leaves(value: Any) -> TwoLeaves:
    members = _object(value, "index", "first", "second")
    return TwoLeaves(
        read_integer(members["index"], "material.index", MisbehaviourUnusable),
        _parse_leaf(members["first"]),
        _parse_leaf(members["second"]),
    )


def _parse_leaf(value: Any) -> PlacedLeaf:
    members = _object(value, "leaf", "inclusion")
    leaf = read_hash(members["leaf"], "leaf", MisbehaviourUnusable)
    return PlacedLeaf(leaf, _path(members["inclusion"], "inclusion"))


def _parse_repeated(value: Any) -> Repeated:
    entries = read_list(_object(value, "entries")["entries"], "material.entries", MisbehaviourUnusable)
    if len(entries) != 2:
        raise MisbehaviourUnusable("material.entries are two")
    first, second = (_parse_entry(entry) for entry in entries)
    return Repeated(first, second)


def _parse_entry(value: Any) -> PlacedEntry:
    members = _object(value, "index", "entry", "inclusion")
    return PlacedEntry(
        read_integer(members["index"], "index", MisbehaviourUnusable),
        b64decode_strict(read_text(members["entry"], "entry", MisbehaviourUnusable)),
        _path(members["inclusion"], "inclusion"),
    )


def _parse_anchor(value: Any) -> AnchorRecord:
    return parse_anchor(_object(value, "anchor")["anchor"])


def _object(value: Any, *names: str) -> dict[str, Any]:
    return read_object(value, "material", frozenset(names), _NONE, MisbehaviourUnusable)


def _format_material(material: Material) -> Mapping[str, Any]:
    match material:
        case Beginning(root=root, consistency=consistency):
            return {"root": root.hex(), "consistency": _hex(consistency)}
        case TwoLeaves(index=index, first=first, second=second):
            return {"index": index, "first": _format_leaf(first), "second": _format_leaf(second)}
        case Repeated(first=one, second=two):
            return {"entries": [_format_entry(one), _format_entry(two)]}
        case AnchorRecord():
            return {"anchor": format_anchor(material)}
        case None:
            return {}


def _format_leaf(placed: PlacedLeaf) -> dict[str, Any]:
    return {"leaf": placed.leaf.hex(), "inclusion": _hex(placed.inclusion)}


def _format_entry(placed: PlacedEntry) -> dict[str, Any]:
    return {
        "index": placed.index,
        "entry": b64encode(placed.entry),
        "inclusion": _hex(placed.inclusion),
    }


def _hex(hashes: tuple[bytes, ...]) -> list[str]:
    return [hash_.hex() for hash_ in hashes]


_KINDS: dict[str, tuple[int, Callable[[Any], Material] | None]] = {
    TWO_ROOTS: (2, None),
    WENT_BACK: (2, None),
    INCONSISTENT: (2, _parse_beginning),
    TWO_ENTRIES: (2, _parse_leaves),
    REPEATED_ID: (1, _parse_repeated),
    NOT_AS_ANCHORED: (1, _parse_anchor),
}

"""Deriving tree and index from a log's entries, as the log should have: what a cosignature vouches for.

A witness reads every entry. From the entries alone it recomputes
- the tree: leaf hashes and root;
- each statement's `keys`, as a function of its kind, issuer and body (`keys_of`), and from them the index;
- that no (issuer, id) stands twice, manifests included.

It has no sealed content and no person-tag keys. So it cannot see whether a person's tag is that of the person
whom the sealed content names, nor whether sealed content is what its digest says, nor whether it still
exists: it vouches that the index copies the tags that the statements hold, and no further. It does not judge
who may state what: signatures, issuers and roles are for whoever is shown an entry, by his own trust file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.domain import validate
from ledger.errors import LedgerError, SourceRefused
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, parse_envelope
from ledger.formats.statement import parse_manifest, parse_statement
from ledger.log.admission import index_keys_of
from ledger.merkle import Frontier, grow_tiles, leaf_hash, pages
from ledger.store.ids import id_bytes
from ledger.witness.store import Growth, WitnessStore


class EntryRefused(SourceRefused):
    """An entry that the log should not have admitted; `index` is its place, `reason` the error's code."""

    code = "entry_refused"
    zh = "日志收录了不应收录的条目。"
    en = "The log admitted an entry that it should not have."

    def __init__(self, index: int, reason: str, detail: str = "") -> None:
        super().__init__(f"entry {index}: {reason}{': ' + detail if detail else ''}")
        self.index = index
        self.reason = reason


class IdRepeated(EntryRefused):
    """Two entries of one (issuer, id): the second is at `index`, the first at `first`."""

    def __init__(self, first: int, index: int) -> None:
        super().__init__(index, "id_repeated", f"its issuer and id stand at {first} already")
        self.first = first


@dataclass(slots=True)
class _Read:
    leaves: list[bytes] = field(default_factory=list)
    changes: dict[bytes, list[tuple[int, bytes]]] = field(default_factory=dict)
    ids: dict[bytes, int] = field(default_factory=dict)


def derive(store: WitnessStore, origin: str, first: int, entries: Sequence[bytes]) -> Growth:
    """What these entries, from index `first` on, add to what is derived until there. Writes nothing.

    Raises `EntryRefused`.
    """
    read = _Read()
    for index, entry in enumerate(entries, first):
        _read_entry(read, origin, index, entry)
    for issuer_id, index in store.known(list(read.ids)).items():
        raise IdRepeated(index, read.ids[issuer_id])
    size = first + len(entries)
    growth = pages.update(lambda paths: store.pages(paths, first), read.changes)
    frontier = Frontier.read(first, store)
    for leaf in read.leaves:
        frontier.append(leaf)
    tiles = grow_tiles(first, read.leaves, store)
    return Growth(first, size, frontier.root(), growth.index_root, tiles, growth.pages, read.ids)


def _read_entry(read: _Read, origin: str, index: int, entry: bytes) -> None:
    leaf = leaf_hash(entry)
    keys: tuple[bytes, ...] = ()
    try:
        envelope = parse_envelope(entry)
        if envelope.payload_type == BATCH_TYPE:
            manifest = parse_manifest(envelope.payload)
            log, issuer, id_ = manifest.log, manifest.issuer, manifest.id
        elif envelope.payload_type == STATEMENT_TYPE:
            statement = parse_statement(envelope.payload)
            validate(statement)
            log, issuer, id_ = statement.log, statement.issuer, statement.id
            keys = index_keys_of(statement.keys)
        else:
            raise EntryRefused(index, "payload_type")
        issuer_id = issuer.encode("ascii") + id_bytes(id_)
    except EntryRefused:
        raise
    except LedgerError as error:
        raise EntryRefused(index, error.code) from error
    if log != origin:
        raise EntryRefused(index, "other_log")
    if issuer_id in read.ids:
        raise IdRepeated(read.ids[issuer_id], index)
    read.ids[issuer_id] = index
    read.leaves.append(leaf)
    for key in keys:
        read.changes.setdefault(key, []).append((index, leaf))

"""The entries that a bundle shows, each parsed once: its own entries and the manifests of its batches."""

from dataclasses import dataclass

from ledger.errors import InputError
from ledger.formats.bundle import Bundle, BundleEntry, ProvenEntry
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, Envelope
from ledger.formats.statement import Manifest, Statement, parse_manifest, parse_statement
from ledger.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry at one log index. `envelope` and `content` are None where the bytes are malformed."""

    proven: ProvenEntry
    leaf: bytes
    envelope: Envelope | None
    content: Statement | Manifest | None

    @property
    def index(self) -> int:
        return self.proven.index

    def carries(self, name: str, tag: str) -> bool:
        """Whether this is a statement with that tag."""
        return isinstance(self.content, Statement) and tag in self.content.keys.get(name, ())


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """One of the bundle's entries, and its batch's manifest if it has one."""

    entry: Shown
    manifest: Shown | None
    source: BundleEntry


def open_entries(bundle: Bundle) -> list[ShownEntry]:
    """Parse what every entry and manifest holds; the same bytes only once."""
    opened: dict[bytes, Shown] = {}

    def open_one(proven: ProvenEntry) -> Shown:
        known = opened.get(proven.entry)
        if known is None:
            known = opened[proven.entry] = _open(proven)
        if known.proven is proven or known.proven == proven:
            return known
        return Shown(proven, known.leaf, known.envelope, known.content)

    return [
        ShownEntry(
            open_one(source.proven),
            open_one(source.batch.manifest) if source.batch else None,
            source,
        )
        for source in bundle.entries
    ]


def _open(proven: ProvenEntry) -> Shown:
    envelope = proven.envelope
    content: Statement | Manifest | None = None
    if envelope is not None:
        try:
            if envelope.payload_type == STATEMENT_TYPE:
                content = parse_statement(envelope.payload)
            elif envelope.payload_type == BATCH_TYPE:
                content = parse_manifest(envelope.payload)
        except InputError:
            content = None
    return Shown(proven, leaf_hash(proven.entry), envelope, content)

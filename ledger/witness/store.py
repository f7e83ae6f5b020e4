"""What a witness must never forget of one log: what it saw, what it derived, what it vouched for.

Every method that writes is one transaction, synced before it returns. Checking and saving are one step: what
is compared is read again inside the transaction that saves, so that neither a second process nor a crash
between the two can make the witness vouch for two histories. After a kill, each thing happened or it did not.

Raises `StoreBusy` (try again) and `IntegrityError` (what is kept contradicts itself).
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import CosigningRefused, IntegrityError, StoreBusy
from ledger.formats.note import SignedNote, format_note, note_hash, parse_note
from ledger.formats.strictjson import MAX_INTEGER
from ledger.log.faults import point
from ledger.merkle.index import EMPTY
from ledger.merkle.tree import EMPTY_ROOT
from ledger.store.connection import SqliteFile
from ledger.store.page_versions import read_pages, write_pages
from ledger.store.port import Integrated
from ledger.store.selecting import ListStatement
from ledger.witness.schema import witness

LOG, CHAIN = "log", "chain"
"""Where a cosignature is handed in."""

_SELECT_KNOWN = ListStatement("SELECT issuer_id, idx FROM known WHERE issuer_id IN (LIST)")
_COSIGNED = "SELECT note_hash, size, root, index_root, seconds, line FROM cosigned "
_NEWEST = "SELECT note FROM seen ORDER BY size DESC, time DESC, seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Growth:
    """What entries first..size-1 lead to: everything derived from them, written at once."""

    first: int
    size: int
    root: bytes
    index_root: bytes
    tiles: Mapping[tuple[int, int], bytes]
    pages: Mapping[bytes, bytes]
    ids: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature of this witness; `line` is a note's signature line without its newline."""

    note_hash: bytes
    size: int
    root: bytes
    index_root: bytes
    seconds: int
    line: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A note that was refused: why, when (milliseconds), and the name of the proof's file, if any."""

    note_hash: bytes
    reason: str
    at: int
    note: bytes
    proof: str


class WitnessStore:
    """The memory of one log, in `folder`; one process has it at a time, any number of threads."""

    def __init__(self, folder: Path, *, busy_timeout: float = 10.0) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreBusy("the witness's folder cannot be made or entered") from error
        self._file = SqliteFile(
            folder / "witness.db",
            witness,
            synchronous="FULL",
            overwrite_deleted=False,
            busy_timeout=busy_timeout,
            page_bytes=4096,
            cache_kib=64 * 1024,
            checkpoint_pages=4_000,
        )

    # What was seen

    def head(self) -> SignedNote | None:
        """The newest note that is consistent with all before it."""
        rows = self._file.rows(_NEWEST)
        return parse_note(rows[0][0]) if rows else None

    def seen(self, size: int) -> SignedNote | None:
        """The newest note of a size that was seen; all of one size have the same roots."""
        rows = self._file.rows(
            "SELECT note FROM seen WHERE size = ? ORDER BY time DESC, seq DESC LIMIT 1", (size,)
        )
        return parse_note(rows[0][0]) if rows else None

    def seen_note(self, hash_: bytes) -> SignedNote | None:
        """The note with this hash, if it was seen."""
        rows = self._file.rows("SELECT note FROM seen WHERE note_hash = ?", (hash_,))
        return parse_note(rows[0][0]) if rows else None

    def add_seen(self, note: SignedNote, head: SignedNote | None) -> None:
        """Keep a note that was found consistent with `head`, the newest one seen until then.

        Raises `CosigningRefused` when the head is another by now, or the size was seen with other roots.
        """
        checkpoint = note.checkpoint
        with self._file.writing() as writer:
            row = writer.execute(_NEWEST).fetchone()
            if (format_note(head) if head is not None else None) != (row[0] if row else None):
                raise CosigningRefused("another note was seen meanwhile")
            other = writer.execute(
                "SELECT 1 FROM seen WHERE size = ? AND (root <> ? OR index_root <> ?)",
                (checkpoint.size, checkpoint.root, checkpoint.index_root),
            ).fetchone()
            if other is not None:
                raise CosigningRefused("this size was seen with other roots")
            writer.execute(
                "INSERT OR IGNORE INTO seen (note_hash, size, root, index_root, time, note)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    note_hash(note.text),
                    checkpoint.size,
                    checkpoint.root,
                    checkpoint.index_root,
                    checkpoint.time,
                    format_note(note),
                ),
            )
            point("witness.seeing")
            # Commit point. A crash before: the note is asked for and compared again. A crash after: every
            # later note is held against it.
        point("witness.seen")

    # What was derived

    def integrated(self) -> Integrated:
        """How far tree and index are derived."""
        rows = self._file.rows("SELECT size, root, index_root FROM state")
        return Integrated(*rows[0]) if rows else Integrated(0, EMPTY_ROOT, EMPTY)

    def tile(self, level: int, index: int) -> bytes | None:
        rows = self._file.rows("SELECT data FROM tile WHERE level = ? AND idx = ?", (level, index))
        return bytes(rows[0][0]) if rows else None

    def pages(self, paths: Sequence[bytes], size: int) -> list[bytes | None]:
        """The index pages at the size derived, in the order of `paths`."""
        if size == 0:
            return [None] * len(paths)
        return read_pages(self._file.rows, paths, size)

    def known(self, ids: Sequence[bytes]) -> dict[bytes, int]:
        """Those of these (issuer, id) that stand in the log already, and where."""
        found: dict[bytes, int] = {}
        for statement, parameters in _SELECT_KNOWN.pieces(ids):
            found.update(self._file.rows(statement, parameters))
        return found

    def derived(self, size: int) -> Integrated | None:
        """What was derived, and agreed with a signed checkpoint, at exactly this size."""
        rows = self._file.rows("SELECT size, root, index_root FROM derived WHERE size = ?", (size,))
        return Integrated(*rows[0]) if rows else None

    def newest_derived(self) -> SignedNote | None:
        """The largest signed note whose tree and index were derived whole."""
        rows = self._file.rows(
            "SELECT note FROM seen JOIN derived USING (size, root) ORDER BY seen.size DESC, time DESC LIMIT 1"
        )
        return parse_note(rows[0][0]) if rows else None

    def grow(self, growth: Growth, *, whole: bool = False) -> None:
        """Write what entries lead to, where nothing else was derived meanwhile; `whole`: and that it agrees
        with the checkpoint of that size."""
        with self._file.writing() as writer:
            row = writer.execute("SELECT size FROM state").fetchone()
            if (row[0] if row else 0) != growth.first:
                raise IntegrityError("the witness derived something else meanwhile")
            write_pages(writer, growth.pages, growth.size, [], [])
            writer.executemany(
                "INSERT INTO tile (level, idx, data) VALUES (?, ?, ?)"
                " ON CONFLICT (level, idx) DO UPDATE SET data = excluded.data",
                [(level, index, data) for (level, index), data in growth.tiles.items()],
            )
            writer.executemany("INSERT INTO known (issuer_id, idx) VALUES (?, ?)", sorted(growth.ids.items()))
            writer.execute("DELETE FROM readable")
            writer.execute("INSERT INTO readable (size) VALUES (?)", (growth.size,))
            writer.execute(
                "INSERT INTO state (id, size, root, index_root) VALUES (0, ?1, ?2, ?3) ON CONFLICT (id)"
                " DO UPDATE SET size = ?1, root = ?2, index_root = ?3",
                (growth.size, growth.root, growth.index_root),
            )
            if whole:
                _add_derived(writer, growth.size, growth.root, growth.index_root)
            point("witness.deriving")
            # Commit point. A crash before: the same entries are fetched again. A crash after: they are
            # derived, and were proven to lead to a signed checkpoint.
        point("witness.derived")

    def mark_derived(self, size: int) -> None:
        """Note that what is derived agrees with the checkpoint of this size, which is the size derived."""
        with self._file.writing() as writer:
            row = writer.execute("SELECT size, root, index_root FROM state").fetchone()
            state = Integrated(*row) if row else Integrated(0, EMPTY_ROOT, EMPTY)
            if state.size != size:
                raise IntegrityError("the witness derived something else meanwhile")
            _add_derived(writer, state.size, state.root, state.index_root)

    # What was vouched for

    def cosign(self, cosigned: Cosigned) -> None:
        """Check and save in one step: keep a cosignature over a note that was seen, whose tree and index were
        derived at its size, and that continues everything cosigned before.

        Only what this has kept may ever be shown to anybody. Raises `CosigningRefused`.
        """
        try:
            with self._file.writing() as writer:
                _check_cosigning(writer, cosigned)
                writer.execute(
                    "INSERT INTO cosigned (note_hash, size, root, index_root, seconds, line)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        cosigned.note_hash,
                        cosigned.size,
                        cosigned.root,
                        cosigned.index_root,
                        cosigned.seconds,
                        cosigned.line,
                    ),
                )
                point("witness.cosigning")
                # Commit point. A crash before: the signature was shown to nobody and is forgotten. A crash
                # after: it is kept, and is handed in at the next start.
        except IntegrityError as error:
            raise CosigningRefused("this would vouch for a second history") from error
        point("witness.cosigned")

    def cosigned(self, hash_: bytes) -> Cosigned | None:
        """This witness's cosignature over a note."""
        return next(iter(self._cosigned("WHERE note_hash = ?", (hash_,))), None)

    def newest_cosigned(self) -> Cosigned | None:
        return next(iter(self._cosigned("ORDER BY seq DESC LIMIT 1", ())), None)

    def waiting(self, place: str, limit: int = 64, up_to: int = MAX_INTEGER) -> list[Cosigned]:
        """Cosignatures over at most `up_to` entries that have not been handed in at a place yet, the newest
        first."""
        return self._cosigned(
            "WHERE note_hash NOT IN (SELECT note_hash FROM handed_in WHERE place = ?) AND size <= ?"
            " ORDER BY seq DESC LIMIT ?",
            (place, up_to, limit),
        )

    def handed_in(self, hash_: bytes, place: str, at: int) -> None:
        """Note that a cosignature is where it should be, or that nobody wants it there any more."""
        with self._file.writing() as writer:
            writer.execute(
                "INSERT OR IGNORE INTO handed_in (note_hash, place, at) VALUES (?, ?, ?)", (hash_, place, at)
            )
            # Commit point. A crash before: it is handed in again, which does no harm.

    def _cosigned(self, condition: str, parameters: Sequence[object]) -> list[Cosigned]:
        return [Cosigned(*row) for row in self._file.rows(_COSIGNED + condition, parameters)]

    # What was refused

    def refuse(self, refused: Refused) -> None:
        """Keep a refused note and why; once for each reason."""
        with self._file.writing() as writer:
            writer.execute(
                "INSERT OR IGNORE INTO refused (note_hash, reason, at, note, proof) VALUES (?, ?, ?, ?, ?)",
                (refused.note_hash, refused.reason, refused.at, refused.note, refused.proof),
            )
            # Commit point. A crash before: the note is looked at again, and refused again.

    def refusals(self) -> list[Refused]:
        """Everything that was refused, the oldest first."""
        rows = self._file.rows("SELECT note_hash, reason, at, note, proof FROM refused ORDER BY seq")
        return [Refused(*row) for row in rows]

    def proven(self) -> Refused | None:
        """The first refusal that a proof of misbehaviour stands behind."""
        rows = self._file.rows(
            "SELECT note_hash, reason, at, note, proof FROM refused WHERE proof <> '' ORDER BY seq LIMIT 1"
        )
        return Refused(*rows[0]) if rows else None

    def close(self) -> None:
        self._file.close()


def _add_derived(writer: sqlite3.Connection, size: int, root: bytes, index_root: bytes) -> None:
    writer.execute(
        "INSERT OR IGNORE INTO derived (size, root, index_root) VALUES (?, ?, ?)", (size, root, index_root)
    )


def _check_cosigning(writer: sqlite3.Connection, cosigned: Cosigned) -> None:
    """Raise `CosigningRefused` unless everything that a cosignature asserts is kept here."""
    asked = (cosigned.size, cosigned.root, cosigned.index_root)
    checks = (
        (
            "SELECT 1 FROM seen WHERE note_hash = ? AND size = ? AND root = ? AND index_root = ?",
            (cosigned.note_hash, *asked),
            "seen",
        ),
        ("SELECT 1 FROM derived WHERE size = ? AND root = ? AND index_root = ?", asked, "derived"),
    )
    for statement, parameters, what in checks:
        if writer.execute(statement, parameters).fetchone() is None:
            raise CosigningRefused(f"this checkpoint was not {what} here with these roots")
    if writer.execute("SELECT 1 FROM refused WHERE proof <> ''").fetchone() is not None:
        raise CosigningRefused("this log was proven to misbehave")

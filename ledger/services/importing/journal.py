"""What an import has sent, kept beside the sheet so that it can be repeated without repeating itself.

A statement's bytes hold its time and a random salt, so the same row signed twice would be the same id with
other bytes, which the log refuses. Each batch is therefore written here, as it will be sent, before it is
sent, and its receipt after it was accepted. An import that was interrupted sends the very same bytes again,
and the log answers with the first receipt. The folder holds personal parts, like the sheet itself: it is
readable by its owner only, and may be deleted with the sheet.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ledger.errors import FormatError
from ledger.files import replace_file
from ledger.formats.encoding import b64decode_strict
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.formats.strictjson import loads

_ENVELOPE_START = b'{"payloadType"'


class ImportJournal:
    """The batches of one sheet's import; one import at a time uses it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._next = 1 + max((int(path.stem) for path in folder.glob("*.ndjson")), default=0)

    def accepted_ids(self) -> set[str]:
        """The ids of all rows that the log has given a receipt for."""
        ids: set[str] = set()
        for path in self._batches():
            if path.with_suffix(".receipt").exists():
                ids.update(_ids(path))
        return ids

    def unanswered(self) -> Iterator[tuple[Path, list[bytes]]]:
        """Batches that were written but whose fate is not known, with their lines."""
        for path in self._batches():
            if not path.with_suffix(".receipt").exists():
                yield path, path.read_bytes().splitlines()

    def write(self, lines: Sequence[bytes]) -> Path:
        """Keep a batch durably before it is sent."""
        path = self._folder / f"{self._next:06d}.ndjson"
        self._next += 1
        replace_file(path, b"\n".join(lines) + b"\n")
        return path

    def answered(self, batch: Path, receipt: bytes) -> None:
        """Keep the receipt of a batch."""
        # A crash before this leaves an accepted batch without receipt here; it is sent again, unchanged.
        replace_file(batch.with_suffix(".receipt"), receipt)

    def drop(self, batch: Path) -> None:
        """Forget a batch that the log refused as a whole: its rows will be signed anew."""
        batch.unlink()

    def _batches(self) -> list[Path]:
        return sorted(self._folder.glob("*.ndjson"))


def _ids(path: Path) -> Iterator[str]:
    for line in path.read_bytes().splitlines()[1:]:
        entry = line if line.startswith(_ENVELOPE_START) else b64decode_strict(_member(line))
        yield parse_statement(parse_envelope(entry).payload).id


def _member(line: bytes) -> str:
    document = loads(line)
    if not isinstance(document, dict) or not isinstance(document.get("entry"), str):
        raise FormatError("a line of the import journal is not a submission")
    return str(document["entry"])

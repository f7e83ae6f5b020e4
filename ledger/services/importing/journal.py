"""What an import has sent and has no answer for yet, kept beside the sheet so that it can be sent again.

A statement's bytes hold its time and a random salt, so the same row signed twice would be the same id with
other bytes, which the log refuses. Each batch is therefore written here, as it will be sent, before it is
sent; once it is answered, its receipt takes its place. An import that was interrupted sends the very same
bytes again, and the log answers with the first receipt. What the log has is asked of the log, so that the
journal of one deployment never speaks for another.

The folder holds personal parts while they wait, like the sheet itself: it is readable by its owner only, and
one import at a time uses it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import AlreadyRunning, JournalUnusable
from ledger.files import replace_file
from ledger.log.lockfile import LockFile


class ImportJournal:
    """The batches of one sheet's import, a context that raises `AlreadyRunning` while another has it.

    Every method raises `JournalUnusable` where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _usable():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = LockFile(folder / "lock", "import of this sheet", AlreadyRunning)
        self._next = 1

    def __enter__(self) -> "ImportJournal":
        with _usable():
            self._lock.__enter__()
            # What a process that was killed had begun to write: persons stand in it.
            for draft in self._folder.glob(".*"):
                draft.unlink()
            names = [path.stem for path in self._folder.iterdir() if path.suffix in (".ndjson", ".receipt")]
        self._next = 1 + max((int(name) for name in names if name.isdigit()), default=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)

    def unanswered(self) -> Iterator[tuple[Path, list[bytes]]]:
        """Batches that were written but whose fate is not known, with their lines."""
        for path in sorted(self._folder.glob("*.ndjson")):
            if path.with_suffix(".receipt").exists():
                path.unlink()
            else:
                yield path, path.read_bytes().splitlines()

    def write(self, lines: Sequence[bytes]) -> Path:
        """Keep a batch durably before it is sent."""
        path = self._folder / f"{self._next:06d}.ndjson"
        self._next += 1
        with _usable():
            replace_file(path, b"\n".join(lines) + b"\n")
        return path

    def answered(self, batch: Path, receipt: bytes) -> None:
        """Keep the receipt of a batch, and the batch no longer."""
        with _usable():
            # A crash before this leaves an accepted batch without receipt here; it is sent again, unchanged.
            replace_file(batch.with_suffix(".receipt"), receipt)
            # A crash here leaves both; the receipt counts.
            batch.unlink()

    def drop(self, batch: Path) -> None:
        """Forget a batch that the log refused: its rows will be signed anew."""
        batch.unlink()


@contextmanager
def _usable() -> Iterator[None]:
    """Turn what the file system says into `JournalUnusable`."""
    try:
        yield
    except OSError as error:
        raise JournalUnusable(error.strerror or type(error).__name__) from error

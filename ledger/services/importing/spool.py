"""Prepared rows on disk, between reading a sheet and sending it, so that memory does not grow with them.

The file has no name: it is gone with the process, however that ends, and persons stand in it.
"""

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import StoreBusy
from ledger.formats.statement import Reference
from ledger.services.importing.rows import PreparedRow

_HEAD = struct.Struct(">I?6I")
_BUFFER = 1 << 20


class Spool:
    """Rows in the order in which they were added; written first, then read."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=_BUFFER)  # noqa: SIM115 - closed by close
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, row: PreparedRow) -> None:
        """Raises `StoreBusy` when the disk is full."""
        refers = " ".join(f"{each.issuer}/{each.id}" for each in row.refers)
        parts = (
            row.kind.encode(),
            row.id.encode(),
            row.body,
            row.keys,
            row.personal or b"",
            refers.encode(),
        )
        try:
            self._file.write(_HEAD.pack(row.row, row.personal is not None, *map(len, parts)))
            self._file.write(b"".join(parts))
        except OSError as error:
            raise StoreBusy("there is no room to keep the rows that were read") from error
        self._rows += 1

    def rows(self) -> Iterator[PreparedRow]:
        """All rows from the first on."""
        self._file.seek(0)
        read = self._file.read
        for _ in range(self._rows):
            number, personal, *sizes = _HEAD.unpack(read(_HEAD.size))
            kind, id_, body, keys, content, refers = (read(size) for size in sizes)
            references = tuple(Reference(*each.split("/")) for each in refers.decode().split())
            yield PreparedRow(
                number, kind.decode(), id_.decode(), body, keys, content if personal else None, references
            )

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

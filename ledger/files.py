"""Small files written whole and durably, readable by their owner only.

`OSError` is left to the caller, who knows what the file is for.
"""

import os
from pathlib import Path


def create_file(path: Path, data: bytes) -> None:
    """Write a new file and sync it. Raises `FileExistsError` rather than replace one, or `OSError`."""
    _write(path, data, os.O_EXCL)


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: beside it, synced, renamed, and the folder synced. Raises `OSError`.

    A crash before the rename leaves the old file and a draft; a crash after it leaves the new file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write(draft, data, os.O_TRUNC)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | mode, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

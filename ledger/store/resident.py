"""Keeping the files of logs in memory, so that a question nobody asked for days does not wait for the disk.

An answer reads some thirty places, each wherever it was once written. A system that has just started finds
none of them in memory; and what no process maps, a system gives up first, on some while there is room (the
page reclaim of Linux's DAMON). So the files are mapped, page by page, by one process for all that read them.
Such a page still goes when memory is short. Nothing is read through these mappings.

No descriptor that is opened here is ever closed: with the first one closed the system takes away all locks
that the process has on that file, SQLite's among them, and a process that ends would then delete a journal
that is in use ("How To Corrupt An SQLite Database File", 2.2).
"""

import mmap
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MADV_POPULATE_READ = 22
"""Map pages and read what is not in memory yet (Linux 5.14, `madvise(2)`); not among Python's constants."""
_PIECE_BYTES = 2 << 20
"""What is mapped by one call; the interpreter lock is held meanwhile."""
_GROWTH_BYTES = 64 << 20
"""A file is mapped further when it has grown by as much, and by a sixteenth."""

_maps: list[mmap.mmap] = []
"""All that was mapped; each holds a descriptor, and so stays until the process ends."""


@dataclass(slots=True)
class _File:
    path: Path
    descriptor: int = -1
    inode: int = 0
    mapped: int = 0
    """The file is mapped up to here, as far as there was room."""
    bytes: int = 0
    """Of these so many are mapped."""


class ResidentFiles:
    """Some files, the most important first. For one thread; does nothing where the system is not Linux.

    `share`: how much of the memory that is available may be used for them, 0 to 1.
    """

    def __init__(self, paths: Sequence[Path], share: float) -> None:
        self._files = [_File(path) for path in paths]
        self._share = share
        self.resident = 0
        """Bytes mapped."""

    def keep(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Map what is not mapped yet, as far as there is room; a few seconds per gigabyte from a disk.

        What cannot be mapped is left to the system. `stopping` says whether to leave the rest.
        """
        if sys.platform != "linux":
            return
        room = int(self._share * available_memory()) - self.resident
        for file in self._files:
            with suppress(OSError):
                room -= self._map(file, room, stopping)

    def _map(self, file: _File, room: int, stopping: Callable[[], bool]) -> int:
        """Map one file further; returns how many bytes more are mapped."""
        before = self.resident
        status = file.path.stat()
        if status.st_ino != file.inode or status.st_size < file.mapped:
            # Another file stands in its place, as after a restoration.
            self.resident -= file.bytes
            file.descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
            file.inode, file.mapped, file.bytes = status.st_ino, 0, 0
        start = file.mapped - file.mapped % mmap.ALLOCATIONGRANULARITY
        grown = status.st_size - start
        # In steps that grow with the file, since each holds a descriptor for good.
        if grown < (max(_GROWTH_BYTES, file.mapped >> 4) if file.mapped else 1):
            return self.resident - before
        file.mapped = status.st_size
        # What came last first: where there is no room for all, old entries are asked for least.
        begin = status.st_size - min(grown, max(0, room))
        begin += -begin % mmap.ALLOCATIONGRANULARITY
        part = status.st_size - begin
        if part <= 0:
            return self.resident - before
        made = mmap.mmap(file.descriptor, part, prot=mmap.PROT_READ, offset=begin)
        _maps.append(made)
        file.bytes += part
        self.resident += part
        for at in range(part - part % _PIECE_BYTES, -1, -_PIECE_BYTES):
            if stopping():
                break
            length = min(_PIECE_BYTES, part - at)
            if length:
                made.madvise(_MADV_POPULATE_READ, at, length)
        return self.resident - before


def available_memory() -> int:
    """Bytes that this process could use without anything being swapped out: what the system says is
    available, at most what its control group is allowed. Linux only."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    available = int(lines["MemAvailable"].split()[0]) << 10
    with suppress(OSError, ValueError, IndexError):
        group = Path("/proc/self/cgroup").read_text("utf-8").split("::", 1)[1].split("\n", 1)[0]
        # "max" where there is no limit.
        available = min(available, int(Path(f"/sys/fs/cgroup{group}/memory.max").read_text("ascii")))
    return available

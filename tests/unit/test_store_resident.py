"""Files kept in memory: all of them, what they grow by, what stands in their place, and only the share."""

import ctypes
import fcntl
import gc
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.store import resident
from ledger.store.resident import ResidentFiles, available_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files are kept in memory on Linux only")
MIB = 1 << 20


def written(path: Path, mib: int) -> Path:
    """A file that no page in memory holds."""
    with path.open("ab") as file:
        file.write(os.urandom(MIB) * mib)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return path


def in_memory(path: Path) -> float:
    """The share of a file's pages that are in memory."""
    size = path.stat().st_size
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as mapped:
        held = ctypes.c_char.from_buffer(mapped)
        pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        failed = ctypes.CDLL(None).mincore(
            ctypes.c_void_p(ctypes.addressof(held)), ctypes.c_size_t(size), pages
        )
        del held
    assert failed == 0
    return sum(page & 1 for page in pages) / len(pages)


def test_files_are_brought_into_memory_and_followed_as_they_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident, "_GROWTH_BYTES", 2 * MIB)
    path = written(tmp_path / "log.db", 9)
    if in_memory(path) > 0.5:
        pytest.skip("this file system keeps what it is told to let go")
    files = ResidentFiles([tmp_path / "not-there", path], 0.5)
    files.keep()
    assert in_memory(path) == 1.0
    assert files.resident == 9 * MIB
    written(path, 1)
    files.keep()
    assert files.resident == 9 * MIB, "so little is left for the next time"
    written(path, 2)
    files.keep()
    assert files.resident == 12 * MIB
    assert in_memory(path) == 1.0


def test_what_stands_in_a_files_place_is_mapped_instead(tmp_path: Path) -> None:
    path = written(tmp_path / "log.db", 4)
    files = ResidentFiles([path], 0.5)
    files.keep()
    written(tmp_path / "restored.db", 3).replace(path)
    files.keep()
    assert files.resident == 3 * MIB


def test_no_more_than_the_share_and_the_newest_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident, "available_memory", lambda: 10 * MIB)
    first, second = written(tmp_path / "derived.db", 3), written(tmp_path / "log.db", 8)
    files = ResidentFiles([first, second], 0.5)
    files.keep()
    assert files.resident == 5 * MIB
    files.keep()
    assert files.resident == 5 * MIB
    none = ResidentFiles([first], 0.0)
    none.keep()
    assert none.resident == 0


def test_a_stop_leaves_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path / "log.db", 40)
    if in_memory(path) > 0.5:
        pytest.skip("this file system keeps what it is told to let go")
    ResidentFiles([path], 0.5).keep(lambda: True)
    assert in_memory(path) < 0.5


def test_the_memory_that_is_available_is_a_part_of_the_machines() -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available_memory() <= pages


def test_a_databases_locks_stay(tmp_path: Path) -> None:
    path = written(tmp_path / "log.db", 1)
    lock = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with path.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_SH)
        ResidentFiles([path], 0.5).keep()
        gc.collect()
        taken = subprocess.run([sys.executable, "-c", lock, str(path)], capture_output=True, check=False)
    assert taken.returncode != 0
    assert b"BlockingIOError" in taken.stderr

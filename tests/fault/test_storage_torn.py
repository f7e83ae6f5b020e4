"""A log whose files were cut, overwritten or put back: it refuses or recovers, and serves nothing wrong."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_chain import FakeChain
from log_processes import start
from log_world import INDEXES, ORIGIN, World, give_chain

from ledger.chain.changes import define_log
from ledger.errors import ChainContradicts, LedgerError
from ledger.gm import sm3
from ledger.log.anchor import Anchorer
from ledger.log.audit import audit
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.log.worker import EXIT_INTEGRITY, EXIT_LOCKED, EXIT_STOPPED
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.store import SqliteStore

LOG_ID = sm3(ORIGIN.encode())


@dataclass(frozen=True)
class Image:
    """A log's files as a power cut leaves them, WAL and all, and what was in it: entries, checkpoint."""

    folder: Path
    entries: tuple[bytes, ...]
    published: int
    chain: FakeChain


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    live = folder / "live"
    live.mkdir()
    world, store, chain = World.make(live), SqliteStore(live / "log"), FakeChain()
    appender = world.appender(store)
    for _ in range(3):
        appender.submit_batch(world.batch(80))
        while integrate(store) is not None:
            pass
        publish(store, ORIGIN, world.log, world.clock() // 1000)
        store._log._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(5):
        appender.submit(world.envelope())
    while integrate(store) is not None:
        pass
    latest = publish(store, ORIGIN, world.log, world.clock() // 1000)
    assert latest is not None
    chain.publish(LOG_ID, latest.size, latest.root, latest.index_root, bytes(32))
    chain.mine()
    # The files of a store that is open and idle are what a crash leaves.
    shutil.copytree(live, folder / "crashed")
    entries = tuple(entry.entry for entry in store.entries(0, 10_000))
    appender.close()
    store.close()
    return Image(folder / "crashed", entries, latest.size, chain)


Damage = Callable[[Path], None]


def cut(part: float) -> Damage:
    def damage(file: Path) -> None:
        with file.open("r+b") as open_file:
            open_file.truncate(int(file.stat().st_size * part))

    return damage


def flip(*parts: float) -> Damage:
    def damage(file: Path) -> None:
        data = bytearray(file.read_bytes())
        for part in parts:
            for at in range(int(len(data) * part), min(len(data), int(len(data) * part) + 64)):
                data[at] ^= 0x5A
        file.write_bytes(data)

    return damage


def blank(file: Path) -> None:
    file.write_bytes(bytes(4096) + file.read_bytes()[4096:])


DAMAGES = {
    "half is gone": cut(0.5),
    "the end is gone": cut(0.97),
    "all is gone": cut(0),
    "the beginning is blank": blank,
    "the middle is overwritten": flip(0.5),
    "much is overwritten": flip(0.1, 0.25, 0.4, 0.55, 0.7, 0.85),
    "the end is overwritten": flip(0.98),
}


def start_again(place: Path, world: World) -> tuple[SqliteStore | None, list[str]]:
    """Open, integrate, publish as the worker does; the store if it could be opened, and what was refused."""
    refused: list[str] = []
    try:
        store = SqliteStore(place / "log")
    except LedgerError as error:
        return None, [error.code]
    try:
        while integrate(store) is not None:
            pass
        publish(store, ORIGIN, world.log, world.clock() // 1000)
    except LedgerError as error:
        refused.append(error.code)
    return store, refused


def served(store: SqliteStore, count: int) -> tuple[dict[int, bytes], int]:
    """What a reader hands out, by index, under the newest checkpoint; and how much it refuses to."""
    shown: dict[int, bytes] = {}
    refused = 0
    for index in range(count):
        try:
            reader = LogReader(store, ORIGIN)
            under = reader.answering("published", index)
            proven = reader.bundle(under, [index], []).entries[0].proven
            # What does not verify is nothing that anybody is shown: a verifier says so.
            verify_inclusion(leaf_hash(proven.entry), index, under.size, proven.inclusion, under.root)
            shown[index] = proven.entry
        except LedgerError:
            refused += 1
    return shown, refused


def findings(place: Path, store: SqliteStore, world: World) -> list[str]:
    try:
        return [str(each) for each in audit(store, place / "log", world.rules(), processes=1).findings]
    except LedgerError as error:
        return [error.code]


@pytest.mark.parametrize("name", ["log.db", "log.db-wal", "derived.db", "derived.db-wal"])
@pytest.mark.parametrize("damage", DAMAGES, ids=[name.replace(" ", "-") for name in DAMAGES])
def test_a_damaged_file_is_noticed_or_mended_and_serves_nothing_wrong(
    image: Image, tmp_path: Path, name: str, damage: str
) -> None:
    place = tmp_path / "damaged"
    shutil.copytree(image.folder, place)
    DAMAGES[damage](place / "log" / name)
    world = World.make(place)
    store, refused = start_again(place, world)
    if store is None:
        assert refused
        return
    try:
        shown, kept_back = served(store, len(image.entries))
        assert all(image.entries[index] == entry for index, entry in shown.items()), "served something wrong"
        if kept_back == 0 and not refused:
            assert findings(place, store, world) == [], "recovered whole"
            return
        noticed = bool(refused) or bool(findings(place, store, world))
        if not noticed:
            # The file is in itself an older, sound log: only the chain knows that there was more.
            with pytest.raises(ChainContradicts, match="older than the chain"):
                Anchorer(store, ORIGIN, image.chain, world.clock).check_chain()
    finally:
        store.close()


def test_an_undamaged_image_recovers_whole(image: Image, tmp_path: Path) -> None:
    place = tmp_path / "sound"
    shutil.copytree(image.folder, place)
    world = World.make(place)
    store, refused = start_again(place, world)
    assert store is not None
    shown, kept_back = served(store, len(image.entries))
    assert (refused, kept_back, len(shown)) == ([], 0, image.published)
    Anchorer(store, ORIGIN, image.chain, world.clock).check_chain()
    store.close()


def test_of_two_workers_started_at_once_one_works(tmp_path: Path) -> None:
    world = World.make(tmp_path)
    store = SqliteStore(tmp_path / "log")
    appender = world.appender(store)
    appender.submit(world.envelope())
    both = [start("worker", tmp_path) for _ in range(2)]
    deadline = time.monotonic() + 60
    try:
        while all(each.poll() is None for each in both) or store.latest_checkpoint() is None:
            assert time.monotonic() < deadline, "both work, or neither does"
            time.sleep(0.02)
        (ended,) = [each for each in both if each.poll() is not None]
        (works,) = [each for each in both if each.poll() is None]
        assert ended.returncode == EXIT_LOCKED
        size = appender.submit(world.envelope()) and store.size()
        while store.latest_checkpoint().size < size:  # type: ignore[union-attr]
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        for each in both:
            each.terminate()
    assert works.wait(60) == EXIT_STOPPED
    appender.close()
    assert audit(store, tmp_path / "log", world.rules(), processes=1).findings == []
    store.close()


SMALL_DISK = """
set -e
mount -t tmpfs -o size=1500k tmpfs "$1/disk"
cp "$1/keys.json" "$1/disk/"
"$2" -B "$3" "$1/disk" > "$1/told"
cp -r "$1/disk" "$1/kept"
"""


def may_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(
    not shutil.which("unshare") or not may_mount(), reason="no file system may be mounted here"
)
def test_a_disk_that_fills_up_refuses_and_keeps_what_it_took(tmp_path: Path) -> None:
    """A real file system with no room left, in a mount namespace of its own; then it is made larger."""
    world = World.make(tmp_path)
    (tmp_path / "disk").mkdir()
    program = tmp_path / "fill.py"
    program.write_text(FILL.format(support=str(Path(__file__).resolve().parent.parent / "support")))
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, refused, after = map(int, (tmp_path / "told").read_text().split())
    assert (refused, after > before > 0) == (3, True)
    kept = tmp_path / "kept"
    store = SqliteStore(kept / "log")
    lines = (kept / "acknowledged").read_bytes().split(b"\n")[:-1]
    for line in lines:
        index, leaf = line.split()
        entry = store.entry(int(index))
        assert entry is not None
        assert entry.leaf_hash.hex().encode() == leaf
    assert len(lines) == after
    assert audit(store, kept / "log", world.rules(), processes=1).findings == []
    store.close()


FILL = """
import subprocess, sys
from pathlib import Path
sys.path.insert(0, {support!r})
from log_world import INDEXES, ORIGIN, World, give_chain
from ledger.errors import StoreBusy
from ledger.formats.receipt import verify_receipt
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.store import SqliteStore

folder = Path(sys.argv[1])
world, store = World.make(folder), SqliteStore(folder / "log")
appender, lines, refused = world.appender(store), [], []

def append(envelope):
    try:
        known = verify_receipt(appender.submit(envelope), world.log.public)
    except StoreBusy:
        refused.append(envelope)
    else:
        lines.append(f"{{known.leaf_index}} {{known.leaf_hash.hex()}}\\n")

while len(refused) < 3:
    append(world.envelope())
before, count = len(lines), len(refused)
assert appender.failure is None
subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
for envelope in list(refused):
    append(envelope)
while integrate(store) is not None:
    pass
publish(store, ORIGIN, world.log, world.clock() // 1000)
(folder / "acknowledged").write_text("".join(lines))
appender.close()
store.close()
print(before, count, len(lines))
"""


@pytest.mark.chain
@pytest.mark.parametrize("more", [0, 9], ids=["a-smaller-history", "another-history"])
def test_an_older_backup_under_a_newer_chain_signs_nothing_and_says_why(
    tmp_path: Path, consortium: Any, more: int
) -> None:
    """Whether it stays behind the chain or grows past it with other entries: the worker refuses to sign."""
    chain, world = consortium.chains[0], World.make(tmp_path)
    consortium.agree(define_log(ORIGIN, "113501000099000133", INDEXES))
    give_chain(tmp_path, consortium.deployment, consortium.settings.urls[0], consortium.accounts[0])
    log, backup = tmp_path / "log", tmp_path / "backup"

    def grow(entries: int) -> int:
        store = SqliteStore(log)
        appender = world.appender(store)
        for _ in range(entries):
            appender.submit(world.envelope())
        size = store.size()
        appender.close()
        store.close()
        return size

    def anchored(size: int) -> None:
        worker = start("worker", tmp_path)
        deadline = time.monotonic() + 60
        while (held := chain.latest(LOG_ID)) is None or held.size < size:
            assert worker.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        worker.terminate()
        assert worker.wait(60) == EXIT_STOPPED

    older = grow(3)
    anchored(older)
    shutil.copytree(log, backup)
    newer = grow(4)
    anchored(newer)
    shutil.rmtree(log)
    shutil.copytree(backup, log)
    if more:
        assert grow(more) > newer
    store = SqliteStore(log)
    signed = store.latest_checkpoint()
    assert start("worker", tmp_path).wait(60) == EXIT_INTEGRITY
    assert store.latest_checkpoint() == signed, "nothing was signed"
    assert chain.latest(LOG_ID).size == newer
    told = (tmp_path / "worker.log").read_text()
    assert f"the chain holds size {newer}" in told
    assert "this database is older than the chain" in told
    store.close()

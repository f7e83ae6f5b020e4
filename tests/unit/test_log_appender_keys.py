"""Many appenders on one log, each with a sealer of its own, as several processes have: one key per subject,
and whatever was accepted opens, or was erased on purpose."""

import contextlib
import json
import threading
from pathlib import Path

from log_world import ORIGIN, PERSON, TAG_KEY, World

from ledger.errors import StoreBusy
from ledger.formats.encoding import b64encode
from ledger.formats.tags import person_tag
from ledger.log.admission import Admission, known_in
from ledger.log.appender import Appender
from ledger.log.directory import Directory
from ledger.log.sealer import Sm4Sealer, is_erased
from ledger.store import SqliteStore

TAG = person_tag(TAG_KEY, 0, PERSON)
MASTER = b"m" * 16


class Process:
    """What one process has: its store object, its sealer, its appender."""

    def __init__(self, world: World, folder: Path, *, finding: bool = True) -> None:
        self.world = world
        self.store = SqliteStore(folder)
        self.sealer = Sm4Sealer([MASTER], find=self.store.data_key if finding else None)
        admission = Admission(
            ORIGIN, Directory(world.trust()), world.clock, self.sealer, {0: TAG_KEY}, known_in(self.store)
        )
        self.appender = Appender(self.store, ORIGIN, world.log, admission, world.clock)

    def submit(self) -> None:
        envelope, salt, content = self.world.sealed()
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
        submission = json.dumps({"entry": b64encode(envelope), "disclosure": disclosure}).encode()
        for _ in range(20):
            with contextlib.suppress(StoreBusy):  # which says: send the same again
                self.appender.submit(submission)
                return
        raise AssertionError("the store stays busy")

    def close(self) -> None:
        self.appender.close()
        self.store.close()


def opened(process: Process) -> tuple[int, int]:
    """How many contents open, and how many were erased; anything else fails."""
    counts = [0, 0]
    for index in range(process.store.size()):
        entry, sealed = process.store.entry(index), process.store.sealed(index)
        assert entry is not None
        assert sealed is not None
        if is_erased(sealed):
            counts[1] += 1
        else:
            assert PERSON.encode() in process.sealer.open(sealed, TAG, entry.issuer, entry.id)[1]
            counts[0] += 1
    return counts[0], counts[1]


def run_all(processes: list[Process], times: int) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(len(processes))

    def run(process: Process) -> None:
        try:
            start.wait()
            for _ in range(times):
                process.submit()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_subjects_first_contents_from_several_processes_end_up_under_one_key(tmp_path: Path) -> None:
    world = World.make()
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        # One that never looks before it seals comes with a key of its own each time.
        processes = [Process(world, folder), Process(world, folder), Process(world, folder, finding=False)]
        run_all(processes, 4)
        assert opened(processes[0]) == (12, 0)
        assert processes[0].store.key_figures().keys == {processes[0].sealer.masters.current[0]: 1}
        for process in processes:
            process.close()


def test_what_is_accepted_while_keys_are_destroyed_opens_or_was_erased(tmp_path: Path) -> None:
    world = World.make()
    processes = [Process(world, tmp_path), Process(world, tmp_path)]
    stop = threading.Event()
    erased = [0]

    def erase() -> None:
        other = SqliteStore(tmp_path)
        while not stop.wait(0.002):
            erased[0] += other.erase_subjects([TAG], [], 1).keys
        other.close()

    eraser = threading.Thread(target=erase)
    eraser.start()
    run_all(processes, 25)
    stop.set()
    eraser.join()
    standing, gone = opened(processes[0])
    assert standing + gone == 50
    assert erased[0] > 0
    assert gone > 0
    for process in processes:
        process.close()

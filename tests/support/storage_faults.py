"""SIGKILL and EIO at every system call on the write path, by strace: nothing acknowledged is lost.

`sweep(folder)` runs the processes of `storage_victim.py` once for each call that they make: the n-th
`pwrite64`, `fdatasync`, `ftruncate`, ... is not done, and the process is killed there (`kill`), or it fails
once (`eio`), or it and all later ones fail (`eio+`), or the disk is full from there on (`full+`). Then every
acknowledged entry by its bytes, one more round of work, and a full audit.

`python storage_faults.py [--every N] [--seconds S] [--json]` is the long run; it exits 1 if anything is lost
or wrong. strace counts a thread's calls by themselves: the n-th of whichever thread comes first.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from log_world import ORIGIN, World

from ledger.log.audit import audit
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.store import SqliteStore

PROGRAM = Path(__file__).resolve().parent / "storage_victim.py"
ROLES = ("append", "record", "worker")
# Python's own start opens files by the hundred, so these are counted for the log's files only.
BY_PATH = ("openat",)
CALLS = (
    "openat",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
)
FAULTS = {
    "kill": "signal=KILL:when={n}",
    "eio": "error=EIO:when={n}",
    "eio+": "error=EIO:when={n}+",
    "full+": "error=ENOSPC:when={n}+",
}
VICTIM_SECONDS = 240.0
KILLED, EXIT_INTEGRITY = (-9, 137), 5
_call = re.compile(r"^(\d+)\s+(\w+)\(").match


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: which process, at which of its calls, and what happens there."""

    role: str
    call: str
    nth: int
    fault: str


@dataclass
class Tally:
    """What came of the cases."""

    faults: int = 0
    killed: int = 0
    stopped: int = 0
    finished: int = 0
    acknowledged: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    by_call: Counter[str] = field(default_factory=Counter)


def strace_missing() -> str | None:
    """Why no fault can be injected here, as a sentence; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    probe = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=uname:error=EIO:when=1", "uname"]
    tried = subprocess.run(probe, capture_output=True, timeout=60, check=False)
    if tried.returncode == 0:
        return "strace does not inject faults here"
    if b"ptrace" in tried.stderr or b"PTRACE" in tried.stderr:
        return "ptrace is not allowed here (in a container: --cap-add SYS_PTRACE)"
    return None


def make_base(folder: Path) -> Path:
    """A log with a published checkpoint and, beyond it, entries that wait; each case has its own copy."""
    base = folder / "base"
    base.mkdir()
    world, store = World.make(base), SqliteStore(base / "log")
    appender = world.appender(store)
    for round_ in range(2):
        appender.submit_batch(world.batch(30))
        appender.submit(world.envelope())
        if round_ == 0:
            while integrate(store) is not None:
                pass
            publish(store, ORIGIN, world.log, world.clock() // 1000)
    appender.close()
    store.close()
    return base


def count_calls(folder: Path, base: Path, role: str) -> dict[str, int]:
    """How often one thread of a process makes each call; the most of any thread."""
    place, trace = folder / f"count-{role}", folder / f"{role}.trace"
    shutil.copytree(base, place)
    counts: Counter[tuple[str, str]] = Counter()
    known = _known_calls()
    lines = []
    for calls in ([c for c in known if c in BY_PATH], [c for c in known if c not in BY_PATH]):
        _run(role, place, calls, trace)
        lines += trace.read_text("utf-8", "replace").splitlines()
        shutil.rmtree(place)
        shutil.copytree(base, place)
    for line in lines:
        if found := _call(line):
            counts[found[1], found[2]] += 1
    shutil.rmtree(place)
    most: dict[str, int] = {}
    for (_, call), number in counts.items():
        most[call] = max(most.get(call, 0), number)
    return most


def cases(counts: dict[str, dict[str, int]], every: int = 1) -> Iterator[Case]:
    """The cases, every n-th of them; the first and the last of each kind of call always."""
    for role, calls in counts.items():
        for call, number in sorted(calls.items()):
            for fault in FAULTS:
                for nth in range(1, number + 1):
                    # The step is counted over the calls of a kind, so that each fault comes by.
                    if nth in (1, number) or nth % every == 0:
                        yield Case(role, call, nth, fault)


def strike(folder: Path, base: Path, case: Case, tally: Tally) -> None:
    """One case in a folder of its own, judged. One that does not end is tried once more: machines sleep."""
    try:
        _strike(folder, base, case, tally)
    except subprocess.TimeoutExpired:
        shutil.rmtree(_place(folder, case))
        try:
            _strike(folder, base, case, tally)
        except subprocess.TimeoutExpired:
            tally.wrong.append(f"{case}: the process did not end in {VICTIM_SECONDS:.0f} s")


def _place(folder: Path, case: Case) -> Path:
    return folder / f"{case.role}-{case.call}-{case.nth}-{case.fault.replace('+', 's')}"


def _strike(folder: Path, base: Path, case: Case, tally: Tally) -> None:
    place = _place(folder, case)
    shutil.copytree(base, place)
    rule = FAULTS[case.fault].format(n=case.nth)
    status = _run(case.role, place, [case.call], Path("/dev/null"), f"inject={case.call}:{rule}")
    tally.faults += 1
    tally.by_call[f"{case.role}:{case.call}:{case.fault}"] += 1
    if status in KILLED:
        tally.killed += 1
    elif status == 0:
        tally.finished += 1
    elif status == EXIT_INTEGRITY:
        tally.stopped += 1
    else:
        told = (place / "victim.log").read_text("utf-8", "replace")[-600:]
        tally.wrong.append(f"{case}: the process ended with {status}: {told}")
    try:
        _judge(place, case, tally)
    except Exception as error:  # noqa: BLE001 - whatever the restart meets is what is being looked for
        tally.wrong.append(f"{case}: the restart failed: {type(error).__name__}: {error}")
    shutil.rmtree(place)


def _judge(place: Path, case: Case, tally: Tally) -> None:
    """Start again as after a crash: audit, look everything acknowledged up, and go on working."""
    world, store = World.make(place), SqliteStore(place / "log")
    try:
        file = place / "acknowledged"
        # A line cut off by the kill was not given to anybody.
        lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        for line in lines:
            index, leaf = line.split()
            entry = store.entry(int(index))
            tally.acknowledged += 1
            if entry is None or entry.leaf_hash.hex().encode() != leaf:
                tally.lost += 1
                tally.wrong.append(f"{case}: entry {int(index)} is lost")
        before = store.size()
        appender = world.appender(store)
        appender.submit(world.envelope())
        appender.close()
        while integrate(store) is not None:
            pass
        publish(store, ORIGIN, world.log, world.clock() // 1000)
        latest = store.latest_checkpoint()
        if latest is None or latest.size != before + 1:
            tally.wrong.append(f"{case}: the log does not go on")
        findings = audit(store, place / "log", world.rules(), processes=1).findings
        tally.wrong += [f"{case}: {finding}" for finding in findings]
    finally:
        store.close()


def sweep(folder: Path, every: int = 1, seconds: float = float("inf"), most: int | None = None) -> Tally:
    """All cases (every n-th), or as many as there is time for, or `most` of them, taken evenly."""
    base, tally = make_base(folder), Tally()
    counts = {role: count_calls(folder, base, role) for role in ROLES}
    chosen, end = list(cases(counts, every)), time.monotonic() + seconds
    # A step that shares no factor with the number goes round to every case once, far apart at first.
    step = next(n for n in range(max(1, len(chosen) * 5 // 13), len(chosen) + 2) if _coprime(n, len(chosen)))
    for i in range(len(chosen) if most is None else min(most, len(chosen))):
        if time.monotonic() > end:
            break
        strike(folder, base, chosen[i * step % len(chosen)], tally)
    return tally


def _coprime(a: int, b: int) -> bool:
    while b:
        a, b = b, a % b
    return a == 1


def _run(role: str, place: Path, calls: Sequence[str], trace: Path, inject: str | None = None) -> int:
    """Run a victim with these calls traced into a file, and perhaps a fault injected; its exit status."""
    tracing = ["-e", f"trace={','.join(calls)}", "-o", str(trace)]
    if inject is not None:
        tracing += ["-e", inject]
    if set(calls) & set(BY_PATH):
        names = [
            f"{name}{end}" for name in ("log.db", "derived.db") for end in ("", "-wal", "-shm", "-queue")
        ]
        files = [*(place / "log" / name for name in names), place / "worker.lock", place / "status.json"]
        tracing += [word for file in files for word in ("-P", str(file))]
    command = ["strace", "-f", "-qq", *tracing, sys.executable, "-B", str(PROGRAM), role, str(place)]
    with (place / "victim.log").open("ab") as log:
        done = subprocess.run(command, stdout=log, stderr=log, timeout=VICTIM_SECONDS, check=False)
    return done.returncode


def _known_calls() -> list[str]:
    """Calls that this machine's strace knows: not every processor has all."""
    known = []
    for call in CALLS:
        tried = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "true"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        if tried.returncode == 0:
            known.append(call)
    return known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th call only (1: all)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if reason := strace_missing():
        print(json.dumps({"skipped": reason}) if given.json else f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory(prefix="xinzheng-storage-") as folder:
        tally = sweep(Path(folder), given.every, given.seconds)
    if given.json:
        print(json.dumps({**vars(tally), "by_call": dict(tally.by_call)}, ensure_ascii=False))
    else:
        print(
            f"{tally.faults} faults: {tally.killed} killed, {tally.stopped} stopped, {tally.finished} ended; "
            f"{tally.acknowledged} acknowledged, {tally.lost} lost"
        )
        for line in tally.wrong:
            print(line)
    return 1 if tally.wrong or tally.lost or not tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())

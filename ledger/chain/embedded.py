"""A chain of one's own: anvil, for the demo, for tests, and for a consortium that has no chain yet.

    chain = EmbeddedChain(folder)
    chain.start()          # adopts the one that runs already in this folder, else restores what was saved
    chain.url, chain.pid
    chain.save()           # from any process; what was mined before it survives a kill
    chain.stop()           # saves first

It is one process on loopback whom everybody on the machine may ask anything: no consensus, no protection. A
block is mined for each transaction, at once; gas is free, so accounts need no balance.

anvil's own `--state` is written in place, and a kill can leave it empty. Here the state is fetched over RPC,
written beside the old one, synced and renamed. A kill at any time loses the blocks after the last save and
nothing else; blocks, transactions and receipts before it come back with the same hashes, genesis included.

Files in the folder: `state.json.gz` (what `start` restores), `process.json` (which process ran last, where),
`anvil.log`, `lock`.
"""

import contextlib
import fcntl
import gzip
import http.client
import json
import os
import platform
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ledger.errors import BackendMissing, ChainMismatch, ChainUnavailable, IntegrityError
from ledger.files import replace_file
from ledger.ports import free_port, is_free

CHAIN_ID = 4242
BINARY_VARIABLE = "XINZHENG_ANVIL"
# Past states that can be asked about: each is kept and saved whole. Blocks and receipts are all kept.
HISTORY = 16
# A saver rests this many times as long as its last save took, so that a large state does not eat the machine.
_REST = 50
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
_RPC_TIMEOUT = 60.0


def find_anvil() -> Path:
    """The native binary: XINZHENG_ANVIL, else the one in contracts/node_modules, else `BackendMissing`."""
    configured = os.environ.get(BINARY_VARIABLE)
    if configured:
        if not os.access(configured, os.X_OK):
            raise BackendMissing(f"{BINARY_VARIABLE} does not name a program that can be run")
        return Path(configured)
    systems = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
    machines = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    package = f"anvil-{systems.get(platform.system(), '')}-{machines.get(platform.machine(), '')}"
    root = (
        Path(__file__).resolve().parents[2] / "contracts" / "node_modules" / "@foundry-rs" / package / "bin"
    )
    for name in ("anvil", "anvil.exe"):
        if (root / name).is_file():
            return root / name
    raise BackendMissing(
        f"anvil is missing: run `npm ci` in contracts/, or set {BINARY_VARIABLE} to its path"
    )


@dataclass(frozen=True, slots=True)
class _Process:
    """Which process runs. `started` is its start time as the system counts it: a number is soon reused."""

    pid: int
    started: str
    port: int


class EmbeddedChain:
    """The chain kept in one folder; see the module. Raises `ChainUnavailable` when it does not answer."""

    def __init__(self, folder: Path, chain_id: int = CHAIN_ID, port: int | None = None) -> None:
        """`port` None takes the last one again if it is free, else any free one."""
        self.folder = folder
        self.chain_id = chain_id
        self._wanted_port = port
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now; None if none does."""
        process = self._running()
        return process.pid if process else None

    @property
    def url(self) -> str:
        """Where it answers; raises `ChainUnavailable` if it does not run."""
        process = self._running()
        if process is None:
            raise ChainUnavailable("the embedded chain is not running")
        return f"http://127.0.0.1:{process.port}"

    @property
    def last_url(self) -> str:
        """Where it answers or answered last, and will again; raises `ChainUnavailable` if it never ran."""
        process = self._recorded()
        if process is None:
            raise ChainUnavailable("the embedded chain was never started here (xinzheng chain start)")
        return f"http://127.0.0.1:{process.port}"

    def start(self) -> None:
        """Run it, unless it runs already, and return when it answers."""
        binary = find_anvil()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            process = self._running()
            if process is None:
                process = self._launch(binary)
        self._await_answer(process)

    def stop(self, save: bool = True) -> None:
        """Save unless told not to, then end the process that `process.json` names, and no other."""
        process = self._running()
        if process is None:
            return
        if save:
            with contextlib.suppress(ChainUnavailable):
                self.save()
        self._signal(process, signal.SIGTERM)
        if not self._ended(process, _STOP_TIMEOUT):
            self._signal(process, signal.SIGKILL)
            self._ended(process, _STOP_TIMEOUT)

    def save(self) -> None:
        """Make everything mined until now survive a kill."""
        with self._locked():
            dumped = bytes.fromhex(_rpc(self.url, "anvil_dumpState", True)[2:])
            state = json.loads(gzip.decompress(dumped))
            # A dump that cannot be read back must not replace one that can.
            if state.get("block") is None:
                raise ChainUnavailable("anvil dumped a state without a block")
            replace_file(self.folder / "state.json.gz", gzip.compress(_with_one_genesis(state), 1))

    def height(self) -> int:
        """The newest block's number."""
        return int(_rpc(self.url, "eth_blockNumber"), 16)

    def _launch(self, binary: Path) -> _Process:
        port = self._choose_port()
        arguments = [
            str(binary),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--chain-id",
            str(self.chain_id),
        ]
        arguments += ["--gas-price", "0", "--base-fee", "0", "--no-priority-fee", "--accounts", "0"]
        arguments += ["--no-create2", "--no-cors", "--quiet", "--prune-history", str(HISTORY)]
        saved = self.folder / "state.json.gz"
        restored = self.folder / "restored.json"
        if saved.exists():
            # Only a copy is given to anvil, which reads no compressed state.
            try:
                restored.write_bytes(_with_one_genesis(json.loads(gzip.decompress(saved.read_bytes()))))
            except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
                raise IntegrityError(
                    f"{saved} is damaged; put back a copy, or remove it to begin anew"
                ) from error
            arguments += ["--load-state", str(restored), "--preserve-historical-states"]
        with (self.folder / "anvil.log").open("ab") as log:
            # A session of its own: an interrupt at the terminal must not end it before it is saved.
            self._child = subprocess.Popen(  # noqa: S603  # our own binary, with arguments of our own
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        # A kill here leaves an anvil that no file names: on its own port, and nobody relies on it.
        process = _Process(self._child.pid, _started(self._child.pid) or "", port)
        replace_file(self.folder / "process.json", json.dumps(asdict(process)).encode())
        return process

    def _await_answer(self, process: _Process) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        url = f"http://127.0.0.1:{process.port}"
        while True:
            if not self._is_alive(process):
                raise ChainUnavailable(f"anvil ended at once; see {self.folder / 'anvil.log'}")
            with contextlib.suppress(ChainUnavailable):
                chain_id = int(_rpc(url, "eth_chainId"), 16)
                if chain_id != self.chain_id or not self._is_alive(process):
                    raise ChainMismatch(f"another program answers on port {process.port}")
                (self.folder / "restored.json").unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise ChainUnavailable(f"anvil does not answer after {_START_TIMEOUT:g} seconds")
            time.sleep(0.02)

    def _choose_port(self) -> int:
        last = self._recorded()
        for port in (self._wanted_port, last.port if last else None):
            if port is not None and (port == self._wanted_port or is_free(port)):
                return port
        return free_port()

    def _recorded(self) -> _Process | None:
        try:
            return _Process(**json.loads((self.folder / "process.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _running(self) -> _Process | None:
        process = self._recorded()
        return process if process and self._is_alive(process) else None

    def _is_alive(self, process: _Process) -> bool:
        if self._child is not None and self._child.pid == process.pid:
            return self._child.poll() is None
        # The number may be another program's by now; with its start time it is this process or nothing.
        return bool(process.started) and _started(process.pid) == process.started

    def _signal(self, process: _Process, number: int) -> None:
        if self._is_alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _ended(self, process: _Process, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self._is_alive(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or saves; the lock goes with the process that holds it."""
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Saver:
    """A thread that saves an embedded chain every `interval` seconds in which a block was mined.

    When saving takes long it saves less often.
    """

    def __init__(self, chain: EmbeddedChain, interval: float = 2.0) -> None:
        self._chain = chain
        self._interval = interval
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chain-saver", daemon=True)
        self._saved_height = -1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        rest = self._interval
        while not self._ending.wait(rest):
            began = time.monotonic()
            # While the chain is down there is nothing to save; the next round asks again.
            with contextlib.suppress(ChainUnavailable):
                height = self._chain.height()
                if height != self._saved_height:
                    self._chain.save()
                    self._saved_height = height
            rest = max(self._interval, _REST * (time.monotonic() - began))


def _rpc(url: str, method: str, *parameters: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310  # loopback
    # Loopback is never reached through a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_RPC_TIMEOUT) as response:
            answer = json.load(response)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # The last is an answer cut off, as by a kill in the middle of it.
        raise ChainUnavailable(f"the embedded chain does not answer {method}") from error
    if "result" not in answer:
        raise ChainUnavailable(f"the embedded chain refused {method}")
    return answer["result"]


def _with_one_genesis(state: dict[str, Any]) -> bytes:
    """A dumped state whose only block 0 is the chain's own, which is the oldest.

    anvil makes a genesis whenever it starts, keeps it beside the one that it restores and dumps both, in any
    order; of several it would take the last for the chain's.
    """
    blocks = state.get("blocks", [])
    first = [block for block in blocks if int(block["header"]["number"], 16) == 0]
    if len(first) > 1:
        kept = min(first, key=lambda block: int(block["header"]["timestamp"], 16))
        state["blocks"] = [kept, *(block for block in blocks if block not in first)]
    return json.dumps(state, separators=(",", ":")).encode()


def _started(pid: int) -> str | None:
    """When a process began, as the system counts it; None if there is no such process (or it is a zombie)."""
    try:
        # The second field is the program's name in parentheses, which may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return _started_elsewhere(pid) if not Path("/proc/self/stat").exists() else None
    return None if fields[0] in "ZX" else fields[19]


def _started_elsewhere(pid: int) -> str | None:
    """The same where there is no /proc."""
    answer = subprocess.run(  # noqa: S603  # a fixed program and a number
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None

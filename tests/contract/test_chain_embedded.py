"""What the embedded chain keeps over restarts and kills."""

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import changes, embedded
from ledger.chain.embedded import BINARY_VARIABLE, EmbeddedChain, Saver, find_anvil
from ledger.chain.evm import EvmChain
from ledger.errors import BackendMissing, ChainMismatch, ChainUnavailable, IntegrityError

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A = "113501000099000133"
HASH = b"\x01" * 32


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    embedded = EmbeddedChain(tmp_path / "chain")
    embedded.start()
    yield embedded
    embedded.stop(save=False)


@pytest.fixture
def founded(chain: EmbeddedChain, found: Callable[..., Any]) -> Any:
    consortium = found(chain.url, members=1, threshold=1)
    consortium.agree(changes.define_log(CREDIT, A, ["subject"]))
    return consortium


def publish(evm: EvmChain, size: int) -> Any:
    return evm._nodes.wait_mined(evm.publish(LOG, size, HASH, HASH, HASH))


def kill(embedded: EmbeddedChain) -> None:
    pid = embedded.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while embedded.pid is not None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_restored_chain_gives_the_same_answers(chain: EmbeddedChain, founded: Any) -> None:
    evm = founded.chains[0]
    anchors = [publish(evm, size) for size in range(1, 41)]
    before = (evm.identity(), evm.head(), evm.export(), [evm.block(n) for n in range(45)])
    url = chain.url
    chain.stop()
    assert chain.pid is None
    chain.start()
    assert chain.url == url
    assert (evm.identity(), evm.head(), evm.export(), [evm.block(n) for n in range(45)]) == before
    for size, anchor in enumerate(anchors, start=1):
        assert evm.receipt(anchor.tx_hash) == anchor
        assert evm.checkpoint(LOG, size) is not None
        assert evm.find_transaction(LOG, size) == anchor.tx_hash
    assert publish(evm, 41).block_number == before[1].number + 1


def test_a_kill_loses_what_came_after_the_save_and_nothing_else(chain: EmbeddedChain, founded: Any) -> None:
    evm = founded.chains[0]
    saved = publish(evm, 5)
    chain.save()
    lost = publish(evm, 6)
    kill(chain)
    with pytest.raises(ChainUnavailable):
        _ = chain.url
    chain.start()
    assert evm.receipt(saved.tx_hash) == saved
    assert evm.receipt(lost.tx_hash) is None
    assert evm.checkpoint(LOG, 6) is None
    assert evm.head().number == saved.block_number


def test_the_sender_goes_back_with_a_chain_that_went_back(chain: EmbeddedChain, founded: Any) -> None:
    evm = founded.chains[0]
    publish(evm, 5)
    chain.save()
    for size in (6, 7, 8):
        publish(evm, size)
    kill(chain)
    chain.start()
    latest = evm.latest(LOG)
    assert latest is not None
    assert latest.size == 5
    assert publish(evm, 8).succeeded


def test_a_chain_that_was_never_saved_starts_empty_and_is_another_chain(
    chain: EmbeddedChain, founded: Any
) -> None:
    evm = founded.chains[0]
    time.sleep(1.1)  # anvil's genesis differs by its time in seconds
    kill(chain)
    chain.start()
    with pytest.raises(ChainMismatch):
        evm.identity()


def test_a_chain_is_the_same_chain_after_any_number_of_restarts(chain: EmbeddedChain, founded: Any) -> None:
    evm = founded.chains[0]
    genesis = evm.identity().genesis_hash
    for size in range(1, 6):
        publish(evm, size)
        chain.stop()
        time.sleep(1.1)  # anvil's own genesis, made at each start, differs by its time in seconds
        chain.start()
        assert evm.identity().genesis_hash == genesis
    saved = json.loads(gzip.decompress((chain.folder / "state.json.gz").read_bytes()))
    assert sum(block["header"]["number"] == "0x0" for block in saved["blocks"]) == 1


def test_a_kill_at_any_time_leaves_a_chain_that_starts(chain: EmbeddedChain, founded: Any) -> None:
    randomness = random.Random(20261122)
    evm = founded.chains[0]
    chain.save()
    size, floor = 0, 0
    for _ in range(6):
        saver = Saver(chain, interval=0.001)
        saver.start()
        until = time.monotonic() + randomness.uniform(0.05, 0.4)
        while time.monotonic() < until:
            size += 1
            publish(evm, size)
        kill(chain)
        saver.stop()
        floor = max(floor, saver._saved_height)
        chain.start()
        assert evm.head().number >= floor
        latest = evm.latest(LOG)
        size = latest.size if latest else 0


def test_a_kill_of_the_saving_process_leaves_the_last_whole_save(
    chain: EmbeddedChain, founded: Any, tmp_path: Path
) -> None:
    publish(founded.chains[0], 5)
    chain.save()
    program = (
        "import sys; from pathlib import Path; from ledger.chain.embedded import EmbeddedChain\n"
        "chain = EmbeddedChain(Path(sys.argv[1])); print('up', flush=True)\n"
        "while True: chain.save()\n"
    )
    for pause in (0.0, 0.02, 0.05, 0.11):
        saver = subprocess.Popen([sys.executable, "-c", program, str(chain.folder)], stdout=subprocess.PIPE)
        assert saver.stdout is not None
        saver.stdout.readline()
        time.sleep(pause)
        saver.kill()
        saver.wait()
        saver.stdout.close()
        state = json.loads(gzip.decompress((chain.folder / "state.json.gz").read_bytes()))
        assert state["block"]
    chain.save()


def test_a_running_chain_is_adopted_not_started_twice(chain: EmbeddedChain) -> None:
    other = EmbeddedChain(chain.folder)
    other.start()
    assert (other.pid, other.url) == (chain.pid, chain.url)
    other.stop(save=False)
    assert chain.pid is None


def test_a_stale_process_file_is_not_believed_and_its_process_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "chain"
    folder.mkdir()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    stale = {"pid": bystander.pid, "started": "1", "port": 1}
    (folder / "process.json").write_text(json.dumps(stale))
    embedded = EmbeddedChain(folder)
    try:
        assert embedded.pid is None
        embedded.stop()
        embedded.start()
        assert embedded.pid not in (None, bystander.pid)
        embedded.stop(save=False)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "started": null, "port": 1}'])
def test_a_damaged_process_file_is_ignored(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "chain"
    folder.mkdir()
    (folder / "process.json").write_text(content)
    assert EmbeddedChain(folder).pid is None


def test_a_damaged_state_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "chain"
    folder.mkdir()
    (folder / "state.json.gz").write_bytes(gzip.compress(b'{"block": 1}')[:-9])
    with pytest.raises(IntegrityError):
        EmbeddedChain(folder).start()


def test_it_listens_on_loopback_only(chain: EmbeddedChain) -> None:
    port = int(chain.url.rsplit(":", 1)[1])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rsplit(":", 1)[1], 16) == port
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_a_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(BackendMissing, match=BINARY_VARIABLE):
        find_anvil()
    monkeypatch.setenv(BINARY_VARIABLE, sys.executable)
    assert find_anvil() == Path(sys.executable)


def test_a_program_that_ends_at_once_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, "/bin/false")
    with pytest.raises(ChainUnavailable, match="ended at once"):
        EmbeddedChain(tmp_path / "chain").start()


def test_an_answer_cut_off_by_a_kill_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def cut_off() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"result": "0x')

        answering = threading.Thread(target=cut_off)
        answering.start()
        with pytest.raises(ChainUnavailable):
            embedded._rpc(f"http://127.0.0.1:{listening.getsockname()[1]}", "anvil_dumpState")
        answering.join()

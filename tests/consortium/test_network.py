"""A network of validators: up, killed, stalled, healed, wiped, gone; and what its command says."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.network import binary, namespaces
from scripts.network.consortium import Network
from scripts.network.engine import NetworkFault
from scripts.network.rpc import NoAnswer, call

ROOT = Path(__file__).resolve().parents[2]
FOUR = range(4)
pytestmark = pytest.mark.consortium


def stands_still(network: Network, index: int, seconds: float) -> bool:
    """Whether a validator's chain grows by nothing for some seconds (one block may be under way before)."""
    time.sleep(2)
    before = network.height(index)
    time.sleep(seconds)
    return network.height(index) == before


def block_hash(network: Network, index: int, number: int) -> str:
    return str(call(network.urls[index], "eth_getBlockByNumber", hex(number), False)["hash"])


def test_four_validators_make_one_chain_each_with_a_key_of_its_own(network: Network) -> None:
    assert len({validator.address for validator in network.validators}) == 4
    assert {validator.host for validator in network.validators} == {"127.0.0.1"}
    assert [status.peers for status in network.status()] == [3, 3, 3, 3]
    number = network.await_block(2)
    assert len({block_hash(network, index, number) for index in FOUR}) == 1
    for validator in network.validators:
        assert (validator.folder / "nodekey").stat().st_mode & 0o077 == 0


def test_gas_is_free(network: Network) -> None:
    assert int(call(network.urls[0], "eth_gasPrice"), 16) == 0


def test_up_again_changes_nothing(network: Network) -> None:
    before = (network.folder / "network.json").read_bytes()
    Network(network.folder).up(4)
    assert (network.folder / "network.json").read_bytes() == before


def test_a_network_of_another_size_is_not_made_in_the_same_folder(network: Network) -> None:
    with pytest.raises(NetworkFault, match="holds a network of 4"):
        Network(network.folder).up(5)


def test_without_one_it_goes_on_without_two_it_stalls_and_with_them_back_it_goes_on(
    own_network: Network,
) -> None:
    network = own_network
    network.kill(3)
    at = network.await_block(among=(0, 1, 2))
    assert network.await_block(at + 2, among=(0, 1, 2)) > at
    with pytest.raises(NoAnswer):
        network.height(3)

    network.kill(2)
    assert stands_still(network, 0, 6)
    stalled_at = network.height(0)
    network.start(2)
    network.start(3)
    assert network.await_block(stalled_at + 1) > stalled_at
    number = network.await_block()
    assert len({block_hash(network, index, number) for index in FOUR}) == 1

    for index in FOUR:
        network.kill(index)
    assert [status.running for status in network.status()] == [False] * 4
    network.up(4)
    assert network.await_block(number) > number

    network.kill(1)
    network.wipe(1)
    network.start(1)
    assert network.await_block(number) > number, "a wiped validator fetches the chain from the others"
    assert block_hash(network, 1, number) == block_hash(network, 0, number)


def test_two_cut_from_two_stall_and_go_on_when_healed(make_network: Callable[..., Network]) -> None:
    reason = namespaces.lacking()
    if reason:
        pytest.skip(reason)
    network = make_network(4, in_namespaces=True)
    network.partition((0, 1), (2, 3))
    assert stands_still(network, 0, 5)
    assert stands_still(network, 2, 1)
    before = max(network.height(index) for index in FOUR)
    network.heal((0, 1), (2, 3))
    number = network.await_block(before)
    assert len({block_hash(network, index, number) for index in FOUR}) == 1


def test_a_taken_port_is_named(network: Network, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(network.folder, copy, ignore=shutil.ignore_patterns("run", "data"))
    taken = network.validators[0].p2p
    with pytest.raises(NetworkFault, match=f"port {taken} of validator 0 is taken"):
        Network(copy).up(4)


class TestTheCommand:
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.network", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def test_status_tells_each_validator(self, network: Network) -> None:
        done = self.run("status", "--json", "--dir", str(network.folder))
        assert done.returncode == 0, done.stderr
        assert [each["running"] for each in json.loads(done.stdout)] == [True] * 4

    @pytest.mark.parametrize("arguments", [("status",), ("kill", "0"), ("start", "1"), ("down",)])
    def test_without_a_network_it_says_so(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        done = self.run(*arguments, "--dir", str(tmp_path))
        assert done.returncode == 3
        assert "there is no network in" in done.stderr

    def test_a_validator_that_is_not_there_is_refused(self, network: Network) -> None:
        done = self.run("kill", "9", "--dir", str(network.folder))
        assert (done.returncode, "validators 0 to 3, and no 9" in done.stderr) == (3, True)


def test_without_go_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "find_go", lambda: None)
    assert binary.lacking() == binary.NO_GO
    with pytest.raises(NetworkFault, match="install Go"):
        Network(tmp_path / "network").up(4)

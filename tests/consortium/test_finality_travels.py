"""A deployment on real validators: its bundles prove finality to a city that has no node, also after the
validators changed since that city checked its trust file."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.chain.blocks import SealedBlocks
from ledger.chain.changes import set_validators
from ledger.deployment import ChainConfig, Config, Deployment, WorkerConfig
from ledger.deployment.consortium import deploy_contracts, operator_founder, propose_logs, sync_trust
from ledger.deployment.governance import read_history
from ledger.deployment.trusting import exported_trust
from ledger.deployment.work import make_worker
from ledger.formats.bundle import format_bundle
from ledger.formats.statement import new_id
from ledger.formats.trust import Trust, format_trust
from ledger.log.status import read_status
from ledger.merkle import leaf_hash
from ledger.store.port import NewEntry
from ledger.verify.command import main
from ledger.verify.governance import follow
from scripts.network.consortium import Network
from scripts.network.rpc import call

OPERATOR = "11990100MB0000019L"
CREDIT = "yunling.example/credit"
HOUR = 3_600


@pytest.fixture
def city(own_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment whose chain is the network, with its logs defined and nothing said of validators."""
    monkeypatch.setenv("XINZHENG_PASSPHRASE", "for tests only")
    chain = ChainConfig(mode="external", rpc=tuple(own_network.urls))
    worker = WorkerConfig(publish_seconds=0.2, anchor_seconds=0.2, registry_seconds=0.5)
    config = Config("yunling.example", OPERATOR, chain=chain, worker=worker)
    made = Deployment.create(tmp_path / "city", config, iterations=1_000)
    # Estimating what the larger contracts take is long work for a node on a busy machine.
    settings = replace(made.node_settings(), timeout=120.0)
    monkeypatch.setattr(made, "node_settings", lambda: settings)
    deploy_contracts(made, [operator_founder(made, "云岭市信用中心")], 1)
    port = made.open_chain()
    propose_logs(made, port)
    sync_trust(made, port)
    yield made
    made.close()


@contextmanager
def working(city: Deployment) -> Iterator[None]:
    worker = make_worker(city)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(60)


def until(condition: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def proven(city: Deployment) -> Callable[[], bool]:
    """Whether the newest checkpoint is proven; the worker's clerk stated the edition, so there is one."""
    store = city.logs["credit"].store

    def is_proven() -> bool:
        latest = store.latest_checkpoint()
        return latest is not None and latest.size > 0 and store.latest_proven() == latest.size

    return is_proven


def verified(folder: Path, city: Deployment, trust: Trust) -> dict[str, Any]:
    """What `xinzheng verify` says of the newest final bundle to somebody with that trust file."""
    reader = city.logs["credit"].reader
    (folder / "bundle.json").write_bytes(format_bundle(reader.bundle(reader.checkpoint("final"), [0])))
    (folder / "trust.json").write_bytes(format_trust(trust))
    asked = [str(folder / "bundle.json"), "--trust", str(folder / "trust.json"), "--json"]
    result = CliRunner().invoke(main, [*asked, "--require", "anchor,finality"])
    answer: dict[str, Any] = json.loads(result.stdout)
    assert answer["exit"] == result.exit_code
    return answer


def add_entry(city: Deployment) -> None:
    """One more, whatever it says: what is shown of the log is the clerk's."""
    store = city.logs["credit"].store
    new = NewEntry(OPERATOR, new_id(city.clock(), bytes(10)), b"{}", leaf_hash(b"{}"), ())
    store.append([[new]], city.clock())


def vote(network: Network, kind: str, address: str, voters: int) -> None:
    """Have so many validators vote; wait until blocks name one more or fewer."""
    blocks = SealedBlocks(lambda method, *more: call(network.urls[0], method, *more))
    before = len(blocks.header(network.height(0)).header.validators)
    for url in network.urls[:voters]:
        call(url, "governance_vote", f"governance.{kind}", address)
    until(lambda: len(blocks.header(network.height(0)).header.validators) != before)


def test_finality_travels_and_follows_the_validators(
    city: Deployment, own_network: Network, tmp_path: Path
) -> None:
    chain = city.open_chain()
    real = [each.address.lower() for each in own_network.validators]
    with working(city):
        until(proven(city))
    status = read_status(city.status_path)
    assert status is not None
    assert (status.chores["proofs"].error, status.chores["proofs"].alarms) == (None, [])

    # Nobody has agreed yet who the validators are.
    unnamed = exported_trust(chain, "instant")
    assert verified(tmp_path, city, unnamed)["reasons"]["finality"] == ["validators_not_trusted"]

    chain.propose([set_validators(real)], chain.head().timestamp + HOUR)
    named = exported_trust(chain, "instant")
    answer = verified(tmp_path, city, named)
    assert answer["verdicts"]["finality"] == answer["verdicts"]["anchor"] == "pass"
    assert (answer["reasons"]["finality"], answer["exit"]) == (["sealed_by_validators"], 0)

    # One leaves and comes back while the partner keeps its trust file.
    for kind, voters in (("removevalidator", 3), ("addvalidator", 3)):
        vote(own_network, kind, own_network.validators[3].address, voters)
        add_entry(city)
        with working(city):
            until(proven(city))
        answer = verified(tmp_path, city, named)
        assert (answer["reasons"]["finality"], answer["exit"]) == (["sealed_by_validators"], 0), kind

    # The registry says who they are now; its history leads the old trust file there.
    fewer = real[:3]
    vote(own_network, "removevalidator", own_network.validators[3].address, 3)
    chain.propose([set_validators(fewer)], chain.head().timestamp + HOUR)
    newest = exported_trust(chain, "instant")
    log = newest.logs[CREDIT]
    assert log.chain is not None
    assert log.chain.consensus is not None
    assert [each.validators for each in log.chain.consensus.sets] == [tuple(real), tuple(fewer)]
    followed = follow(read_history(chain), named)
    assert followed.trust.logs == newest.logs

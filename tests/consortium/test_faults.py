"""A deployment on a network of validators, under load: struck, mended, and judged after each fault.

The same faults as `scripts/soak`, with little time for each. The parts of the worker that each meets have
finer tests of their own under tests/fault.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.network import namespaces
from scripts.network.engine import NetworkFault
from scripts.network.rpc import call, height
from scripts.soaking.faults import Fault, chain_faults
from scripts.soaking.soak import Soak

pytestmark = [pytest.mark.consortium, pytest.mark.timeout(900)]
# Those that the others do not contain, in the time that continuous integration has.
CHOSEN = (
    "one validator killed",
    "all validators killed",
    "two cut from two",
    "one node hangs",
    "every node answers garbage",
    "every node is on another chain",
    "the worker killed",
)
SECONDS = 4.0


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory, network_possible: None) -> Iterator[Soak]:
    """Four validators, a deployment on them, and its load."""
    made = Soak(tmp_path_factory.mktemp("soak"), print)
    try:
        made.begin(4)
        yield made
    finally:
        made.close()


def fault_named(soak: Soak, name: str) -> Fault:
    return next(fault for fault in chain_faults(soak.stranger) if fault.name == name)


def test_a_deployment_anchors_on_the_network_and_is_final_at_once(soak: Soak) -> None:
    soak.site.until("something is accepted", lambda: sum(soak.site.sizes().values()) > 10, 60)
    due = soak.site.sizes()
    soak.site.until("it is final", lambda: soak.site.final(due), 60)
    anchor = soak.site.deployment.log("access").store.latest_anchor(("final",))
    assert anchor is not None
    assert anchor.block_hash is not None
    newest = anchor.block_number or 0
    # Three of four make it final: the fourth may not have it yet.
    soak.site.until("all have its block", lambda: all(height(url) >= newest for url in soak.network.urls), 60)
    for url in soak.network.urls:
        block = call(url, "eth_getBlockByHash", anchor.block_hash, False)
        assert int(block["number"], 16) == anchor.block_number


@pytest.mark.parametrize("name", CHOSEN)
def test_nothing_acknowledged_is_lost_and_each_size_is_anchored_once_after(soak: Soak, name: str) -> None:
    fault = fault_named(soak, name)
    reason = fault.needs(soak.site)
    if reason:
        pytest.skip(reason)
    before = soak.load.figures.acknowledged
    done = soak.put(fault, SECONDS)
    assert done.wrong == []
    assert done.acknowledged > before, "entries are accepted whatever the chain does"


def test_while_two_are_away_appends_and_checks_go_on_and_anchoring_waits(soak: Soak) -> None:
    soak.network.kill(3)
    soak.network.kill(2)
    soak.site.until("what was under way is settled", lambda: _settled(soak), 60)
    stands_at = soak.network.height(0)
    appended, checked = soak.load.figures.acknowledged, soak.load.figures.checks
    soak.site.until("appends go on", lambda: soak.load.figures.acknowledged > appended + 20, 60)
    soak.site.until("checks go on", lambda: soak.load.figures.checks > checked + 2, 60)
    assert soak.network.height(0) == stands_at
    due = soak.site.sizes()
    assert not soak.site.final(due)
    for index in (2, 3):
        soak.network.start(index)
    soak.site.until("the backlog drains", lambda: soak.site.final(due), 240)


def test_at_the_end_everything_is_accounted_for(soak: Soak) -> None:
    report: Any = soak.end(1.0)
    assert (report.lost, report.wrong) == (0, [])
    assert report.acknowledged > 100
    assert report.anchors > 5
    if namespaces.lacking() is None:
        assert "two cut from two" in [each.name for each in report.each]


def _settled(soak: Soak) -> bool:
    """Whether no block was made for some time."""
    before = soak.network.height(0)
    try:
        soak.network.await_block(before, among=(0,), seconds=3)
    except NetworkFault as failure:
        return "no block after" in str(failure)
    return False

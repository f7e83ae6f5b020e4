"""A deployment of before there were contracts for disputes gets them, and keeps everything else."""

from typing import Any

import pytest

from ledger.chain.disputes import Disputes
from ledger.deployment.config import read_config

pytestmark = pytest.mark.chain


def test_deploy_adds_what_an_older_deployment_lacks(place: Any) -> None:
    place.init()
    place.start("up")
    place.await_ready()
    path = place.folder / "deployment.toml"
    before = read_config(path).chain
    assert before.disputes is not None
    newer = ("sm2 =", "evidence =", "disputes =")
    kept = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(newer)]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    assert read_config(path).chain.disputes is None

    made = place.ok("deploy", "--json").document
    after = read_config(path).chain
    assert (after.consortium, after.registry, after.genesis) == (
        before.consortium,
        before.registry,
        before.genesis,
    )
    assert made["disputes"] == after.disputes != before.disputes
    chain = place.deployment.open_chain(writing=False)
    log = chain.export().logs[0]
    assert not Disputes.of(chain).flagged(log.log_id)
    assert place.run("deploy").status != 0

"""The consortium's history from real validators: who has no node sees that they sealed its head."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.chain.account import ChainAccount
from ledger.chain.changes import Change, Founder, add_log_key, define_log, set_name, set_validators
from ledger.chain.evm import EvmChain, deploy
from ledger.chain.governance import agree
from ledger.chain.nodes import NodeSettings
from ledger.deployment.governance import read_history
from ledger.deployment.history_proof import with_proof
from ledger.deployment.trusting import exported_trust
from ledger.errors import HistoryRefused
from ledger.formats.history import format_history, head_of, parse_history
from ledger.verify.governance import follow
from scripts.network.consortium import Network

pytestmark = [pytest.mark.consortium, pytest.mark.timeout(900)]
MEMBER = "113501000099000133"


def test_the_head_is_proved_by_the_validators_seals(network: Network, point: Any) -> None:
    account = ChainAccount.generate()
    # Estimating what the larger contracts take is long work for a node on a busy machine.
    settings = NodeSettings(tuple(network.urls), timeout=120.0)
    founder = Founder(MEMBER, "单位", (account.address,), ("operator",), ((point(0), 0, None),))
    chain = EvmChain(deploy(settings, account, [founder], 1), settings, account)

    def decide(*changes: Change) -> None:
        assert agree([chain], changes, chain.head().timestamp + 3600)[-1].state == "executed"

    decide(define_log("yunling.example/credit", MEMBER, ["subject"]))
    decide(add_log_key("yunling.example/credit", point(20), 100))
    decide(set_validators([each.address.lower() for each in network.validators]))
    start = exported_trust(chain, "instant")
    decide(set_name(MEMBER, "云岭市"))
    history = parse_history(format_history(with_proof(read_history(chain), chain, "instant")))
    followed = follow(history, start)
    assert (followed.head_backed, followed.executed) == ("finality", 1)
    assert followed.trust.members[MEMBER].name == "云岭市"

    # Under that proof no record can be left out, nor another one put in its place.
    shorter = history.records[:-2]
    cut = replace(
        history, records=shorter, head=head_of(chain.deployment.chain_id, history.consortium, shorter)
    )
    with pytest.raises(HistoryRefused, match="does not hold"):
        follow(cut, start)

"""The registry's history on a real chain, followed offline: the same state, and no way to bend it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from chain_time import pass_time

from ledger.chain import changes
from ledger.chain.artifact import CONSORTIUM, artifact
from ledger.chain.evm import EvmChain
from ledger.chain.governance import agree
from ledger.deployment.governance import read_history
from ledger.deployment.history_proof import with_proof
from ledger.errors import HistoryRefused, HistoryUnusable
from ledger.formats.history import (
    ACTIONS,
    History,
    HistoryRecord,
    format_history,
    head_of,
    is_history,
    parse_history,
)
from ledger.formats.registry import Thresholds, trust_of
from ledger.formats.trust import Exported, Trust, format_trust, parse_trust
from ledger.verify.governance import follow, head_at_node, replay
from ledger.verify.node import HttpRpc
from ledger.verify.registry_changes import FUNCTIONS, WITHOUT_EFFECT, class_of

pytestmark = pytest.mark.chain
ORIGIN = "yunling.example/credit"
A, B, C, D = "113501000099000133", "12350100009900021T", "91350100MA99000369", "92350100MA99000441"


@pytest.fixture(scope="module")
def told(embedded_chain: Any, found: Any, point: Any) -> tuple[History, Trust, Any]:
    """A consortium in which everything was done once: its history, the trust file of halfway, its chain."""
    four = found(embedded_chain.url, members=4, threshold=Thresholds(2, 3, 1))
    log = changes.log_id(ORIGIN)
    four.agree(changes.define_log(ORIGIN, A, ["subject"]), changes.add_log_key(ORIGIN, point(20), 100))
    four.agree(
        changes.add_witness(ORIGIN, "b.example/witness", B, point(21), 100, 900),
        changes.add_witness(ORIGIN, "c.example/witness", C, point(22), 100),
        changes.set_witness_threshold(ORIGIN, 2),
        changes.set_kind_role(ORIGIN, "credit.list.added", "lister"),
        changes.set_kind_role(ORIGIN, "credit.odd", "odd"),
        changes.set_kind_role(ORIGIN, "credit.odd", None),
        changes.set_epochs(ORIGIN, 3),
        changes.add_log_key(ORIGIN, point(23), 200),
        changes.set_log_key_until(ORIGIN, point(20), 300),
        changes.revoke_log_key(ORIGIN, point(21), 250),
        changes.set_indexes(ORIGIN, ["subject", "case"]),
    )
    halfway = parse_trust(format_trust(trust_of(four.chains[0].export())))
    four.agree(changes.rotate_key(point(0), point(10), four.in_an_hour()), changes.set_name(B, "乙市"))
    other, more = (type(four.accounts[0]).generate() for _ in range(2))
    four.agree(changes.add_account(A, other.address), changes.add_account(A, more.address))
    four.agree(changes.remove_account(four.accounts[0].address))
    members = [EvmChain(four.deployment, four.settings, more), *four.chains[1:]]
    chain = members[1]
    agree(members, [changes.suspend(D)], four.in_an_hour())
    agree(members, [changes.reinstate(D), changes.set_roles(D, ["auditor"])], four.in_an_hour())
    four.chains[2].revoke_own_key(point(2), four.in_an_hour() - 9000)
    four.chains[2].revoke_own_log_key(log, point(22), four.in_an_hour())
    chain.cancel(chain.propose([changes.set_threshold(3)], four.in_an_hour()).id)
    late, later = (
        chain.propose([changes.set_validators([more.address])], four.in_an_hour()) for _ in range(2)
    )
    pass_time(embedded_chain.url, 3601)
    chain.expire(late.id)
    no_change = [changes.Change("activeCount", ()), changes.Change("expire", (later.id,))]
    agree(members, no_change, four.in_an_hour())
    chain.propose([changes.set_operator(ORIGIN, D)], four.in_an_hour())
    records, head, at = chain.history()
    exported = Exported(at.timestamp * 1000, four.deployment.chain_id, at.number)
    history = History(exported, four.deployment.consortium, four.deployment.registry, head, tuple(records))
    return history, halfway, chain


def resealed(history: History, records: list[HistoryRecord]) -> History:
    """The same records under the head that a forger would compute."""
    head = head_of(history.exported.chain_id, history.consortium, records)
    return replace(history, head=head, records=tuple(records))


def test_the_replay_gives_the_state_that_the_chain_exports(told: Any) -> None:
    history, _, chain = told
    exported = chain.export(history.exported.block)
    made = replay(history).state(history, history.exported)
    assert replace(made, block_hash=exported.block_hash) == exported
    assert {record.action for record in history.records} == set(ACTIONS)
    assert head_of(history.exported.chain_id, history.consortium, history.records) == history.head


def test_the_replay_knows_each_proposal_as_the_chain_does(told: Any) -> None:
    history, _, chain = told
    replayed = replay(history)
    known = [(p.proposer, p.state, p.change_class, p.calls, tuple(p.approvals)) for p in replayed.proposals]
    on_chain = [
        (p.proposer, p.state, p.change_class, p.calls, p.approvals) for p in chain.proposals(limit=100)
    ]
    assert known == on_chain
    assert {state for _, state, *_ in known} == {"open", "executed", "cancelled", "expired"}


def test_a_history_file_is_read_as_it_was_written(told: Any) -> None:
    history, _, _ = told
    data = format_history(history)
    assert is_history(data)
    assert parse_history(data) == history
    assert format_history(parse_history(data)) == data


def test_from_a_trust_file_halfway_to_the_one_that_the_chain_would_export(
    told: Any, embedded_chain: Any
) -> None:
    history, halfway, chain = told
    followed = follow(history, halfway, rpc=HttpRpc(embedded_chain.url))
    assert followed.trust == parse_trust(format_trust(trust_of(chain.export(history.exported.block))))
    assert 0 < followed.new_records < followed.records
    assert followed.executed == 6
    offline = follow(history, halfway)
    assert offline.head_backed is None
    assert (offline.trust.logs, offline.trust.members) == (followed.trust.logs, followed.trust.members)


def test_without_a_node_a_trust_file_is_as_old_as_what_was_shown(told: Any, embedded_chain: Any) -> None:
    history, halfway, _ = told
    last, rpc = history.records[-1], HttpRpc(embedded_chain.url)
    later = replace(history, exported=replace(history.exported, at=history.exported.at + 10**9))
    backed = follow(later, halfway, expected_head=history.head).trust.exported
    assert (backed.at, backed.block) == (last.time * 1000, last.block)
    unbacked = follow(later, halfway).trust.exported
    assert (unbacked.at, unbacked.block) == (halfway.exported.at, last.block)
    at_node = follow(history, halfway, rpc=rpc).trust
    assert at_node.exported == history.exported
    assert follow(history, at_node, expected_head=history.head).trust.exported == history.exported
    with pytest.raises(HistoryRefused, match="at another time"):
        follow(later, halfway, rpc=rpc)
    # The next step goes on from there.
    assert follow(history, follow(later, halfway).trust).new_records == 0


def test_the_head_is_backed_by_ones_own_node_or_by_another_source(told: Any, embedded_chain: Any) -> None:
    history, halfway, _ = told
    rpc = HttpRpc(embedded_chain.url)
    assert head_at_node(rpc, history) == history.head
    assert follow(history, halfway, rpc=rpc).head_backed == "node"
    assert follow(history, halfway, expected_head=history.head).head_backed == "expected"
    with pytest.raises(HistoryRefused, match="not the one expected"):
        follow(history, halfway, expected_head=bytes(32))
    forged = resealed(history, list(history.records[:-1]))
    assert follow(forged, halfway).head_backed is None, "a shorter history is its maker's word"
    with pytest.raises(HistoryRefused, match="another head"):
        follow(forged, halfway, rpc=rpc)


def test_a_trust_file_of_another_registry_or_of_other_members_is_not_followed(told: Any) -> None:
    history, halfway, _ = told
    for other, words in (
        (replace(halfway, members={}), "does not give the trust file"),
        (replace(halfway, logs={}), "another registry"),
        (replace(halfway, exported=replace(halfway.exported, chain_id=1)), "another chain"),
        (replace(halfway, exported=replace(halfway.exported, block=0)), "older than the registry"),
        (
            replace(halfway, exported=replace(halfway.exported, block=history.exported.block + 1)),
            "nothing to follow",
        ),
    ):
        with pytest.raises(HistoryRefused, match=words):
            follow(history, other)


def test_each_record_left_out_or_altered_is_noticed_by_the_head(told: Any) -> None:
    history, halfway, _ = told
    for at in range(len(history.records)):
        without = [*history.records[:at], *history.records[at + 1 :]]
        with pytest.raises(HistoryRefused):
            follow(replace(history, records=tuple(without)), halfway)
        record = history.records[at]
        for other in (replace(record, time=record.time + 1), replace(record, content=record.content + b"\0")):
            changed = (*history.records[:at], other, *history.records[at + 1 :])
            with pytest.raises(HistoryRefused):
                follow(replace(history, records=changed), halfway)


def test_a_change_without_enough_approvals_is_refused_even_under_a_head_of_its_own(told: Any) -> None:
    history, _, _ = told
    records = list(history.records)
    refused = 0
    for at, record in enumerate(records):
        if record.action == "approved" and records[at + 1].action == "executed":
            with pytest.raises(HistoryRefused, match="executed with"):
                replay(resealed(history, records[:at] + records[at + 1 :]))
            refused += 1
    assert refused >= 5


def first(records: list[HistoryRecord], action: str) -> int:
    return next(i for i, record in enumerate(records) if record.action == action)


def put(action: str, **changed: Any) -> Callable[[list[HistoryRecord]], list[HistoryRecord]]:
    def bend(records: list[HistoryRecord]) -> list[HistoryRecord]:
        at = first(records, action)
        return [*records[:at], replace(records[at], **changed), *records[at + 1 :]]

    return bend


def twice(action: str) -> Callable[[list[HistoryRecord]], list[HistoryRecord]]:
    return lambda records: [*records[: (at := first(records, action)) + 1], records[at], *records[at + 1 :]]


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (put("approved", member=A), "approves twice"),
        (put("approved", member="91350100MA9900999X"), "no active member"),
        (put("approved", proposal=99), "is not open"),
        (put("proposed", proposal=1), "is missing before"),
        (put("cancelled", member=A), "another than the proposer"),
        (put("own_revocation", member=A), "revokes another's key"),
        (twice("founded"), "begins with the founding"),
        (twice("executed"), "is not open"),
        (twice("own_revocation"), "moved to a later time"),
        (lambda records: records[1:], "begins with the founding"),
        (lambda records: [records[0], replace(records[1], block=0), *records[2:]], "back in time"),
        (lambda records: [replace(records[0], content=b"\x01"), *records[1:]], "beyond the end"),
    ],
)
def test_what_the_contract_would_not_have_done_is_refused(
    told: Any, bend: Callable[[list[HistoryRecord]], list[HistoryRecord]], words: str
) -> None:
    history, _, _ = told
    with pytest.raises(HistoryRefused, match=words):
        replay(resealed(history, bend(list(history.records))))


def test_files_out_of_form_are_unusable(told: Any) -> None:
    history, _, _ = told
    good = format_history(history)
    for old, new in (
        (b'"action":"founded"', b'"action":"founding"'),
        (b'"member":null', b'"member":"short"'),
        (b'"content":"0', b'"content":"zz0'),
        (b'"head":"', b'"head":"0'),
        (b'"records":', b'"extra":1,"records":'),
    ):
        with pytest.raises(HistoryUnusable):
            parse_history(good.replace(old, new, 1))


def test_the_selectors_are_those_of_the_contract() -> None:
    from ledger.chain.artifact import _functions

    known = {
        selector: (name, tuple(t for _, t in inputs)) for selector, (name, inputs) in _functions().items()
    }
    changing = {
        item["name"]
        for item in artifact(CONSORTIUM).abi
        if item["type"] == "function" and item["stateMutability"] == "nonpayable"
    } - {"propose", "approve", "execute", "cancel", "expire", "revokeOwnKey", "revokeOwnLogKey"}
    assert {name for name, _ in FUNCTIONS.values()} == changing
    assert {selector: known[selector] for selector in FUNCTIONS} == FUNCTIONS
    views = {
        item["name"]
        for item in artifact(CONSORTIUM).abi
        if item["type"] == "function" and item["stateMutability"] != "nonpayable"
    }
    assert {known[selector][0] for selector in WITHOUT_EFFECT} == views | {"expire"}
    assert {class_of(selector) for selector, (name, _) in FUNCTIONS.items() if name != "setActive"} == {
        "emergency",
        "ordinary",
        "membership",
    }


def test_the_first_head_is_of_this_registry_on_this_chain(told: Any) -> None:
    history, _, _ = told
    others = [replace(history, consortium="0x" + "11" * 20)]
    others.append(replace(history, exported=replace(history.exported, chain_id=7)))
    for other in others:
        with pytest.raises(HistoryRefused, match="do not add up"):
            replay(other)


def test_a_chain_without_seals_gives_a_history_without_proof(consortium: Any) -> None:
    chain = consortium.chains[0]
    history = read_history(chain)
    assert with_proof(history, chain, "instant") == history
    assert history.finality is None

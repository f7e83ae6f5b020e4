"""What `ConsortiumRegistry` promises, on a real EVM."""

from collections.abc import Callable
from typing import Any

import pytest
from chain_refusals import refused
from chain_time import pass_time

from ledger.chain import changes
from ledger.chain.artifact import CONSORTIUM, artifact
from ledger.chain.evm import EvmChain, deploy
from ledger.chain.evm_node import addressed
from ledger.chain.governance import agree
from ledger.chain.registry import RegistryKey, Thresholds

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
A, B, C, D = "113501000099000133", "12350100009900021T", "91350100MA99000369", "92350100MA99000441"


def roles_of(chain: EvmChain, id_: str) -> tuple[str, ...]:
    return next(m.roles for m in chain.export().members if m.id == id_)


def send_directly(chain: EvmChain, function: str, *arguments: Any) -> None:
    chain._nodes.wait_mined(chain._send(lambda node: chain._consortium(node)[function](*arguments)))


class TestApprovals:
    def test_one_approval_of_two_changes_nothing(self, consortium: Any) -> None:
        proposal = consortium.chains[0].propose([changes.set_roles(A, ["auditor"])], consortium.in_an_hour())
        assert (proposal.state, proposal.approvals) == ("open", (A,))
        assert roles_of(consortium.chains[0], A) == ("publisher:credit",)
        with refused("BelowThreshold"):
            consortium.chains[1].execute(proposal.id)

    def test_the_threshold_executes(self, consortium: Any) -> None:
        proposal = consortium.agree(changes.set_roles(A, ["auditor", "officer"]))
        assert (proposal.state, proposal.approvals) == ("executed", (A, B))
        assert roles_of(consortium.chains[0], A) == ("auditor", "officer")

    def test_a_second_approval_by_the_same_member_is_refused(self, consortium: Any) -> None:
        chain = consortium.chains[0]
        proposal = chain.propose([changes.set_threshold(1)], consortium.in_an_hour())
        with refused("AlreadyApproved"):
            chain.approve(proposal.id)

    def test_a_second_account_of_a_member_does_not_count_twice(self, consortium: Any) -> None:
        third = consortium.accounts[2]
        with refused("AccountTaken"):
            consortium.agree(changes.add_account(A, third.address))
        other = type(third).generate()
        consortium.agree(changes.add_account(A, other.address))
        chain = EvmChain(consortium.deployment, consortium.settings, other)
        proposal = consortium.chains[0].propose([changes.set_name(A, "甲")], consortium.in_an_hour())
        with refused("AlreadyApproved"):
            chain.approve(proposal.id)

    def test_a_suspended_member_neither_proposes_nor_approves(self, consortium: Any) -> None:
        consortium.agree(changes.suspend(C))
        proposal = consortium.chains[0].propose([changes.set_name(A, "甲")], consortium.in_an_hour())
        with refused("NotActiveMember"):
            consortium.chains[2].approve(proposal.id)
        with refused("NotActiveMember"):
            consortium.chains[2].propose([changes.reinstate(C)], consortium.in_an_hour())

    def test_an_approval_stops_counting_when_its_member_is_suspended(
        self, embedded_chain: Any, found: Any
    ) -> None:
        four = found(embedded_chain.url, members=4, threshold=3)
        chains = four.chains
        pending = chains[3].propose([changes.set_name(A, "甲")], four.in_an_hour())
        chains[0].approve(pending.id)
        four.agree(changes.suspend(D))
        assert chains[1].approve(pending.id).state == "open"
        assert chains[2].approve(pending.id).state == "executed"

    def test_an_account_of_nobody_is_refused(self, consortium: Any) -> None:
        stranger = EvmChain(
            consortium.deployment, consortium.settings, type(consortium.accounts[0]).generate()
        )
        with refused("NotActiveMember"):
            stranger.propose([changes.set_threshold(1)], consortium.in_an_hour())

    def test_an_expired_proposal_is_neither_approved_nor_executed(
        self, consortium: Any, embedded_chain: Any
    ) -> None:
        proposal = consortium.chains[0].propose([changes.set_threshold(1)], consortium.in_an_hour())
        with refused("ProposalNotExpired"):
            consortium.chains[1].expire(proposal.id)
        pass_time(embedded_chain.url, 3601)
        assert consortium.chains[1].proposal(proposal.id).state == "expired", "seen before it is closed"
        with refused("ProposalExpired"):
            consortium.chains[1].approve(proposal.id)
        with refused("ProposalExpired"):
            consortium.chains[1].execute(proposal.id)
        stranger = EvmChain(
            consortium.deployment, consortium.settings, type(consortium.accounts[0]).generate()
        )
        assert stranger.expire(proposal.id).state == "expired"
        with refused("ProposalNotOpen"):
            consortium.chains[0].cancel(proposal.id)

    def test_a_proposal_cannot_begin_expired(self, consortium: Any) -> None:
        with refused("ProposalExpired"):
            consortium.chains[0].propose([changes.set_threshold(1)], 1)

    def test_only_the_proposer_cancels_and_a_cancelled_proposal_is_over(self, consortium: Any) -> None:
        proposal = consortium.chains[0].propose([changes.set_threshold(1)], consortium.in_an_hour())
        with refused("NotProposer"):
            consortium.chains[1].cancel(proposal.id)
        assert consortium.chains[0].cancel(proposal.id).state == "cancelled"
        with refused("ProposalNotOpen"):
            consortium.chains[1].approve(proposal.id)

    def test_an_executed_proposal_is_not_executed_again(self, consortium: Any) -> None:
        proposal = consortium.agree(changes.set_name(A, "甲"))
        with refused("ProposalNotOpen"):
            consortium.chains[0].execute(proposal.id)
        with refused("ProposalNotOpen"):
            consortium.chains[2].approve(proposal.id)

    def test_a_lowered_threshold_lets_an_older_proposal_be_executed(self, consortium: Any) -> None:
        proposal = consortium.chains[2].propose([changes.set_name(C, "丙")], consortium.in_an_hour())
        consortium.agree(changes.set_threshold(1))
        assert consortium.chains[0].execute(proposal.id).state == "executed"

    def test_changes_take_effect_together_or_not_at_all(self, consortium: Any) -> None:
        with refused("MemberUnknown"):
            consortium.agree(changes.set_name(A, "新名"), changes.set_name(D, "无此单位"))
        assert next(m.name for m in consortium.chains[0].export().members if m.id == A) == "单位0"

    def test_no_change_function_can_be_called_from_outside(self, consortium: Any) -> None:
        x, y = bytes(32), bytes(32)
        log, id_ = bytes(32), A.encode()
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("addMember", (id_, "", [], [])),
            ("setName", (id_, "")),
            ("setActive", (id_, False)),
            ("setRoles", (id_, [])),
            ("addAccount", (id_, consortium.deployment.registry)),
            ("removeAccount", (consortium.deployment.registry,)),
            ("addKey", (id_, x, y, 0, 0)),
            ("setKeyUntil", (x, y, 0)),
            ("revokeKey", (x, y, 1)),
            ("rotateKey", (x, y, x, y, 0)),
            ("setThresholds", ((1, 1, 1),)),
            ("setValidators", ([],)),
            ("defineLog", (log, "o", id_, [], 1)),
            ("setOperator", (log, id_)),
            ("setIndexes", (log, [])),
            ("setEpochs", (log, 2)),
            ("setKindRole", (log, "k.k", bytes(32))),
            ("addLogKey", (log, x, y, 0, 0)),
            ("setLogKeyUntil", (log, x, y, 0)),
            ("revokeLogKey", (log, x, y, 1)),
            ("addWitness", (log, "w", id_, x, y, 0, 0)),
            ("setWitnessThreshold", (log, 1)),
        ]
        writing = {
            item["name"]
            for item in artifact(CONSORTIUM).abi
            if item["type"] == "function" and item["stateMutability"] == "nonpayable"
        }
        own = {"revokeOwnKey", "revokeOwnLogKey"}
        deciding = {"propose", "approve", "execute", "cancel", "expire"}
        assert writing == {name for name, _ in calls} | deciding | own
        for name, arguments in calls:
            with refused("OnlyByProposal"):
                send_directly(consortium.chains[0], name, *addressed(list(arguments)))


class TestThresholds:
    """Three classes of change, each with its own number of approvals."""

    @pytest.fixture
    def four(self, embedded_chain: Any, found: Any) -> Any:
        return found(embedded_chain.url, members=4, threshold=Thresholds(2, 3, 1))

    @pytest.mark.parametrize(
        ("change", "change_class", "needed"),
        [
            (lambda p: changes.revoke_key(p(1), 5), "emergency", 1),
            (lambda p: changes.suspend(B), "emergency", 1),
            (lambda p: changes.set_name(B, "乙"), "ordinary", 2),
            (lambda p: changes.add_key(B, p(10), 5), "ordinary", 2),
            (lambda p: changes.set_roles(B, ["auditor"]), "membership", 3),
            (lambda p: changes.reinstate(B), "membership", 3),
            (lambda p: changes.remove_account("0x" + "11" * 20), "membership", 3),
            (lambda p: changes.set_threshold(1), "membership", 3),
            (lambda p: changes.set_validators([]), "membership", 3),
        ],
    )
    def test_the_class_of_a_change_says_how_many_must_approve(
        self, four: Any, point: Any, change: Callable[[Any], changes.Change], change_class: str, needed: int
    ) -> None:
        wanted = change(point)
        proposal = four.chains[0].propose([wanted], four.in_an_hour())
        assert (proposal.change_class, proposal.needed, proposal.counted) == (change_class, needed, 1)
        assert proposal.state == ("executed" if needed == 1 else "open")

    def test_the_weightiest_change_of_a_proposal_decides(self, four: Any, point: Any) -> None:
        mixed = [changes.revoke_key(point(1), 5), changes.set_name(B, "乙"), changes.set_roles(B, ["x"])]
        proposal = four.chains[0].propose(mixed, four.in_an_hour())
        assert (proposal.change_class, proposal.needed) == ("membership", 3)
        assert four.chains[1].approve(proposal.id).state == "open"
        with refused("BelowThreshold"):
            four.chains[1].execute(proposal.id)

    @pytest.mark.parametrize("numbers", [(1, 1, 0), (1, 2, 2), (3, 2, 1), (2, 5, 1)])
    def test_thresholds_out_of_order_or_out_of_reach_are_refused(
        self, four: Any, numbers: tuple[int, int, int]
    ) -> None:
        with refused("ThresholdInvalid"):
            four.agree(changes.set_thresholds(Thresholds(*numbers)))

    def test_a_minority_that_can_suspend_gains_no_power_by_it(self, four: Any) -> None:
        rogue = four.chains[0]
        assert rogue.propose([changes.suspend(D)], four.in_an_hour()).state == "executed"
        with refused("ThresholdInvalid"):
            rogue.propose([changes.suspend(C)], four.in_an_hour())
        assert rogue.propose([changes.set_threshold(1)], four.in_an_hour()).state == "open"


class TestMembers:
    def test_a_new_member_can_vote(self, consortium: Any) -> None:
        account = type(consortium.accounts[0]).generate()
        consortium.agree(changes.add_member(D, "丁", [account.address], ["partner"]))
        fourth = EvmChain(consortium.deployment, consortium.settings, account)
        proposal = consortium.chains[0].propose([changes.set_name(D, "新丁")], consortium.in_an_hour())
        assert fourth.approve(proposal.id).state == "executed"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda a: changes.add_member(A, "again", [a], []), "MemberExists"),
            (lambda a: changes.add_member(D, "no account", [], []), "LastAccount"),
            (lambda a: changes.add_member(D.lower(), "lower case", [a], []), "MemberIdInvalid"),
            (lambda a: changes.set_threshold(0), "ThresholdInvalid"),
            (lambda a: changes.set_threshold(4), "ThresholdInvalid"),
            (lambda a: changes.remove_account(a), "AccountUnknown"),
            (lambda a: changes.add_account(A, "0x" + "00" * 20), "AccountTaken"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, consortium: Any, change: Callable[[str], changes.Change], reason: str
    ) -> None:
        address = type(consortium.accounts[0]).generate().address
        with refused(reason):
            consortium.agree(change(address))

    def test_the_registry_itself_is_never_a_member(self, consortium: Any) -> None:
        with refused("AccountTaken"):
            consortium.agree(changes.add_account(A, consortium.deployment.consortium))

    def test_a_member_keeps_one_account(self, consortium: Any) -> None:
        with refused("LastAccount"):
            consortium.agree(changes.remove_account(consortium.accounts[2].address))

    def test_a_removed_account_is_nobodys(self, consortium: Any) -> None:
        other = type(consortium.accounts[0]).generate()
        consortium.agree(changes.add_account(C, other.address))
        consortium.agree(changes.remove_account(consortium.accounts[2].address))
        with refused("NotActiveMember"):
            consortium.chains[2].propose([changes.set_threshold(1)], consortium.in_an_hour())

    def test_suspension_never_leaves_fewer_members_than_the_threshold(self, consortium: Any) -> None:
        consortium.agree(changes.suspend(C))
        with refused("ThresholdInvalid"):
            consortium.agree(changes.suspend(B))

    def test_a_reinstated_member_counts_again(self, consortium: Any) -> None:
        consortium.agree(changes.suspend(C))
        consortium.agree(changes.reinstate(C))
        proposal = consortium.chains[0].propose([changes.set_name(C, "丙")], consortium.in_an_hour())
        assert consortium.chains[2].approve(proposal.id).state == "executed"

    def test_a_founding_threshold_that_nobody_can_meet_is_refused(self, consortium: Any) -> None:
        account = consortium.accounts[0]
        with refused("ThresholdInvalid"):
            deploy(
                consortium.settings,
                account,
                [changes.Founder(A, "甲", (account.address,), (), ())],
                threshold=2,
            )


class TestKeys:
    def test_old_keys_stay_readable_after_rotation_and_revocation(self, consortium: Any, point: Any) -> None:
        consortium.agree(changes.set_key_until(point(0), 2000), changes.add_key(A, point(10), 1500, 9000))
        consortium.agree(changes.revoke_key(point(10), 1600))
        keys = next(m.keys for m in consortium.chains[0].export().members if m.id == A)
        assert keys == (RegistryKey(point(0), 0, 2000, None), RegistryKey(point(10), 1500, 9000, 1600))

    def test_a_key_belongs_to_one_member_for_ever(self, consortium: Any, point: Any) -> None:
        consortium.agree(changes.revoke_key(point(0), 1))
        with refused("KeyTaken"):
            consortium.agree(changes.add_key(B, point(0), 0))
        with refused("KeyTaken"):
            consortium.agree(changes.add_key(A, point(0), 0))

    def test_a_revocation_moves_only_to_an_earlier_time(self, consortium: Any, point: Any) -> None:
        consortium.agree(changes.revoke_key(point(0), 5000))
        consortium.agree(changes.revoke_key(point(0), 4000))
        for later in (4000, 4001, 0):
            with refused("RevocationInvalid"):
                consortium.agree(changes.revoke_key(point(0), later))

    def test_a_rotation_ends_the_old_key_when_the_new_one_begins(self, consortium: Any, point: Any) -> None:
        begin = consortium.in_an_hour()
        consortium.agree(changes.rotate_key(point(0), point(10), begin))
        keys = next(m.keys for m in consortium.chains[0].export().members if m.id == A)
        assert keys == (RegistryKey(point(0), 0, begin), RegistryKey(point(10), begin))

    def test_a_rotation_never_lengthens_the_old_key(self, consortium: Any, point: Any) -> None:
        begin = consortium.in_an_hour()
        consortium.agree(
            changes.set_key_until(point(0), 2000), changes.rotate_key(point(0), point(10), begin)
        )
        keys = next(m.keys for m in consortium.chains[0].export().members if m.id == A)
        assert [key.until for key in keys] == [2000, None]

    def test_a_rotation_that_comes_too_late_or_of_a_key_of_nobody_is_refused(
        self, consortium: Any, point: Any
    ) -> None:
        with refused("RotationInPast"):
            consortium.agree(changes.rotate_key(point(0), point(10), consortium.in_an_hour() - 3700))
        with refused("KeyUnknown"):
            consortium.agree(changes.rotate_key(point(11), point(10), consortium.in_an_hour()))
        with refused("KeyTaken"):
            consortium.agree(changes.rotate_key(point(0), point(1), consortium.in_an_hour()))

    def test_a_member_revokes_its_own_key_alone_and_at_once(self, consortium: Any, point: Any) -> None:
        stolen = consortium.in_an_hour() - 3600 - 5 * 24 * 3600
        consortium.chains[1].revoke_own_key(point(1), stolen)
        keys = next(m.keys for m in consortium.chains[0].export().members if m.id == B)
        assert keys == (RegistryKey(point(1), 0, None, stolen),)
        with refused("NotKeyOwner"):
            consortium.chains[1].revoke_own_key(point(0), stolen)
        with refused("RevocationInvalid"):
            consortium.chains[1].revoke_own_key(point(1), stolen)

    def test_from_more_than_thirty_days_ago_only_the_others_revoke(self, consortium: Any, point: Any) -> None:
        long_ago = consortium.in_an_hour() - 31 * 24 * 3600
        with refused("RevocationTooEarly"):
            consortium.chains[1].revoke_own_key(point(1), long_ago - 3600)
        consortium.agree(changes.revoke_key(point(1), long_ago))

    def test_a_suspended_member_may_still_revoke_its_own_key(self, consortium: Any, point: Any) -> None:
        consortium.agree(changes.suspend(C))
        consortium.chains[2].revoke_own_key(point(2), consortium.in_an_hour())

    def test_a_point_off_the_curve_is_refused(self, consortium: Any, point: Any) -> None:
        good = point(10)
        with refused("KeyNotOnCurve"):
            consortium.agree(changes.add_key(A, good[:63] + bytes([good[63] ^ 1]), 0))
        with refused("KeyNotOnCurve"):
            consortium.agree(changes.add_key(A, bytes(64), 0))
        with refused("KeyNotOnCurve"):
            consortium.agree(changes.add_key(A, b"\xff" * 32 + good[32:], 0))

    def test_a_window_ends_after_it_begins(self, consortium: Any, point: Any) -> None:
        with refused("WindowInvalid"):
            consortium.agree(changes.add_key(A, point(10), 100, 100))
        with refused("KeyUnknown"):
            consortium.agree(changes.set_key_until(point(10), 100))


class TestAgreement:
    def test_many_changes_become_several_proposals_in_order(self, consortium: Any, point: Any) -> None:
        wanted = [changes.add_key(A, point(100 + i), i) for i in range(20)]
        proposals = agree(consortium.chains, wanted, consortium.in_an_hour())
        assert [(len(p.calls), p.state) for p in proposals] == [(16, "executed"), (4, "executed")]
        keys = next(m.keys for m in consortium.chains[0].export().members if m.id == A)
        assert [k.public for k in keys] == [point(0), *(point(100 + i) for i in range(20))]

    def test_too_few_members_leave_it_open(self, consortium: Any) -> None:
        (proposal,) = agree(consortium.chains[:1], [changes.set_threshold(1)], consortium.in_an_hour())
        assert proposal.state == "open"


def test_a_log_whose_id_is_not_the_hash_of_its_origin_is_not_exported(
    consortium: Any, caplog: pytest.LogCaptureFixture
) -> None:
    impostor = changes.Change("defineLog", (b"\x09" * 32, CREDIT, B.encode(), [], 1))
    consortium.agree(changes.define_log(CREDIT, A, ["subject"]), impostor)
    assert [log.operator for log in consortium.chains[0].export().logs] == [A]
    assert "left out" in caplog.text


def test_a_name_that_is_not_utf_8_keeps_nobody_from_reading_the_registry(consortium: Any) -> None:
    first, second = consortium.chains[:2]
    address = consortium.deployment.consortium
    call = first._nodes.ask(
        lambda node: node.contract(CONSORTIUM, address).encode_abi("setName", [B.encode(), "name"])
    )
    send_directly(first, "propose", [call.replace(b"name".hex(), "fffefdfc")], consortium.in_an_hour())
    proposal = first.proposals()[-1]
    assert second.approve(proposal.id).state == "executed"
    assert next(m.name for m in first.export().members if m.id == B) == "\\xff\\xfe\\xfd\\xfc"

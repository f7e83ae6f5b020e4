"""What `ConsortiumRegistry` promises about logs and their witnesses, on a real EVM."""

from typing import Any

import pytest
from chain_refusals import refused

from ledger.chain import changes
from ledger.chain.registry import RegistryKey, Thresholds

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
A, B, C, D = "113501000099000133", "12350100009900021T", "91350100MA99000369", "92350100MA99000441"


class TestLogs:
    @pytest.fixture
    def with_log(self, consortium: Any, point: Any) -> Any:
        consortium.agree(
            changes.define_log(CREDIT, A, ["subject", "authority", "case"]),
            changes.add_log_key(CREDIT, point(20), 100),
        )
        return consortium

    def test_a_definition_is_exported_whole(self, with_log: Any, point: Any) -> None:
        with_log.agree(
            changes.add_witness(CREDIT, "b.example/witness", B, point(21), 100, 900),
            changes.add_witness(CREDIT, "c.example/witness", C, point(22), 100),
            changes.set_witness_threshold(CREDIT, 2),
            changes.set_kind_role(CREDIT, "credit.list.added", "lister"),
            changes.set_kind_role(CREDIT, "credit.odd", "odd"),
            changes.set_kind_role(CREDIT, "credit.odd", None),
            changes.set_epochs(CREDIT, 3),
            changes.add_log_key(CREDIT, point(23), 200),
            changes.set_log_key_until(CREDIT, point(20), 300),
            changes.revoke_log_key(CREDIT, point(21), 250),
            changes.set_validators([with_log.accounts[0].address]),
        )
        state = with_log.chains[0].export()
        (log,) = state.logs
        assert log.log_id == changes.log_id(CREDIT)
        assert (log.origin, log.operator, log.epochs, log.witness_threshold) == (CREDIT, A, 3, 2)
        assert log.indexes == ("subject", "authority", "case")
        assert log.roles == {"credit.list.added": "lister"}
        assert log.keys == (RegistryKey(point(20), 100, 300), RegistryKey(point(23), 200))
        assert [(w.name, w.member, w.key) for w in log.witnesses] == [
            ("b.example/witness", B, RegistryKey(point(21), 100, 900, 250)),
            ("c.example/witness", C, RegistryKey(point(22), 100)),
        ]
        assert state.validators == (with_log.accounts[0].address,)
        assert (state.thresholds, len(state.members)) == (Thresholds.same(2), 3)

    def test_a_log_is_defined_once(self, with_log: Any) -> None:
        with refused("LogExists"):
            with_log.agree(changes.define_log(CREDIT, B, ["subject"]))

    def test_an_undefined_log_cannot_be_changed(self, with_log: Any, point: Any) -> None:
        with refused("LogUnknown"):
            with_log.agree(changes.add_log_key("yunling.example/access", point(30), 0))

    def test_a_key_is_a_members_or_a_logs_and_stands_once_per_log(self, with_log: Any, point: Any) -> None:
        with refused("KeyTaken"):
            with_log.agree(changes.add_log_key(CREDIT, point(0), 0))
        with refused("KeyTaken"):
            with_log.agree(changes.add_key(A, point(20), 0))
        with refused("KeyTaken"):
            with_log.agree(changes.add_witness(CREDIT, "b.example/witness", B, point(20), 0))

    def test_a_witness_name_stands_for_one_member_who_is_not_the_operator(
        self, with_log: Any, point: Any
    ) -> None:
        with refused("WitnessInvalid"):
            with_log.agree(changes.add_witness(CREDIT, "a.example/witness", A, point(21), 0))
        with_log.agree(changes.add_witness(CREDIT, "b.example/witness", B, point(21), 0))
        with refused("WitnessInvalid"):
            with_log.agree(changes.add_witness(CREDIT, "b.example/witness", C, point(22), 0))
        with refused("WitnessInvalid"):
            with_log.agree(changes.add_witness(CREDIT, "other-name", B, point(22), 0))
        with refused("WitnessInvalid"):
            with_log.agree(changes.set_operator(CREDIT, B))
        with_log.agree(changes.add_witness(CREDIT, "b.example/witness", B, point(22), 0))

    def test_the_witness_threshold_counts_names_not_keys(self, with_log: Any, point: Any) -> None:
        with_log.agree(
            changes.add_witness(CREDIT, "b.example/witness", B, point(21), 0),
            changes.add_witness(CREDIT, "b.example/witness", B, point(22), 0),
        )
        for threshold in (0, 2):
            with refused("ThresholdInvalid"):
                with_log.agree(changes.set_witness_threshold(CREDIT, threshold))

    def test_operator_and_witness_revoke_their_own_keys_of_a_log(self, with_log: Any, point: Any) -> None:
        with_log.agree(changes.add_witness(CREDIT, "b.example/witness", B, point(21), 100))
        now, log = with_log.in_an_hour(), changes.log_id(CREDIT)
        operator, witness, other = with_log.chains
        for chain, key in ((witness, 20), (other, 20), (operator, 21), (other, 21)):
            with refused("NotKeyOwner"):
                chain.revoke_own_log_key(log, point(key), now)
        operator.revoke_own_log_key(log, point(20), now)
        witness.revoke_own_log_key(log, point(21), now)
        (defined,) = operator.export().logs
        assert (defined.keys[0].revoked, defined.witnesses[0].key.revoked) == (now, now)

    def test_epochs_only_grow(self, with_log: Any) -> None:
        with refused("EpochsInvalid"):
            with_log.agree(changes.set_epochs(CREDIT, 1))


def test_the_export_is_of_one_block(consortium: Any) -> None:
    chain = consortium.chains[0]
    before = chain.export()
    consortium.agree(changes.set_name(A, "改名"))
    assert chain.export(before.block_number) == before
    assert chain.export().members[0].name == "改名"

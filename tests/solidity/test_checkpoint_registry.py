"""What `CheckpointRegistry` promises, on a real EVM."""

from typing import Any

import pytest
from chain_refusals import refused

from ledger.chain import changes
from ledger.chain.port import AnchoredCheckpoint

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A, B, C = "113501000099000133", "12350100009900021T", "91350100MA99000369"
ROOT, INDEX, NOTE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


@pytest.fixture
def with_log(consortium: Any) -> Any:
    consortium.agree(changes.define_log(CREDIT, A, ["subject"]))
    return consortium


def publish(chain: Any, size: int, root: bytes = ROOT) -> Any:
    return chain._nodes.wait_mined(chain.publish(LOG, size, root, INDEX, NOTE))


def test_a_published_checkpoint_is_read_back(with_log: Any) -> None:
    chain = with_log.chains[0]
    assert chain.checkpoint(LOG, 5) is None
    assert chain.latest(LOG) is None
    mined = publish(chain, 5)
    held = AnchoredCheckpoint(5, ROOT, INDEX, NOTE, mined.block_number)
    assert chain.checkpoint(LOG, 5) == held
    assert chain.latest(LOG) == held
    assert chain.checkpoint(LOG, 4) is None


def test_only_the_logs_operator_publishes(with_log: Any) -> None:
    with refused("NotOperator"):
        with_log.chains[1].publish(LOG, 5, ROOT, INDEX, NOTE)


def test_a_suspended_operator_does_not_publish(with_log: Any) -> None:
    with_log.agree(changes.suspend(A))
    with refused("NotOperator"):
        with_log.chains[0].publish(LOG, 5, ROOT, INDEX, NOTE)


def test_a_new_operator_takes_over(with_log: Any) -> None:
    with_log.agree(changes.set_operator(CREDIT, B))
    publish(with_log.chains[1], 5)
    with refused("NotOperator"):
        with_log.chains[0].publish(LOG, 6, ROOT, INDEX, NOTE)


def test_an_undefined_log_has_no_checkpoints(with_log: Any) -> None:
    with refused("LogUnknown"):
        with_log.chains[0].publish(b"\x09" * 32, 5, ROOT, INDEX, NOTE)


@pytest.mark.parametrize("size", [0, 4, 5])
def test_a_size_that_does_not_grow_is_refused(with_log: Any, size: int) -> None:
    publish(with_log.chains[0], 5)
    with refused("SizeNotGrowing"):
        with_log.chains[0].publish(LOG, size, b"\x09" * 32, INDEX, NOTE)


def test_size_zero_is_never_anchored(with_log: Any) -> None:
    with refused("SizeNotGrowing"):
        with_log.chains[0].publish(LOG, 0, ROOT, INDEX, NOTE)


def test_no_size_is_anchored_that_no_checkpoint_can_have(with_log: Any) -> None:
    chain = with_log.chains[0]
    with refused("SizeTooLarge"):
        chain.publish(LOG, 2**53, ROOT, INDEX, NOTE)
    publish(chain, 2**53 - 1)


def test_every_anchored_size_can_be_listed(with_log: Any) -> None:
    chain = with_log.chains[0]
    for size in (1, 3, 7):
        publish(chain, size)
    functions = chain._nodes.ask(chain._checkpoints)
    assert functions.count(LOG).call() == 3
    assert [functions.sizeAt(LOG, i).call() for i in range(3)] == [1, 3, 7]


def test_the_event_leads_to_the_transaction(with_log: Any) -> None:
    chain = with_log.chains[0]
    mined = publish(chain, 5)
    publish(chain, 6)
    assert chain.find_transaction(LOG, 5) == mined.tx_hash
    assert chain.find_transaction(LOG, 4) is None


class TestCosigning:
    @pytest.fixture
    def witnessed(self, with_log: Any, point: Any) -> Any:
        with_log.agree(
            changes.add_witness(CREDIT, "b.example/witness", B, point(21), 0),
            changes.add_witness(CREDIT, "c.example/witness", C, point(22), 0),
            changes.set_witness_threshold(CREDIT, 2),
        )
        publish(with_log.chains[0], 5)
        return with_log

    def cosign(self, chain: Any, note: bytes = NOTE, size: int = 5) -> None:
        chain._nodes.wait_mined(chain.cosign(LOG, size, note))

    def test_a_quorum_is_the_policys_threshold(self, witnessed: Any) -> None:
        chain = witnessed.chains[0]
        assert not chain.quorum(LOG, 5)
        self.cosign(witnessed.chains[1])
        assert not chain.quorum(LOG, 5)
        self.cosign(witnessed.chains[2])
        assert chain.quorum(LOG, 5)
        assert not chain.quorum(LOG, 6)

    def test_without_a_policy_there_is_no_quorum(self, with_log: Any) -> None:
        publish(with_log.chains[0], 5)
        assert not with_log.chains[0].quorum(LOG, 5)

    def test_a_witness_counts_once(self, witnessed: Any) -> None:
        self.cosign(witnessed.chains[1])
        with refused("AlreadyCosigned"):
            self.cosign(witnessed.chains[1])

    def test_a_member_that_the_policy_does_not_name_is_refused(self, witnessed: Any) -> None:
        with refused("NotWitness"):
            self.cosign(witnessed.chains[0])

    def test_a_witness_whose_key_is_revoked_is_refused(self, witnessed: Any, point: Any) -> None:
        witnessed.agree(changes.revoke_log_key(CREDIT, point(21), 1))
        with refused("NotWitness"):
            self.cosign(witnessed.chains[1])

    def test_a_suspended_witness_is_refused(self, witnessed: Any) -> None:
        witnessed.agree(changes.suspend(C))
        with refused("NotWitness"):
            self.cosign(witnessed.chains[2])

    def test_a_witness_that_saw_another_note_is_refused(self, witnessed: Any) -> None:
        with refused("NoteDiffers"):
            self.cosign(witnessed.chains[1], note=b"\x09" * 32)

    def test_what_is_not_anchored_cannot_be_cosigned(self, witnessed: Any) -> None:
        with refused("CheckpointUnknown"):
            self.cosign(witnessed.chains[1], size=6)

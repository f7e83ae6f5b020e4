"""The contract of `ledger.chain.port.ChainPort`, and its implementation over an Ethereum node."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.chain import changes
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.evm import EvmChain
from ledger.chain.port import AnchoredCheckpoint, ChainPort, FinalityPolicy, Mined
from ledger.errors import ChainRefused, ChainUnavailable, InputError

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A, B = "113501000099000133", "12350100009900021T"
ROOT, INDEX, NOTE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def rpc(url: str, method: str, *parameters: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"})) as r:
        return json.load(r)["result"]


def mined(chain: ChainPort, tx_hash: str) -> Mined:
    deadline = time.monotonic() + 20
    while (found := chain.receipt(tx_hash)) is None:
        assert time.monotonic() < deadline, "not mined"
        time.sleep(0.01)
    return found


@dataclass
class Subject:
    """A chain with two members of whom both decide; `operator` operates the credit log."""

    operator: ChainPort
    other: ChainPort
    reader: ChainPort


class ChainPortContract:
    """Every implementation passes this: subclass it and give the fixture `subject`."""

    def test_what_is_published_is_mined_and_read_back(self, subject: Subject) -> None:
        found = mined(subject.operator, subject.operator.publish(LOG, 5, ROOT, INDEX, NOTE))
        assert found.succeeded
        for chain in (subject.operator, subject.reader):
            assert chain.checkpoint(LOG, 5) == AnchoredCheckpoint(5, ROOT, INDEX, NOTE, found.block_number)
            assert chain.latest(LOG) == chain.checkpoint(LOG, 5)
            assert chain.find_transaction(LOG, 5) == found.tx_hash
            block = chain.block(found.block_number)
            assert block is not None
            assert block.hash == found.block_hash

    def test_nothing_is_nothing(self, subject: Subject) -> None:
        assert subject.reader.checkpoint(LOG, 5) is None
        assert subject.reader.latest(LOG) is None
        assert subject.reader.find_transaction(LOG, 5) is None
        assert subject.reader.receipt("0x" + "11" * 32) is None
        assert subject.reader.block(10**9) is None

    def test_a_size_published_twice_is_refused_by_name(self, subject: Subject) -> None:
        mined(subject.operator, subject.operator.publish(LOG, 5, ROOT, INDEX, NOTE))
        with pytest.raises(ChainRefused) as refused:
            subject.operator.publish(LOG, 5, ROOT, INDEX, NOTE)
        assert refused.value.reason == "SizeNotGrowing"
        assert refused.value.detail == "SizeNotGrowing(5, 5)"

    def test_another_member_cannot_publish(self, subject: Subject) -> None:
        with pytest.raises(ChainRefused) as refused:
            subject.other.publish(LOG, 5, ROOT, INDEX, NOTE)
        assert refused.value.reason == "NotOperator"

    def test_a_chain_opened_to_read_does_not_send(self, subject: Subject) -> None:
        assert subject.reader.account is None
        with pytest.raises(InputError):
            subject.reader.publish(LOG, 5, ROOT, INDEX, NOTE)

    def test_threads_that_share_an_account_do_not_share_a_nonce(self, subject: Subject) -> None:
        hashes: list[str] = []

        def propose() -> None:
            expires = subject.reader.head().timestamp + 3600
            hashes.append(str(subject.operator.propose([changes.set_name(A, "甲")], expires).id))

        threads = [threading.Thread(target=propose) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(hashes)) == 8

    def test_two_processes_that_share_an_account_find_free_nonces(
        self, subject: Subject, second: Callable[[ChainPort], ChainPort]
    ) -> None:
        elsewhere = second(subject.operator)
        for size, chain in enumerate((subject.operator, elsewhere, elsewhere, subject.operator), start=1):
            assert mined(chain, chain.publish(LOG, size, ROOT, INDEX, NOTE)).succeeded

    def test_the_head_moves_and_the_identity_stays(self, subject: Subject) -> None:
        head, identity = subject.reader.head(), subject.reader.identity()
        mined(subject.operator, subject.operator.publish(LOG, 5, ROOT, INDEX, NOTE))
        assert subject.reader.head().number > head.number
        assert subject.reader.identity() == identity
        genesis = subject.reader.block(0)
        assert genesis is not None
        assert genesis.hash == identity.genesis_hash

    def test_a_mined_transaction_needs_no_replacement(self, subject: Subject) -> None:
        tx_hash = subject.operator.publish(LOG, 5, ROOT, INDEX, NOTE)
        mined(subject.operator, tx_hash)
        assert subject.operator.replace(tx_hash) == tx_hash

    def test_a_transaction_that_nobody_knows_must_be_sent_anew(self, subject: Subject) -> None:
        assert subject.operator.replace("0x" + "11" * 32) is None

    def test_proposals_are_listed(self, subject: Subject) -> None:
        count = len(subject.reader.proposals())
        proposal = subject.operator.propose(
            [changes.set_name(A, "甲")], subject.reader.head().timestamp + 3600
        )
        assert proposal.id == count
        assert subject.reader.proposals()[-1] == subject.reader.proposal(count) == proposal
        assert subject.reader.proposals(start=count + 1) == []

    def test_the_registry_is_exported(self, subject: Subject) -> None:
        state = subject.reader.export()
        assert [m.id for m in state.members] == [A, B]
        assert state.members[0].accounts == (subject.operator.account,)
        assert [log.origin for log in state.logs] == [CREDIT]
        assert state.registry == subject.reader.registry
        block = subject.reader.block(state.block_number)
        assert block is not None
        assert (block.hash, block.timestamp) == (state.block_hash, state.exported_at)


class TestEvmChain(ChainPortContract):
    @pytest.fixture
    def subject(self, embedded_chain: EmbeddedChain, found: Callable[..., Any]) -> Subject:
        consortium = found(embedded_chain.url, members=2, threshold=2)
        consortium.agree(changes.define_log(CREDIT, A, ["subject"]))
        reader = EvmChain(consortium.deployment, consortium.settings)
        return Subject(consortium.chains[0], consortium.chains[1], reader)

    @pytest.fixture
    def second(self) -> Callable[[EvmChain], EvmChain]:
        return lambda chain: EvmChain(chain.deployment, chain._settings, chain._account)


class TestStuckTransactions:
    """On a chain that mines only when it is told."""

    @pytest.fixture
    def slow(self, tmp_path: Any, found: Callable[..., Any]) -> Iterator[tuple[Any, str]]:
        embedded = EmbeddedChain(tmp_path / "chain")
        embedded.start()
        consortium = found(embedded.url, members=1, threshold=1)
        consortium.agree(changes.define_log(CREDIT, A, ["subject"]))
        rpc(embedded.url, "evm_setAutomine", False)
        yield consortium, embedded.url
        embedded.stop(save=False)

    def paying(self, consortium: Any, url: str) -> EvmChain:
        rpc(url, "anvil_setBalance", consortium.accounts[0].address, hex(10**18))
        settings = replace(consortium.settings, gas_price=1000)
        return EvmChain(consortium.deployment, settings, consortium.accounts[0])

    def test_a_replacement_takes_the_nonce_at_a_higher_price(self, slow: tuple[Any, str]) -> None:
        consortium, url = slow
        chain = self.paying(consortium, url)
        first = chain.publish(LOG, 5, ROOT, INDEX, NOTE)
        assert chain.receipt(first) is None
        second = chain.replace(first)
        assert second is not None
        assert second != first
        rpc(url, "evm_mine")
        assert mined(chain, second).succeeded
        assert chain.receipt(first) is None
        assert chain.checkpoint(LOG, 5) is not None

    def test_without_fees_the_same_transaction_is_sent_again(self, slow: tuple[Any, str]) -> None:
        consortium, url = slow
        chain = consortium.chains[0]
        tx_hash = chain.publish(LOG, 5, ROOT, INDEX, NOTE)
        assert chain.replace(tx_hash) == tx_hash
        rpc(url, "evm_mine")
        assert mined(chain, tx_hash).succeeded

    def test_a_transaction_that_the_node_dropped_is_sent_again_from_memory(
        self, slow: tuple[Any, str]
    ) -> None:
        consortium, url = slow
        chain = consortium.chains[0]
        tx_hash = chain.publish(LOG, 5, ROOT, INDEX, NOTE)
        rpc(url, "anvil_dropTransaction", tx_hash)
        assert chain.replace(tx_hash) == tx_hash
        rpc(url, "evm_mine")
        assert mined(chain, tx_hash).succeeded

    def test_after_a_restart_a_dropped_transaction_is_sent_anew_with_its_nonce(
        self, slow: tuple[Any, str]
    ) -> None:
        consortium, url = slow
        tx_hash = consortium.chains[0].publish(LOG, 5, ROOT, INDEX, NOTE)
        rpc(url, "anvil_dropTransaction", tx_hash)
        restarted = EvmChain(consortium.deployment, consortium.settings, consortium.accounts[0])
        assert restarted.replace(tx_hash) is None
        again = restarted.publish(LOG, 5, ROOT, INDEX, NOTE)
        rpc(url, "evm_mine")
        assert mined(restarted, again).succeeded

    def test_pending_transactions_queue_up_with_consecutive_nonces(self, slow: tuple[Any, str]) -> None:
        consortium, url = slow
        chain = consortium.chains[0]
        hashes = [chain.publish(LOG, size, ROOT, INDEX, NOTE) for size in (5, 6, 7)]
        rpc(url, "evm_mine")
        assert [mined(chain, tx_hash).succeeded for tx_hash in hashes] == [True, True, True]

    def test_a_transaction_that_is_never_mined_ends_the_wait(self, slow: tuple[Any, str]) -> None:
        consortium, _url = slow
        impatient = replace(consortium.settings, mining_timeout=0.1)
        chain = EvmChain(consortium.deployment, impatient, consortium.accounts[0])
        with pytest.raises(ChainUnavailable, match="not mined"):
            chain.propose([changes.set_name(A, "甲")], consortium.in_an_hour())


class TestFinality:
    @pytest.mark.parametrize("text", ["instant", "depth:1", "depth:12", "finalized"])
    def test_a_policy_reads_back_as_its_text(self, text: str) -> None:
        assert str(FinalityPolicy.parse(text)) == text

    @pytest.mark.parametrize("text", ["", "depth", "depth:0", "depth:-1", "depth:1_0", "depth:x", "Instant"])
    def test_any_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="finality"):
            FinalityPolicy.parse(text)

    def test_each_policy_counts_its_own_way(self, consortium: Any) -> None:
        def finalized(policy: str) -> int:
            settings = replace(consortium.settings, finality=FinalityPolicy.parse(policy))
            return EvmChain(consortium.deployment, settings).finalized()

        head = consortium.chains[0].head().number
        assert finalized("instant") == head
        assert finalized("depth:2") == head - 2
        assert finalized("depth:100000") == 0
        # anvil counts two epochs of 32 blocks
        assert finalized("finalized") == max(0, head - 64)

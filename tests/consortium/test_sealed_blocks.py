"""Finality on a network of real validators: what they seal is collected, and proves offline."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.chain import changes
from ledger.chain.account import ChainAccount
from ledger.chain.blocks import SealedBlocks
from ledger.chain.evm import EvmChain
from ledger.chain.nodes import NodeSettings
from ledger.ethereum.headers import parse_header
from ledger.ethereum.receipts import parse_logs, receipt_key
from ledger.ethereum.trie import prove_value
from ledger.formats.bundle import format_bundle
from ledger.formats.consensus import Consensus, ValidatorSet
from ledger.formats.finality import Finality
from ledger.formats.note import LOG_IDENTIFIER, verification_key
from ledger.formats.statement import new_id
from ledger.formats.trust import (
    Chain,
    Exported,
    NamedKey,
    Trust,
    TrustLog,
    Window,
    format_trust,
)
from ledger.gm import PrivateKey, signer
from ledger.log.anchor import Anchorer, AnchorSettings
from ledger.log.integrate import integrate
from ledger.log.proving import Prover
from ledger.log.publish import publish
from ledger.log.reader import ChainPlace, LogReader
from ledger.merkle import leaf_hash
from ledger.store.port import NewEntry
from ledger.store.sqlite import SqliteStore
from ledger.verify import FAIL, PASS, UNKNOWN, Question, verify_bundle

ORIGIN = "yunling.example/credit"
LOG_KEY = signer(PrivateKey.generate())


def now() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Anchored:
    """A log of which one checkpoint stands on the network, final and proven."""

    network: Any
    chain: Any
    store: SqliteStore
    reader: LogReader
    prover: Prover

    def bundle(self, finality: Finality | None = None) -> bytes:
        made = self.reader.bundle(self.reader.checkpoint("final"))
        assert made.anchor is not None
        if finality is not None:
            made = replace(made, anchor=replace(made.anchor, finality=finality))
        return format_bundle(made)

    @property
    def finality(self) -> Finality:
        made = self.reader.bundle(self.reader.checkpoint("final"))
        assert made.anchor is not None
        assert made.anchor.finality is not None
        return made.anchor.finality

    def trust(self, *validators: str, kind: str | None = None) -> bytes:
        named = validators or tuple(each.address.lower() for each in self.network.validators)
        consensus = Consensus(kind or self.finality.kind, (ValidatorSet(1, named),))
        vkey = verification_key(ORIGIN, LOG_IDENTIFIER, LOG_KEY.public)
        chain = Chain(self.network.chain_id, self.chain.registry, named, consensus)
        log = TrustLog(ORIGIN, ("subject",), {}, 1, (NamedKey(vkey, Window(0)),), None, chain)
        return format_trust(Trust(Exported(now(), self.network.chain_id, 1), {ORIGIN: log}, {}))


@pytest.fixture(scope="module")
def anchored(network: Any, found: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchored]:
    consortium = found(network.urls[0], members=1, threshold=1)
    chain = consortium.chains[0]
    consortium.agree(changes.define_log(ORIGIN, chain.export().members[0].id, ["subject"]))
    store = SqliteStore(tmp_path_factory.mktemp("sealed") / "log")
    reader = LogReader(store, ORIGIN, ChainPlace(network.chain_id, chain.registry))
    prover = Prover(store, SealedBlocks(chain.rpc), now)
    held = Anchored(network, chain, store, reader, prover)
    anchor_one(held)
    yield held
    store.close()


def anchor_one(held: Anchored) -> None:
    """Append an entry, publish, anchor, and collect what proves it."""
    number = held.store.size()
    entry = b'{"entry":%d}' % number
    new = NewEntry("91350100MA99000369", new_id(number, bytes(10)), entry, leaf_hash(entry), ())
    held.store.append([[new]], now())
    integrate(held.store)
    publish(held.store, ORIGIN, LOG_KEY, now() // 1000)
    anchorer = Anchorer(held.store, ORIGIN, held.chain, now, AnchorSettings(interval=0))
    deadline = time.monotonic() + 120
    while anchorer.state.final < held.store.size() or held.store.count_unproven():
        assert time.monotonic() < deadline, held.prover.failed
        anchorer.step()
        held.prover.step()
        time.sleep(0.2)


def verdict(bundle: bytes, trust: bytes) -> tuple[str, list[str]]:
    report = verify_bundle(bundle, trust, Question(now()))
    return report.verdicts["finality"], report.reasons["finality"]


def test_what_real_validators_sealed_proves_offline_that_the_anchor_is_final(anchored: Anchored) -> None:
    report = verify_bundle(anchored.bundle(), anchored.trust(), Question(now()))
    assert (report.verdicts["finality"], report.verdicts["anchor"]) == (PASS, PASS)
    assert report.reasons["finality"] == ["sealed_by_validators"]
    block = anchored.finality.block
    assert block is not None
    header = parse_header(anchored.finality.kind, block.header)
    assert set(header.validators) == {each.address.lower() for each in anchored.network.validators}
    assert header.sealers() <= set(header.validators)
    assert len(header.sealers()) >= 3


def test_one_validator_more_or_other_ones_in_the_trust_file_leave_it_open(anchored: Anchored) -> None:
    real = [each.address.lower() for each in anchored.network.validators]
    others = [f"0x{place:040x}" for place in range(1, 5)]
    for validators in ((*real[:2], *others[:2]), tuple(others), (real[0], *others)):
        expected = (UNKNOWN, ["validators_differ"])
        assert verdict(anchored.bundle(), anchored.trust(*validators)) == expected
    engine = "qbft" if anchored.finality.kind == "kaia" else "kaia"
    expected = (UNKNOWN, ["consensus_differs"])
    assert verdict(anchored.bundle(), anchored.trust(kind=engine)) == expected


def test_a_set_that_enough_of_the_trusted_validators_announce_is_followed(anchored: Anchored) -> None:
    """As if one had been added since the trust file: the three it knows sealed a block that names four."""
    real = [each.address.lower() for each in anchored.network.validators]
    block = anchored.finality.block
    assert block is not None
    sealers = parse_header(anchored.finality.kind, block.header).sealers()
    three = [each for each in real if each in sealers][:3]
    assert verdict(anchored.bundle(), anchored.trust(*three)) == (PASS, ["sealed_by_validators"])


def test_real_blocks_with_anything_changed_are_refused(anchored: Anchored) -> None:
    finality, trust = anchored.finality, anchored.trust()
    block = finality.block
    assert block is not None
    random_ = random.Random(9)
    real = parse_header(finality.kind, block.header)
    for _ in range(150):
        at = random_.randrange(len(block.header))
        header = block.header[:at] + bytes((random_.randrange(256),)) + block.header[at + 1 :]
        if header == block.header:
            continue
        changed = replace(finality, block=replace(block, header=header))
        outcome, _ = verdict(anchored.bundle(changed), trust)
        assert outcome != UNKNOWN
        if outcome == PASS:
            # What the hash leaves out may change: a bit of the vanity, and a seal that is one too many.
            told = parse_header(finality.kind, header)
            assert told.hash == real.hash
            assert len(set(told.sealers()) & set(real.sealers())) >= 3
    for proof in ((b"\xc0",), (block.receipt_proof[0][:-1],), (*block.receipt_proof, b"\xc0")):
        changed = replace(finality, block=replace(block, receipt_proof=proof))
        assert verdict(anchored.bundle(changed), trust) == (FAIL, ["receipt_proof"])


def test_the_blocks_of_several_anchors_are_collected_newest_first(anchored: Anchored) -> None:
    for _ in range(3):
        anchor_one(anchored)
    assert anchored.store.latest_proven() == anchored.store.size()
    assert verdict(anchored.bundle(), anchored.trust()) == (PASS, ["sealed_by_validators"])


def test_receipts_of_blocks_with_many_transactions_lead_to_their_root(anchored: Anchored) -> None:
    """The trie that is built from what the node says has the root that the validators sealed."""
    accounts = [ChainAccount.generate() for _ in range(40)]
    settings = NodeSettings(tuple(anchored.network.urls), timeout=10.0)
    sent = [
        EvmChain(anchored.chain.deployment, settings, account).rpc(
            "eth_sendRawTransaction", plain_transaction(account, anchored.network.chain_id)
        )
        for account in accounts
    ]
    deadline = time.monotonic() + 60
    while None in (found := [anchored.chain.receipt(tx) for tx in sent]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    blocks = SealedBlocks(anchored.chain.rpc)
    most = 0
    for mined in found:
        raw = blocks.header(mined.block_number)
        index, proof = blocks.receipt_proof(raw, mined.tx_hash)
        value = prove_value(raw.header.receipts_root, receipt_key(index), proof)
        assert parse_logs(value) == []
        most = max(most, index)
    assert most >= 2, "no block held several"


def plain_transaction(account: ChainAccount, chain_id: int) -> str:
    fields = {"nonce": 0, "gasPrice": 0, "gas": 21_000, "to": "0x" + "11" * 20, "value": 0, "data": "0x"}
    return "0x" + account.sign(fields | {"chainId": chain_id})[0].hex()

"""`EvidenceVerifier` on a real EVM: the proofs of a log's tree, and whole entries."""

import base64
from typing import Any

import pytest
from chain_refusals import refused
from evm_calls import call_data, verdicts
from plain_tree import growth, path

from ledger.chain import changes
from ledger.chain.artifact import EVIDENCE
from ledger.errors import ChainRefused
from ledger.formats.envelope import BATCH_TYPE, RECEIPT_TYPE, STATEMENT_TYPE, sign_envelope
from ledger.gm import PrivateKey, Signer, signer, sm3
from ledger.merkle import EMPTY_ROOT, leaf_hash, root_hash

pytestmark = pytest.mark.chain
CREDIT = "yunling.example/credit"
LOG = changes.log_id(CREDIT)
A = "113501000099000133"
LEAVES = [leaf_hash(b"%d" % i) for i in range(20)]


@pytest.fixture(scope="module")
def world(embedded_chain: Any, found: Any) -> Any:
    return found(embedded_chain.url)


def ask(world: Any, function: str, cases: list[tuple[Any, ...]]) -> list[bool]:
    calls = [call_data(EVIDENCE, function, *case) for case in cases]
    return verdicts(world.settings.urls[0], world.deployment.evidence, calls)


def changed(proof: list[bytes]) -> list[list[bytes]]:
    """Proofs that do not prove it: each hash changed, one left out, one more, two exchanged."""
    worse = [[*proof[:i], sm3(proof[i]), *proof[i + 1 :]] for i in range(len(proof))]
    worse += [[*proof[:i], *proof[i + 1 :]] for i in range(len(proof))]
    worse += [[*proof, bytes(32)], [bytes(32), *proof]]
    return worse + ([[proof[1], proof[0], *proof[2:]]] if len(proof) > 1 else [])


def test_every_leaf_of_small_trees_is_included(world: Any) -> None:
    cases = []
    for size in range(1, 18):
        root = root_hash(LEAVES[:size])
        cases += [(LEAVES[i], i, size, path(i, LEAVES[:size]), root) for i in range(size)]
    assert all(ask(world, "verifyInclusion", cases))


def test_what_is_not_included_is_refused(world: Any) -> None:
    cases = []
    for size, index in ((1, 0), (2, 1), (7, 6), (8, 3), (13, 12), (17, 16)):
        root, proof = root_hash(LEAVES[:size]), path(index, LEAVES[:size])
        cases += [(LEAVES[index], index, size, worse, root) for worse in changed(proof)]
        cases += [
            (LEAVES[index + 1], index, size, proof, root),
            (LEAVES[index], index, size, proof, sm3(root)),
            (LEAVES[index], index + 1, size, proof, root),
            (LEAVES[index], size, size, proof, root),
            (LEAVES[index], index, 0, proof, root),
            (LEAVES[index], index, 2 * size, proof, root),
        ]
    assert not any(ask(world, "verifyInclusion", cases))


def test_every_smaller_tree_is_a_beginning(world: Any) -> None:
    cases: list[tuple[Any, ...]] = []
    for second in range(1, 14):
        newer = root_hash(LEAVES[:second])
        cases.append((0, second, [], EMPTY_ROOT, newer))
        for first in range(1, second + 1):
            proof = growth(first, LEAVES[:second])
            cases.append((first, second, proof, root_hash(LEAVES[:first]), newer))
    assert all(ask(world, "verifyConsistency", [*cases, (0, 0, [], EMPTY_ROOT, EMPTY_ROOT)]))


def test_what_is_no_beginning_is_refused(world: Any) -> None:
    cases: list[tuple[Any, ...]] = []
    for first, second in ((1, 2), (3, 7), (4, 8), (6, 13), (8, 13), (12, 20)):
        proof = growth(first, LEAVES[:second])
        older, newer = root_hash(LEAVES[:first]), root_hash(LEAVES[:second])
        cases += [(first, second, worse, older, newer) for worse in changed(proof)]
        cases += [
            (first, second, proof, sm3(older), newer),
            (first, second, proof, older, sm3(newer)),
            (second, first, proof, older, newer),
            (second, second, proof, older, newer),
            (0, second, proof, EMPTY_ROOT, newer),
            (0, second, [], older, newer),
        ]
    # Of the empty tree there is one root, and of one size one tree.
    cases += [(0, 0, [], EMPTY_ROOT, bytes(32)), (0, 0, [], bytes(32), bytes(32))]
    assert not any(ask(world, "verifyConsistency", cases))


@pytest.fixture(scope="module")
def key(world: Any) -> Signer:
    """A key of the member that operates the log."""
    key = signer(PrivateKey.generate())
    world.agree(
        changes.define_log(CREDIT, A, ["subject"]), changes.add_key(A, key.public.raw, 1_700_000_000, None)
    )
    return key


class TestWholeEntries:
    """An anchored tree of five entries, of which one is asked about."""

    PAYLOAD = b'{"id":"0198","kind":"credit.penalty.published"}'

    def anchor(self, world: Any, entry: bytes, index: int = 3) -> tuple[int, list[bytes]]:
        """(tree size, proof) of a checkpoint just anchored in which the entry is at `index`."""
        chain = world.chains[0]
        latest = chain.latest(LOG)
        size = max(5, latest.size + 1 if latest else 0)
        leaves = [leaf_hash(b"other %d" % i) for i in range(size)]
        leaves[index] = leaf_hash(entry)
        sent = chain.publish(LOG, size, root_hash(leaves), bytes(32), bytes(32))
        chain._nodes.wait_mined(sent)
        return size, path(index, leaves)

    def verify(
        self, world: Any, entry: bytes, public: bytes, size: int, proof: list[bytes], index: int = 3
    ) -> Any:
        arguments = (LOG, size, index, entry, proof, A.encode(), public[:32], public[32:])
        address = world.deployment.evidence
        return world.chains[0]._nodes.ask(
            lambda n: n.contract(EVIDENCE, address).functions.verifyEntry(*arguments).call()
        )

    @pytest.mark.parametrize("kind", [STATEMENT_TYPE, BATCH_TYPE])
    @pytest.mark.parametrize("length", [0, 1, 2, 3, 700])
    def test_a_good_entry(self, world: Any, key: Signer, kind: str, length: int) -> None:
        entry = sign_envelope(kind, self.PAYLOAD + b" " * length, key)
        size, proof = self.anchor(world, entry)
        leaf, held = self.verify(world, entry, key.public.raw, size, proof)
        assert leaf == leaf_hash(entry)
        assert held == (key.public.raw[:32], key.public.raw[32:], 1_700_000_000, 0, 0)

    def test_an_entry_that_is_somewhere_else_or_in_no_checkpoint(self, world: Any, key: Signer) -> None:
        entry = sign_envelope(STATEMENT_TYPE, self.PAYLOAD, key)
        size, proof = self.anchor(world, entry)
        with refused("NotIncluded"):
            self.verify(world, entry, key.public.raw, size, proof, index=2)
        with refused("NotIncluded"):
            self.verify(world, entry, key.public.raw, size, proof[:-1])
        with refused("CheckpointUnknown"):
            self.verify(world, entry, key.public.raw, size + 1, proof)

    def test_a_key_of_somebody_else(self, world: Any, key: Signer, point: Any) -> None:
        stranger = signer(PrivateKey.generate())
        entry = sign_envelope(STATEMENT_TYPE, self.PAYLOAD, stranger)
        size, proof = self.anchor(world, entry)
        with refused("KeyNotOfMember"):
            self.verify(world, entry, stranger.public.raw, size, proof)
        with refused("KeyDiffers"):
            self.verify(world, entry, key.public.raw, size, proof)

    def test_a_signature_over_something_else(self, world: Any, key: Signer) -> None:
        entry = sign_envelope(STATEMENT_TYPE, self.PAYLOAD, key)
        other = sign_envelope(STATEMENT_TYPE, self.PAYLOAD + b" ", key)
        mixed = other.split(b'"signatures"')[0] + b'"signatures"' + entry.split(b'"signatures"')[1]
        as_manifest = entry.replace(b"xinzheng.statement", b"xinzheng.batch")
        for bad in (mixed, as_manifest):
            size, proof = self.anchor(world, bad)
            with refused("SignatureInvalid"):
                self.verify(world, bad, key.public.raw, size, proof)

    def test_any_other_layout_is_refused(self, world: Any, key: Signer) -> None:
        entry = sign_envelope(STATEMENT_TYPE, self.PAYLOAD, key)
        signature = entry.rsplit(b'"sig":"', 1)[1].removesuffix(b'"}]}')
        der = base64.b64decode(signature)
        bad = [
            b"",
            b"{}",
            entry[:-1],
            entry + b"\n",
            b" " + entry,
            entry.replace(b'"payload"', b'"payload" ', 1),
            entry.replace(b"keyid", b"keyId"),
            entry.replace(b'"sig"', b'"SIG"'),
            entry[:60],
            sign_envelope(RECEIPT_TYPE, self.PAYLOAD, key),
            entry.replace(
                b'"sig":"' + signature + b'"', b'"batch":{"root":"' + b"0" * 64 + b'","index":0,"size":1}'
            ),
        ]
        for raw in (der + b"\0", der[:-1], b"\x30\x80" + der[2:], b"\x31" + der[1:], bytes(8), b""):
            bad.append(entry.replace(signature, base64.b64encode(raw)))
        longer = bytes([0x30, der[1] + 1, 2, der[3] + 1, 0]) + der[4:]
        bad.append(entry.replace(signature, base64.b64encode(longer)))
        upper = entry.split(b'"keyid":"')[1][:64]
        bad.append(entry.replace(upper, upper.upper()))
        for text in bad:
            size, proof = 5, []
            with pytest.raises(ChainRefused) as caught:
                self.verify(world, text, key.public.raw, size, proof)
            assert caught.value.reason in ("EnvelopeMalformed", "TextMalformed"), text

    def test_loose_base64_is_refused(self, world: Any, key: Signer) -> None:
        entry = sign_envelope(STATEMENT_TYPE, b"{}", key)
        assert b'"payload":"e30="' in entry
        for loose in (b"e30", b"e31=", b"e3==", b"e30=\n", b"e3-=", b"e30=e30=", b"e3=0"):
            with pytest.raises(ChainRefused) as caught:
                self.verify(world, entry.replace(b"e30=", loose), key.public.raw, 5, [])
            assert caught.value.reason == "TextMalformed", loose

"""The verdict `finality` where an anchor brings its block, as the chain's validators sealed it.

A block is final to a verifier without node or network when
- its header has the anchor's block hash and number, by the rules of its engine;
- the receipts under that header hold the event that anchors this checkpoint in this registry;
- more than two thirds of the validators that the verifier trusts sealed it. Seals of the blocks that follow
  it one by one count too: who seals a block vouches for all before it. (QBFT stops collecting at ceil(2N/3)
  seals, which for 3, 6, 9 validators are two thirds and not more.)

The validators trusted are the trust file's for that height. Where others sealed, the headers in `changes` may
lead from the ones to the others: a set that headers name, and that more than two thirds of the set trusted so
far and more than two thirds of itself sealed, is trusted from then on. An engine that names no validators in
its headers (QBFT with a validator contract) is held to the trust file's; a change needs a new trust file.

`clique` is weaker: a signer signs alone, when it is its turn, and may sign another block of that height. The
trust file must allow it, and says how many blocks must follow; more than two thirds of the signers must have
signed the block or one of those. Changes of signers are not followed.

Not shown by a block: its chain's id (keys of validators must serve one chain only), and the anchor's
transaction hash, which is where to look and no more.
"""

from collections.abc import Callable, Iterator, Sequence

from ledger.errors import ProofInvalid
from ledger.ethereum.headers import CLIQUE, QBFT, Header, parse_header
from ledger.ethereum.receipts import Published, check_published, receipt_key
from ledger.ethereum.trie import prove_value
from ledger.formats.consensus import Consensus, ValidatorSet
from ledger.formats.finality import AnchorRecord, SealedBlock
from ledger.formats.trust import TrustLog
from ledger.verify.verdicts import FAIL, FINALITY, PASS, UNKNOWN, Finding

MAX_SEALS = 8_192
"""Most seals that one bundle makes the verifier recover, about a millisecond each."""

Validators = frozenset[str]


def more_than_two_thirds(part: int, whole: int) -> bool:
    """Whether `part` of `whole` validators are enough."""
    return 3 * part > 2 * whole


def sealed_findings(
    anchor: AnchorRecord, kind: str, block: SealedBlock, log: TrustLog | None, exported: int
) -> list[Finding]:
    """The `finality` findings of an anchor that brings its block; `exported` is the trust file's block."""

    def holds_anchor(header: Header) -> None:
        _check_block(anchor, header, block)

    return block_findings(kind, block, holds_anchor, log, exported)


def block_findings(
    kind: str,
    block: SealedBlock,
    check: Callable[[Header], None],
    log: TrustLog | None,
    exported: int,
) -> list[Finding]:
    """The `finality` findings of a sealed block that is shown for something that it holds.

    `check` says, by raising `ProofInvalid`, that the block of this header does not hold it; `log` has the
    chain that is trusted.
    """
    try:
        header = parse_header(kind, block.header)
        check(header)
        following = _linked(kind, header, block.following)
        if log is None:
            return [Finding(FINALITY, UNKNOWN, "log_not_trusted")]
        if log.chain is None:
            return [Finding(FINALITY, UNKNOWN, "chain_not_trusted")]
        consensus = log.chain.consensus
        if consensus is None and log.chain.validators:
            # A trust file of version 1 has the validators alone, as they were when it was exported.
            consensus = Consensus(QBFT, (ValidatorSet(exported, log.chain.validators),))
        if consensus is None:
            return [Finding(FINALITY, UNKNOWN, "validators_not_trusted")]
        if consensus.kind != kind:
            return [Finding(FINALITY, UNKNOWN, "consensus_differs")]
        if kind == CLIQUE:
            return _signed(header, following, consensus)
        return _sealed(header, following, _changes(kind, header, block.changes), consensus)
    except ProofInvalid as flaw:
        return [Finding(FINALITY, FAIL, flaw.reason)]


def _check_block(anchor: AnchorRecord, header: Header, block: SealedBlock) -> None:
    """Check what is the same whomever one trusts: that this block holds this anchor."""
    if "0x" + header.hash.hex() != anchor.block_hash:
        raise ProofInvalid("block_hash_differs")
    if header.number != anchor.block_number:
        raise ProofInvalid("block_number_differs")
    key = receipt_key(block.receipt_index)
    receipt = prove_value(header.receipts_root, key, block.receipt_proof)
    expected = Published(
        anchor.registry, anchor.log_id, anchor.size, anchor.root, anchor.index_root, anchor.note_hash
    )
    check_published(receipt, expected)


def _linked(kind: str, header: Header, following: Sequence[bytes]) -> list[Header]:
    found = []
    for data in following:
        child = parse_header(kind, data)
        if child.parent_hash != header.hash or child.number != header.number + 1:
            raise ProofInvalid("following_unlinked")
        found.append(child)
        header = child
    return found


def _changes(kind: str, header: Header, changes: Sequence[bytes]) -> list[Header]:
    found = [parse_header(kind, data) for data in changes]
    numbers = [each.number for each in found] + [header.number]
    if numbers != sorted(set(numbers)):
        raise ProofInvalid("changes_unordered")
    return found


class _Sealers:
    """Who sealed what, in bounded time."""

    def __init__(self) -> None:
        self._left = MAX_SEALS

    def of(self, header: Header) -> Validators:
        self._left -= len(header.seals)
        if self._left < 0:
            raise ProofInvalid("too_many_seals")
        return header.sealers()


def _sealed(
    header: Header, following: Sequence[Header], changes: Sequence[Header], consensus: Consensus
) -> list[Finding]:
    start, sealers = consensus.set_at(header.number), _Sealers()
    trusted = frozenset(start.validators)
    named = frozenset(header.validators)
    if named and named != trusted:
        later = [each for each in changes if each.number > start.block]
        trusted = _followed(trusted, [*later, header, *following], sealers)
        if named != trusted:
            return [Finding(FINALITY, UNKNOWN, "validators_differ")]
    found: Validators = frozenset()
    for each in _same_validators(header, following):
        found |= sealers.of(each) & trusted
        if more_than_two_thirds(len(found), len(trusted)):
            break
    return _counted(found, trusted, "sealed_by_validators")


def _same_validators(header: Header, following: Sequence[Header]) -> Iterator[Header]:
    """The header and those after it as long as they name the same validators."""
    yield header
    for each in following:
        if frozenset(each.validators) != frozenset(header.validators):
            return
        yield each


def _followed(trusted: Validators, headers: Sequence[Header], sealers: _Sealers) -> Validators:
    """The set that these headers, ascending, lead to from the trusted one."""
    backing: dict[Validators, Validators] = {}
    for header in headers:
        named = frozenset(header.validators)
        if not named or named == trusted:
            continue
        backing[named] = backing.get(named, frozenset()) | sealers.of(header)
        backed = backing[named]
        if more_than_two_thirds(len(backed & trusted), len(trusted)) and more_than_two_thirds(
            len(backed & named), len(named)
        ):
            trusted, backing = named, {}
    return trusted


def _signed(header: Header, following: Sequence[Header], consensus: Consensus) -> list[Finding]:
    """Clique: enough blocks, signed by enough of the signers."""
    trusted, sealers = frozenset(consensus.set_at(header.number).validators), _Sealers()
    found: Validators = frozenset()
    for each in (header, *following):
        found |= sealers.of(each) & trusted
    if len(following) < consensus.depth:
        counts = {"blocks": len(following), "depth": consensus.depth}
        return [Finding(FINALITY, UNKNOWN, "depth_missing", counts=counts)]
    return _counted(found, trusted, "signed_by_signers")


def _counted(found: Validators, trusted: Validators, reason: str) -> list[Finding]:
    counts = {"seals": len(found), "validators": len(trusted)}
    if more_than_two_thirds(len(found), len(trusted)):
        return [Finding(FINALITY, PASS, reason, counts=counts)]
    return [Finding(FINALITY, UNKNOWN, "below_two_thirds", counts=counts)]

"""Whether validators sealed the block in which the consortium's history had its head.

The registry says the head in each `Recorded` event. A history's `finality` is the block of the last record as
its validators sealed it, in the form of an anchor's (`ledger.formats.finality`), with the proof of the
receipt that holds that event. As the head is a hash over all records, this one event proves them all.

The validators trusted are those of the trust file that one starts from, never those that the history names:
it would vouch for itself. Where they changed since, the headers in `changes` lead on, or one goes by steps.
So is the registry: any contract on the chain could say a head. A trust file that does not name the registry
(`consensus.consortium`) leaves it open whose head was sealed.
"""

from ledger.errors import FormatError, HistoryRefused, HistoryUnusable, ProofInvalid
from ledger.ethereum.headers import Header
from ledger.ethereum.receipts import Log, parse_logs, receipt_key
from ledger.ethereum.trie import prove_value
from ledger.formats.abi import decode
from ledger.formats.finality import SealedBlock, parse_finality
from ledger.formats.history import ACTIONS, History
from ledger.formats.trust import Trust, TrustLog
from ledger.verify.sealed import block_findings
from ledger.verify.verdicts import FAIL, PASS

RECORDED_TOPIC = bytes.fromhex("2e19c6e4a58b4b4d6188948fb56c5a649940b8aee0f5b3906de0e8aa889a5d92")
"""Keccak-256 of `Recorded(uint256,bytes18,uint256,uint8,uint64,bytes,bytes32)`."""


def is_head_sealed(history: History, start: Trust) -> bool:
    """Whether the validators that `start` trusts sealed the head; False where that is not shown.

    Raises `HistoryRefused` if the block shown does not hold it.
    """
    if history.finality is None:
        return False
    try:
        finality = parse_finality(history.finality)
    except FormatError as error:
        raise HistoryRefused(f"the finality is not in form: {error.detail}") from error
    block = finality.block
    if block is None:
        # Of a kind or a form that is not known here: it proves nothing.
        return False

    def holds_head(header: Header) -> None:
        _check_block(history, header, block)

    log = _trusted_chain(history, start)
    found = block_findings(finality.kind, block, holds_head, log, start.exported.block)
    failed = [finding.reason for finding in found if finding.outcome == FAIL]
    if failed:
        raise HistoryRefused(f"the block shown for the head does not hold: {', '.join(failed)}")
    consensus = log.chain.consensus if log is not None and log.chain is not None else None
    if consensus is None or consensus.consortium != history.consortium:
        return False
    return all(finding.outcome == PASS for finding in found)


def _check_block(history: History, header: Header, block: SealedBlock) -> None:
    last = history.records[-1]
    if header.number != last.block:
        raise ProofInvalid("block_number_differs")
    receipt = prove_value(header.receipts_root, receipt_key(block.receipt_index), block.receipt_proof)
    if not any(_is_last(log, history) for log in parse_logs(receipt)):
        raise ProofInvalid("head_not_in_block", "no event of the registry in this receipt says the head")


def _is_last(log: Log, history: History) -> bool:
    """Whether this event is the history's last record."""
    last, sequence = history.records[-1], len(history.records) - 1
    if log.address != history.consortium or len(log.topics) != 4:
        return False
    if log.topics[0] != RECORDED_TOPIC or int.from_bytes(log.topics[1], "big") != sequence:
        return False
    try:
        action, time, content, head = decode(("uint8", "uint64", "bytes", "bytes32"), log.data)
    except HistoryUnusable:
        return False
    same = (action, time, content) == (ACTIONS.index(last.action), last.time, last.content)
    return same and head == history.head


def _trusted_chain(history: History, start: Trust) -> TrustLog | None:
    logs = (log for log in start.logs.values() if log.chain is not None)
    return next((log for log in logs if log.chain and log.chain.registry == history.registry), None)

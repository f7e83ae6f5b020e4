"""The sealed block of a history's last record, so that whoever follows the history needs nobody's word."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.chain.blocks import SealedBlocks, Unsealed
from ledger.deployment.proofs import following_depth
from ledger.formats.finality import Finality, SealedBlock, format_finality
from ledger.formats.history import History
from ledger.log.proving import ProvingSettings, TooEarly, collect_following

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain


def with_proof(history: History, chain: "EvmChain", finality: str) -> History:
    """The history with its last record's block as the validators sealed it.

    Without one where the chain has no seals, or more blocks must follow first. `finality` is the policy of
    the configuration. Raises `ChainUnavailable` if the nodes do not tell, or what they tell does not add up.
    """
    number, blocks = history.records[-1].block, SealedBlocks(chain.rpc)
    try:
        raw = blocks.header(number)
        tx_hash = chain.record_transaction(len(history.records) - 1, number)
        index, proof = blocks.receipt_proof(raw, tx_hash)
        following = collect_following(blocks, raw, following_depth(finality), ProvingSettings().follow)
    except (Unsealed, TooEarly):
        return history
    sealed = SealedBlock(raw.data, index, proof, following)
    return replace(history, finality=format_finality(Finality(raw.kind, block=sealed)))

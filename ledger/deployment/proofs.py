"""Collecting the sealed blocks of a deployment's anchors: the worker does it, unless the chain is its own."""

from typing import TYPE_CHECKING

from ledger.chain.blocks import SealedBlocks
from ledger.chain.port import FinalityPolicy
from ledger.errors import ChainMismatch, ChainUnavailable
from ledger.log.chores import Chore, Stopping
from ledger.log.proving import CLIQUE_DEPTH, Prover, ProvingSettings

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain
    from ledger.deployment.deployment import Deployment

UNPROVEN = "anchor_unproven"
"""The alarm that the blocks of some final anchors could not be collected."""

_INTERVAL_MS = 1_000


def following_depth(finality: str) -> int:
    """How many blocks are to follow one of Clique's, from the deployment's policy of finality."""
    return FinalityPolicy.parse(finality).depth or CLIQUE_DEPTH


def proof_chores(deployment: "Deployment", chain: "EvmChain") -> list[Chore]:
    """The chore `proofs`; none for the embedded chain, whose blocks nobody seals."""
    config = deployment.config.chain
    if config.mode != "external":
        return []
    blocks = SealedBlocks(chain.rpc)
    settings = ProvingSettings(depth=following_depth(config.finality), since=config.deployed_block or 0)
    provers = [Prover(log.store, blocks, deployment.clock, settings) for log in deployment.logs.values()]

    def prove(stopping: Stopping) -> list[str]:
        try:
            while not stopping() and sum(prover.step() for prover in provers) > 0:
                pass
        except (ChainUnavailable, ChainMismatch):
            # Anchoring says that the chain is away; what waits is asked for when it is back.
            pass
        return [UNPROVEN] if any(prover.failed for prover in provers) else []

    return [Chore("proofs", prove, _INTERVAL_MS)]

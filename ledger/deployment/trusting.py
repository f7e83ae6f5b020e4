"""The trust file of a chain: what its registry holds, and by whom its blocks are sealed."""

import logging
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ledger.chain.consensus import ConsensusReader
from ledger.deployment.proofs import following_depth
from ledger.errors import ChainUnavailable
from ledger.formats.consensus import Consensus
from ledger.formats.registry import trust_of
from ledger.formats.trust import Trust, with_consensus

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain

_log = logging.getLogger(__name__)

_readers: "WeakKeyDictionary[EvmChain, ConsensusReader]" = WeakKeyDictionary()
_told: "WeakKeyDictionary[EvmChain, Consensus]" = WeakKeyDictionary()


def exported_trust(chain: "EvmChain", finality: str) -> Trust:
    """The trust file as of the newest block. `finality` is the policy of the configuration.

    Raises as `RegistryPort.export`. Where the nodes do not say by whom blocks are sealed the file is made
    without, or with what they said last: that must not keep anybody from hearing of a revocation.
    """
    state = chain.export()
    trust = trust_of(state)
    pinned = chain.deployment
    reader = _readers.get(chain)
    if reader is None:
        depth = following_depth(finality)
        reader = ConsensusReader(chain.rpc, pinned.consortium, pinned.block_number, depth)
        _readers[chain] = reader
    try:
        consensus = reader.read(state.block_number)
    except ChainUnavailable as error:
        _log.warning("by whom blocks are sealed was not learnt: %s", error.detail)
        consensus = _told.get(chain)
    if consensus is None:
        return trust
    _told[chain] = consensus
    return with_consensus(trust, consensus)

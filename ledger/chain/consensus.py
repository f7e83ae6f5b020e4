"""How a chain's blocks are sealed and by whom, as a trust file says it: the engine from the newest header,
the sets of validators from the registry's own events.

The sets are what the consortium agreed on with `setValidators`, each from the block of that event on. Change
the engine's validators first and the registry then: in between, bundles bring the headers that lead from the
one set to the other; the other way round, nothing would.
"""

import logging
from collections.abc import Callable
from typing import Any

from ledger.chain.blocks import BlockUnproven, SealedBlocks, Unsealed
from ledger.errors import HistoryUnusable
from ledger.ethereum.headers import CLIQUE, MAX_VALIDATORS
from ledger.ethereum.keccak import keccak256
from ledger.formats.abi import decode
from ledger.formats.consensus import Consensus, ValidatorSet

_log = logging.getLogger(__name__)

VALIDATORS_CHANGED = "0x" + keccak256(b"ValidatorsChanged(address[])").hex()
MAX_SETS = 64
"""The newest sets that a trust file names."""


class ConsensusReader:
    """Reads one chain's consensus again and again; what was read of the registry's events is kept."""

    def __init__(self, rpc: Callable[..., Any], consortium: str, deployed: int, depth: int) -> None:
        """`deployed` is the block of the contracts; `depth` how many blocks are to follow one of Clique's."""
        self._rpc = rpc
        self._consortium = consortium
        self._depth = depth
        self._next = deployed
        self._sets: list[ValidatorSet] = []
        self._blocks = SealedBlocks(rpc)

    def read(self, at: int) -> Consensus | None:
        """The consensus as of a block; None where no seals can be checked or no validators were agreed on.

        Raises `ChainUnavailable`.
        """
        if at < self._next - 1:
            # Another chain, or this one from an older state: what was read may never have been.
            self._sets = [each for each in self._sets if each.block <= at]
        elif at >= self._next:
            self._sets += self._changes(self._next, at)
            self._next = at + 1
        sets = tuple(each for each in self._sets if each.block <= at)[-MAX_SETS:]
        if not sets or not sets[-1].validators:
            return None
        try:
            newest = self._blocks.header(at)
        except Unsealed:
            return None
        named = newest.header.validators
        if named and frozenset(named) != frozenset(sets[-1].validators):
            _log.warning(
                "block %d names %d validators, the registry %d others: see `member propose validators`",
                at,
                len(named),
                len(sets[-1].validators),
            )
        usable = tuple(each for each in sets if each.validators)
        depth = self._depth if newest.kind == CLIQUE else 0
        return Consensus(newest.kind, usable, depth, self._consortium.lower())

    def _changes(self, start: int, stop: int) -> list[ValidatorSet]:
        asked = {
            "address": self._consortium,
            "topics": [VALIDATORS_CHANGED],
            "fromBlock": hex(start),
            "toBlock": hex(stop),
        }
        found = self._rpc("eth_getLogs", asked)
        if not isinstance(found, list):
            raise BlockUnproven("the registry's events are missing")
        sets: dict[int, ValidatorSet] = {}
        for event in found:
            try:
                block = int(event["blockNumber"], 16)
                (validators,) = decode(("address[]",), bytes.fromhex(event["data"].removeprefix("0x")))
            except (KeyError, TypeError, ValueError, AttributeError, HistoryUnusable) as error:
                raise BlockUnproven("an event of the registry is not in form") from error
            # Of several in one block the last counts.
            sets[block] = ValidatorSet(block, tuple(dict.fromkeys(validators))[:MAX_VALIDATORS])
        return [sets[block] for block in sorted(sets)]

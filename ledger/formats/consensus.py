"""How a chain's blocks are sealed, and by whom: part of the trust file (DESIGN.md 4.6) of version 2.

    {"kind": "qbft", "sets": [{"block": 120, "validators": ["0x..", ...]}], "consortium": "0x.."}
    {"kind": "clique", "depth": 12, "sets": [...]}

`sets` are the sets of validators that the consortium agreed on, each from a block on, ascending.
`consortium` (optional) is the registry in which it did: without it, a sealed block says that some contract
recorded a history, and not that it was the consortium's.
"""

from dataclasses import dataclass, replace
from typing import Any

from ledger.errors import TrustUnusable
from ledger.ethereum.headers import CLIQUE, KINDS, MAX_VALIDATORS
from ledger.formats.members import read_address, read_integer, read_list, read_object, read_text

MAX_DEPTH = 1_024
"""Most blocks that are asked to follow an anchor's."""

_CONSENSUS = frozenset(("kind", "sets"))
_DEPTH = frozenset(("depth",))
_OPTIONAL = frozenset(("consortium",))
_SET = frozenset(("block", "validators"))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """The validators from a block on; addresses lowercase hex with 0x."""

    block: int
    validators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """`kind` is one of `ledger.ethereum.headers.KINDS`; `depth`, of `clique` alone, how many blocks must
    follow the one with an anchor; `consortium` the registry's address, lowercase hex with 0x."""

    kind: str
    sets: tuple[ValidatorSet, ...]
    depth: int = 0
    consortium: str | None = None

    def set_at(self, number: int) -> ValidatorSet:
        """The set in force at a block; before the first one that is known, that one."""
        known = [each for each in self.sets if each.block <= number]
        return known[-1] if known else self.sets[0]


def with_set(consensus: Consensus, block: int, validators: tuple[str, ...]) -> Consensus:
    """The same with these validators from a block on, the newest one yet; none change nothing.

    The registry takes one twice, and any number; a trust file does not.
    """
    if not validators:
        return consensus
    before = tuple(each for each in consensus.sets if each.block < block)
    usable = tuple(dict.fromkeys(validators))[:MAX_VALIDATORS]
    return replace(consensus, sets=(*before, ValidatorSet(block, usable)))


def parse_consensus(value: Any) -> Consensus:
    """A chain's consensus from its JSON value. Raises `TrustUnusable`."""
    error = TrustUnusable
    with_depth = isinstance(value, dict) and value.get("kind") == CLIQUE
    required = _CONSENSUS | (_DEPTH if with_depth else _NONE)
    members = read_object(value, "consensus", required, _OPTIONAL, error)
    kind = read_text(members["kind"], "consensus.kind", error)
    if kind not in KINDS:
        raise error(f"consensus.kind must be one of {', '.join(KINDS)}")
    sets = tuple(_parse_set(item) for item in read_list(members["sets"], "consensus.sets", error))
    blocks = [each.block for each in sets]
    if not sets or blocks != sorted(set(blocks)):
        raise error("consensus.sets must be one or more, strictly ascending by block")
    depth = read_integer(members["depth"], "consensus.depth", error, minimum=1) if with_depth else 0
    if depth > MAX_DEPTH:
        raise error(f"consensus.depth is at most {MAX_DEPTH}")
    consortium = None
    if "consortium" in members:
        consortium = read_address(members["consortium"], "consensus.consortium", error)
    return Consensus(kind, sets, depth, consortium)


def _parse_set(value: Any) -> ValidatorSet:
    error = TrustUnusable
    members = read_object(value, "a set of validators", _SET, _NONE, error)
    items = read_list(members["validators"], "validators", error)
    validators = tuple(read_address(item, "a validator", error) for item in items)
    if not 1 <= len(validators) <= MAX_VALIDATORS or len(set(validators)) != len(validators):
        raise error(f"a set of validators is 1 to {MAX_VALIDATORS} addresses, each once")
    return ValidatorSet(read_integer(members["block"], "block", error), validators)


def format_consensus(consensus: Consensus) -> dict[str, Any]:
    """A chain's consensus as a JSON value."""
    members: dict[str, Any] = {"kind": consensus.kind}
    if consensus.kind == CLIQUE:
        members["depth"] = consensus.depth
    members["sets"] = [{"block": each.block, "validators": list(each.validators)} for each in consensus.sets]
    if consensus.consortium is not None:
        members["consortium"] = consensus.consortium
    return members

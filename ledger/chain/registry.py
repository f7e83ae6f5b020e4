"""From the registry contract's tuples to plain values (`ledger.formats.registry`), and its proposals."""

from dataclasses import dataclass
from typing import Any, Literal

from ledger.formats.registry import (
    RegistryKey,
    RegistryLog,
    RegistryMember,
    RegistryState,
    RegistryWitness,
    Thresholds,
    is_named_by_origin,
)

PROPOSAL_STATES = ("none", "open", "executed", "cancelled", "expired")
CHANGE_CLASSES = ("emergency", "ordinary", "membership")

__all__ = [
    "CHANGE_CLASSES",
    "PROPOSAL_STATES",
    "Proposal",
    "RegistryKey",
    "RegistryLog",
    "RegistryMember",
    "RegistryState",
    "RegistryWitness",
    "Thresholds",
    "is_named_by_origin",
    "key_of",
    "log_of",
    "member_of",
    "proposal_of",
    "text_of",
]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Changes that were proposed. `calls` are ABI-encoded; `approvals` are member ids, proposer first.

    An open proposal whose time is over is `expired`, whether or not somebody closed it. `counted` are the
    approvals of members that are active now, `needed` how many of them it takes now.
    """

    id: int
    proposer: str
    expires: int
    state: Literal["none", "open", "executed", "cancelled", "expired"]
    change_class: Literal["emergency", "ordinary", "membership"]
    calls: tuple[bytes, ...]
    approvals: tuple[str, ...]
    counted: int
    needed: int


# From the contract's tuples, as an ABI decoder returns them


def text_of(word: bytes) -> str:
    """A right-padded ASCII word as text; what is not ASCII is shown escaped, so that it equals no role."""
    return bytes(word).rstrip(b"\0").decode("ascii", "backslashreplace")


def key_of(raw: Any) -> RegistryKey:
    x, y, valid_from, until, revoked = raw
    return RegistryKey(bytes(x) + bytes(y), valid_from, until or None, revoked or None)


def member_of(raw: Any) -> RegistryMember:
    id_, active, changed, name, accounts, roles, keys = raw
    return RegistryMember(
        text_of(id_),
        name,
        active,
        changed,
        tuple(a.lower() for a in accounts),
        tuple(text_of(r) for r in roles),
        tuple(key_of(k) for k in keys),
    )


def log_of(raw: Any) -> RegistryLog:
    log_id, operator, epochs, witness_threshold, origin, indexes, roles, keys, witnesses = raw
    return RegistryLog(
        log_id=bytes(log_id),
        origin=origin,
        operator=text_of(operator),
        epochs=epochs,
        indexes=tuple(text_of(i) for i in indexes),
        roles={kind: text_of(role) for kind, role in roles},
        keys=tuple(key_of(k) for k in keys),
        witnesses=tuple(RegistryWitness(name, text_of(member), key_of(k)) for name, member, k in witnesses),
        witness_threshold=witness_threshold,
    )


def proposal_of(id_: int, raw: Any, progress: tuple[int, int]) -> Proposal:
    proposer, expires, state, change_class, calls, approvals = raw
    return Proposal(
        id_,
        text_of(proposer),
        expires,
        PROPOSAL_STATES[state],  # type: ignore[arg-type]  # the contract's enum, in the contract's order
        CHANGE_CLASSES[change_class],  # type: ignore[arg-type]  # likewise
        tuple(bytes(c) for c in calls),
        tuple(text_of(a) for a in approvals),
        *progress,
    )

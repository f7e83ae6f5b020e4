"""What the consortium registry holds at a block, as plain values.

Public keys are 64 bytes, x || y. Times are seconds since 1970. `until` and `revoked` are None where the
registry holds 0. The addresses are lowercase hex with 0x.
"""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from ledger.chain.changes import log_id

_log = logging.getLogger(__name__)

PROPOSAL_STATES = ("none", "open", "executed", "cancelled")


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """A public key and its window: `valid_from <= t < until` and `t < revoked`."""

    public: bytes
    valid_from: int
    until: int | None = None
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryMember:
    """A member organisation; `changed` is when it was last admitted, suspended or reinstated."""

    id: str
    name: str
    active: bool
    changed: int
    accounts: tuple[str, ...]
    roles: tuple[str, ...]
    keys: tuple[RegistryKey, ...]


@dataclass(frozen=True, slots=True)
class RegistryWitness:
    """One key of a witness, the name in its signature lines, and the member it is."""

    name: str
    member: str
    key: RegistryKey


@dataclass(frozen=True, slots=True)
class RegistryLog:
    """A log's definition. `roles` maps a kind of statement to the role it needs, where that is special."""

    log_id: bytes
    origin: str
    operator: str
    epochs: int
    indexes: tuple[str, ...]
    roles: dict[str, str]
    keys: tuple[RegistryKey, ...]
    witnesses: tuple[RegistryWitness, ...]
    witness_threshold: int


@dataclass(frozen=True, slots=True)
class RegistryState:
    """The whole registry at one block: enough to make a trust file from.

    `exported_at` is the block's time; `registry` is the checkpoint registry, `consortium` this registry.
    """

    chain_id: int
    block_number: int
    block_hash: str
    exported_at: int
    consortium: str
    registry: str
    threshold: int
    members: tuple[RegistryMember, ...]
    logs: tuple[RegistryLog, ...]
    validators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Changes that were proposed. `calls` are ABI-encoded; `approvals` are member ids, proposer first."""

    id: int
    proposer: str
    expires: int
    state: Literal["none", "open", "executed", "cancelled"]
    calls: tuple[bytes, ...]
    approvals: tuple[str, ...]


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


def is_named_by_origin(log: RegistryLog) -> bool:
    """Whether a log's id is SM3(origin), which the chain cannot compute.

    A log under another id could pass for the one of that origin.
    """
    named = log.origin.isascii() and log_id(log.origin) == log.log_id
    if not named:
        _log.error("the registry's log 0x%s is left out: its id is not SM3 of its origin", log.log_id.hex())
    return named


def proposal_of(id_: int, raw: Any) -> Proposal:
    proposer, expires, state, calls, approvals = raw
    return Proposal(
        id_,
        text_of(proposer),
        expires,
        PROPOSAL_STATES[state],  # type: ignore[arg-type]  # the contract's enum, in the contract's order
        tuple(bytes(c) for c in calls),
        tuple(text_of(a) for a in approvals),
    )

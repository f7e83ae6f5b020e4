"""What the consortium registry holds at a block, as plain values, and the trust file that follows from it.

Public keys are 64 bytes, x || y. Times are seconds since 1970. `until` and `revoked` are None where the
registry holds 0. The addresses are lowercase hex with 0x.
"""

import logging
from dataclasses import dataclass, replace

from ledger.errors import InputError
from ledger.formats.note import LOG_IDENTIFIER, WITNESS_IDENTIFIER, verification_key
from ledger.formats.trust import (
    Chain,
    Exported,
    MemberKey,
    NamedKey,
    Trust,
    TrustLog,
    TrustMember,
    Window,
    Witnesses,
    format_trust,
    parse_trust,
)
from ledger.gm import PublicKey
from ledger.gm.sm3 import sm3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many active members must approve a change of each class: 1 <= emergency <= ordinary <= membership.

    Emergency: revoking a key, suspending a member. Membership: admitting or reinstating a member, roles,
    accounts, thresholds, validators. Ordinary: everything else.
    """

    ordinary: int
    membership: int
    emergency: int

    @classmethod
    def same(cls, number: int) -> "Thresholds":
        """One number for every class."""
        return cls(number, number, number)

    def of(self, change_class: str) -> int:
        """The threshold of a class by its name."""
        return {"emergency": self.emergency, "ordinary": self.ordinary, "membership": self.membership}[
            change_class
        ]


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
    thresholds: Thresholds
    members: tuple[RegistryMember, ...]
    logs: tuple[RegistryLog, ...]
    validators: tuple[str, ...]


def is_named_by_origin(log: RegistryLog) -> bool:
    """Whether a log's id is SM3(origin), which the chain cannot compute.

    A log under another id could pass for the one of that origin.
    """
    named = log.origin.isascii() and sm3(log.origin.encode()) == log.log_id
    if not named:
        _log.error("the registry's log 0x%s is left out: its id is not SM3 of its origin", log.log_id.hex())
    return named


def trust_of(state: RegistryState) -> Trust:
    """The trust file of a registry at a block.

    A suspended member keeps its roles, and its keys, those that it witnesses with and those of the logs that
    it operates too, end when it was suspended: what it signed before counts. The chain takes no checkpoint
    and no cosignature of it either.
    A member, log or witness that cannot stand in a trust file (a code with a wrong check character, a time
    after the year 9999) is left out, and said loudly: what the contract cannot check must not keep everybody
    from hearing of the next revocation.
    """
    exported = Exported(state.exported_at * 1000, state.chain_id, state.block_number)
    members = {member.id: _member_of(member) for member in state.members}
    logs = {log.origin: _log_of(log, state) for log in state.logs}
    whole = Trust(exported, logs, members)
    if _is_usable(whole):
        return whole
    for log in state.logs:
        logs[log.origin] = _with_usable_witnesses(logs[log.origin], exported)
    return Trust(
        exported,
        {
            origin: log
            for origin, log in logs.items()
            if _may_stand(Trust(exported, {origin: log}, {}), origin)
        },
        {id: member for id, member in members.items() if _may_stand(Trust(exported, {}, {id: member}), id)},
    )


def _is_usable(trust: Trust) -> bool:
    try:
        parse_trust(format_trust(trust))
    except InputError:
        return False
    return True


def _may_stand(trust: Trust, name: str) -> bool:
    usable = _is_usable(trust)
    if not usable:
        _log.error("the registry's entry %r is left out of the trust file: it is not in form", name)
    return usable


def _with_usable_witnesses(log: TrustLog, exported: Exported) -> TrustLog:
    if log.witnesses is None:
        return log
    kept = []
    for key in log.witnesses.keys:
        alone = replace(log, roles={}, indexes=(), keys=(), witnesses=Witnesses((key,), 1))
        if _may_stand(Trust(exported, {log.origin: alone}, {}), key.vkey.name):
            kept.append(key)
    return replace(log, witnesses=Witnesses(tuple(kept), log.witnesses.threshold))


def _log_of(log: RegistryLog, state: RegistryState) -> TrustLog:
    ends = {member.id: member.changed for member in state.members if not member.active}
    keys = tuple(_named(log.origin, LOG_IDENTIFIER, key, ends.get(log.operator)) for key in log.keys)
    witnesses = None
    if log.witnesses and log.witness_threshold:
        keys_of = tuple(_witness(each, ends.get(each.member)) for each in log.witnesses)
        witnesses = Witnesses(keys_of, log.witness_threshold)
    chain = Chain(state.chain_id, state.registry, state.validators)
    return TrustLog(log.origin, log.indexes, log.roles, log.epochs, keys, witnesses, chain)


def _witness(witness: RegistryWitness, ends: int | None) -> NamedKey:
    # Kept where it begins only after the suspension too: the threshold must not rise above the names.
    return _named(witness.name, WITNESS_IDENTIFIER, witness.key, ends)


def _named(name: str, identifier: str, key: RegistryKey, ends: int | None) -> NamedKey:
    return NamedKey(verification_key(name, identifier, PublicKey(key.public)), _window(key, ends))


def _member_of(member: RegistryMember) -> TrustMember:
    ends = None if member.active else member.changed
    # A key that would begin only after the suspension never counts.
    kept = [key for key in member.keys if ends is None or key.valid_from < ends]
    keys = tuple(MemberKey(PublicKey(key.public), _window(key, ends)) for key in kept)
    return TrustMember(member.id, member.name, member.roles, keys)


def _window(key: RegistryKey, ends: int | None = None) -> Window:
    until = min((end for end in (key.until, ends) if end is not None), default=None)
    return Window(
        key.valid_from * 1000,
        None if until is None else until * 1000,
        None if key.revoked is None else key.revoked * 1000,
    )

"""What a consortium can be asked to change, one constructor per change function of `ConsortiumRegistry`.

    >>> set_threshold(2)
    Change(function='setThresholds', arguments=((2, 2, 2),))

A proposal is a list of these; the contract carries out all of them or none. Public keys are 64 bytes,
x || y; times are seconds since 1970; addresses are hex with 0x. What cannot be said to the contract at all
(a role of more than 32 bytes, an id that is not 18 characters) raises `InputError` here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import InputError
from ledger.formats.registry import Thresholds
from ledger.gm.sm3 import sm3


@dataclass(frozen=True, slots=True)
class Change:
    """A call of one of the registry's change functions, with arguments as an ABI encoder takes them."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Founder:
    """A founding member, as the registry's constructor is told: keys are (public, from, until or None)."""

    id: str
    name: str
    accounts: tuple[str, ...]
    roles: tuple[str, ...]
    keys: tuple[tuple[bytes, int, int | None], ...]


def log_id(origin: str) -> bytes:
    """SM3(origin), the name of a log on the chain."""
    return sm3(origin.encode("ascii"))


def word(text: str) -> bytes:
    """ASCII text as a right-padded 32-byte word."""
    if not (text.isascii() and text.isprintable() and 1 <= len(text) <= 32):
        raise InputError("a role or an index name is 1 to 32 printable ASCII characters")
    return text.encode("ascii").ljust(32, b"\0")


def member_id(uscc: str) -> bytes:
    """A USCC as the 18 bytes that name a member on the chain."""
    if not (uscc.isascii() and uscc.isalnum() and len(uscc) == 18):
        raise InputError("a member id is a unified social credit code of 18 characters")
    return uscc.encode("ascii")


def point(public: bytes) -> tuple[bytes, bytes]:
    """A public key as the pair (x, y)."""
    if len(public) != 64:
        raise InputError("a public key is 64 bytes, x || y")
    return public[:32], public[32:]


def address(text: str) -> str:
    """An account's address as it stands on the chain, in lowercase."""
    if not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise InputError("an account's address is 0x and 40 hex digits")
    return text.lower()


def seconds(time: int | None) -> int:
    """A time as the contract keeps it: seconds since 1970 in 64 bits, 0 for none."""
    if time is not None and not 0 <= time < 2**64:
        raise InputError("a time is given in whole seconds since 1970")
    return time or 0


def founder_tuple(founder: Founder) -> tuple[Any, ...]:
    """A founder as an ABI encoder takes it."""
    keys = [(*point(public), seconds(since), seconds(until), 0) for public, since, until in founder.keys]
    roles = [word(r) for r in founder.roles]
    return member_id(founder.id), founder.name, [address(a) for a in founder.accounts], roles, keys


def thresholds_tuple(thresholds: Thresholds) -> tuple[int, int, int]:
    """Thresholds as an ABI encoder takes them."""
    numbers = (thresholds.ordinary, thresholds.membership, thresholds.emergency)
    if not all(0 <= number < 2**32 for number in numbers):
        raise InputError("a threshold is a number of members")
    return numbers


def add_member(id_: str, name: str, accounts: Sequence[str], roles: Sequence[str]) -> Change:
    return Change(
        "addMember", (member_id(id_), name, [address(a) for a in accounts], [word(r) for r in roles])
    )


def set_name(id_: str, name: str) -> Change:
    return Change("setName", (member_id(id_), name))


def suspend(id_: str) -> Change:
    return Change("setActive", (member_id(id_), False))


def reinstate(id_: str) -> Change:
    return Change("setActive", (member_id(id_), True))


def set_roles(id_: str, roles: Sequence[str]) -> Change:
    return Change("setRoles", (member_id(id_), [word(r) for r in roles]))


def add_account(id_: str, account: str) -> Change:
    return Change("addAccount", (member_id(id_), address(account)))


def remove_account(account: str) -> Change:
    return Change("removeAccount", (address(account),))


def add_key(id_: str, public: bytes, valid_from: int, until: int | None = None) -> Change:
    return Change("addKey", (member_id(id_), *point(public), seconds(valid_from), seconds(until)))


def set_key_until(public: bytes, until: int | None) -> Change:
    return Change("setKeyUntil", (*point(public), seconds(until)))


def revoke_key(public: bytes, revoked: int) -> Change:
    """From `revoked` on (it may lie in the past) this key's signatures no longer count."""
    return Change("revokeKey", (*point(public), seconds(revoked)))


def rotate_key(old: bytes, new: bytes, begin: int) -> Change:
    """Replace a member's key: the new one counts from `begin`, the old one until then.

    Refused when it is executed after `begin`.
    """
    return Change("rotateKey", (*point(old), *point(new), seconds(begin)))


def set_thresholds(thresholds: Thresholds) -> Change:
    return Change("setThresholds", (thresholds_tuple(thresholds),))


def set_threshold(threshold: int) -> Change:
    """One threshold for every class of change."""
    return set_thresholds(Thresholds.same(threshold))


def set_validators(addresses: Sequence[str]) -> Change:
    """The chain's validators, for those who check a consensus proof."""
    return Change("setValidators", ([address(a) for a in addresses],))


def define_log(origin: str, operator: str, indexes: Sequence[str], epochs: int = 1) -> Change:
    names = [word(i) for i in indexes]
    return Change("defineLog", (log_id(origin), origin, member_id(operator), names, epochs))


def set_operator(origin: str, operator: str) -> Change:
    return Change("setOperator", (log_id(origin), member_id(operator)))


def set_indexes(origin: str, indexes: Sequence[str]) -> Change:
    return Change("setIndexes", (log_id(origin), [word(i) for i in indexes]))


def set_epochs(origin: str, epochs: int) -> Change:
    return Change("setEpochs", (log_id(origin), epochs))


def set_kind_role(origin: str, kind: str, role: str | None) -> Change:
    """The role that a kind of statement needs in this log; None goes back to `publisher:<first word>`."""
    return Change("setKindRole", (log_id(origin), kind, word(role) if role else bytes(32)))


def add_log_key(origin: str, public: bytes, valid_from: int, until: int | None = None) -> Change:
    return Change("addLogKey", (log_id(origin), *point(public), seconds(valid_from), seconds(until)))


def set_log_key_until(origin: str, public: bytes, until: int | None) -> Change:
    """For a witness's key of the log too."""
    return Change("setLogKeyUntil", (log_id(origin), *point(public), seconds(until)))


def revoke_log_key(origin: str, public: bytes, revoked: int) -> Change:
    """For a witness's key of the log too."""
    return Change("revokeLogKey", (log_id(origin), *point(public), seconds(revoked)))


def add_witness(
    origin: str, name: str, member: str, public: bytes, valid_from: int, until: int | None = None
) -> Change:
    """A witness of the log under a name that stands for one member, never the log's operator."""
    return Change(
        "addWitness",
        (log_id(origin), name, member_id(member), *point(public), seconds(valid_from), seconds(until)),
    )


def set_witness_threshold(origin: str, threshold: int) -> Change:
    return Change("setWitnessThreshold", (log_id(origin), threshold))

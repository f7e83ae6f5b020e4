"""What each change function of the consortium registry does, done again offline.

Mirrors `contracts/MemberRegister.sol` and `contracts/LogRegister.sol`: the same checks where the outcome
depends on them, in the same order, so that the state after a history equals what the chain exports.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ledger.errors import HistoryRefused, HistoryUnusable, KeyUnusable
from ledger.formats.abi import decode
from ledger.formats.registry import RegistryKey, RegistryLog, RegistryMember, RegistryWitness, Thresholds
from ledger.gm import PublicKey
from ledger.verify.registry_rows import LogRow, MemberRow

N = TypeVar("N", bound=Hashable)
T = TypeVar("T")
EMERGENCY, ORDINARY, MEMBERSHIP = "emergency", "ordinary", "membership"

_KEY = ("bytes32", "bytes32")
_WINDOW = ("uint64", "uint64")
FUNCTIONS: dict[bytes, tuple[str, tuple[str, ...]]] = {
    bytes.fromhex(selector): (name, types)
    for selector, name, types in (
        ("eafc2dbb", "addMember", ("bytes18", "string", "address[]", "bytes32[]")),
        ("041ccbe2", "setName", ("bytes18", "string")),
        ("94ca230a", "setActive", ("bytes18", "bool")),
        ("494422d5", "setRoles", ("bytes18", "bytes32[]")),
        ("479e3959", "addAccount", ("bytes18", "address")),
        ("c4740a95", "removeAccount", ("address",)),
        ("a2c5d197", "addKey", ("bytes18", *_KEY, *_WINDOW)),
        ("49d9d54f", "setKeyUntil", (*_KEY, "uint64")),
        ("24b4bece", "rotateKey", (*_KEY, *_KEY, "uint64")),
        ("6099fc36", "revokeKey", (*_KEY, "uint64")),
        ("a6853d6a", "setThresholds", ("(uint32,uint32,uint32)",)),
        ("9300c926", "setValidators", ("address[]",)),
        ("5a7e0246", "defineLog", ("bytes32", "string", "bytes18", "bytes32[]", "uint32")),
        ("b15d68ea", "setOperator", ("bytes32", "bytes18")),
        ("76141b7b", "setIndexes", ("bytes32", "bytes32[]")),
        ("89152239", "setEpochs", ("bytes32", "uint32")),
        ("a99d1b8f", "setKindRole", ("bytes32", "string", "bytes32")),
        ("5a76b67c", "addLogKey", ("bytes32", *_KEY, *_WINDOW)),
        ("656256fb", "setLogKeyUntil", ("bytes32", *_KEY, "uint64")),
        ("c00bcc17", "revokeLogKey", ("bytes32", *_KEY, "uint64")),
        ("d5e65872", "addWitness", ("bytes32", "string", "bytes18", *_KEY, *_WINDOW)),
        ("03643d83", "setWitnessThreshold", ("bytes32", "uint32")),
    )
}
"""Selector (the first 4 bytes of Keccak-256 of the signature) -> name and argument types."""

WITHOUT_EFFECT = frozenset(
    bytes.fromhex(selector)
    for selector in (
        "4331ed1f",  # activeCount
        "bf81bf43",  # expire: makes a record of its own
        "a0dd013f",  # historyBlocks
        "58b2e8d9",  # historyHead
        "f1279c8c",  # historyLength
        "75c87125",  # isWitness
        "27b7cf85",  # log
        "1238b331",  # logIds
        "e5e81eb0",  # member
        "2c42a466",  # memberIds
        "3b4c9891",  # memberOf
        "63ea4ab2",  # operatorOf
        "69826a94",  # progress
        "30326c17",  # proposal
        "da35c664",  # proposalCount
        "cda43b3a",  # thresholds
        "ca1e7819",  # validators
        "3206fae0",  # witnessThreshold
    )
)
"""Selectors of what a proposal may call besides, for the contract takes any: no member or log is changed.

Every other call that is no change reverts when the registry makes it, so no executed proposal holds one.
"""

_MEMBERSHIP_CALLS = frozenset(
    ("addMember", "addAccount", "removeAccount", "setRoles", "setThresholds", "setValidators")
)


def read_call(call: bytes) -> tuple[str, list[Any]]:
    """A change function's name and its arguments. Raises `HistoryUnusable`."""
    try:
        name, types = FUNCTIONS[call[:4]]
    except KeyError:
        raise HistoryUnusable(f"no change function has the selector {call[:4].hex()}") from None
    return name, decode(types, call[4:])


def class_of(call: bytes) -> str:
    """How weighty a call is: what the contract tells from its selector when it is proposed."""
    name, _ = FUNCTIONS.get(call[:4], ("", ()))
    if name in ("revokeKey", "revokeLogKey"):
        return EMERGENCY
    if name == "setActive":
        return MEMBERSHIP if read_call(call)[1][1] else EMERGENCY
    return MEMBERSHIP if name in _MEMBERSHIP_CALLS else ORDINARY


@dataclass
class Registry:
    """The registry's state while it is made anew. Members and logs in the contract's order."""

    validators: tuple[str, ...] = ()
    thresholds: Thresholds = field(default_factory=lambda: Thresholds.same(0))
    active_count: int = 0
    _members: dict[str, MemberRow] = field(default_factory=dict)
    _logs: dict[bytes, LogRow] = field(default_factory=dict)
    # An account's member, and its place among that member's.
    _accounts: dict[str, tuple[MemberRow, int]] = field(default_factory=dict)
    _holders: dict[bytes, MemberRow] = field(default_factory=dict)
    _log_keys: set[bytes] = field(default_factory=set)

    def members(self) -> tuple[RegistryMember, ...]:
        return tuple(row.value() for row in self._members.values())

    def logs(self) -> tuple[RegistryLog, ...]:
        return tuple(row.value() for row in self._logs.values())

    def active_ids(self) -> list[str]:
        return [row.id for row in self._members.values() if row.active]

    def is_active(self, id_: str) -> bool:
        return id_ in self._members and self._members[id_].active

    def apply(self, call: bytes, time: int) -> None:
        """Do what the call does at a block's time.

        Raises `HistoryRefused` where the contract would have reverted.
        """
        if call[:4] in WITHOUT_EFFECT:
            return
        name, arguments = read_call(call)
        _APPLY[name](self, time, *arguments)

    def owner_of(self, name: str, arguments: list[Any]) -> str:
        """The member that holds the key which a `revokeKey` or `revokeLogKey` names."""
        if name == "revokeKey":
            return self._holder(_public(*arguments[:2])).id
        log, public = self._log(arguments[0]), _public(*arguments[1:3])
        return log.witnesses[public].member if public in log.witnesses else log.operator

    # Members

    def _member(self, id_: bytes) -> MemberRow:
        return _found(self._members, _text(id_), "member")

    def _add_member(self, time: int, id_: bytes, name: str, accounts: list[str], roles: list[bytes]) -> None:
        text = _text(id_)
        if text in self._members or not accounts:
            raise HistoryRefused("a member is admitted twice, or without an account")
        self._members[text] = MemberRow(text, name, time, tuple(map(_text, roles)))
        self.active_count += 1
        for account in accounts:
            self._add_account(time, id_, account)

    def _set_name(self, _time: int, id_: bytes, name: str) -> None:
        self._member(id_).name = name

    def _set_active(self, time: int, id_: bytes, active: bool) -> None:
        member = self._member(id_)
        if member.active == active:
            return
        member.active, member.changed = active, time
        self.active_count += 1 if active else -1
        if self.active_count < self.thresholds.membership:
            raise HistoryRefused("a suspension leaves fewer active members than must agree")

    def _set_roles(self, _time: int, id_: bytes, roles: list[bytes]) -> None:
        self._member(id_).roles = tuple(map(_text, roles))

    def _add_account(self, _time: int, id_: bytes, account: str) -> None:
        member = self._member(id_)
        if account in self._accounts:
            raise HistoryRefused("an account is given to two members")
        self._accounts[account] = member, len(member.accounts)
        member.accounts.append(account)

    def _remove_account(self, _time: int, account: str) -> None:
        member, place = _found(self._accounts, account, "account")
        if len(member.accounts) == 1:
            raise HistoryRefused("a member loses its last account")
        # As the contract does: the last one takes its place.
        last = member.accounts[-1]
        member.accounts[place], self._accounts[last] = last, (member, place)
        member.accounts.pop()
        del self._accounts[account]

    def _add_key(self, _time: int, id_: bytes, x: bytes, y: bytes, start: int, until: int) -> None:
        member, key = self._member(id_), _new_key(x, y, start, until)
        if key.public in self._holders or key.public in self._log_keys:
            raise HistoryRefused("a key is registered twice")
        self._holders[key.public] = member
        member.keys[key.public] = key

    def _set_key_until(self, _time: int, x: bytes, y: bytes, until: int) -> None:
        self._change_key(_public(x, y), lambda key: _ended(key, until))

    def _rotate_key(self, time: int, x: bytes, y: bytes, new_x: bytes, new_y: bytes, begin: int) -> None:
        if begin < time:
            raise HistoryRefused("a rotation begins before it was executed")
        old = _public(x, y)
        holder = self._holder(old)
        until = holder.keys[old].until
        if until is None or until > begin:
            self._change_key(old, lambda key: _ended(key, begin))
        self._add_key(time, holder.id.encode(), new_x, new_y, begin, 0)

    def _revoke_key(self, _time: int, x: bytes, y: bytes, revoked: int) -> None:
        self._change_key(_public(x, y), lambda key: _revoked(key, revoked))

    def _set_thresholds(self, _time: int, numbers: tuple[int, int, int]) -> None:
        ordinary, membership, emergency = numbers
        if not 1 <= emergency <= ordinary <= membership <= self.active_count:
            raise HistoryRefused("thresholds are out of order, or out of reach")
        self.thresholds = Thresholds(ordinary, membership, emergency)

    def _set_validators(self, _time: int, addresses: list[str]) -> None:
        self.validators = tuple(addresses)

    def _holder(self, public: bytes) -> MemberRow:
        return _found(self._holders, public, "key")

    def _change_key(self, public: bytes, change: Callable[[RegistryKey], RegistryKey]) -> None:
        keys = self._holder(public).keys
        keys[public] = change(keys[public])

    # Logs

    def _log(self, log_id: bytes) -> LogRow:
        return _found(self._logs, log_id, "log")

    def _define_log(
        self, _time: int, log_id: bytes, origin: str, operator: bytes, indexes: list[bytes], epochs: int
    ) -> None:
        if log_id in self._logs or not origin or epochs == 0:
            raise HistoryRefused("a log is defined twice, or without a name")
        operated = self._member(operator).id
        self._logs[log_id] = LogRow(log_id, origin, operated, epochs, tuple(map(_text, indexes)))

    def _set_operator(self, _time: int, log_id: bytes, operator: bytes) -> None:
        log, member = self._log(log_id), self._member(operator).id
        if member in log.names_of_members:
            raise HistoryRefused("a witness becomes the log's operator")
        log.operator = member

    def _set_indexes(self, _time: int, log_id: bytes, indexes: list[bytes]) -> None:
        self._log(log_id).indexes = tuple(map(_text, indexes))

    def _set_epochs(self, _time: int, log_id: bytes, epochs: int) -> None:
        log = self._log(log_id)
        if epochs <= log.epochs:
            raise HistoryRefused("epochs do not grow")
        log.epochs = epochs

    def _set_kind_role(self, _time: int, log_id: bytes, kind: str, role: bytes) -> None:
        roles = self._log(log_id).roles
        if any(role):
            roles[kind] = _text(role)
        else:
            roles.pop(kind, None)

    def _add_log_key(self, _time: int, log_id: bytes, x: bytes, y: bytes, start: int, until: int) -> None:
        log, key = self._log(log_id), _new_key(x, y, start, until)
        self._claim(log, key)
        log.keys[key.public] = key

    def _set_log_key_until(self, _time: int, log_id: bytes, x: bytes, y: bytes, until: int) -> None:
        self._change_log_key(log_id, _public(x, y), lambda key: _ended(key, until))

    def _revoke_log_key(self, _time: int, log_id: bytes, x: bytes, y: bytes, revoked: int) -> None:
        self._change_log_key(log_id, _public(x, y), lambda key: _revoked(key, revoked))

    def _add_witness(
        self,
        _time: int,
        log_id: bytes,
        name: str,
        member: bytes,
        x: bytes,
        y: bytes,
        start: int,
        until: int,
    ) -> None:
        log, id_, key = self._log(log_id), self._member(member).id, _new_key(x, y, start, until)
        if not name or id_ == log.operator or not log.may_name(name, id_):
            raise HistoryRefused("a witness name stands for two members, or for the operator")
        self._claim(log, key)
        log.add_witness(RegistryWitness(name, id_, key))

    def _set_witness_threshold(self, _time: int, log_id: bytes, threshold: int) -> None:
        log = self._log(log_id)
        if not 1 <= threshold <= len(log.names_of_members):
            raise HistoryRefused("a witness threshold is out of reach")
        log.threshold = threshold

    def _claim(self, log: LogRow, key: RegistryKey) -> None:
        if key.public in self._holders or log.has_key(key.public):
            raise HistoryRefused("a key is registered twice")
        self._log_keys.add(key.public)

    def _change_log_key(
        self, log_id: bytes, public: bytes, change: Callable[[RegistryKey], RegistryKey]
    ) -> None:
        log = self._log(log_id)
        if public in log.witnesses:
            witness = log.witnesses[public]
            log.witnesses[public] = replace(witness, key=change(witness.key))
        else:
            log.keys[public] = change(_found(log.keys, public, "key"))


_APPLY: dict[str, Callable[..., None]] = {
    "addMember": Registry._add_member,
    "setName": Registry._set_name,
    "setActive": Registry._set_active,
    "setRoles": Registry._set_roles,
    "addAccount": Registry._add_account,
    "removeAccount": Registry._remove_account,
    "addKey": Registry._add_key,
    "setKeyUntil": Registry._set_key_until,
    "rotateKey": Registry._rotate_key,
    "revokeKey": Registry._revoke_key,
    "setThresholds": Registry._set_thresholds,
    "setValidators": Registry._set_validators,
    "defineLog": Registry._define_log,
    "setOperator": Registry._set_operator,
    "setIndexes": Registry._set_indexes,
    "setEpochs": Registry._set_epochs,
    "setKindRole": Registry._set_kind_role,
    "addLogKey": Registry._add_log_key,
    "setLogKeyUntil": Registry._set_log_key_until,
    "revokeLogKey": Registry._revoke_log_key,
    "addWitness": Registry._add_witness,
    "setWitnessThreshold": Registry._set_witness_threshold,
}


def _found(table: Mapping[N, T], name: N, what: str) -> T:
    if name not in table:
        raise HistoryRefused(f"a change is of a {what} that is not registered")
    return table[name]


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("ascii", "backslashreplace")


def _public(x: bytes, y: bytes) -> bytes:
    return x + y


def _new_key(x: bytes, y: bytes, start: int, until: int) -> RegistryKey:
    try:
        public = PublicKey(_public(x, y)).raw
    except KeyUnusable as error:
        raise HistoryRefused("a key is not a point of the SM2 curve") from error
    if until and until <= start:
        raise HistoryRefused("a key's window ends before it begins")
    return RegistryKey(public, start, until or None)


def _ended(key: RegistryKey, until: int) -> RegistryKey:
    if until and until <= key.valid_from:
        raise HistoryRefused("a key's window ends before it begins")
    return replace(key, until=until or None)


def _revoked(key: RegistryKey, revoked: int) -> RegistryKey:
    if not revoked or (key.revoked is not None and revoked >= key.revoked):
        raise HistoryRefused("a revocation is moved to a later time")
    return replace(key, revoked=revoked)

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
    """The registry's state while it is made anew. Members, logs and accounts in the contract's order."""

    members: dict[str, RegistryMember] = field(default_factory=dict)
    logs: dict[bytes, RegistryLog] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    validators: tuple[str, ...] = ()
    thresholds: Thresholds = field(default_factory=lambda: Thresholds.same(0))

    @property
    def active_count(self) -> int:
        return sum(member.active for member in self.members.values())

    def is_active(self, id_: str) -> bool:
        return id_ in self.members and self.members[id_].active

    def apply(self, call: bytes, time: int) -> str:
        """Do what the call does at a block's time; returns the function's name.

        Raises `HistoryRefused` where the contract would have reverted.
        """
        name, arguments = read_call(call)
        _APPLY[name](self, time, *arguments)
        return name

    def owner_of(self, name: str, arguments: list[Any]) -> str:
        """The member that holds the key which a `revokeKey` or `revokeLogKey` names."""
        if name == "revokeKey":
            return self._holder(_public(*arguments[:2])).id
        log, public = self._log(arguments[0]), _public(*arguments[1:3])
        return next((w.member for w in log.witnesses if w.key.public == public), log.operator)

    # Members

    def _member(self, id_: bytes) -> RegistryMember:
        return _found(self.members, _text(id_), "member")

    def _add_member(self, time: int, id_: bytes, name: str, accounts: list[str], roles: list[bytes]) -> None:
        text = _text(id_)
        if text in self.members or not accounts:
            raise HistoryRefused("a member is admitted twice, or without an account")
        self.members[text] = RegistryMember(text, name, True, time, (), tuple(map(_text, roles)), ())
        for account in accounts:
            self._add_account(time, id_, account)

    def _set_name(self, _time: int, id_: bytes, name: str) -> None:
        self._put(replace(self._member(id_), name=name))

    def _set_active(self, time: int, id_: bytes, active: bool) -> None:
        member = self._member(id_)
        if member.active == active:
            return
        self._put(replace(member, active=active, changed=time))
        if self.active_count < self.thresholds.membership:
            raise HistoryRefused("a suspension leaves fewer active members than must agree")

    def _set_roles(self, _time: int, id_: bytes, roles: list[bytes]) -> None:
        self._put(replace(self._member(id_), roles=tuple(map(_text, roles))))

    def _add_account(self, _time: int, id_: bytes, account: str) -> None:
        member = self._member(id_)
        if account in self.accounts:
            raise HistoryRefused("an account is given to two members")
        self.accounts[account] = member.id
        self._put(replace(member, accounts=(*member.accounts, account)))

    def _remove_account(self, _time: int, account: str) -> None:
        member = self.members[_found(self.accounts, account, "account")]
        if len(member.accounts) == 1:
            raise HistoryRefused("a member loses its last account")
        kept = list(member.accounts)
        # As the contract does: the last one takes its place.
        kept[kept.index(account)] = kept[-1]
        del self.accounts[account]
        self._put(replace(member, accounts=tuple(kept[:-1])))

    def _add_key(self, _time: int, id_: bytes, x: bytes, y: bytes, start: int, until: int) -> None:
        member, key = self._member(id_), _new_key(x, y, start, until)
        if self._is_members(key.public) or any(key.public in _publics(log) for log in self.logs.values()):
            raise HistoryRefused("a key is registered twice")
        self._put(replace(member, keys=(*member.keys, key)))

    def _set_key_until(self, _time: int, x: bytes, y: bytes, until: int) -> None:
        self._change_key(_public(x, y), lambda key: _ended(key, until))

    def _rotate_key(self, time: int, x: bytes, y: bytes, new_x: bytes, new_y: bytes, begin: int) -> None:
        if begin < time:
            raise HistoryRefused("a rotation begins before it was executed")
        old = _public(x, y)
        holder = self._holder(old)
        if next(key for key in holder.keys if key.public == old).until is None or any(
            key.public == old and key.until is not None and key.until > begin for key in holder.keys
        ):
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

    def _put(self, member: RegistryMember) -> None:
        self.members[member.id] = member

    def _is_members(self, public: bytes) -> bool:
        return any(key.public == public for member in self.members.values() for key in member.keys)

    def _holder(self, public: bytes) -> RegistryMember:
        for member in self.members.values():
            if any(key.public == public for key in member.keys):
                return member
        raise HistoryRefused("a key is of no member")

    def _change_key(self, public: bytes, change: Callable[[RegistryKey], RegistryKey]) -> None:
        member = self._holder(public)
        self._put(
            replace(member, keys=tuple(change(key) if key.public == public else key for key in member.keys))
        )

    # Logs

    def _log(self, log_id: bytes) -> RegistryLog:
        return _found(self.logs, log_id, "log")

    def _define_log(
        self, _time: int, log_id: bytes, origin: str, operator: bytes, indexes: list[bytes], epochs: int
    ) -> None:
        if log_id in self.logs or not origin or epochs == 0:
            raise HistoryRefused("a log is defined twice, or without a name")
        operated = self._member(operator).id
        names = tuple(map(_text, indexes))
        self.logs[log_id] = RegistryLog(log_id, origin, operated, epochs, names, {}, (), (), 0)

    def _set_operator(self, _time: int, log_id: bytes, operator: bytes) -> None:
        log, member = self._log(log_id), self._member(operator).id
        if any(witness.member == member for witness in log.witnesses):
            raise HistoryRefused("a witness becomes the log's operator")
        self.logs[log_id] = replace(log, operator=member)

    def _set_indexes(self, _time: int, log_id: bytes, indexes: list[bytes]) -> None:
        self.logs[log_id] = replace(self._log(log_id), indexes=tuple(map(_text, indexes)))

    def _set_epochs(self, _time: int, log_id: bytes, epochs: int) -> None:
        log = self._log(log_id)
        if epochs <= log.epochs:
            raise HistoryRefused("epochs do not grow")
        self.logs[log_id] = replace(log, epochs=epochs)

    def _set_kind_role(self, _time: int, log_id: bytes, kind: str, role: bytes) -> None:
        log = self._log(log_id)
        roles = dict(log.roles)
        if any(role):
            roles[kind] = _text(role)
        else:
            roles.pop(kind, None)
        self.logs[log_id] = replace(log, roles=roles)

    def _add_log_key(self, _time: int, log_id: bytes, x: bytes, y: bytes, start: int, until: int) -> None:
        log, key = self._log(log_id), _new_key(x, y, start, until)
        self._claim(log, key)
        self.logs[log_id] = replace(log, keys=(*log.keys, key))

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
        mixed = any((w.name == name) != (w.member == id_) for w in log.witnesses)
        if not name or id_ == log.operator or mixed:
            raise HistoryRefused("a witness name stands for two members, or for the operator")
        self._claim(log, key)
        self.logs[log_id] = replace(log, witnesses=(*log.witnesses, RegistryWitness(name, id_, key)))

    def _set_witness_threshold(self, _time: int, log_id: bytes, threshold: int) -> None:
        log = self._log(log_id)
        if not 1 <= threshold <= len({witness.member for witness in log.witnesses}):
            raise HistoryRefused("a witness threshold is out of reach")
        self.logs[log_id] = replace(log, witness_threshold=threshold)

    def _claim(self, log: RegistryLog, key: RegistryKey) -> None:
        if self._is_members(key.public) or key.public in _publics(log):
            raise HistoryRefused("a key is registered twice")

    def _change_log_key(
        self, log_id: bytes, public: bytes, change: Callable[[RegistryKey], RegistryKey]
    ) -> None:
        log = self._log(log_id)
        if public not in _publics(log):
            raise HistoryRefused("a key is not of the log")
        self.logs[log_id] = replace(
            log,
            keys=tuple(change(key) if key.public == public else key for key in log.keys),
            witnesses=tuple(
                replace(w, key=change(w.key)) if w.key.public == public else w for w in log.witnesses
            ),
        )


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


def _publics(log: RegistryLog) -> set[bytes]:
    return {key.public for key in log.keys} | {witness.key.public for witness in log.witnesses}


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

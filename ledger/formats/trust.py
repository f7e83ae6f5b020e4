"""The trust file: what a verifier believes beforehand (DESIGN.md 4.6).

Exported from the consortium registry at a block and checked by a person once. It names the logs with their
keys, witnesses and chain, and the members with their keys and roles. One key serves one owner: under one
member, or under one name of one role per log; a file that says otherwise is unusable.

A file of version 2 says of a chain by whom its blocks are sealed (`consensus`); one that says it of none is
of version 1, which every verifier reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ledger.errors import KeyUnusable, TooLarge, TrustUnusable
from ledger.formats import strictjson
from ledger.formats.consensus import Consensus, format_consensus, parse_consensus
from ledger.formats.members import (
    read_address,
    read_hex,
    read_index_name,
    read_integer,
    read_list,
    read_object,
    read_origin,
    read_text,
)
from ledger.formats.note import (
    LOG_IDENTIFIER,
    WITNESS_IDENTIFIER,
    VerificationKey,
    format_vkey,
    parse_vkey,
)
from ledger.formats.statement import is_kind
from ledger.formats.times import format_time, parse_time
from ledger.gm import PublicKey
from ledger.identifiers import is_uscc

MEDIA_TYPE = "application/vnd.xinzheng.trust+json;v=1"
MEDIA_TYPE_2 = "application/vnd.xinzheng.trust+json;v=2"

MAX_TRUST = 64 * 1024 * 1024
"""Most bytes of a trust file that is read at all."""

_TRUST = frozenset(("mediaType", "exported", "logs", "members"))
_EXPORTED = frozenset(("at", "chainId", "block"))
_LOG = frozenset(("indexes", "roles", "epochs", "keys"))
_LOG_OPTIONAL = frozenset(("witnesses", "chain"))
_WITNESSES = frozenset(("keys", "threshold"))
_CHAIN = frozenset(("chainId", "registry", "validators"))
_MEMBER = frozenset(("id", "name", "roles", "keys"))
_WINDOW = frozenset(("from", "until", "revoked"))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """When a key's signatures count, in milliseconds: start <= at < until and at < revoked."""

    start: int
    until: int | None = None
    revoked: int | None = None

    def holds(self, at: int) -> bool:
        """Whether a signature made at `at` counts."""
        return (
            self.start <= at
            and (self.until is None or at < self.until)
            and (self.revoked is None or at < self.revoked)
        )

    def is_revoked(self, now: int) -> bool:
        """Whether the time of revocation has passed."""
        return self.revoked is not None and self.revoked <= now


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A log's or a witness's key and its window."""

    vkey: VerificationKey
    window: Window


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A member's key and its window."""

    public: PublicKey
    window: Window


@dataclass(frozen=True, slots=True)
class Witnesses:
    """A log's witness policy: so many distinct names must have signed."""

    keys: tuple[NamedKey, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a log's checkpoints are anchored; addresses in lowercase with 0x."""

    chain_id: int
    registry: str
    validators: tuple[str, ...] = ()
    consensus: Consensus | None = None


@dataclass(frozen=True, slots=True)
class TrustLog:
    """What is believed of one log. `roles`: kind -> role, where it is not `publisher:<first segment>`."""

    origin: str
    indexes: tuple[str, ...]
    roles: Mapping[str, str]
    epochs: int
    keys: tuple[NamedKey, ...]
    witnesses: Witnesses | None = None
    chain: Chain | None = None

    def role_for(self, kind: str) -> str:
        """The role that a statement of this kind needs."""
        return self.roles.get(kind, "publisher:" + kind.partition(".")[0])


@dataclass(frozen=True, slots=True)
class TrustMember:
    """One member; `id` is its USCC."""

    id: str
    name: str
    roles: tuple[str, ...]
    keys: tuple[MemberKey, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """When (milliseconds) and at which block the file was exported from the registry."""

    at: int
    chain_id: int
    block: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is. `member` is None for a key of a log or a witness."""

    public: PublicKey
    window: Window
    member: TrustMember | None


@dataclass(frozen=True)
class Trust:
    """A whole trust file; `logs` by origin, `members` by id."""

    exported: Exported
    logs: Mapping[str, TrustLog]
    members: Mapping[str, TrustMember]

    @cached_property
    def holders(self) -> Mapping[str, Holder]:
        """Every key of the file by its keyid; members' keys before logs' and witnesses'."""
        holders: dict[str, Holder] = {}
        for log in self.logs.values():
            for named in (*log.keys, *(log.witnesses.keys if log.witnesses else ())):
                public = named.vkey.public
                holders[public.keyid] = Holder(public, named.window, None)
        for member in self.members.values():
            for key in member.keys:
                holders[key.public.keyid] = Holder(key.public, key.window, member)
        return holders


def with_consensus(trust: Trust, consensus: Consensus | None) -> Trust:
    """The same with that consensus, or none, for every log that is anchored."""
    logs = {
        origin: log if log.chain is None else replace(log, chain=replace(log.chain, consensus=consensus))
        for origin, log in trust.logs.items()
    }
    return Trust(trust.exported, logs, trust.members)


def parse_trust(data: bytes) -> Trust:
    """A trust file. Raises `TooLarge` above 64 MiB, or a `FormatError` when it is unusable."""
    if len(data) > MAX_TRUST:
        raise TooLarge("a trust file has at most 64 MiB")
    members = read_object(strictjson.loads(data), "a trust file", _TRUST, _NONE, TrustUnusable)
    if members["mediaType"] not in (MEDIA_TYPE, MEDIA_TYPE_2):
        raise TrustUnusable(f"mediaType must be {MEDIA_TYPE} or {MEDIA_TYPE_2}")
    exported = read_object(members["exported"], "exported", _EXPORTED, _NONE, TrustUnusable)
    logs = members["logs"]
    if not isinstance(logs, dict):
        raise TrustUnusable("logs must be an object")
    trust = Trust(
        Exported(
            parse_time(exported["at"]),
            read_integer(exported["chainId"], "exported.chainId", TrustUnusable),
            read_integer(exported["block"], "exported.block", TrustUnusable),
        ),
        {origin: _parse_log(origin, value) for origin, value in logs.items()},
        _parse_members(members["members"]),
    )
    if members["mediaType"] != _media_type(trust):
        raise TrustUnusable("version 2 is where a chain has a consensus, version 1 where none has")
    _check_owners(trust)
    return trust


def _media_type(trust: Trust) -> str:
    sealed = any(log.chain is not None and log.chain.consensus is not None for log in trust.logs.values())
    return MEDIA_TYPE_2 if sealed else MEDIA_TYPE


def _parse_log(origin: str, value: Any) -> TrustLog:
    read_origin(origin, "the name of a log", TrustUnusable)
    members = read_object(value, "a log", _LOG, _LOG_OPTIONAL, TrustUnusable)
    names = read_list(members["indexes"], "indexes", TrustUnusable)
    indexes = tuple(read_index_name(name, "an index name", TrustUnusable) for name in names)
    if len(set(indexes)) != len(indexes):
        raise TrustUnusable("an index name stands twice")
    roles = members["roles"]
    if not isinstance(roles, dict) or not all(
        is_kind(kind) and isinstance(role, str) for kind, role in roles.items()
    ):
        raise TrustUnusable("roles must be an object from kinds to roles")
    keys = _parse_named_keys(members["keys"], LOG_IDENTIFIER)
    if any(key.vkey.name != origin for key in keys):
        raise TrustUnusable("a log's vkey must bear its origin as name")
    return TrustLog(
        origin,
        indexes,
        roles,
        read_integer(members["epochs"], "epochs", TrustUnusable, minimum=1),
        keys,
        _parse_witnesses(members["witnesses"]) if "witnesses" in members else None,
        _parse_chain(members["chain"]) if "chain" in members else None,
    )


def _parse_witnesses(value: Any) -> Witnesses:
    members = read_object(value, "witnesses", _WITNESSES, _NONE, TrustUnusable)
    keys = _parse_named_keys(members["keys"], WITNESS_IDENTIFIER)
    threshold = read_integer(members["threshold"], "threshold", TrustUnusable, minimum=1)
    if threshold > len({key.vkey.name for key in keys}):
        raise TrustUnusable("the threshold is above the number of witness names")
    return Witnesses(keys, threshold)


def _parse_chain(value: Any) -> Chain:
    members = read_object(value, "chain", _CHAIN, frozenset(("consensus",)), TrustUnusable)
    validators = read_list(members["validators"], "validators", TrustUnusable)
    return Chain(
        read_integer(members["chainId"], "chain.chainId", TrustUnusable),
        read_address(members["registry"], "chain.registry", TrustUnusable),
        tuple(read_address(item, "a validator", TrustUnusable) for item in validators),
        parse_consensus(members["consensus"]) if "consensus" in members else None,
    )


def _parse_window(members: dict[str, Any]) -> Window:
    until, revoked = members["until"], members["revoked"]
    return Window(
        parse_time(members["from"]),
        None if until is None else parse_time(until),
        None if revoked is None else parse_time(revoked),
    )


def _parse_named_keys(value: Any, identifier: str) -> tuple[NamedKey, ...]:
    keys = []
    for item in read_list(value, "keys", TrustUnusable):
        members = read_object(item, "a key", _WINDOW | {"vkey"}, _NONE, TrustUnusable)
        vkey = parse_vkey(read_text(members["vkey"], "vkey", TrustUnusable))
        if vkey.identifier != identifier:
            raise TrustUnusable(f"here a vkey must be of kind {identifier}")
        keys.append(NamedKey(vkey, _parse_window(members)))
    return tuple(keys)


def _parse_members(value: Any) -> dict[str, TrustMember]:
    parsed: dict[str, TrustMember] = {}
    for item in read_list(value, "members", TrustUnusable):
        members = read_object(item, "a member", _MEMBER, _NONE, TrustUnusable)
        id_ = read_text(members["id"], "a member's id", TrustUnusable)
        if not is_uscc(id_):
            raise TrustUnusable("a member's id must be a USCC")
        if id_ in parsed:
            raise TrustUnusable("a member's id stands twice")
        roles = read_list(members["roles"], "roles", TrustUnusable)
        parsed[id_] = TrustMember(
            id_,
            read_text(members["name"], "a member's name", TrustUnusable),
            tuple(read_text(role, "a role", TrustUnusable) for role in roles),
            tuple(_parse_member_key(key) for key in read_list(members["keys"], "keys", TrustUnusable)),
        )
    return parsed


def _parse_member_key(value: Any) -> MemberKey:
    members = read_object(value, "a key", _WINDOW | {"public"}, _NONE, TrustUnusable)
    raw = read_hex(members["public"], "a member's key", 64, TrustUnusable)
    try:
        return MemberKey(PublicKey(raw), _parse_window(members))
    except KeyUnusable as error:
        raise TrustUnusable("a member's key is not a point of the curve") from error


def _check_owners(trust: Trust) -> None:
    """Refuse a key that stands twice, other than for a log or a witness of several logs."""
    of_members: set[str] = set()
    for member in trust.members.values():
        for key in member.keys:
            if key.public.keyid in of_members:
                raise TrustUnusable("a key stands twice among the members")
            of_members.add(key.public.keyid)
    for log in trust.logs.values():
        of_log: set[str] = set()
        for named in (*log.keys, *(log.witnesses.keys if log.witnesses else ())):
            keyid = named.vkey.public.keyid
            if keyid in of_members or keyid in of_log:
                raise TrustUnusable("a key of a log stands twice, or is a member's")
            of_log.add(keyid)


def format_trust(trust: Trust) -> bytes:
    """A trust file's compact JSON."""
    return strictjson.dumps(
        {
            "mediaType": _media_type(trust),
            "exported": {
                "at": _time(trust.exported.at),
                "chainId": trust.exported.chain_id,
                "block": trust.exported.block,
            },
            "logs": {origin: _format_log(log) for origin, log in trust.logs.items()},
            "members": [
                {
                    "id": member.id,
                    "name": member.name,
                    "roles": list(member.roles),
                    "keys": [
                        {"public": key.public.raw.hex(), **_format_window(key.window)} for key in member.keys
                    ],
                }
                for member in trust.members.values()
            ],
        }
    )


def _time(ms: int) -> str:
    return format_time(ms, millis=ms % 1000 != 0)


def _format_window(window: Window) -> dict[str, Any]:
    return {
        "from": _time(window.start),
        "until": None if window.until is None else _time(window.until),
        "revoked": None if window.revoked is None else _time(window.revoked),
    }


def _format_named_keys(keys: tuple[NamedKey, ...]) -> list[dict[str, Any]]:
    return [{"vkey": format_vkey(key.vkey), **_format_window(key.window)} for key in keys]


def _format_log(log: TrustLog) -> dict[str, Any]:
    members: dict[str, Any] = {
        "indexes": list(log.indexes),
        "roles": dict(log.roles),
        "epochs": log.epochs,
        "keys": _format_named_keys(log.keys),
    }
    if log.witnesses is not None:
        members["witnesses"] = {
            "keys": _format_named_keys(log.witnesses.keys),
            "threshold": log.witnesses.threshold,
        }
    if log.chain is not None:
        members["chain"] = {
            "chainId": log.chain.chain_id,
            "registry": log.chain.registry,
            "validators": list(log.chain.validators),
        }
        if log.chain.consensus is not None:
            members["chain"]["consensus"] = format_consensus(log.chain.consensus)
    return members

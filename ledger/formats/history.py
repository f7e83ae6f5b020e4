"""The history file: every record that the consortium registry made, in order, under one hash.

    {"mediaType": "application/vnd.xinzheng.history+json;v=1",
     "exported": {"at": "<time>", "chainId": 4242, "block": 120},
     "consortium": "0x..", "registry": "0x..",
     "head": "<hex>",
     "records": [{"block": 3, "time": "<time>", "action": "founded", "member": null, "proposal": 0,
                  "content": "<hex>"}, ...],
     "finality": {"kind": "...", ...}}

`head_0 = SHA-256(abi.encode("xinzheng/governance/v1", chainId, consortium))`, and each record makes
`head = SHA-256(abi.encode(head before, sequence, block, time, action, member, proposalId, content))`, as the
contract does; a record's sequence number is its place. `exported` is the block at which the node was asked,
by the maker's word. `finality` (optional) is a proof about the transaction that made the last record; its
kind says how it is checked.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import HistoryUnusable, TooLarge
from ledger.formats import strictjson
from ledger.formats.abi import WORD, dynamic, word
from ledger.formats.members import (
    read_address,
    read_hash,
    read_integer,
    read_list,
    read_object,
    read_text,
)
from ledger.formats.times import format_time, parse_time
from ledger.formats.trust import Exported

MEDIA_TYPE = "application/vnd.xinzheng.history+json;v=1"
MAX_HISTORY = 64 * 1024 * 1024
"""Most bytes of a history file that is read at all."""

ACTIONS = ("founded", "proposed", "approved", "executed", "cancelled", "expired", "own_revocation")
"""In the contract's order."""

_HISTORY = frozenset(("mediaType", "exported", "consortium", "registry", "head", "records"))
_HISTORY_OPTIONAL = frozenset(("finality",))
_EXPORTED = frozenset(("at", "chainId", "block"))
_RECORD = frozenset(("block", "time", "action", "member", "proposal", "content"))
_NONE: frozenset[str] = frozenset()
_LIMIT = 1 << 64


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One record. `time` is its block's, in seconds; `member` acted, "" if none; `content` is ABI-encoded."""

    block: int
    time: int
    action: str
    member: str
    proposal: int
    content: bytes


@dataclass(frozen=True, slots=True)
class History:
    """A whole history file; `registry` is the checkpoint registry, `exported.at` in milliseconds."""

    exported: Exported
    consortium: str
    registry: str
    head: bytes
    records: tuple[HistoryRecord, ...]
    finality: dict[str, Any] | None = None


def first_head(chain_id: int, consortium: str) -> bytes:
    """The head of a registry without records."""
    tag = dynamic(b"xinzheng/governance/v1")
    address = bytes.fromhex(consortium.removeprefix("0x"))
    return hashlib.sha256(word(3 * WORD) + word(chain_id) + address.rjust(WORD, b"\0") + tag).digest()


def next_head(head: bytes, sequence: int, record: HistoryRecord) -> bytes:
    """The head after a record."""
    numbers = (sequence, record.block, record.time, ACTIONS.index(record.action))
    member = record.member.encode("ascii").ljust(WORD, b"\0")
    fixed = head + b"".join(map(word, numbers)) + member + word(record.proposal) + word(8 * WORD)
    return hashlib.sha256(fixed + dynamic(record.content)).digest()


def head_of(chain_id: int, consortium: str, records: Sequence[HistoryRecord]) -> bytes:
    """The head after all these records, from the founding on."""
    head = first_head(chain_id, consortium)
    for sequence, record in enumerate(records):
        head = next_head(head, sequence, record)
    return head


def is_history(data: bytes) -> bool:
    """Whether a file says that it is a history."""
    return MEDIA_TYPE.encode() in data[:200]


def parse_history(data: bytes) -> History:
    """A history file. Raises `TooLarge` above 64 MiB, or a `FormatError` when it is unusable.

    The form only: `ledger.verify.governance` says whether the records hold.
    """
    if len(data) > MAX_HISTORY:
        raise TooLarge("a history file has at most 64 MiB")
    read = read_object(strictjson.loads(data), "a history file", _HISTORY, _HISTORY_OPTIONAL, HistoryUnusable)
    if read["mediaType"] != MEDIA_TYPE:
        raise HistoryUnusable(f"mediaType must be {MEDIA_TYPE}")
    exported = read_object(read["exported"], "exported", _EXPORTED, _NONE, HistoryUnusable)
    finality = read.get("finality")
    if "finality" in read and not isinstance(finality, dict):
        raise HistoryUnusable("finality must be an object")
    return History(
        Exported(
            parse_time(exported["at"]),
            read_integer(exported["chainId"], "exported.chainId", HistoryUnusable),
            read_integer(exported["block"], "exported.block", HistoryUnusable),
        ),
        read_address(read["consortium"], "consortium", HistoryUnusable),
        read_address(read["registry"], "registry", HistoryUnusable),
        read_hash(read["head"], "head", HistoryUnusable),
        tuple(_parse_record(item) for item in read_list(read["records"], "records", HistoryUnusable)),
        finality,
    )


def _parse_record(item: Any) -> HistoryRecord:
    read = read_object(item, "a record", _RECORD, _NONE, HistoryUnusable)
    action = read_text(read["action"], "action", HistoryUnusable)
    if action not in ACTIONS:
        raise HistoryUnusable(f"an action must be one of {', '.join(ACTIONS)}")
    member = "" if read["member"] is None else read_text(read["member"], "member", HistoryUnusable)
    if member and not (member.isascii() and len(member) == 18):
        raise HistoryUnusable("a member is named by 18 characters")
    time = parse_time(read["time"])
    if time % 1000:
        raise HistoryUnusable("a record's time is in whole seconds")
    return HistoryRecord(
        _bounded(read["block"], "block"),
        time // 1000,
        action,
        member,
        _bounded(read["proposal"], "proposal"),
        _content(read["content"]),
    )


def _bounded(value: Any, what: str) -> int:
    number = read_integer(value, what, HistoryUnusable)
    if number >= _LIMIT:
        raise HistoryUnusable(f"{what} is too large")
    return number


def _content(value: Any) -> bytes:
    text = read_text(value, "content", HistoryUnusable)
    try:
        content = bytes.fromhex(text)
    except ValueError:
        content = b"?"
    if content.hex() != text:
        raise HistoryUnusable("content must be lowercase hex")
    return content


def format_history(history: History) -> bytes:
    """A history file's compact JSON."""
    document: dict[str, Any] = {
        "mediaType": MEDIA_TYPE,
        "exported": {
            "at": format_time(history.exported.at, millis=history.exported.at % 1000 != 0),
            "chainId": history.exported.chain_id,
            "block": history.exported.block,
        },
        "consortium": history.consortium,
        "registry": history.registry,
        "head": history.head.hex(),
        "records": [format_record(record) for record in history.records],
    }
    if history.finality is not None:
        document["finality"] = history.finality
    return strictjson.dumps(document)


def format_record(record: HistoryRecord) -> dict[str, Any]:
    """One record as it stands in the file."""
    return {
        "block": record.block,
        "time": format_time(record.time * 1000, millis=False),
        "action": record.action,
        "member": record.member or None,
        "proposal": record.proposal,
        "content": record.content.hex(),
    }

"""The registry's history as a deployment keeps it: the consortium's decisions, readable without the chain.

The worker takes new records from the chain when it takes the members' snapshot, replays the whole history and
keeps it only if it holds; the service reads the file. Nothing here decides anything.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import ChainUnavailable, FormatError, HistoryRefused, NotFound, TimeInvalid
from ledger.files import replace_file
from ledger.formats.history import History, HistoryRecord, format_history, head_of, parse_history
from ledger.formats.registry import RegistryKey, RegistryMember, Thresholds
from ledger.formats.times import format_time
from ledger.formats.trust import Exported
from ledger.verify.governance import Proposed, Replay, replay

if TYPE_CHECKING:
    from ledger.chain.port import RegistryPort
    from ledger.deployment.deployment import Deployment

_log = logging.getLogger("xinzheng.governance")
FILE = "history.json"


@dataclass(frozen=True, slots=True)
class Governance:
    """A history that holds, and where it leads."""

    history: History
    replay: Replay

    def state(self, proposal: Proposed, now: int) -> str:
        """Where a proposal stands at a time in seconds; `expired` also where nobody closed it yet."""
        return "expired" if proposal.state == "open" and proposal.expires <= now else proposal.state

    def missing(self, proposal: Proposed) -> list[str]:
        """Active members that have not approved."""
        return [id_ for id_ in self.replay.registry.active_ids() if id_ not in proposal.approvals]


class GovernanceReader:
    """The kept history, read again when its file changed. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._kept: Governance | None = None

    def read(self) -> Governance:
        """Raises `NotFound` before the worker kept one."""
        with self._lock:
            try:
                status = self._path.stat()
            except FileNotFoundError:
                raise NotFound("the registry's history was not read yet") from None
            seen = (status.st_mtime_ns, status.st_size)
            if self._kept is None or seen != self._seen:
                history = parse_history(self._path.read_bytes())
                self._kept, self._seen = Governance(history, replay(history)), seen
            return self._kept


def read_history(chain: "RegistryPort", known: History | None = None) -> History:
    """The registry's history from the chain, beginning with what is known of it.

    What is known and does not fit (the chain was founded anew, or set back) is read again from the start.
    Raises `HistoryRefused` if what the node tells does not hold, and what `RegistryPort` raises.
    """
    pinned = chain.deployment
    before: tuple[HistoryRecord, ...] = ()
    if known is not None and (known.exported.chain_id, known.consortium) == (
        pinned.chain_id,
        pinned.consortium,
    ):
        before = known.records
    records, head, at = chain.history(len(before))
    if before and head_of(pinned.chain_id, pinned.consortium, (*before, *records)) != head:
        before = ()
        records, head, at = chain.history(0)
    exported = Exported(at.timestamp * 1000, pinned.chain_id, at.number)
    history = History(exported, pinned.consortium, pinned.registry, head, (*before, *records))
    replay(history)
    return history


def sync_history(deployment: "Deployment", chain: "RegistryPort") -> None:
    """Keep the registry's new records. What a node tells and does not hold is said loudly, and not kept."""
    path = deployment.folder / FILE
    known = None
    try:
        known = parse_history(path.read_bytes()) if path.exists() else None
    except FormatError:
        _log.exception("the kept history is unusable; it is read again from the chain")
    try:
        history = read_history(chain, known)
    except HistoryRefused as error:
        _log.error("the registry's history as the node tells it does not hold: %s", error.detail)
        return
    except ChainUnavailable as error:
        # Another round comes; the members' snapshot is what must not wait.
        _log.warning("the registry's history was not read: %s", error.detail)
        return
    if known is None or history.head != known.head:
        # A crash before this leaves the earlier history, which the next round continues.
        replace_file(path, format_history(history))


# As the service and the commands show it


def proposal_document(governance: Governance, proposal: Proposed, now: int) -> dict[str, Any]:
    """A proposal with who approved and who is missing, as JSON."""
    from ledger.chain.artifact import describe_call

    return {
        "id": proposal.id,
        "state": governance.state(proposal, now),
        "class": proposal.change_class,
        "proposer": proposal.proposer,
        "proposed": time_text(proposal.proposed_at),
        "expires": time_text(proposal.expires),
        "decided": None if proposal.decided_at is None else time_text(proposal.decided_at),
        "approvals": list(proposal.approvals),
        "counted": governance.replay.counted(proposal),
        "needed": governance.replay.needed(proposal),
        "missing": governance.missing(proposal),
        "changes": [describe_call(call) for call in proposal.calls],
    }


def member_document(member: RegistryMember) -> dict[str, Any]:
    """A member as JSON."""
    return {
        "id": member.id,
        "name": member.name,
        "active": member.active,
        "roles": list(member.roles),
        "accounts": list(member.accounts),
        "keys": [key_document(key) for key in member.keys],
    }


def key_document(key: RegistryKey) -> dict[str, Any]:
    """A key and its window as JSON."""
    until, revoked = (None if end is None else time_text(end) for end in (key.until, key.revoked))
    return {
        "public": key.public.hex(),
        "from": time_text(key.valid_from),
        "until": until,
        "revoked": revoked,
    }


def thresholds_document(thresholds: Thresholds) -> dict[str, int]:
    """Thresholds as JSON."""
    return {
        "ordinary": thresholds.ordinary,
        "membership": thresholds.membership,
        "emergency": thresholds.emergency,
    }


def time_text(seconds: int) -> str:
    """A time of the registry; what the calendar does not reach, as its number."""
    try:
        return format_time(seconds * 1000, millis=False)
    except TimeInvalid:
        return str(seconds)

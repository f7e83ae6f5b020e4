"""What a notice says: a JSON document with the entry, where it stands, and the proof.

    {"mediaType": "application/vnd.xinzheng.notice+json;v=1", "id": "<32 hex>", "subscription": "<id>",
     "event": "listed", "log": "yunling.example/credit", "index": 12, "leaf_hash": "<hex>",
     "entry": "<base64>", "record": {"issuer": "<USCC>", "id": "<id>", "kind": "credit.list.entered",
     "list": "wage-arrears"}, "reason": null,
     "checkpoint": {"size": 40, "root": "<hex>", "time": "<time>"}, "bundle": {...}}

`id` is the same however often a notice is sent, also after `notices.db` was restored from a copy. An entry
whose record does not count at the time of telling is told without entry and bundle, by reference and leaf
hash alone: what was repaired or withdrawn is no longer shared, and what replaced another record is not shared
before it is published. A person stands in an entry by tag, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.domain import OrganisationCode, Person
from ledger.domain.kinds import subject_of
from ledger.errors import DeliveryFailed, IntegrityError, NotYetPublished
from ledger.formats import strictjson
from ledger.formats.bundle import format_bundle
from ledger.formats.encoding import b64encode
from ledger.formats.times import format_time
from ledger.gm import sm3
from ledger.log.facts import fact_of
from ledger.log.reader import LogReader
from ledger.services.answers import Asked
from ledger.services.authorisation import Covers
from ledger.services.evidence import look, today
from ledger.services.notices.book import SUBSCRIBED, Notice, Subscription
from ledger.services.recorder import AccessRecorder
from ledger.store.port import StoredEntry

MEDIA_TYPE = "application/vnd.xinzheng.notice+json;v=1"


@dataclass(frozen=True, slots=True)
class _Told:
    """The member that is told, as the access event names it."""

    member: str
    roles: frozenset[str] = frozenset()


class NoticeDocuments:
    """`reader` is the credit log's; `counts` says whether the record in an entry counts at a time, `covers`
    whether a basis code replaces a person's authorisation for a matter on a day."""

    def __init__(
        self,
        reader: LogReader,
        recorder: AccessRecorder,
        counts: Callable[[StoredEntry, int], bool],
        covers: Covers,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._counts = counts
        self._covers = covers

    def render(self, notice: Notice, subscription: Subscription, now: int) -> bytes:
        """The document's bytes. Raises `NotYetPublished` where there is no checkpoint yet, and about a person
        `DeliveryFailed` (`basis_ended`) where the edition in force has no such basis any more."""
        if notice.person and not self._may_tell(subscription, now):
            raise DeliveryFailed("basis_ended", "the subscription's basis does not cover its matter now")
        checkpoint = self._reader.checkpoint()
        entry = None if notice.event == SUBSCRIBED else self._entry(notice, checkpoint.size)
        # What ended a record may be a record itself, which replaced it: no more of it is shared than counts.
        shown = entry is not None and self._counts(entry, now)
        document = {
            "mediaType": MEDIA_TYPE,
            "id": notice_id(notice, subscription),
            "subscription": subscription.id,
            "event": notice.event,
            "log": self._reader.origin,
            "index": notice.index,
            "leaf_hash": entry.leaf_hash.hex() if entry is not None else None,
            "entry": b64encode(entry.entry) if entry is not None and shown else None,
            "record": _record_of(notice),
            "reason": notice.reason,
            "checkpoint": {
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "time": format_time(checkpoint.time * 1000, millis=False),
            },
        }
        body = strictjson.dumps(document)
        if not shown:
            return body
        bundle = format_bundle(self._reader.bundle(checkpoint, [notice.index]))
        return body[:-1] + b',"bundle":' + bundle + b"}"

    def log(self, notice: Notice, subscription: Subscription, now: int) -> None:
        """Log that the subscriber is told about the entry's subject; raises what logging raises."""
        if notice.event == SUBSCRIBED:
            return
        asked = Asked(
            _Told(subscription.member),
            subscription.desk,
            subscription.purpose,
            subscription.basis,
            basis_code=subscription.basis_code,
        )
        event = look(
            asked,
            action="push",
            resource=f"notices/{notice.kind}",
            subject=self._subject(notice),
            rows=1,
            now=now,
            randomness=self._recorder.randomness,
        )
        self._recorder.record(event)

    def _may_tell(self, subscription: Subscription, now: int) -> bool:
        """Whether a subscription may be told of persons: its basis is asked about each time, as a look's."""
        basis, matter, day = subscription.basis_code, subscription.matter, today(now).isoformat()
        return basis is not None and matter is not None and self._covers(basis, matter, day)

    def _entry(self, notice: Notice, size: int) -> StoredEntry:
        if notice.index >= size:
            raise NotYetPublished
        entry = self._reader.entry(notice.index)
        if entry is None:
            raise IntegrityError(f"entry {notice.index} is missing")
        return entry

    def _subject(self, notice: Notice) -> OrganisationCode | Person | None:
        entry = self._reader.entry(notice.index)
        fact = fact_of(notice.index, entry.entry) if entry is not None else None
        subject = subject_of(fact.body) if fact is not None else None
        if isinstance(subject, Person):
            return subject
        uscc = getattr(subject, "uscc", None)
        return None if uscc is None else OrganisationCode.model_construct(type="organisation", uscc=uscc)


def notice_id(notice: Notice, subscription: Subscription) -> str:
    """The idempotency id: the same for one event of one subscription, however often it is sent."""
    record = f"{notice.record_issuer}/{notice.record_id}"
    text = f"notice/{subscription.id}/{notice.event}/{notice.index}/{record}"
    return sm3(text.encode())[:16].hex()


def _record_of(notice: Notice) -> dict[str, str | None] | None:
    if notice.record_issuer is None:
        return None
    return {
        "issuer": notice.record_issuer,
        "id": notice.record_id,
        "kind": notice.kind,
        "list": notice.list_code,
    }

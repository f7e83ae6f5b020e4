"""Access trails: who looked at what, about whom, for what purpose; proved complete, page by page.

A look at a trail is itself a look, and is logged before it is answered. Auditors and the operator see whole
events; to any other role the desk and the subject of an event are not shown.
"""

from collections.abc import Mapping
from typing import Literal

from ledger.domain import AccessEvent, OrganisationCode, Person
from ledger.domain.access import actor_tag, resource_tag_of
from ledger.domain.facts import Fact
from ledger.errors import CursorInvalid, InputError
from ledger.formats import bundle as bundles
from ledger.formats.encoding import is_hash
from ledger.identifiers import check_uscc
from ledger.log.clock import Clock
from ledger.log.reader import History, LogReader
from ledger.services.answers import (
    After,
    Asked,
    Level,
    Principal,
    SubjectQuery,
    TrailAnswer,
    TrailEvent,
    reference_of,
)
from ledger.services.evidence import (
    FactCache,
    check_asked,
    checkpoint_reference,
    look,
    resolve_subject,
    summaries,
    under_checkpoint,
)
from ledger.services.recorder import AccessRecorder

__all__ = ["AccessRecorder", "AccessService", "By"]

By = Literal["subject", "resource", "actor"]
PAGE_LIMIT = 1_000
"""Most events of a page."""
_SEES_ALL = frozenset({"auditor", "operator"})
_NEXT_CHAIN = After(0, "00" * 32, 0)


class AccessService:
    """`reader` is the access log's; `person_tag_keys` maps epoch to the 32-byte person-tag key."""

    def __init__(
        self, reader: LogReader, recorder: AccessRecorder, person_tag_keys: Mapping[int, bytes], clock: Clock
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._facts = FactCache()

    def trail(
        self,
        by: By,
        value: SubjectQuery | str,
        asked: Asked,
        after: After | None = None,
        epoch: int | None = None,
        limit: int = 100,
        level: Level = "published",
    ) -> TrailAnswer:
        """One page of the trail of a subject (`SubjectQuery`), a resource (its id) or an actor
        (`<member USCC>/<operator id>`); the look itself is logged first.

        To go on, ask with the answer's `after` and `epoch`. Raises `PurposeMissing`, `IdentifierInvalid`,
        `CheckDigitWrong`, `InputError`, `CursorInvalid`, `NotYetPublished`, and what logging raises.
        """
        check_asked(asked)
        if not 1 <= limit <= PAGE_LIMIT:
            raise InputError(f"limit must be from 1 to {PAGE_LIMIT}")
        tags, reference = self._tags(by, value)
        epoch, tag, following = _chain_of(tags, epoch)
        position = _position(after)
        now = self._clock()
        checkpoint, history = under_checkpoint(
            self._reader,
            level,
            lambda checkpoint: self._reader.lookup(checkpoint, by, tag, position, limit),
        )
        indexes = [entry.index for entry in history.entries]
        bundle = self._reader.bundle(checkpoint, indexes, [history.completeness])
        events = self._events(history, asked.principal)
        logged = self._recorder.record(
            look(
                asked,
                action="trail",
                resource=f"trail/{by}",
                subject=reference,
                rows=len(events),
                now=now,
                randomness=self._recorder.randomness,
            )
        )
        next_after = _answered(history.next_after)
        if next_after is None and following is not None:
            epoch, next_after = following, _NEXT_CHAIN
        return TrailAnswer(
            by=by,
            tags=tuple(tag for _, tag in tags),
            events=events,
            checkpoint=checkpoint_reference(checkpoint, level, bundle),
            completeness=summaries([history.completeness], set(indexes)),
            after=next_after,
            epoch=epoch if isinstance(reference, Person) else None,
            bundle=bundles.format_bundle(bundle),
            logged=logged,
        )

    def _tags(
        self, by: By, value: SubjectQuery | str
    ) -> tuple[tuple[tuple[int, str], ...], OrganisationCode | Person | None]:
        """The tags asked about by epoch, and the subject as an access event names it."""
        if by == "subject" and isinstance(value, SubjectQuery):
            resolved = resolve_subject(value, self._person_tag_keys)
            return resolved.tags, resolved.reference
        if by == "resource" and isinstance(value, str) and value:
            return ((0, resource_tag_of(value)),), None
        if by == "actor" and isinstance(value, str):
            member, slash, operator = value.partition("/")
            if not slash or not operator:
                raise InputError("an actor is <member USCC>/<operator id>")
            check_uscc(member)
            return ((0, actor_tag(member, operator)),), None
        raise InputError("a trail is asked for by subject, resource or actor")

    def _events(self, history: History, principal: Principal) -> tuple[TrailEvent, ...]:
        whole = not _SEES_ALL.isdisjoint(principal.roles)
        return tuple(
            _event(self._facts.fact(entry), entry.leaf_hash.hex(), whole) for entry in history.entries
        )


def _event(fact: Fact, leaf_hash: str, whole: bool) -> TrailEvent:
    body = fact.body
    assert isinstance(body, AccessEvent)
    subject = body.subject.model_dump() if whole and body.subject is not None else None
    return TrailEvent(
        entry=reference_of(fact, leaf_hash),
        issuer=fact.issuer,
        id=fact.id,
        action=body.action,
        resource=body.resource,
        member=body.actor.member,
        operator=body.actor.operator if whole else None,
        exchange=body.exchange,
        subject=subject,
        purpose=body.purpose,
        basis=body.basis,
        authorisation=body.authorisation,
        outcome=body.outcome,
        rows=body.rows,
        happened_at=body.happened_at,
    )


def _chain_of(tags: tuple[tuple[int, str], ...], epoch: int | None) -> tuple[int, str, int | None]:
    """The epoch and tag of the chain asked for, by default the first, and the epoch of the next chain."""
    epochs = [number for number, _ in tags]
    if epoch is None:
        place = 0
    elif epoch in epochs:
        place = epochs.index(epoch)
    else:
        raise CursorInvalid("there is no such epoch")
    following = epochs[place + 1] if place + 1 < len(epochs) else None
    return tags[place][0], tags[place][1], following


def _position(after: After | None) -> bundles.After | None:
    if after is None or after == _NEXT_CHAIN:
        return None
    if after.count < 1 or not is_hash(after.head):
        raise CursorInvalid("the place in the trail is not in form")
    return bundles.After(after.count, bytes.fromhex(after.head), after.last)


def _answered(after: bundles.After | None) -> After | None:
    return None if after is None else After(after.count, after.head.hex(), after.last)

"""Access trails: who looked at what, about whom, for what purpose; proved complete, page by page.

A look at a trail is itself a look, and is logged before it is answered. A person's trail needs a legal basis
(or the person's word) as a check does: auditors and the operator name the code of theirs. They see whole
events; to any other role the desk and the subject of an event are not shown.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Literal

from ledger.domain import OrganisationCode, Person
from ledger.domain.access import actor_tag, resource_tag_of
from ledger.errors import InputError
from ledger.formats import bundle as bundles
from ledger.identifiers import check_uscc
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.services.answers import After, Asked, Level, Logged, SubjectQuery, TrailAnswer
from ledger.services.authorisation import Authoriser, Permit
from ledger.services.evidence import ResolvedSubject, check_asked, look, resolve_subject
from ledger.services.recorder import AccessRecorder
from ledger.services.trailing import PAGE_LIMIT, Tags, TrailPage, TrailReader

__all__ = ["PAGE_LIMIT", "TRAIL_MATTER", "AccessRecorder", "AccessService", "By"]

By = Literal["subject", "resource", "actor"]
TRAIL_MATTER = "trail"
"""What a legal basis must cover for a look at a person's trail, which is no matter of the catalogue."""
_SEES_ALL = frozenset({"auditor", "operator"})


class AccessService:
    """`reader` is the access log's; `person_tag_keys` maps epoch to the 32-byte person-tag key."""

    def __init__(
        self,
        reader: LogReader,
        recorder: AccessRecorder,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
        authoriser: Authoriser,
    ) -> None:
        self._trails = TrailReader(reader)
        self._recorder = recorder
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._authoriser = authoriser

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
        `CheckDigitWrong`, `InputError`, `CursorInvalid`, `NotYetPublished`, for a person what
        `Authoriser.permit` raises, and what logging raises.
        """
        tags, resolved = self._tags(by, value)
        if resolved is None or not isinstance(resolved.reference, Person):
            check_asked(asked)
        whole = not _SEES_ALL.isdisjoint(asked.principal.roles)
        now = self._clock()
        permitted: AbstractContextManager[Permit] = nullcontext(Permit())
        if resolved is not None:
            permitted = self._authoriser.permit(
                asked, resolved, TRAIL_MATTER, now, action="trail", resource=f"trail/{by}"
            )
        with permitted as permit:
            page = self._trails.page(by, tags, after, epoch, limit, level, whole=whole)
            reference = resolved.reference if resolved is not None else None
            logged = self._log(by, asked, reference, page, permit, now)
        return TrailAnswer(
            by=by,
            tags=tuple(tag for _, tag in tags),
            events=page.events,
            checkpoint=page.checkpoint,
            completeness=page.completeness,
            after=page.after,
            epoch=page.epoch if isinstance(reference, Person) else None,
            bundle=bundles.format_bundle(page.bundle),
            logged=logged,
            authorisations=page.authorisations,
        )

    def _log(
        self,
        by: By,
        asked: Asked,
        reference: OrganisationCode | Person | None,
        page: TrailPage,
        permit: Permit,
        now: int,
    ) -> Logged:
        if isinstance(reference, Person):
            asked = replace(asked, authorisation=permit.authorisation, basis_code=permit.basis_code)
        event = look(
            asked,
            action="trail",
            resource=f"trail/{by}",
            subject=reference,
            rows=len(page.events) + len(page.authorisations),
            now=now,
            randomness=self._recorder.randomness,
        )
        return self._recorder.record(event, permit.refers)

    def _tags(self, by: By, value: SubjectQuery | str) -> tuple[Tags, ResolvedSubject | None]:
        """The tags asked about by epoch, and the subject, where one is asked about."""
        if by == "subject" and isinstance(value, SubjectQuery):
            resolved = resolve_subject(value, self._person_tag_keys)
            return resolved.tags, resolved
        if by == "resource" and isinstance(value, str) and value:
            return ((0, resource_tag_of(value)),), None
        if by == "actor" and isinstance(value, str):
            member, slash, operator = value.partition("/")
            if not slash or not operator:
                raise InputError("an actor is <member USCC>/<operator id>")
            check_uscc(member)
            return ((0, actor_tag(member, operator)),), None
        raise InputError("a trail is asked for by subject, resource or actor")

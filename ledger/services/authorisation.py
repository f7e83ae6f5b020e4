"""May this member look at this natural person, and on whose word: the person's own or the law's.

    with authoriser.permit(asked, resolved, matter, now, action="check", resource=...) as permit:
        ...                                             # look
        recorder.record(event, permit.refers)           # inside: the use stands before the next is counted

A look at an organisation needs nothing of this. A look at a person needs either an authorisation by that
person (`access.authorisation.granted`, named as `ISSUER:ID`), in force, for this member and matter and not
used up; or the code of a legal basis of the catalogue that covers the matter, which auditors and the operator
need too. Uses are counted by the statements that refer to the authorisation, so there is no counter to get
out of step; a check holds the authorisation's turn (over all processes) from counting until its own event is
appended, so that two of them cannot both take the last use.

An attempt about a person that is refused is logged about that person, with its reason, and then raised: the
person sees in the trail who tried. So is one that fails inside the block for what the caller asked.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ledger.domain import AccessEvent, Person
from ledger.domain.authorisation import AuthorisationGranted
from ledger.domain.authorisation_state import AuthorisationState, check_use, fold_authorisation
from ledger.domain.facts import Fact
from ledger.errors import (
    AccessError,
    AuthorisationMissing,
    AuthorisationOutOfScope,
    InputError,
    LedgerError,
)
from ledger.formats.statement import Reference, is_id
from ledger.log.turns import Turns
from ledger.services.answers import Asked, Principal
from ledger.services.evidence import ResolvedSubject, check_asked, look, today
from ledger.services.facts import FactCache
from ledger.services.recorder import AccessRecorder
from ledger.store.port import StoredEntry

NOT_SAID = "未说明"
"""What a refused attempt's event says where the caller gave no purpose, or one that cannot be logged."""
NO_DESK = "unknown"

_SEES_ALL = frozenset({"auditor", "operator", "subject-desk"})
Stands = Literal["in_force", "not_yet", "ended", "withdrawn", "used_up"]

Covers = Callable[[str, str, str], bool]
"""Whether a legal basis (its code) replaces a person's authorisation for a matter, on a day."""


class Authorisations(Protocol):
    """What is asked of the access log's store: primary data, so that what was appended counts at once."""

    def find(self, issuer: str, id: str) -> StoredEntry | None: ...

    def entry(self, index: int) -> StoredEntry | None: ...

    def referrers(self, issuer: str, id: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Asking:
    """One of several subjects asked about; `authorisation` is its own, where it is not the question's."""

    subject: ResolvedSubject
    authorisation: str | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """Why a look is allowed: what its access event must refer to and name. Empty for an organisation."""

    refers: tuple[Reference, ...] = ()
    authorisation: str | None = None
    basis_code: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorisationAnswer:
    """How far an authorisation goes and how it stands today; whose it is only the log's entry says."""

    authorisation: str
    number: str
    grantee: str
    matters: tuple[str, ...]
    purposes: str | None
    from_day: str
    until: str
    uses: int
    used: int
    revoked_on: str | None
    stands: Stands


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a look at a person is based on: exactly one of the two."""

    reference: Reference | None
    basis_code: str | None


class Authoriser:
    """One per process; safe for threads, and for other processes with the same `turns` folder.

    `store` is the access log's; `recorder` logs refused attempts, and its issuer is the operator, whose
    events count as uses; `covers` answers from the catalogue in force.
    """

    def __init__(self, store: Authorisations, recorder: AccessRecorder, covers: Covers, turns: Turns) -> None:
        self._store = store
        self._recorder = recorder
        self._covers = covers
        self._turns = turns
        self._facts = FactCache()

    @contextmanager
    def permit(
        self,
        asked: Asked,
        subject: ResolvedSubject,
        matter: str,
        now: int,
        *,
        action: str = "check",
        resource: str,
        authorisation: str | None = None,
    ) -> Iterator[Permit]:
        """Hold the permission for one look; `now` in milliseconds, `matter` a code of the catalogue.

        `authorisation` is this subject's own where it is not the question's. Raises `PurposeMissing`,
        `AuthorisationMissing`, `AuthorisationExpired`, `AuthorisationOutOfScope`, `AuthorisationExhausted`;
        `StoreBusy` when the turn does not come.
        """
        asking = Asking(subject, authorisation)
        with self.permit_many(asked, [asking], matter, now, action=action, resource=resource) as (found,):
            if isinstance(found, LedgerError):
                raise found
            yield found

    @contextmanager
    def permit_many(
        self,
        asked: Asked,
        askings: Sequence[Asking],
        matter: str,
        now: int,
        *,
        action: str = "check",
        resource: str,
    ) -> Iterator[list[Permit | AccessError | InputError]]:
        """The same for several subjects, in their order: a permit, or why there is none.

        Refused ones are logged already. An authorisation named several times is used as often. What the
        block raises of the caller's making is logged about each person who was permitted, then goes on.
        """
        claims = [self._claim(asked, asking) for asking in askings]
        named = [claim.reference for claim in claims if isinstance(claim, _Claim) and claim.reference]
        with self._turns.taken(_name(reference) for reference in named):
            found = self._decide(asked, askings, claims, matter, now)
            self._log_refused(asked, askings, found, now, action, resource)
            try:
                yield found
            except (InputError, AccessError) as error:
                if not any(error is each for each in found):
                    permitted = [error if isinstance(each, Permit) else Permit() for each in found]
                    self._log_refused(asked, askings, permitted, now, action, resource)
                raise

    def refuse(
        self,
        asked: Asked,
        subject: ResolvedSubject,
        error: LedgerError,
        now: int,
        *,
        action: str = "check",
        resource: str,
    ) -> None:
        """Log that an attempt was refused for `error`, if it was about a person; raising is the caller's."""
        self._log_refused(asked, [Asking(subject)], [error], now, action, resource)

    def show(self, reference: Reference, principal: Principal, now: int) -> AuthorisationAnswer:
        """An authorisation as it stands, for its issuer, its grantee and the roles that see all.

        Raises `AuthorisationMissing` when there is none, and the same where it is not the caller's to see:
        whoever guesses names learns nothing.
        """
        granted, referrers = self._granted(reference)
        body = granted.body
        assert isinstance(body, AuthorisationGranted)
        involved = principal.member in (granted.issuer, body.grantee)
        if not involved and _SEES_ALL.isdisjoint(principal.roles):
            raise AuthorisationMissing("the log holds no such authorisation for this member to see")
        state = fold_authorisation(granted, referrers, {self._recorder.issuer})
        return _answer(granted, body, state, today(now).isoformat())

    # Deciding

    def _claim(self, asked: Asked, asking: Asking) -> "_Claim | AccessError | InputError | None":
        """What a look is based on; None for an organisation."""
        if not isinstance(asking.subject.reference, Person):
            return None
        try:
            check_asked(asked)
        except InputError as error:
            return error
        text = (asking.authorisation or asked.authorisation or "").strip()
        if text:
            issuer, colon, id = text.partition(":")
            # One spelling alone: by another its uses would be counted and its turn taken by another name.
            if not (colon and issuer and is_id(id)):
                return AuthorisationMissing("an authorisation is named as ISSUER:ID")
            return _Claim(Reference(issuer, id), None)
        if asked.basis_code:
            return _Claim(None, asked.basis_code)
        return AuthorisationMissing()

    def _decide(
        self,
        asked: Asked,
        askings: Sequence[Asking],
        claims: Sequence["_Claim | AccessError | InputError | None"],
        matter: str,
        now: int,
    ) -> list[Permit | AccessError | InputError]:
        """Inside the turns: count and compare. Uses by earlier ones of the same question count as well."""
        day = today(now).isoformat()
        taken: dict[Reference, int] = {}
        found: list[Permit | AccessError | InputError] = []
        for asking, claim in zip(askings, claims, strict=True):
            if claim is None:
                found.append(Permit())
            elif not isinstance(claim, _Claim):
                found.append(claim)
            else:
                try:
                    found.append(self._permit(asked, asking, claim, matter, day, taken))
                except (AccessError, InputError) as error:
                    found.append(error)
        return found

    def _permit(
        self,
        asked: Asked,
        asking: Asking,
        claim: _Claim,
        matter: str,
        day: str,
        taken: dict[Reference, int],
    ) -> Permit:
        reference = claim.reference
        if reference is None:
            code = claim.basis_code or ""
            if not self._covers(code, matter, day):
                raise AuthorisationOutOfScope("the legal basis named does not cover this matter")
            return Permit(basis_code=code)
        granted, referrers = self._granted(reference)
        tags = asking.subject.tags
        state = fold_authorisation(granted, referrers, {self._recorder.issuer}, tags)
        state = replace(state, used=state.used + taken.get(reference, 0))
        check_use(
            granted,
            state,
            member=asked.principal.member,
            tags=tags,
            matter=matter,
            day=day,
        )
        taken[reference] = taken.get(reference, 0) + 1
        return Permit((reference,), _name(reference), None)

    def _granted(self, reference: Reference) -> tuple[Fact, list[Fact]]:
        """The grant and all that refers to it. Raises `AuthorisationMissing` when there is none."""
        try:
            entry = self._store.find(reference.issuer, reference.id)
        except InputError:
            entry = None
        fact = self._facts.fact(entry) if entry is not None else None
        if fact is None or not isinstance(fact.body, AuthorisationGranted):
            raise AuthorisationMissing("the log holds no such authorisation")
        referrers = []
        for index in self._store.referrers(reference.issuer, reference.id):
            referrer = self._store.entry(index)
            if referrer is not None:
                referrers.append(self._facts.fact(referrer))
        return fact, referrers

    # Logging what was refused

    def _log_refused(
        self,
        asked: Asked,
        askings: Sequence[Asking],
        found: Sequence[Permit | LedgerError],
        now: int,
        action: str,
        resource: str,
    ) -> None:
        looks = []
        for asking, each in zip(askings, found, strict=True):
            person = asking.subject.reference
            if isinstance(each, LedgerError) and isinstance(person, Person):
                said = replace(asked, authorisation=asking.authorisation or asked.authorisation)
                event = refused_look(
                    said,
                    person,
                    each,
                    now,
                    action=action,
                    resource=resource,
                    randomness=self._recorder.randomness,
                )
                looks.append((event, ()))
        if len(looks) == 1:
            self._recorder.record(looks[0][0])
        elif looks:
            self._recorder.record_many(looks)


def refused_look(
    asked: Asked,
    person: Person,
    error: LedgerError,
    now: int,
    *,
    action: str,
    resource: str,
    randomness: Callable[[int], bytes],
) -> AccessEvent:
    """The event that says that an attempt about a person was refused for `error`; `now` in milliseconds."""
    unsaid = replace(asked, purpose=NOT_SAID, basis=NOT_SAID, authorisation=None, basis_code=None)
    event = None
    # What the caller gave may be what cannot be logged; the attempt is logged all the same.
    for frame in (asked, unsaid, replace(unsaid, operator=NO_DESK)):
        try:
            event = look(
                frame,
                action=action,
                resource=resource,
                subject=person,
                rows=0,
                now=now,
                randomness=randomness,
            )
            break
        except InputError:
            continue
    assert event is not None, "an event of constants is in form"
    return event.model_copy(update={"outcome": "refused", "reason": error.code, "rows": None})


def _answer(
    granted: Fact, body: AuthorisationGranted, state: AuthorisationState, day: str
) -> AuthorisationAnswer:
    stands: Stands = "in_force"
    if state.revoked_on is not None and day >= state.revoked_on:
        stands = "withdrawn"
    elif day < body.from_day:
        stands = "not_yet"
    elif day > body.until:
        stands = "ended"
    elif state.used >= body.uses:
        stands = "used_up"
    return AuthorisationAnswer(
        f"{granted.issuer}:{granted.id}",
        body.number,
        body.grantee,
        tuple(body.matters),
        body.purposes,
        body.from_day,
        body.until,
        body.uses,
        state.used,
        state.revoked_on,
        stands,
    )


def _name(reference: Reference) -> str:
    return f"{reference.issuer}:{reference.id}"

"""The looks of a check: permitted beforehand where they are at persons, logged before anything is shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ledger.domain import AccessEvent, Person
from ledger.errors import LedgerError
from ledger.services.answers import Asked, Logged
from ledger.services.authorisation import Asking, Authoriser, Permit
from ledger.services.checking.subjects import Question
from ledger.services.evidence import ResolvedSubject, look
from ledger.services.recorder import AccessRecorder, Look

ACTION = "check"
_UNKNOWN = "check/unknown"
"""The resource of an attempt for a matter that the catalogue does not have."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """What the looks at a subject and at the persons behind it are based on."""

    subject: Permit
    related: tuple[Permit, ...] = ()


_FREELY = Permitted(Permit())


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look has to say: about whom, how many hits, and the SM3 of what is answered."""

    question: Question
    permitted: Permitted
    rows: int
    answer: str


class Looks:
    """Asks for permission and logs; thread-safe."""

    def __init__(self, recorder: AccessRecorder, authoriser: Authoriser) -> None:
        self._recorder = recorder
        self._authoriser = authoriser

    @contextmanager
    def permitted(
        self, asked: Asked, questions: Sequence[Question], matter: str, now: int
    ) -> Iterator[list[Permitted | LedgerError]]:
        """Hold the permissions for these questions: for each what it is based on, or why it is refused.

        A refused attempt about a person is logged already. Raises `StoreBusy`.
        """
        if not any(question.about_persons for question in questions):
            yield [_FREELY] * len(questions)
            return
        askings: list[Asking] = []
        for question in questions:
            askings.append(Asking(question.subject, question.authorisation))
            askings += [Asking(each.person, each.authorisation) for each in question.related]
        resource = resource_of(matter)
        with self._authoriser.permit_many(
            asked, askings, matter, now, action=ACTION, resource=resource
        ) as permits:
            granted = iter(permits)
            yield [_permitted(question, granted) for question in questions]

    def refuse(self, asked: Asked, questions: Sequence[Question], error: LedgerError, now: int) -> None:
        """Log an attempt that was refused before its matter was known, about each person asked about."""
        for question in questions:
            if question.about_persons:
                for subject in (question.subject, *(each.person for each in question.related)):
                    self._authoriser.refuse(asked, subject, error, now, action=ACTION, resource=_UNKNOWN)

    def log(self, asked: Asked, seen: Seen, matter: str, now: int) -> Logged:
        """Log the looks of one question; raises what `AccessRecorder.record` raises."""
        events = self._events(asked, seen, matter, now)
        if len(events) == 1:
            return self._recorder.record(*events[0])
        first, *related = self._recorder.record_many(events)
        return replace(first, related=tuple(related))

    def log_many(self, asked: Asked, seen: Sequence[Seen], matter: str, now: int) -> list[Logged]:
        """The same of many questions, under few manifests."""
        events = [event for each in seen for event in self._events(asked, each, matter, now)]
        logged = iter(self._recorder.record_many(events))
        found = []
        for each in seen:
            first = next(logged)
            if each.question.related:
                first = replace(first, related=tuple(next(logged) for _ in each.question.related))
            found.append(first)
        return found

    def _events(self, asked: Asked, seen: Seen, matter: str, now: int) -> list[Look]:
        question = seen.question
        events: list[Look] = [self._event(asked, question.subject, seen.permitted.subject, seen, matter, now)]
        for each, permit in zip(question.related, seen.permitted.related, strict=True):
            events.append(self._event(asked, each.person, permit, seen, matter, now))
        return events

    def _event(
        self, asked: Asked, subject: ResolvedSubject, permit: Permit, seen: Seen, matter: str, now: int
    ) -> Look:
        if isinstance(subject.reference, Person):
            # The event names what the look was based on, and nothing that was offered besides.
            asked = replace(asked, authorisation=permit.authorisation, basis_code=permit.basis_code)
        event: AccessEvent = look(
            asked,
            action=ACTION,
            resource=resource_of(matter),
            subject=subject.reference,
            rows=seen.rows,
            now=now,
            randomness=self._recorder.randomness,
            answer=seen.answer,
        )
        return event, permit.refers


def resource_of(matter: str) -> str:
    """The resource of a check, as access events name it."""
    return f"check/{matter}"


def _permitted(question: Question, granted: "Iterator[Permit | LedgerError]") -> Permitted | LedgerError:
    """The permits of one question, or the first reason why it is refused."""
    found = [next(granted) for _ in range(1 + len(question.related))]
    permits = [each for each in found if isinstance(each, Permit)]
    if len(permits) < len(found):
        return next(each for each in found if isinstance(each, LedgerError))
    return Permitted(permits[0], tuple(permits[1:]))

"""Joint punishment cases (联合惩戒): initiate, review, match, check, apply, feed back, lift; who owes what.

A case is named by its initiation, `ISSUER:ID`. What is shown of one stands under a checkpoint: its
statements with their proofs, and a completeness section for the key of its number, so that no statement about
it was left out. Who looks at a case looks at its subject, so each view is logged before it is shown.

A case is for those who take part: the proposer and who initiated it, auditors and the operator see all of it;
an executor sees it from its approval on, and after its end no more than that it ended and its own feedback.
In lists and counts others stand with their numbers only.
"""

from collections.abc import Sequence

from ledger.domain import OrganisationCode, Person
from ledger.domain.cases import CaseInitiated, CaseStep
from ledger.domain.facts import Fact
from ledger.domain.records import case_tag
from ledger.domain.subjects import subject_tag
from ledger.errors import InputError, NotFound, NotYetPublished, RoleMissing
from ledger.formats.bundle import Bundle, format_bundle
from ledger.formats.statement import Reference
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.merkle import index_key
from ledger.services.answers import Asked, Level, Logged, Principal
from ledger.services.case_register import CasesWanted, RulesAt, count_cases, find_cases, fold_case
from ledger.services.case_views import CaseAnswer, CaseFigures, CasesAnswer, CaseView, FoundCase, view_of
from ledger.services.evidence import checkpoint_reference, look, summaries, today, under_checkpoint
from ledger.services.facts import FactCache
from ledger.services.handling import handles, refusals_logged, stated
from ledger.services.histories import history_of
from ledger.services.recorder import AccessRecorder
from ledger.services.register import Register
from ledger.store.port import StoredCheckpoint

PAGE_LIMIT = 50
_SEES_ALL = frozenset({"auditor", "operator"})
_OVER = frozenset({"lifted", "ended"})


class CaseService:
    """`reader` is the credit log's; `register` has a `CaseTally` among its parts."""

    def __init__(
        self,
        reader: LogReader,
        register: Register,
        recorder: AccessRecorder,
        rules_at: RulesAt,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._register = register
        self._recorder = recorder
        self._rules_at = rules_at
        self._clock = clock
        self._facts = FactCache(20_000)

    def case(self, reference: Reference, asked: Asked, level: Level = "published") -> CaseAnswer:
        """One case, logged before it is shown.

        Raises `NotFound`, `NotYetPublished`, `RoleMissing` for who takes no part in it, `PurposeMissing` for
        an auditor who says nothing, and what logging raises.
        """
        now = self._clock()
        day = today(now).isoformat()
        initiated = self._initiated(reference)
        checkpoint, found = under_checkpoint(
            self._reader, level, lambda checkpoint: self._find(checkpoint, initiated, day)
        )
        if found is None:
            raise NotYetPublished
        whole, asked = self._sight(found, asked, now)
        bundle = self._bundle(checkpoint, [(found, whole)])
        view = self._view(found, whole, asked.principal.member, day)
        (logged,) = self._log(asked, [found], now)
        return CaseAnswer(
            view=view,
            day=day,
            checkpoint=checkpoint_reference(checkpoint, level, bundle),
            completeness=summaries([found.section], _shown(bundle)),
            bundle=format_bundle(bundle),
            logged=logged,
        )

    def list(self, wanted: CasesWanted, asked: Asked, after: int = 0, limit: int = 20) -> CasesAnswer:
        """A page of cases; a member that is neither auditor nor operator names itself as the executor or as
        the proposer.

        Raises `RoleMissing`, `PurposeMissing`, `InputError`, `NotYetPublished`, and what logging raises.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise InputError(f"limit must be from 1 to {PAGE_LIMIT}")
        principal = asked.principal
        if _SEES_ALL.isdisjoint(principal.roles) and principal.member not in (
            wanted.executor,
            wanted.proposer,
        ):
            raise RoleMissing(
                "name yourself as the executor or the proposer, or be an auditor or the operator"
            )
        asked = stated(asked, handles(principal, wanted.executor or "", wanted.proposer or ""))
        now = self._clock()
        day = today(now).isoformat()
        scanned = self._register.catch_up()
        rows = find_cases(self._register, wanted, day, after, limit + 1)
        checkpoint, found = under_checkpoint(
            self._reader,
            "published",
            lambda checkpoint: [
                self._find(checkpoint, self._initiated(Reference(row.issuer, row.id)), day)
                for row in rows[:limit]
            ],
        )
        cases = [case for case in found if case is not None]
        sights = [(case, self._sight(case, asked, now)[0]) for case in cases]
        bundle = self._bundle(checkpoint, sights)
        views = tuple(self._view(case, whole, principal.member, day) for case, whole in sights)
        logged = self._log(asked, cases, now)
        return CasesAnswer(
            cases=views,
            day=day,
            scanned=scanned,
            checkpoint=checkpoint_reference(checkpoint, "published", bundle),
            completeness=summaries(bundle.completeness or (), _shown(bundle)),
            after=rows[limit - 1].index if len(rows) > limit else None,
            bundle=format_bundle(bundle),
            logged=tuple(logged),
        )

    def figures(self, principal: Principal, executor: str | None = None) -> CaseFigures:
        """The counts of one department or all; a member sees its own, auditors and the operator all.

        Raises `RoleMissing`.
        """
        if _SEES_ALL.isdisjoint(principal.roles):
            executor = executor or principal.member
            if executor != principal.member:
                raise RoleMissing(
                    "the figures of another department are for auditors and the operator to see"
                )
        scanned = self._register.catch_up()
        day = today(self._clock()).isoformat()
        total, each = count_cases(self._register, day, executor)
        return CaseFigures(day, scanned, total, tuple(each))

    def _initiated(self, reference: Reference) -> Fact:
        stored = self._reader.find(reference.issuer, reference.id)
        # A manifest stands under no index key.
        fact = self._facts.fact(stored) if stored is not None and stored.index_keys else None
        if fact is None or not isinstance(fact.body, CaseInitiated):
            raise NotFound("the log holds no initiation of a case under this issuer and id")
        return fact

    def _find(self, checkpoint: StoredCheckpoint, initiated: Fact, day: str) -> FoundCase | None:
        """The case under a checkpoint; None where its initiation is not under that yet."""
        body = initiated.body
        assert isinstance(body, CaseInitiated)
        history = history_of(self._reader, checkpoint, body.case, subject_tag(body.subject))
        number = index_key("case", bytes.fromhex(case_tag(body.case)))
        entries = {entry.index: entry for entry in history.entries if number in entry.index_keys}
        if initiated.index not in entries:
            return None
        facts = [self._facts.fact(entry) for entry in entries.values()]
        reference = Reference(initiated.issuer, initiated.id)
        about = [fact for fact in facts if isinstance(fact.body, CaseStep) and reference in fact.refers]
        folded = fold_case(initiated, about, self._rules_at, day)
        return FoundCase(initiated, about, entries, folded, history.completeness)

    def _sight(self, found: FoundCase, asked: Asked, now: int) -> tuple[bool, Asked]:
        """Whether somebody sees a case whole, and the question as it is logged. Raises `RoleMissing` for who
        sees nothing of it, `PurposeMissing`; of a person's case such an attempt is logged."""
        body = found.body
        parties = (found.initiated.issuer, body.proposer.uscc, *(each.uscc for each in body.executors))
        with refusals_logged(self._recorder, asked, body.subject, now, _resource_of(found)):
            whole = self._sees_whole(found, asked.principal)
            return whole, stated(asked, handles(asked.principal, *parties))

    def _sees_whole(self, found: FoundCase, principal: Principal) -> bool:
        body = found.body
        if not _SEES_ALL.isdisjoint(principal.roles):
            return True
        if principal.member in (found.initiated.issuer, body.proposer.uscc):
            return True
        executes = any(executor.uscc == principal.member for executor in body.executors)
        state = found.state.state
        if not executes or found.state.reviewed_on is None or state == "returned":
            raise RoleMissing("a case is for its proposer, its executors, auditors and the operator to see")
        return state not in _OVER

    def _bundle(self, checkpoint: StoredCheckpoint, sights: Sequence[tuple[FoundCase, bool]]) -> Bundle:
        shown = [fact.index for found, whole in sights if whole for fact in (found.initiated, *found.history)]
        # Two cases may have one number, and a key stands in a bundle once.
        sections = {found.section.tag: found.section for found, _ in sights}
        return self._reader.bundle(checkpoint, shown, tuple(sections.values()))

    def _view(self, found: FoundCase, whole: bool, member: str, day: str) -> CaseView:
        rows = self._rules_at(day).catalogue.measures
        return view_of(found, {code: row.name for code, row in rows.items()}, whole, member, day)

    def _log(self, asked: Asked, found: Sequence[FoundCase], now: int) -> Sequence[Logged]:
        """Log the look at each case about its subject, before anything is shown."""
        events = [
            look(
                asked,
                action="query",
                resource=_resource_of(case),
                subject=_subject_of(case),
                rows=1 + len(case.history),
                now=now,
                randomness=self._recorder.randomness,
            )
            for case in found
        ]
        if len(events) == 1:
            return [self._recorder.record(events[0])]
        return self._recorder.record_many([(event, ()) for event in events])


def _resource_of(found: FoundCase) -> str:
    return f"cases/{found.initiated.issuer}/{found.initiated.id}"


def _subject_of(found: FoundCase) -> OrganisationCode | Person:
    subject = found.body.subject
    if isinstance(subject, Person):
        return subject
    return OrganisationCode.model_construct(type="organisation", uscc=subject.uscc)


def _shown(bundle: Bundle) -> set[int]:
    return {entry.proven.index for entry in bundle.entries}

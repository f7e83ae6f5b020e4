"""Joint-punishment checks (联合奖惩核查): may these subjects do this, and what proves the answer.

An answer stands under one checkpoint. Shown with their proofs are the records that bear on the matter and the
subject's other records that count (the newest hundred); what was repaired, lifted, withdrawn, replaced or has
expired is no longer shared, so it stands in the completeness section by leaf hash alone, and in `no_longer`
with the reason. A subject of whom nothing is logged gets a proof of just that, for each key.

Every look is logged before it is answered, one access event for the subject and one for each person behind
it, and names the SM3 of the answer. A look at a person needs that person's permission or the law's.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from ledger.catalog import Catalogue, Editions
from ledger.domain.refusals import unknown_matter
from ledger.domain.rules import Rules, rules_of
from ledger.errors import AccessError, DateInvalid, InputError, LedgerError, RoleMissing
from ledger.formats.answer import answer_digest
from ledger.formats.bundle import Bundle, format_bundle
from ledger.log.clock import Clock
from ledger.log.reader import History, LogReader
from ledger.services.answers import (
    Asked,
    BatchAnswer,
    BatchItem,
    CatalogueReference,
    CheckAnswer,
    Frame,
    Level,
    Logged,
    SubjectQuery,
    View,
    item_bytes,
)
from ledger.services.authorisation import Authoriser
from ledger.services.checking.batch import (
    Line,
    Teller,
    Told,
    check_shown,
    item_of,
    manifests_of,
    refusal_of,
    resolve_lines,
)
from ledger.services.checking.editions import EditionEntries
from ledger.services.checking.findings import MOST_OTHERS, Found, find
from ledger.services.checking.looks import Looks, Permitted, Seen
from ledger.services.checking.standing import Ground
from ledger.services.checking.subjects import SUBJECT_INDEX, Question, resolve_question
from ledger.services.evidence import check_asked, checkpoint_reference, today, under_checkpoint
from ledger.services.facts import FactCache
from ledger.services.recorder import AccessRecorder
from ledger.store.port import StoredCheckpoint

AUDITOR = "auditor"
_SHARED_VIEW = frozenset({"officer", "operator"})
"""Roles that see what is shared unless they ask for more."""


class CreditService:
    """`reader` is the credit log's; `operator` the USCC of who runs it; `person_tag_keys` maps epoch to the
    32-byte person-tag key."""

    def __init__(
        self,
        reader: LogReader,
        recorder: AccessRecorder,
        editions: Editions,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
        *,
        operator: str,
        authoriser: Authoriser,
    ) -> None:
        self._reader = reader
        self._editions = editions
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._operator = operator
        self._facts = FactCache()
        self._looks = Looks(recorder, authoriser)
        self._entries = EditionEntries(reader, self._facts, operator)
        self._rules: dict[str, Rules] = {}

    def check(
        self,
        subject: SubjectQuery,
        matter: str,
        asked: Asked,
        level: Level = "published",
        at: date | None = None,
        view: View | None = None,
    ) -> CheckAnswer:
        """Check a subject for a matter of the catalogue (its code or Chinese name); logged before answered.

        `at` is the day asked about, by default today in China. `view` is `shared` by default, and `whole` for
        an auditor who is no officer. Raises `PurposeMissing`, `MatterUnknown`, `IdentifierInvalid`,
        `CheckDigitWrong`, `DateInvalid` (a day to come), `RoleMissing` (the whole view), what `Authoriser`
        raises about persons, `NotYetPublished` (no checkpoint of that level yet), and what logging raises.
        """
        question = resolve_question(subject, self._person_tag_keys)
        now = self._clock()
        ground = self._ground([question], matter, asked, at, view, now)
        code = ground.matter.code
        with self._looks.permitted(asked, [question], code, now) as (permitted,):
            if isinstance(permitted, LedgerError):
                raise permitted
            checkpoint, (histories, reference) = self._look_up(level, [question], ground.catalogue)
            found = find(question, histories, self._facts.fact, ground)
            bundle = self._bundle(checkpoint, [question], [found], histories, reference)
            frame = _frame(ground, level, checkpoint, reference, bundle)
            text = item_bytes(frame, found.findings)
            seen = Seen(question, permitted, len(found.findings.hits), answer_digest(text))
            # Logged before it is shown: if this raises, nobody learns the answer.
            logged = self._looks.log(asked, seen, code, now)
        return CheckAnswer(
            **vars(frame), **vars(found.findings), bundle=format_bundle(bundle), logged=logged, said=text
        )

    def check_many(
        self,
        subjects: Sequence[SubjectQuery],
        matter: str,
        asked: Asked,
        level: Level = "published",
        at: date | None = None,
        view: View | None = None,
        *,
        proofs: bool = False,
    ) -> BatchAnswer:
        """Check up to 10,000 subjects for a matter, all under one checkpoint; each look is logged.

        With `proofs`, which is for 500 subjects at most, one bundle proves the keys of all; it shows what
        bears on the matter and names the rest. What is wrong with one subject stands in its item. Raises as
        `check`, and `TooManySubjects`.
        """
        lines = resolve_lines(subjects, self._person_tag_keys, proofs)
        asking = {
            place: line.question
            for place, line in enumerate(lines)
            if line.question is not None and line.same_as is None
        }
        now = self._clock()
        ground = self._ground(list(asking.values()), matter, asked, at, view, now)
        code = ground.matter.code
        with self._looks.permitted(asked, list(asking.values()), code, now) as permits:
            check_asked(asked)
            permitted = dict(zip(asking, permits, strict=True))
            granted = {place: each for place, each in permitted.items() if isinstance(each, Permitted)}
            questions = [asking[place] for place in granted]
            checkpoint, (histories, reference) = self._look_up(level, questions, ground.catalogue)
            found = {
                place: find(
                    line.question,
                    histories,
                    self._facts.fact,
                    ground,
                    shown=proofs,
                    others_shown=0 if proofs else MOST_OTHERS,
                )
                for place, line in enumerate(lines)
                if line.question is not None and (place if line.same_as is None else line.same_as) in granted
            }
            shown = list(found.values()) if proofs else []
            check_shown(shown)
            bundle = self._bundle(checkpoint, questions if proofs else [], shown, histories, reference)
            frame = _frame(ground, level, checkpoint, reference, bundle)
            teller = Teller(frame)
            told = {place: teller.tell(each.findings) for place, each in found.items()}
            seen = [
                Seen(asking[place], permit, len(told[place].findings.hits), told[place].digest)
                for place, permit in granted.items()
            ]
            # Logged before any of it is shown.
            looks = self._looks.log_many(asked, seen, code, now)
        logged = dict(zip(granted, looks, strict=True))
        items = tuple(_item(place, line, permitted, told, logged) for place, line in enumerate(lines))
        return BatchAnswer(frame, items, manifests_of(looks), format_bundle(bundle) if proofs else None)

    def _ground(
        self,
        questions: Sequence[Question],
        matter: str,
        asked: Asked,
        at: date | None,
        view: View | None,
        now: int,
    ) -> Ground:
        """What is asked for, before anything is looked up; what is refused about persons is logged."""
        if not any(question.about_persons for question in questions):
            check_asked(asked)
        try:
            return self._asked_for(matter, asked, at, view, now)
        except (InputError, AccessError) as error:
            self._looks.refuse(asked, questions, error, now)
            raise

    def _asked_for(self, matter: str, asked: Asked, at: date | None, view: View | None, now: int) -> Ground:
        roles = asked.principal.roles
        if view == "whole" and AUDITOR not in roles:
            raise RoleMissing(
                "the whole view, with what no longer counts, is for auditors",
                zh="含已终结记录的完整视图仅限审计员。",
            )
        this_day = today(now).isoformat()
        day = this_day if at is None else at.isoformat()
        if day > this_day:
            raise DateInvalid("the day asked about has not come yet", zh="所查日期尚未到来。")
        catalogue = self._editions.at(day)
        row = catalogue.matter(matter)
        if row is None:
            raise unknown_matter(catalogue)
        current = catalogue if day == this_day else self._editions.current(this_day)
        whole = view == "whole" or (view is None and AUDITOR in roles and not roles & _SHARED_VIEW)
        return Ground(
            row, day, this_day, catalogue, self._rules_of(catalogue), self._rules_of(current), whole
        )

    def _rules_of(self, catalogue: Catalogue) -> Rules:
        rules = self._rules.get(catalogue.sm3)
        if rules is None:
            earlier = self._editions.before(catalogue)
            rules = self._rules[catalogue.sm3] = rules_of(catalogue, self._operator, earlier)
        return rules

    def _look_up(
        self, level: Level, questions: Sequence[Question], catalogue: Catalogue
    ) -> tuple[StoredCheckpoint, tuple[dict[str, History], CatalogueReference]]:
        """The histories of all tags and the edition's entry, under one checkpoint."""
        tags = list(dict.fromkeys(tag for question in questions for tag in question.tags))

        def look_up(checkpoint: StoredCheckpoint) -> tuple[dict[str, History], CatalogueReference]:
            if len(tags) == 1:
                histories = [self._reader.lookup(checkpoint, SUBJECT_INDEX, tags[0])]
            else:
                histories = self._reader.lookup_many(checkpoint, SUBJECT_INDEX, tags)
            reference = self._entries.reference(checkpoint, catalogue)
            return dict(zip(tags, histories, strict=True)), reference

        return under_checkpoint(self._reader, level, look_up)

    def _bundle(
        self,
        checkpoint: StoredCheckpoint,
        questions: Sequence[Question],
        found: Sequence[Found],
        histories: Mapping[str, History],
        reference: CatalogueReference,
    ) -> Bundle:
        """The entries shown, the edition's, and a completeness section for each key of these questions."""
        indexes = {index for each in found for index in each.shown}
        if questions and reference.entry is not None:
            indexes.add(reference.entry.index)
        tags = dict.fromkeys(tag for question in questions for tag in question.tags)
        sections = [histories[tag].completeness for tag in tags]
        held = [entry for tag in tags for entry in histories[tag].entries]
        return self._reader.bundle(checkpoint, sorted(indexes), sections, held=held)


def _frame(
    ground: Ground, level: Level, checkpoint: StoredCheckpoint, reference: CatalogueReference, bundle: Bundle
) -> Frame:
    return Frame(
        matter=ground.matter.code,
        matter_name=ground.matter.name,
        day=ground.day,
        view="whole" if ground.whole else "shared",
        catalogue=reference,
        checkpoint=checkpoint_reference(checkpoint, level, bundle),
    )


def _item(
    place: int,
    line: Line,
    permitted: Mapping[int, Permitted | LedgerError],
    told: Mapping[int, Told],
    logged: Mapping[int, Logged],
) -> BatchItem:
    refusal = line.refusal or permitted[place if line.same_as is None else line.same_as]
    if isinstance(refusal, LedgerError):
        return BatchItem(None, refusal_of(refusal), line.same_as)
    return item_of(told[place], logged.get(place), line.same_as)

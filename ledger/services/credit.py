"""Joint-punishment checks (联合奖惩核查): may these subjects do this, and what proves the answer.

An answer stands under one checkpoint. Shown with their proofs are the records that bear on the matter and the
subject's other records that count (the newest hundred); what was repaired, lifted, withdrawn, replaced or has
expired is no longer shared, so it stands in the completeness section by leaf hash alone, and in `no_longer`
with the reason. A subject of whom nothing is logged gets a proof of just that, for each key.

Every look is logged before it is answered, one access event for the subject and one for each person behind
it, and names the SM3 of the answer. A look at a person needs that person's permission or the law's.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from threading import Lock

from ledger.errors import AccessError, DateInvalid, InputError, LedgerError, RoleMissing
from ledger.formats.answer import answer_digest
from ledger.formats.bundle import Bundle, format_bundle
from ledger.log.clock import Clock
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
from ledger.services.checking.finder import Finder, Part
from ledger.services.checking.finding_processes import WORTH, FindingProcesses, HelpersGone
from ledger.services.checking.looks import Looks, Permitted, Seen
from ledger.services.checking.standing import Ground
from ledger.services.checking.subjects import Question, resolve_question
from ledger.services.evidence import check_asked, checkpoint_reference, today
from ledger.services.recorder import AccessRecorder
from ledger.store.port import StoredCheckpoint

AUDITOR = "auditor"
_SHARED_VIEW = frozenset({"officer", "operator"})
"""Roles that see what is shared unless they ask for more."""


class CreditService:
    """`finder` reads the credit log; `person_tag_keys` maps epoch to the 32-byte person-tag key; `helpers`
    find the answers to large batches, where there are any."""

    def __init__(
        self,
        finder: Finder,
        recorder: AccessRecorder,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
        *,
        authoriser: Authoriser,
        helpers: FindingProcesses | None = None,
    ) -> None:
        self._finder = finder
        self._helpers = helpers
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._looks = Looks(recorder, authoriser)
        self._computing = Lock()

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
            # One at a time: threads that compute side by side hand the interpreter lock to each other
            # whenever one of them reads, which costs more than it brings.
            with self._computing:
                checkpoint, looked = self._finder.look_up(level, [question], ground.catalogue)
                found = self._finder.find(question, looked[0], ground)
                bundle = self._finder.bundle(checkpoint, [question], [found], looked)
                frame = _frame(ground, level, checkpoint, looked[1], bundle)
                text = item_bytes(frame, found.findings)
                proof = format_bundle(bundle)
            seen = Seen(question, permitted, len(found.findings.hits), answer_digest(text))
            # Logged before it is shown: if this raises, nobody learns the answer.
            logged = self._looks.log(asked, seen, code, now)
        return CheckAnswer(**vars(frame), **vars(found.findings), bundle=proof, logged=logged, said=text)

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
            answered = {
                place: line.question
                for place, line in enumerate(lines)
                if line.question is not None and (place if line.same_as is None else line.same_as) in granted
            }
            if proofs:
                questions = [asking[place] for place in granted]
                frame, telling, proof = self._proved(level, ground, questions, list(answered.values()))
            else:
                frame, telling = self._told(level, ground, list(answered.values()))
                proof = None
            told = dict(zip(answered, telling, strict=True))
            seen = [
                Seen(asking[place], permit, told[place].hits, told[place].digest)
                for place, permit in granted.items()
            ]
            # Logged before any of it is shown.
            looks = self._looks.log_many(asked, seen, code, now)
        logged = dict(zip(granted, looks, strict=True))
        items = tuple(_item(place, line, permitted, told, logged) for place, line in enumerate(lines))
        return BatchAnswer(frame, items, manifests_of(looks), proof)

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
        whole = view == "whole" or (view is None and AUDITOR in roles and not roles & _SHARED_VIEW)
        return self._finder.ground(matter, day, this_day, whole)

    def _proved(
        self, level: Level, ground: Ground, questions: Sequence[Question], answered: Sequence[Question]
    ) -> tuple[Frame, list[Told], bytes]:
        """The answers to `answered`, and one bundle that proves the keys of `questions`, each once."""
        checkpoint, looked = self._finder.look_up(level, questions, ground.catalogue)
        found = [self._finder.find(question, looked[0], ground, others_shown=0) for question in answered]
        check_shown(found)
        bundle = self._finder.bundle(checkpoint, questions, found, looked)
        frame = _frame(ground, level, checkpoint, looked[1], bundle)
        teller = Teller(frame)
        return frame, [teller.tell(each.findings) for each in found], format_bundle(bundle)

    def _told(self, level: Level, ground: Ground, answered: Sequence[Question]) -> tuple[Frame, list[Told]]:
        """The answers without proofs, found by the helpers where there are many."""

        def tell(checkpoint: StoredCheckpoint, reference: CatalogueReference) -> tuple[Frame, list[Told]]:
            bundle = self._finder.bundle(checkpoint, [], [], ({}, reference))
            frame = _frame(ground, level, checkpoint, reference, bundle)
            part = Part(checkpoint, frame, ground.today, tuple(answered))
            if self._helpers is not None and len(answered) >= WORTH:
                with suppress(HelpersGone):
                    return frame, self._helpers.tell(part)
            return frame, self._finder.tell(part)

        return self._finder.under_checkpoint(level, ground.catalogue, tell)


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

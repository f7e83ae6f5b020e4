"""From the entries of a subject to what is said about it: hits, a decision, and what no longer counts. Pure.

A record bears on the subject asked about when it is its own; or when a measure or a rule follows the relation
between the two: from an organisation to a person behind it, or from a person that was given to the
organisation. Each entry of each key asked for is shown, or named with the reason why it is not.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.domain import Organisation, Person
from ledger.domain.credit_state import RecordState
from ledger.domain.facts import Fact
from ledger.domain.subjects import subject_tag
from ledger.log.reader import History
from ledger.services.answers import (
    ITSELF,
    CompletenessSummary,
    Findings,
    Hit,
    NameMatch,
    NoLonger,
    RecordSubject,
    reference_of,
)
from ledger.services.checking.standing import STEP, Gone, Ground, Standing, stand
from ledger.services.checking.subjects import Question, roles_not_asked
from ledger.services.decision import OWN, Path, case_hit_of, decide, gravest, hit_of
from ledger.store.port import StoredEntry

MOST_OTHERS = 100
"""Records without bearing on the matter that a check shows; more stand by leaf hash."""
NOT_SHOWN, NOT_FOLLOWED, NOT_BEARING = "not_shown", "not_followed", "not_bearing"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found about one subject, and the indexes of the entries to show with it."""

    findings: Findings
    shown: frozenset[int]


def find(
    question: Question,
    histories: Mapping[str, History],
    fact_of: Callable[[StoredEntry], Fact],
    ground: Ground,
    *,
    shown: bool = True,
    others_shown: int = MOST_OTHERS,
) -> Found:
    """What the entries say about one subject; `histories` by tag, `fact_of` what an entry says.

    Without `shown` no entry is shown; of the records without bearing at most `others_shown` are.
    """
    leaves: dict[int, str] = {}
    stated: dict[int, Fact] = {}
    for tag in question.tags:
        for entry in histories[tag].entries:
            if entry.index not in stated:
                leaves[entry.index] = entry.leaf_hash.hex()
                stated[entry.index] = fact_of(entry)
    standing = stand(list(stated.values()), ground)
    relations = _Relations(question)
    hits, others = _weigh(standing, leaves, relations, ground)
    open_ = {hit.entry.index for hit in hits}
    open_.update(record.fact.index for record in others[len(others) - min(others_shown, len(others)) :])
    gone = _account(standing, open_, relations)
    indexes = frozenset[int]()
    if shown and ground.whole:
        indexes = frozenset(stated)
    elif shown:
        indexes = frozenset(stated.keys() - gone.keys())
    findings = Findings(
        subject=question.subject.shown,
        name_matches=_name_matches(question, standing.counting, relations),
        related=question.shown_related,
        not_asked=roles_not_asked(question, ground.matter.asks),
        keys=question.keys,
        decision=decide(hits),
        hits=tuple(hits),
        no_longer=tuple(_no_longer(gone[index], leaves) for index in sorted(gone)),
        other_entries=len(others),
        completeness=_summaries(question, histories, indexes),
    )
    return Found(findings, indexes)


def _weigh(
    standing: Standing, leaves: Mapping[int, str], relations: "_Relations", ground: Ground
) -> tuple[list[Hit], list[RecordState]]:
    """The hits, and the subject's own records without bearing on the matter."""
    matter, day, catalogue = ground.matter.code, ground.day, ground.catalogue
    hits: list[Hit] = []
    others: list[RecordState] = []
    for record in standing.counting:
        leaf = leaves[record.fact.index]
        meant = [hit_of(record, leaf, path, matter, day, catalogue) for path in relations.paths(record.fact)]
        hit = gravest([each for each in meant if each is not None])
        if hit is not None:
            hits.append(hit)
        elif relations.is_own(record.fact):
            others.append(record)
    for case in standing.cases:
        carried = case_hit_of(case, leaves[case.fact.index], matter, day, catalogue)
        if carried is not None and relations.is_own(case.fact):
            hits.append(carried)
    return hits, others


def _account(standing: Standing, open_: set[int], relations: "_Relations") -> dict[int, Gone]:
    """All entries that are not shown, each with the reason."""
    gone = dict(standing.gone)
    for record in standing.counting:
        if record.fact.index not in open_:
            reason = NOT_SHOWN if relations.is_own(record.fact) else NOT_FOLLOWED
            gone[record.fact.index] = Gone(record.fact, reason)
    for case in standing.cases:
        if case.fact.index not in open_:
            gone[case.fact.index] = Gone(case.fact, NOT_BEARING)
    for index, steps in standing.steps.items():
        if index not in open_:
            gone.update((step.index, Gone(step, STEP)) for step in steps)
    return gone


class _Relations:
    """How the subjects of records are related to the subject asked about."""

    def __init__(self, question: Question) -> None:
        self._own = {tag for _, tag in question.subject.tags}
        self._given: dict[str, list[tuple[str, str]]] = {}
        for each in question.related:
            for _, tag in each.person.tags:
                self._given.setdefault(tag, []).append((each.role, each.person.shown.code))

    def is_own(self, fact: Fact) -> bool:
        subject = vars(fact.body).get("subject")
        return subject is not None and subject_tag(subject) in self._own

    def paths(self, fact: Fact) -> Iterator[Path]:
        """How the record's subject is related to the subject asked about."""
        subject = vars(fact.body).get("subject")
        if subject is None:
            return
        tag = subject_tag(subject)
        if tag in self._own:
            yield OWN
            return
        for role, masked in self._given.get(tag, ()):
            yield Path(role, None, RecordSubject("person", masked, None))
        # From its own members: a model looks long for what it does not have.
        for person in vars(fact.body).get("related") or ():
            if person.person_tag in self._own:
                yield Path(ITSELF, person.role, _shown(subject))
            for role, _ in self._given.get(person.person_tag, ()):
                yield Path(role, person.role, _shown(subject))


def _shown(subject: Organisation | Person) -> RecordSubject:
    if isinstance(subject, Organisation):
        return RecordSubject("organisation", subject.uscc, subject.name)
    return RecordSubject("person", None, None)


def _no_longer(gone: Gone, leaves: Mapping[int, str]) -> NoLonger:
    changed_by = gone.changed_by
    return NoLonger(
        reference_of(gone.fact, leaves[gone.fact.index]),
        gone.reason,
        None if changed_by is None else reference_of(changed_by, leaves[changed_by.index]),
    )


def _name_matches(
    question: Question, counting: Sequence[RecordState], relations: _Relations
) -> NameMatch | None:
    """Compare the name given with those of the subject's own records that count."""
    if question.name is None:
        return None
    names = {
        plain_name(each.fact.body.subject.name)  # type: ignore[attr-defined]
        for each in counting
        if relations.is_own(each.fact) and isinstance(getattr(each.fact.body, "subject", None), Organisation)
    }
    if not names:
        return "unknown"
    return "yes" if plain_name(question.name) in names else "no"


def plain_name(name: str) -> str:
    """A name without what people write in one way or another: width of characters, spaces, case."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _summaries(
    question: Question, histories: Mapping[str, History], shown: frozenset[int]
) -> tuple[CompletenessSummary, ...]:
    found = []
    for tag in question.tags:
        section = histories[tag].completeness
        seen = sum(link.index in shown for link in section.chain) if shown else 0
        total = len(section.chain)
        found.append(CompletenessSummary(section.name, section.tag, total, seen, total - seen))
    return tuple(found)

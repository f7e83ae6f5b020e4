"""What a check says holds for every history: nothing hidden without a reason, nothing shared that ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from bodies import COMPANY
from credit_facts import OPERATOR, OWNER, RULES, STRANGER, FactLog
from hypothesis import given
from hypothesis import strategies as st

from ledger.catalog import load_catalogue
from ledger.domain import Step
from ledger.domain.credit_state import fold_credit
from ledger.domain.facts import Fact
from ledger.formats.bundle import ChainLink, Completeness
from ledger.formats.tags import organisation_tag
from ledger.log.reader import History
from ledger.services.answers import Findings, RelatedQuery, SubjectQuery
from ledger.services.checking.findings import find
from ledger.services.checking.standing import Ground
from ledger.services.checking.subjects import Question, resolve_question
from ledger.services.evidence import resolve_subject
from ledger.store.port import StoredEntry

CATALOGUE = load_catalogue()
KEYS = {0: b"k" * 32}
BOSS = "11010519491231002X"
BOSS_TAG = resolve_subject(SubjectQuery("person", BOSS), KEYS).tags[0][1]
TODAY = "2026-09-21"
DAYS = ("2026-01-05", "2026-02-10", "2026-04-06", "2026-05-12", "2026-07-01", "2026-09-20", TODAY)
GRAVITY = ("prohibit", "restrict", "caution", "incentive", "clear")
RECORDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("penalty.published", {"severity": "general", "decided_on": "2026-01-05"}),
    ("list.entered", {"list": "food-safety", "until": "2026-09-20"}),
    ("list.entered", {"list": "tax-a", "case": "云岭红〔2026〕1号"}),
    ("licence.published", {}),
    ("contract.reported", {}),
    ("commitment.made", {}),
)
STEPS = (
    "list.removed",
    "commitment.performed",
    "record.objected",
    "correction.reported",
    "repair.applied",
    "repair.accepted",
    "repair.approved",
    "record.withdrawn",
    "record.expired",
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Records of one company, some naming its representative, and steps that fit them or not."""
    log = FactLog()
    records: list[Fact] = []
    for _ in range(draw(st.integers(1, 10))):
        if not records or draw(st.booleans()):
            kind, changes = draw(st.sampled_from(RECORDS))
            role = draw(st.sampled_from((None, "legal-representative", "actual-controller")))
            related = [{"role": role, "person_tag": BOSS_TAG, "epoch": 0}] if role else ...
            replaces = draw(st.sampled_from((None, *records)))
            records.append(log.record(kind, replaces=replaces, related=related, **changes))
        else:
            issuer = draw(st.sampled_from((None, OWNER, OPERATOR, STRANGER)))
            log.step(draw(st.sampled_from(records)), draw(st.sampled_from(STEPS)), draw(_DAYS), issuer)
    return log.facts


_DAYS = st.sampled_from(DAYS)


def entry(fact: Fact) -> StoredEntry:
    return StoredEntry(fact.index, fact.issuer, fact.id, b"", bytes([fact.index]) * 32, (), 0)


def chains(facts: Sequence[Fact]) -> Mapping[str, History]:
    """The histories of the company's key and the representative's, as a lookup gives them."""
    by_tag: dict[str, list[Fact]] = {organisation_tag(COMPANY): list(facts), BOSS_TAG: []}
    for fact in facts:
        if any(person.person_tag == BOSS_TAG for person in getattr(fact.body, "related", None) or ()):
            by_tag[BOSS_TAG].append(fact)
    found = {}
    for tag, chained in by_tag.items():
        links = tuple(ChainLink(fact.index, entry(fact).leaf_hash) for fact in chained)
        section = Completeness("subject", tag, links, (), "leaf", None)
        found[tag] = History([entry(fact) for fact in chained], section, None, len(chained))
    return found


COMPANY_ASKED = resolve_question(SubjectQuery("organisation", COMPANY), KEYS)
BOTH_ASKED = resolve_question(
    SubjectQuery("organisation", COMPANY, None, (RelatedQuery("legal-representative", BOSS),)), KEYS
)
BOSS_ASKED = resolve_question(SubjectQuery("person", BOSS), KEYS)
QUESTIONS = st.sampled_from((COMPANY_ASKED, BOTH_ASKED, BOSS_ASKED))
MATTERS = st.sampled_from(("administrative-licence", "government-procurement", "loan"))


def ask(
    facts: Sequence[Fact], question: Question, matter: str, day: str, whole: bool = False
) -> tuple[Findings, frozenset[int]]:
    ground = Ground(CATALOGUE.matters[matter], day, TODAY, CATALOGUE, RULES, RULES, whole)
    found = find(question, chains(facts), lambda stored: facts[stored.index], ground)
    return found.findings, found.shown


@given(histories(), QUESTIONS, MATTERS, _DAYS)
def test_each_entry_of_each_key_is_shown_or_named_with_a_reason(
    facts: list[Fact], question: Question, matter: str, day: str
) -> None:
    findings, shown = ask(facts, question, matter, day)
    chained = {link.index for tag in question.tags for link in chains(facts)[tag].completeness.chain}
    named = {gone.entry.index for gone in findings.no_longer}
    assert shown | named == chained
    assert not shown & named
    assert {hit.entry.index for hit in findings.hits} <= shown


@given(histories(), QUESTIONS, MATTERS, _DAYS)
def test_what_does_not_count_today_is_not_shown_by_any_day(
    facts: list[Fact], question: Question, matter: str, day: str
) -> None:
    _, shown = ask(facts, question, matter, day)
    over = {record.fact.index for record in fold_credit(facts, RULES, TODAY).records if not record.counts}
    assert not shown & over
    steps = [fact for fact in facts if isinstance(fact.body, Step)]
    assert not shown & {step.index for step in steps if int(step.refers[0].id) in over}


@given(histories(), MATTERS, _DAYS)
def test_of_another_subjects_records_only_hits_and_their_steps_are_shown(
    facts: list[Fact], matter: str, day: str
) -> None:
    findings, shown = ask(facts, BOSS_ASKED, matter, day)
    hits = {hit.entry.index for hit in findings.hits}
    assert findings.other_entries == 0
    for index in shown - hits:
        assert isinstance(facts[index].body, Step)
        assert int(facts[index].refers[0].id) in hits


@given(histories(), QUESTIONS, MATTERS, _DAYS)
def test_an_auditor_sees_every_entry_and_at_least_what_an_officer_sees(
    facts: list[Fact], question: Question, matter: str, day: str
) -> None:
    whole, everything = ask(facts, question, matter, day, whole=True)
    shared, shown = ask(facts, question, matter, day)
    assert shown <= everything
    assert len(everything) == len({link.index for tag in question.tags for link in _chain(facts, tag)})
    assert {hit.entry.index for hit in shared.hits} <= {hit.entry.index for hit in whole.hits}


def _chain(facts: Sequence[Fact], tag: str) -> Sequence[ChainLink]:
    return chains(facts)[tag].completeness.chain


@given(histories(), QUESTIONS, MATTERS, _DAYS)
def test_the_decision_is_the_gravest_of_the_hits(
    facts: list[Fact], question: Question, matter: str, day: str
) -> None:
    findings, _ = ask(facts, question, matter, day)
    decisions = [hit.decision for hit in findings.hits]
    assert findings.decision == min(decisions, key=GRAVITY.index, default="clear")
    for hit in findings.hits:
        assert all(measure.until is None or day <= measure.until for measure in hit.measures)


@given(histories(), MATTERS, _DAYS)
def test_giving_the_persons_behind_a_company_never_takes_a_hit_away(
    facts: list[Fact], matter: str, day: str
) -> None:
    alone, _ = ask(facts, COMPANY_ASKED, matter, day)
    both, _ = ask(facts, BOTH_ASKED, matter, day)
    assert {hit.entry.index for hit in alone.hits} <= {hit.entry.index for hit in both.hits}
    assert GRAVITY.index(both.decision) <= GRAVITY.index(alone.decision)

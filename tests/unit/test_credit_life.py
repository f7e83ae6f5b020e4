"""The life of a record: from each state, each step is taken or refused as the rules say, at door and fold."""

from typing import Any

import pytest
from bodies import BY, COMPANY, TAG, uscc
from credit_facts import OPERATOR, OWNER, RULES, STRANGER, FactLog, a_broken_commitment, make_fact

from ledger.domain.credit_state import check_step, counts_now
from ledger.domain.facts import Fact
from ledger.domain.refusals import REFUSALS
from ledger.errors import DecisionDateRefused, NotEntitled, StepRefused
from ledger.formats.statement import Reference

FAR = "2030-01-01"
STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("record.objected", {}),
    ("objection.answered", {}),
    ("correction.reported", {"corrected": "yes"}),
    ("correction.reported", {"corrected": "no"}),
    ("repair.applied", {}),
    ("repair.accepted", {}),
    ("repair.approved", {}),
    ("repair.rejected", {}),
    ("record.withdrawn", {}),
    ("record.expired", {}),
)
CORRECTED = ("correction.reported", "2026-04-06", {"corrected": "yes"})
UNCORRECTED = ("correction.reported", "2026-04-06", {"corrected": "no"})
APPLIED = ("repair.applied", "2026-04-07", {})
ACCEPTED = ("repair.accepted", "2026-04-08", {})
ENDED = "record_ended"
OK = None
NO_OBJECTION, NOT_OVER, UNPUBLISHED = "not_objected", "not_over", "not_published"
TOO_EARLY = "minimum_not_passed"
NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED = "not_corrected", "repair_not_applied", "repair_not_accepted"
# Each column is a step of STEPS, in their order.
PENALTIES: dict[str, tuple[dict[str, Any], tuple[Any, ...], str, tuple[str | None, ...]]] = {
    "published": (
        {}, (), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "not published, being minor": (
        {"severity": "minor"}, (), "2026-02-01",
        (OK, NO_OBJECTION, OK, OK, UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, OK, NOT_OVER),
    ),
    "not published yet": (
        {"publish_from": "2026-03-01"}, (), "2026-02-01",
        (OK, NO_OBJECTION, OK, OK, UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, OK, NOT_OVER),
    ),
    "objected": (
        {}, (("record.objected", "2026-02-02", {}),), "2026-06-01",
        ("already_objected", OK, OK, OK, NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "objected and answered": (
        {}, (("record.objected", "2026-02-02", {}), ("objection.answered", "2026-02-03", {})), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "corrected": (
        {}, (CORRECTED,), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, OK, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "corrected, on the last day of the minimum": (
        {}, (("correction.reported", "2026-02-02", {"corrected": "yes"}),), "2026-04-05",
        (OK, NO_OBJECTION, OK, OK, TOO_EARLY, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "corrected, on the day after the minimum": (
        {}, (("correction.reported", "2026-02-02", {"corrected": "yes"}),), "2026-04-06",
        (OK, NO_OBJECTION, OK, OK, OK, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "uncorrected": (
        {}, (UNCORRECTED,), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "uncorrected beyond the term": (
        {}, (UNCORRECTED,), "2027-06-01",
        (OK, NO_OBJECTION, OK, OK, NOT_CORRECTED, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "applied": (
        {}, (CORRECTED, APPLIED), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, "repair_pending", OK, NOT_ACCEPTED, OK, OK, NOT_OVER),
    ),
    "accepted": (
        {}, (CORRECTED, APPLIED, ACCEPTED), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, "repair_pending", NOT_APPLIED, OK, OK, OK, NOT_OVER),
    ),
    "accepted, then found uncorrected": (
        {}, (CORRECTED, APPLIED, ACCEPTED, ("correction.reported", "2026-04-09", {"corrected": "no"})),
        "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, "repair_pending", NOT_APPLIED, NOT_CORRECTED, OK, OK, NOT_OVER),
    ),
    "rejected": (
        {}, (CORRECTED, APPLIED, ("repair.rejected", "2026-04-09", {})), "2026-06-01",
        (OK, NO_OBJECTION, OK, OK, OK, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "repaired": (
        {}, (CORRECTED, APPLIED, ACCEPTED, ("repair.approved", "2026-04-09", {})), "2026-06-01",
        (ENDED, NO_OBJECTION, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, OK, ENDED),
    ),
    "repaired while an objection is open": (
        {}, (CORRECTED, ("record.objected", "2026-04-06", {}), APPLIED, ACCEPTED,
             ("repair.approved", "2026-04-09", {})), "2026-06-01",
        (ENDED, OK, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, OK, ENDED),
    ),
    "withdrawn": (
        {}, (("record.withdrawn", "2026-02-02", {}),), "2026-06-01",
        (ENDED, NO_OBJECTION, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED),
    ),
    "withdrawn by the answer to an objection": (
        {}, (("record.objected", "2026-02-02", {}), ("objection.answered", "2026-02-03",
                                                      {"outcome": "withdrawn"})), "2026-06-01",
        (ENDED, NO_OBJECTION, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED),
    ),
    "on the last day of the term": (
        {}, (CORRECTED,), "2027-01-05",
        (OK, NO_OBJECTION, OK, OK, OK, NOT_APPLIED, NOT_ACCEPTED, NOT_APPLIED, OK, NOT_OVER),
    ),
    "on the day after the term": (
        {}, (CORRECTED, APPLIED, ACCEPTED), "2027-01-06",
        (ENDED, NO_OBJECTION, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, OK, OK),
    ),
    "expired": (
        {}, (("record.expired", "2027-01-06", {}),), "2027-02-01",
        (ENDED, NO_OBJECTION, ENDED, ENDED, ENDED, ENDED, ENDED, ENDED, OK, ENDED),
    ),
}  # fmt: skip


def agree(log: FactLog, step: Fact, record: Fact) -> str | None:
    """What the door says, having checked that the fold says the same."""
    code: str | None = None
    refused: StepRefused | None = None
    try:
        check_step(record, log.facts, step, RULES, FAR)
    except StepRefused as error:
        refused = error
        code = error.reason
    except NotEntitled:
        code = "not_entitled"
    assert refused is None or (refused.rule and refused.rule in refused.detail)
    log.facts.append(step)
    folded = next(each for each in log.state(FAR).steps if each.fact is step)
    assert folded.refused == code
    assert folded.outcome == ("applied" if code is None else "ineffective")
    log.facts.pop()
    return code


def prepared(changes: dict[str, Any], steps: tuple[Any, ...]) -> tuple[FactLog, Fact]:
    log = FactLog()
    record = log.record("penalty.published", **changes)
    for kind, day, more in steps:
        log.step(record, kind, day, **more)
    assert not log.state(FAR).ineffective
    return log, record


@pytest.mark.parametrize("column", range(len(STEPS)), ids=lambda column: f"{STEPS[column][0]}-{column}")
@pytest.mark.parametrize("state", PENALTIES)
def test_a_step_is_taken_or_refused_by_the_state_of_the_penalty(state: str, column: int) -> None:
    changes, steps, day, expected = PENALTIES[state]
    log, record = prepared(changes, steps)
    kind, more = STEPS[column]
    assert agree(log, log.make_step(record, kind, day, **more), record) == expected[column]


@pytest.mark.parametrize(
    ("kind", "by_owner", "by_operator", "by_stranger"),
    [
        ("record.objected", True, True, True),
        ("objection.answered", True, False, False),
        ("correction.reported", True, False, False),
        ("repair.applied", True, True, True),
        ("repair.accepted", True, True, False),
        ("repair.approved", True, False, False),
        ("repair.rejected", True, False, False),
        ("record.withdrawn", True, False, False),
        ("record.expired", False, True, False),
    ],
)
def test_a_step_is_its_takers_alone(kind: str, by_owner: bool, by_operator: bool, by_stranger: bool) -> None:
    log, record = prepared({}, ())
    for issuer, entitled in ((OWNER, by_owner), (OPERATOR, by_operator), (STRANGER, by_stranger)):
        step = log.make_step(record, kind, "2026-06-01", issuer)
        assert (agree(log, step, record) == "not_entitled") is not entitled


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "云市监罚〔2026〕13号"},
        {"subject": {"type": "organisation", "uscc": uscc(7), "name": "云岭测试公司"}},
        {"authority": {**BY, "uscc": uscc(7)}},
        {"related": [{"role": "legal-representative", "person_tag": TAG, "epoch": 0}]},
    ],
    ids=["number", "subject", "authority", "related"],
)
def test_a_step_repeats_the_record(changes: dict[str, Any]) -> None:
    log, record = prepared({}, ())
    step = log.make_step(record, "record.withdrawn", "2026-06-01", **changes)
    assert agree(log, step, record) == "other_record"


def test_a_step_may_name_the_subject_otherwise_as_companies_change_their_names() -> None:
    log, record = prepared({}, ())
    renamed = {"type": "organisation", "uscc": COMPANY, "name": "云岭测试新公司"}
    assert (
        agree(log, log.make_step(record, "record.withdrawn", "2026-06-01", subject=renamed), record) is None
    )


def test_a_step_names_all_related_persons_so_that_it_is_found_under_theirs() -> None:
    related = [{"role": "legal-representative", "person_tag": TAG, "epoch": 0}]
    log, record = prepared({"related": related}, ())
    bare = log.make_step(record, "record.withdrawn", "2026-06-01", related=...)
    assert agree(log, bare, record) == "other_record"
    assert agree(log, log.make_step(record, "record.withdrawn", "2026-06-01"), record) is None


def test_no_step_is_dated_before_the_record_or_before_the_last_step() -> None:
    log, record = prepared({}, (("record.objected", "2026-02-02", {}),))
    before = log.make_step(record, "record.withdrawn", "2026-01-04")
    assert agree(log, before, record) == "before_record"
    assert agree(log, log.make_step(record, "correction.reported", "2026-02-01"), record) == "back_dated"
    assert agree(log, log.make_step(record, "record.withdrawn", "2026-02-01"), record) is None


def test_a_step_is_not_dated_after_today() -> None:
    log, record = prepared({}, ())
    step = log.make_step(record, "record.objected", "2026-06-02")
    check_step(record, log.facts, step, RULES, "2026-06-02")
    with pytest.raises(DecisionDateRefused):
        check_step(record, log.facts, step, RULES, "2026-06-01")


def test_a_step_needs_a_record_that_stands_before_it() -> None:
    log = FactLog()
    record = make_fact(5, "penalty.published")
    log.facts = [log.make_step(record, "record.objected", "2026-06-01"), record]
    [step] = log.state(FAR).steps
    assert (step.outcome, step.refused, step.record) == ("ineffective", "record_unknown", None)


def test_a_step_that_refers_to_a_step_fits_nothing() -> None:
    log, _ = prepared({}, (("record.objected", "2026-02-02", {}),))
    objection = log.facts[-1]
    step = make_fact(2, "record.withdrawn", OWNER, (Reference(objection.issuer, objection.id),))
    with pytest.raises(StepRefused, match="no such step"):
        check_step(objection, log.facts, step, RULES, FAR)
    log.facts.append(step)
    assert log.state(FAR).ineffective[0].refused == "record_unknown"


LISTING_STEPS = ("lifted", "withdrawn", "repaired", "expired")
LISTINGS: dict[str, tuple[tuple[Any, ...], str, tuple[str | None, ...]]] = {
    "in force": ((), "2026-06-01", (OK, OK, "repair_not_accepted", "not_over")),
    "not yet begun": ((), "2026-01-04", (OK, OK, "not_published", "not_over")),
    "accepted for repair": (
        (("correction.reported", "2027-02-01", {}), ("repair.applied", "2027-02-02", {}),
         ("repair.accepted", "2027-02-03", {})), "2027-02-04", (OK, OK, OK, "not_over"),
    ),
    "over": ((), "2029-01-05", (ENDED, OK, ENDED, OK)),
    "lifted": (
        (("list.removed", "2026-02-02", {"reason": "lifted"}),), "2026-06-01", (ENDED, OK, ENDED, ENDED),
    ),
    "withdrawn": (
        (("list.removed", "2026-02-02", {"reason": "withdrawn"}),), "2026-06-01", (ENDED,) * 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", LISTING_STEPS)
@pytest.mark.parametrize("state", LISTINGS)
def test_a_listing_is_removed_for_a_reason_that_its_state_allows(state: str, reason: str) -> None:
    steps, day, expected = LISTINGS[state]
    log = FactLog()
    record = log.record("list.entered", until="2029-01-04")
    for kind, on, more in steps:
        log.step(record, kind, on, **more)
    assert not log.state(FAR).ineffective
    step = log.make_step(record, "list.removed", day, reason=reason)
    assert agree(log, step, record) == expected[LISTING_STEPS.index(reason)]


def test_a_removal_names_the_list_of_the_entry() -> None:
    log = FactLog()
    record = log.record("list.entered")
    step = log.make_step(record, "list.removed", "2026-06-01", reason="lifted", list="tax-violation")
    assert agree(log, step, record) == "other_record"


def test_a_listing_is_removed_by_its_issuer_and_its_end_also_told_by_the_operator() -> None:
    log = FactLog()
    record = log.record("list.entered", until="2026-05-31")
    for reason, issuer, expected in (
        ("lifted", STRANGER, "not_entitled"),
        ("lifted", OPERATOR, "not_entitled"),
        ("expired", STRANGER, "not_entitled"),
        ("expired", OPERATOR, None),
    ):
        step = log.make_step(record, "list.removed", "2026-06-01", issuer, reason=reason)
        assert agree(log, step, record) == expected


@pytest.mark.parametrize(
    ("list_code", "severity", "earliest"),
    [
        ("wage-arrears", None, "2027-01-06"),
        ("wage-arrears", "general", "2026-04-06"),
        ("abnormal-operation", None, "2026-04-06"),
        ("moon-dust", None, "2027-01-06"),
        ("tax-a", None, None),
    ],
)
def test_the_minimum_of_a_listing_is_that_of_its_class(
    list_code: str, severity: str | None, earliest: str | None
) -> None:
    log = FactLog()
    record = log.record("list.entered", list=list_code, **({"severity": severity} if severity else {}))
    log.step(record, "correction.reported", "2026-01-06")
    if earliest is None:
        step = log.make_step(record, "repair.applied", "2027-06-01")
        assert agree(log, step, record) == "not_repairable"
        return
    assert agree(log, log.make_step(record, "repair.applied", earliest), record) is None
    early = f"{earliest[:8]}{int(earliest[8:]) - 1:02}"
    assert agree(log, log.make_step(record, "repair.applied", early), record) == "minimum_not_passed"


def test_a_penalty_is_not_removed_from_a_list_nor_performed() -> None:
    log, record = prepared({}, ())
    removal = log.make_step(record, "list.removed", "2026-06-01", reason="lifted")
    assert agree(log, removal, record) == "wrong_kind"
    assert agree(log, log.make_step(record, "commitment.performed", "2026-06-01"), record) == "wrong_kind"


def test_what_became_of_a_commitment_is_reported_once() -> None:
    log = FactLog()
    record = log.record("commitment.made")
    early = log.make_step(record, "commitment.performed", "2026-01-04")
    assert agree(log, early, record) == "before_record"
    log.step(record, "commitment.performed", "2026-03-01", outcome="kept")
    step = log.make_step(record, "commitment.performed", "2026-03-02", outcome="broken")
    assert agree(log, step, record) == "already_performed"
    assert log.state(FAR).records[0].performed == "kept"
    assert log.state(FAR).records[0].counts


def test_a_commitment_kept_has_nothing_to_repair_and_one_broken_has() -> None:
    log = FactLog()
    kept = log.record("commitment.made")
    log.step(kept, "correction.reported", "2026-03-02")
    assert agree(log, log.make_step(kept, "repair.applied", "2026-09-01"), kept) == "not_repairable"
    broken = a_broken_commitment(log, "2026-03-02")
    log.step(broken, "correction.reported", "2026-03-03")
    assert agree(log, log.make_step(broken, "repair.applied", "2026-06-02"), broken) == "minimum_not_passed"
    assert agree(log, log.make_step(broken, "repair.applied", "2026-06-03"), broken) is None
    [*_, state] = log.state("2027-03-02").records
    assert (state.counts, state.publish_until, state.severity) == (True, "2027-03-02", "general")
    assert log.state("2027-03-03").records[-1].state == "expired"


def test_a_judgement_not_performed_stays_until_the_court_reports_performance() -> None:
    log = FactLog()
    record = log.record("enforcement.published", performance="none", filed_on="2020-01-05")
    [state] = log.state("2026-06-01").records
    assert (state.counts, state.corrected, state.publish_until) == (True, False, None)
    log.step(record, "correction.reported", "2026-06-02", corrected="yes")
    assert log.state("2026-06-02").records[0].counts
    assert log.state("2026-06-03").records[0].state == "expired"


def test_every_refusal_says_its_rule() -> None:
    for code, refused in REFUSALS.items():
        assert all(refused), code


def test_counts_now_is_asked_of_the_state_of_today() -> None:
    log, record = prepared({}, (("record.withdrawn", "2026-02-02", {}),))
    other = log.record("penalty.published", document="另一号")
    state = log.state("2026-06-01")
    assert not counts_now(record, state)
    assert counts_now(other, state)

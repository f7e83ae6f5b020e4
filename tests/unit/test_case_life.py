"""The life of a joint punishment case: each step from each phase, at door and fold, and what comes of it."""

from typing import Any

import pytest
from bodies import BY, RECORD_ID, uscc
from credit_facts import EXECUTING, OPERATOR, OWNER, RULES, STRANGER, FactLog

from ledger.domain.case_state import fold_cases
from ledger.domain.credit_state import check_step
from ledger.domain.facts import Fact
from ledger.errors import DecisionDateRefused, NotEntitled, StepRefused
from ledger.formats.statement import Reference

FAR = "2030-01-01"
SECOND = {"uscc": uscc(5), "name": "云岭市住房和城乡建设局"}
STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("case.reviewed", {}),
    ("case.matched", {}),
    ("case.answered", {}),
    ("case.lifted", {}),
)
CARRIED = (Reference(OWNER, RECORD_ID),)
APPROVED = ("case.reviewed", "2026-03-03", {})
MATCHED = ("case.matched", "2026-03-04", {})
OK = None
# Each column is a step of STEPS, in their order.
PHASES: dict[str, tuple[tuple[Any, ...], str, tuple[str | None, ...]]] = {
    "proposed": ((), "2026-03-09", (OK, "case_not_approved", "case_not_matched", OK)),
    "approved": ((APPROVED,), "2026-03-09", ("case_not_open", OK, "case_not_matched", OK)),
    "returned": (
        (("case.reviewed", "2026-03-03", {"outcome": "returned", "reason": "依据不足"}),), "2026-03-09",
        ("case_not_open", "case_ended", "case_not_matched", "case_ended"),
    ),
    "matched": ((APPROVED, MATCHED), "2026-03-09", ("case_not_open", OK, OK, OK)),
    "lifted": (
        (APPROVED, MATCHED, ("case.lifted", "2026-03-05", {})), "2026-03-09",
        ("case_not_open", "case_ended", OK, "case_ended"),
    ),
    "on its last day": ((APPROVED, MATCHED), "2027-02-28", ("case_not_open", OK, OK, OK)),
    "ended": ((APPROVED, MATCHED), "2027-03-01", ("case_not_open", "case_ended", OK, "case_ended")),
    "ended unreviewed": ((), "2027-03-01", (OK, "case_not_approved", "case_not_matched", OK)),
}  # fmt: skip


def agree(log: FactLog, step: Fact, case: Fact) -> str | None:
    """What the door says, having checked that the fold says the same."""
    code = None
    try:
        check_step(case, log.facts, step, RULES, FAR)
    except StepRefused as error:
        code = error.reason
    except NotEntitled:
        code = "not_entitled"
    folded = fold_cases([*log.facts, step], RULES, FAR).ineffective
    assert [each.refused for each in folded if each.fact is step] == ([code] if code else [])
    return code


def prepared(steps: tuple[Any, ...], **changes: Any) -> tuple[FactLog, Fact]:
    log = FactLog()
    case = log.record("case.initiated", **changes)
    for kind, day, more in steps:
        log.step(case, kind, day, **more)
    assert not fold_cases(log.facts, RULES, FAR).ineffective
    return log, case


@pytest.mark.parametrize("column", range(len(STEPS)), ids=lambda column: STEPS[column][0])
@pytest.mark.parametrize("phase", PHASES)
def test_a_step_is_taken_or_refused_by_the_phase_of_the_case(phase: str, column: int) -> None:
    steps, day, expected = PHASES[phase]
    log, case = prepared(steps)
    kind, more = STEPS[column]
    assert agree(log, log.make_step(case, kind, day, **more), case) == expected[column]


@pytest.mark.parametrize(
    ("kind", "issuer", "entitled"),
    [
        ("case.reviewed", OPERATOR, True),
        ("case.reviewed", OWNER, False),
        ("case.matched", OWNER, False),
        ("case.answered", EXECUTING, True),
        ("case.answered", OPERATOR, False),
        ("case.lifted", OWNER, True),
        ("case.lifted", OPERATOR, True),
        ("case.lifted", STRANGER, False),
        ("case.lifted", EXECUTING, False),
    ],
)
def test_a_step_is_its_takers_alone(kind: str, issuer: str, entitled: bool) -> None:
    log, case = prepared(() if kind == "case.reviewed" else (APPROVED, MATCHED))
    step = log.make_step(case, kind, "2026-03-09", issuer)
    assert (agree(log, step, case) == "not_entitled") is not entitled


def test_who_was_not_asked_to_execute_does_not_answer() -> None:
    log, case = prepared((APPROVED, MATCHED))
    step = log.make_step(case, "case.answered", "2026-03-09", SECOND["uscc"], executor=SECOND)
    assert agree(log, step, case) == "not_entitled"


def test_one_executor_does_not_answer_for_another() -> None:
    executors = [{"uscc": EXECUTING, "name": "云岭市财政局"}, SECOND]
    log, case = prepared((APPROVED, MATCHED), executors=executors)
    step = log.make_step(case, "case.answered", "2026-03-09", EXECUTING, executor=SECOND)
    assert agree(log, step, case) == "not_entitled"


@pytest.mark.parametrize(
    "changes",
    [
        {"case": "另一号"},
        {"subject": {"type": "organisation", "uscc": uscc(7), "name": "某公司"}},
        {"proposer": {**BY, "uscc": uscc(7)}},
    ],
    ids=["case", "subject", "proposer"],
)
def test_a_step_repeats_the_case(changes: dict[str, Any]) -> None:
    log, case = prepared((APPROVED,))
    assert agree(log, log.make_step(case, "case.lifted", "2026-03-09", **changes), case) == "other_record"


def test_steps_follow_one_another_and_feedback_follows_the_match() -> None:
    log, case = prepared((APPROVED, MATCHED, ("case.lifted", "2026-03-20", {})))
    early = log.make_step(case, "case.answered", "2026-03-03")
    assert agree(log, early, case) == "back_dated"
    assert agree(log, log.make_step(case, "case.answered", "2026-03-10"), case) is None
    log, case = prepared((APPROVED,))
    assert agree(log, log.make_step(case, "case.matched", "2026-03-02"), case) == "back_dated"


def test_a_step_is_not_dated_after_today() -> None:
    log, case = prepared(())
    step = log.make_step(case, "case.reviewed", "2026-03-09")
    with pytest.raises(DecisionDateRefused):
        check_step(case, log.facts, step, RULES, "2026-03-08")


def test_a_case_step_fits_no_record_and_a_records_step_no_case() -> None:
    log, case = prepared(())
    penalty = log.record("penalty.published")
    for target, step in (
        (penalty, log.make_step(case, "case.reviewed", "2026-03-09")),
        (case, log.make_step(penalty, "record.objected", "2026-03-09")),
    ):
        with pytest.raises(StepRefused) as caught:
            check_step(target, log.facts, step, RULES, FAR)
        assert caught.value.reason == "wrong_kind"


def test_a_case_is_followed_from_its_proposal_to_the_feedback_of_all() -> None:
    executors = [{"uscc": EXECUTING, "name": "云岭市财政局"}, SECOND]
    log, case = prepared((APPROVED, MATCHED), executors=executors)
    log.step(case, "case.answered", "2026-03-09", applied="yes")
    log.step(case, "case.answered", "2026-03-30", SECOND["uscc"], executor=SECOND, applied="no")
    expected = {
        "2026-03-02": ("proposed", False, None, (), None),
        "2026-03-03": ("approved", True, None, (), None),
        "2026-03-04": ("approved", True, CARRIED, (EXECUTING, SECOND["uscc"]), "2026-03-18"),
        "2026-03-09": ("approved", True, CARRIED, (SECOND["uscc"],), "2026-03-18"),
        "2026-03-30": ("approved", True, CARRIED, (), "2026-03-18"),
        "2027-03-01": ("ended", False, CARRIED, (), "2026-03-18"),
    }  # fmt: skip
    for day, (state, counts, records, waiting, due) in expected.items():
        [found] = fold_cases(log.facts, RULES, day).cases
        assert (found.state, found.counts, found.records) == (state, counts, records), day
        assert (found.waiting, found.feedback_due) == (waiting, due), day


def test_a_match_without_records_asks_nobody_for_feedback() -> None:
    log, _ = prepared((APPROVED, ("case.matched", "2026-03-04", {"records": []})))
    [found] = fold_cases(log.facts, RULES, FAR).cases
    assert (found.records, found.waiting, found.feedback_due) == ((), (), None)


def test_the_last_match_counts_and_the_first_with_records_starts_the_clock() -> None:
    other = {"issuer": OWNER, "id": RECORD_ID[:-1] + "2"}
    log, _ = prepared((APPROVED, MATCHED, ("case.matched", "2026-04-01", {"records": [other]})))
    [found] = fold_cases(log.facts, RULES, "2026-06-01").cases
    assert found.records == (Reference(OWNER, other["id"]),)
    assert (found.matched_on, found.feedback_due) == ("2026-04-01", "2026-03-18")


def test_a_case_not_yet_begun_does_not_count() -> None:
    log, _ = prepared((APPROVED,), **{"from": "2026-05-01"})
    assert [fold_cases(log.facts, RULES, day).cases[0].counts for day in ("2026-04-30", "2026-05-01")] == [
        False,
        True,
    ]


def test_the_day_asked_about_does_not_change_which_steps_fit() -> None:
    log, case = prepared((APPROVED, MATCHED, ("case.lifted", "2026-03-20", {})))
    log.step(case, "case.answered", "2026-03-10")
    log.step(case, "case.lifted", "2026-03-21")
    for day in ("2026-03-01", "2026-03-10", "2026-03-20", FAR):
        state = fold_cases(reversed(log.facts), RULES, day)
        assert [each.refused for each in state.ineffective] == ["case_ended"], day
    assert len(fold_cases(log.facts, RULES, "2026-03-10").cases[0].answers) == 1
    assert not fold_cases(log.facts, RULES, "2026-03-09").cases[0].answers


def test_a_step_of_an_unknown_case_changes_nothing() -> None:
    log, case = prepared(())
    step = log.make_step(case, "case.reviewed", "2026-03-09")
    state = fold_cases([step], RULES, FAR)
    assert (state.cases, [each.refused for each in state.ineffective]) == ((), ["record_unknown"])

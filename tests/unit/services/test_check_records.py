"""What records of every kind mean in a check, what is noted on them, and when they no longer count."""

from typing import TYPE_CHECKING, Any

import pytest
from bodies import BODIES
from checking import MATTER, ask, open_case, proved, record, repair, step

from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.services.answers import CheckAnswer
from ledger.services.checking.findings import MOST_OTHERS

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any


def reasons(answer: CheckAnswer) -> list[str]:
    return [gone.reason for gone in answer.no_longer]


def shown(answer: CheckAnswer) -> list[int]:
    return [entry.proven.index for entry in parse_bundle(answer.bundle).entries]


def accounted(answer: CheckAnswer) -> bool:
    """Every entry of every key is shown or named with the reason why it is not."""
    bundle = parse_bundle(answer.bundle)
    chained = {link.index for section in bundle.completeness or () for link in section.chain}
    return chained == set(shown(answer)) | {gone.entry.index for gone in answer.no_longer}


@pytest.mark.parametrize(
    ("severity", "decision", "measures"),
    [("serious", "restrict", ["procurement-record"]), ("general", "caution", []), ("minor", "clear", [])],
)
def test_a_penalty_means_what_the_rule_for_its_class_says(
    city: City, severity: str, decision: str, measures: list[str]
) -> None:
    record(city, "penalty.published", severity=severity, decided_on="2026-08-01", publish_from="2026-08-01")
    answer = ask(city)
    assert answer.decision == decision
    assert [measure.code for hit in answer.hits for measure in hit.measures] == measures
    assert (len(answer.hits) + answer.other_entries, shown(answer)) == (1, [0])
    assert proved(city, answer)


def test_a_hit_by_a_record_names_kind_number_authority_basis_and_end(city: City) -> None:
    record(city, "penalty.published", severity="serious", decided_on="2026-08-01")
    [hit] = ask(city).hits
    assert (hit.record, hit.title, hit.list) == ("credit.penalty.published", "行政处罚", None)
    assert (hit.case, hit.authority, hit.severity) == ("云市监罚〔2026〕12号", city.bureau, "serious")
    assert (hit.basis, hit.grounds) == ("行政许可法 81", "无证经营")
    assert (hit.from_day, hit.until) == ("2026-08-01", "2029-08-01")
    assert (hit.roles, hit.of, hit.objected, hit.repair) == ((), None, False, None)


def test_a_minor_penalty_is_not_published_unless_it_says_so(city: City) -> None:
    record(city, "penalty.published", severity="minor", decided_on="2026-08-01")
    answer = ask(city)
    assert (reasons(answer), answer.other_entries, shown(answer)) == (["not_published"], 0, [])
    assert accounted(answer)


def test_a_record_whose_term_is_over_expires_by_itself_and_stays_while_uncorrected(city: City) -> None:
    old = record(city, "penalty.published", severity="general", decided_on="2025-09-20")
    assert reasons(ask(city)) == ["expired"]
    step(city, old, "correction.reported", corrected="no", on="2026-01-05")
    answer = ask(city)
    [hit] = answer.hits
    assert (answer.decision, hit.corrected, hit.until) == ("caution", False, None)


@pytest.mark.parametrize(
    ("kind", "changes", "matter"),
    [
        ("contract.reported", {"performance": "breached", "reported_on": "2026-08-01"}, MATTER),
        ("enforcement.published", {"performance": "none", "filed_on": "2026-08-01"}, "loan"),
    ],
)
def test_other_records_count_by_what_they_say(
    city: City, kind: str, changes: dict[str, str], matter: str
) -> None:
    record(city, kind, **changes)
    answer = ask(city, matter)
    assert (answer.decision, answer.hits[0].record) == ("caution", f"credit.{kind}")
    assert proved(city, answer)


def test_a_commitment_counts_against_its_maker_once_it_is_broken(city: City) -> None:
    made = record(city, "commitment.made")
    assert ask(city, "administrative-licence").decision == "clear"
    broken = step(city, made, "commitment.performed", outcome="broken", on="2026-08-01")
    answer = ask(city, "administrative-licence")
    assert answer.decision == "caution"
    assert answer.hits[0].entry.id == made.id
    assert broken.id in {entry.id for entry in _statements(answer)}


def _statements(answer: CheckAnswer) -> list[Any]:
    return [
        parse_statement(parse_envelope(entry.proven.entry).payload)
        for entry in parse_bundle(answer.bundle).entries
    ]


@pytest.mark.parametrize("kind", ["licence.published", "evaluation.published"])
def test_records_without_a_rule_are_shown_and_are_no_hit(city: City, kind: str) -> None:
    record(city, kind)
    answer = ask(city)
    assert (answer.decision, answer.hits, answer.other_entries, shown(answer)) == ("clear", (), 1, [0])


def test_an_objection_marks_a_hit_until_it_is_answered_and_is_shown_with_it(city: City) -> None:
    penalty = record(city, "penalty.published", severity="serious", decided_on="2026-06-01")
    step(city, penalty, "record.objected", raised_on="2026-06-10")
    answer = ask(city)
    assert (answer.decision, answer.hits[0].objected) == ("restrict", True)
    assert (shown(answer), answer.no_longer) == ([0, 1], ())
    step(city, penalty, "objection.answered", answered_on="2026-06-15")
    assert ask(city).hits[0].objected is False


def test_a_repair_under_way_is_said_and_a_repaired_record_is_gone(city: City) -> None:
    penalty = record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    step(city, penalty, "correction.reported", on="2026-05-01")
    step(city, penalty, "repair.applied", applied_on="2026-05-06")
    [hit] = ask(city).hits
    assert (hit.repair, hit.corrected) == ("applied", True)
    step(city, penalty, "repair.accepted", accepted_on="2026-05-07")
    approved = step(city, penalty, "repair.approved", decided_on="2026-05-08")
    answer = ask(city)
    assert (answer.decision, answer.hits, answer.other_entries) == ("clear", (), 0)
    assert reasons(answer) == ["repaired", "step", "step", "step", "step"]
    assert answer.no_longer[0].changed_by is not None
    assert answer.no_longer[0].changed_by.id == approved.id
    assert shown(answer) == []
    assert (answer.completeness[0].total, answer.completeness[0].undisclosed) == (5, 5)
    assert "无证经营".encode() not in answer.bundle
    assert proved(city, answer)


def test_a_withdrawn_record_never_counted(city: City) -> None:
    penalty = record(city, "penalty.published", severity="serious", decided_on="2026-06-01")
    step(city, penalty, "record.withdrawn", decided_on="2026-06-20")
    assert reasons(ask(city)) == ["withdrawn", "step"]


def test_a_step_of_somebody_else_changes_nothing_and_is_named(city: City) -> None:
    penalty = record(city, "penalty.published", severity="serious", decided_on="2026-06-01")
    step(city, penalty, "record.withdrawn", decided_on="2026-06-20", issuer=city.court)
    answer = ask(city)
    assert (answer.decision, reasons(answer)) == ("restrict", ["ineffective"])
    assert accounted(answer)


def test_what_was_repaired_cannot_be_published_again(city: City) -> None:
    penalty = record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    repair(city, penalty)
    record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    answer = ask(city)
    assert (answer.decision, reasons(answer).count("repaired")) == ("clear", 2)


def test_of_very_many_other_records_the_newest_are_shown_and_the_rest_named(city: City) -> None:
    for number in range(MOST_OTHERS + 2):
        record(city, "licence.published", document=f"云岭许〔2026〕{number}号")
    answer = ask(city)
    assert (answer.other_entries, reasons(answer)) == (MOST_OTHERS + 2, ["not_shown"] * 2)
    assert shown(answer) == list(range(2, MOST_OTHERS + 2))
    assert accounted(answer)
    assert proved(city, answer)


# Names


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("云岭某公司", "yes"),
        (" 云岭 某公司　", "yes"),
        ("云岭别公司", "no"),
    ],
)
def test_a_name_is_compared_with_those_in_the_records(city: City, name: str, matches: str) -> None:
    record(city, "licence.published")
    assert ask(city, name=name).name_matches == matches


def test_full_width_and_half_width_are_one_name(city: City) -> None:
    subject = {**city.subject(), "name": "云岭某公司（集团）ABC"}
    record(city, "licence.published", subject=subject)
    assert ask(city, name="云岭某公司(集团)ＡＢＣ").name_matches == "yes"


def test_a_name_of_a_subject_of_whom_nothing_counts_cannot_be_compared(city: City) -> None:
    assert ask(city, name="云岭某公司").name_matches == "unknown"
    city.remove(city.enter("wage-arrears"))
    assert ask(city, name="云岭某公司").name_matches == "unknown"
    assert ask(city).name_matches is None


# Joint punishment cases


def test_a_case_that_carries_a_record_in_force_is_a_hit_with_its_measures(city: City) -> None:
    listed = city.enter("wage-arrears")
    case = open_case(city, [listed], measures=["wage-procurement", "high-consumption"])
    answer = ask(city)
    hit = answer.hits[1]
    assert (answer.decision, hit.record, hit.title) == ("restrict", "credit.case.initiated", "联合惩戒")
    assert (hit.entry.id, hit.case, hit.until) == (case.id, "云岭联惩〔2026〕1号", "2027-02-28")
    assert [measure.code for measure in hit.measures] == ["wage-procurement"]
    assert shown(answer) == [0, 1, 2, 3]
    assert proved(city, answer)


def test_a_case_without_a_measure_for_the_matter_is_named_and_no_hit(city: City) -> None:
    listed = city.enter("wage-arrears")
    open_case(city, [listed], measures=["high-consumption"])
    answer = ask(city)
    assert [hit.record for hit in answer.hits] == ["credit.list.entered"]
    assert reasons(answer) == ["not_bearing", "step", "step"]


def test_a_case_ends_with_the_record_that_it_carries_and_when_it_is_lifted(city: City) -> None:
    listed = city.enter("wage-arrears")
    case = open_case(city, [listed])
    city.remove(listed)
    answer = ask(city)
    assert (answer.decision, answer.hits) == ("clear", ())
    assert reasons(answer) == ["lifted", "case_approved", "step", "step", "step"]
    proposer = case.body["proposer"]
    lifted = {**BODIES["credit.case.lifted"], "subject": case.body["subject"], "proposer": proposer}
    city.publish("credit.case.lifted", lifted, refers=case)
    assert "case_lifted" in reasons(ask(city))


def test_a_case_that_is_only_proposed_does_not_count(city: City) -> None:
    city.enter("wage-arrears")
    open_case(city, [], reviewed=False)
    assert reasons(ask(city)) == ["case_proposed"]

"""Cases as those who take part see them: who owes what by when, proved, and each look logged."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger.domain.records import case_tag
from ledger.domain.rules import rules_of
from ledger.errors import InputError, NotFound, RoleMissing
from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Reference, Statement, parse_statement
from ledger.services.answers import Asked
from ledger.services.case_register import STATES, CasesWanted, CaseTally
from ledger.services.cases import CaseService
from ledger.services.evidence import today
from ledger.services.register import CHUNK, Register

NUMBER = "云岭联惩〔2026〕1号"
DAY_MS = 24 * 3600 * 1000
TODAY = "2026-09-21"


class Casework:
    """A city whose operator, bureau and court take part in cases."""

    def __init__(self, city: Any) -> None:
        self.city = city
        rules = rules_of(city.catalogue, city.operator)
        self.due = rules.due("feedback", TODAY)
        credit = city.logs["credit"]
        self.register = Register(
            city.folder / "register.db", credit.store, [CaseTally(credit.store, lambda day: rules)]
        )
        self.service = CaseService(credit.reader, self.register, city.recorder, lambda day: rules, city.clock)

    def initiate(self, number: str = NUMBER, *, person: str | None = None, **changes: Any) -> Statement:
        city = self.city
        body = {
            "case": number,
            "subject": city.subject(person),
            "field": "劳动保障",
            "list": "wage-arrears",
            "measures": ["wage-bidding"],
            "basis": "保障农民工工资支付条例 48",
            "from": "2026-09-01",
            "proposer": {"uscc": city.bureau, "name": "云岭市人社局"},
            "executors": [
                {"uscc": city.court, "name": "云岭市住建局"},
                {"uscc": city.operator, "name": "云岭市数据局"},
            ],
            **({} if person else {"reason": "拖欠农民工工资"}),
            **changes,
        }
        return city.publish("credit.case.initiated", body)

    def step(self, case: Statement, kind: str, issuer: str | None = None, **body: Any) -> Statement:
        common = {name: case.body[name] for name in ("case", "subject")}
        if kind != "answered":
            common["proposer"] = case.body["proposer"]
        whole = common | {"on": TODAY} | body
        return self.city.publish(
            f"credit.case.{kind}", whole, issuer=issuer or self.city.operator, refers=case
        )

    def approve(self, case: Statement) -> Statement:
        return self.step(case, "reviewed", outcome="approved")

    def match(self, case: Statement, *records: Statement) -> Statement:
        found = [{"issuer": record.issuer, "id": record.id} for record in records]
        return self.step(case, "matched", records=found)

    def answer(self, case: Statement, executor: str, applied: str = "yes", **more: Any) -> Statement:
        body = {
            "executor": {"uscc": executor, "name": "云岭市住建局"},
            "desk": "zhujian/window-2",
            "applied": applied,
            "content": "已限制投标" if applied == "yes" else "该企业未参加投标",
            **more,
        }
        return self.step(case, "answered", executor, **body)

    def matched(self, number: str = NUMBER) -> Statement:
        """A case that was approved and matched with a listing."""
        case, record = self.initiate(number), self.city.enter("wage-arrears", case=f"列{number}")
        self.approve(case)
        self.match(case, record)
        return case

    def asked(self, member: str, *roles: str) -> Asked:
        asked = self.city.asked(*(roles or ("publisher:credit",)))
        return replace(asked, principal=replace(asked.principal, member=member))

    def view(self, case: Statement, member: str | None = None, *roles: str) -> Any:
        return self.look(case, member, *roles).view

    def look(self, case: Statement, member: str | None = None, *roles: str) -> Any:
        self.city.checkpoint()
        asked = self.asked(member or self.city.bureau, *roles)
        return self.service.case(Reference(case.issuer, case.id), asked)

    def tray(self, member: str, **wanted: Any) -> list[str]:
        self.city.checkpoint()
        answer = self.service.list(CasesWanted(executor=member, **wanted), self.asked(member))
        return [case.case for case in answer.cases]

    def figures(self, uscc: str | None = None) -> Any:
        self.city.checkpoint()
        return self.service.figures(self.asked(self.city.operator, "operator").principal, uscc)

    def looks(self) -> list[dict[str, Any]]:
        store = self.city.logs["access"].store
        payloads = [parse_envelope(entry.entry).payload for entry in store.entries(0, store.size())]
        return [parse_statement(payload).body for payload in payloads if b'"kind"' in payload]


@pytest.fixture
def work(city: Any) -> Iterator[Casework]:
    made = Casework(city)
    yield made
    made.register.close()


def test_a_case_goes_through_its_steps_and_the_answer_proves_each(work: Casework) -> None:
    city = work.city
    case = work.initiate()
    assert (work.view(case).state, work.view(case).received) == ("proposed", 0)
    record = city.enter("wage-arrears")
    work.approve(case)
    work.match(case, record)
    view = work.view(case)
    assert (view.state, view.in_force, view.feedback_due) == ("approved", True, work.due)
    assert view.records == (Reference(record.issuer, record.id),)
    assert (view.received, view.handled, view.overdue) == (2, 0, 0)
    work.answer(case, city.court)
    work.answer(case, city.operator, "no")
    work.step(case, "lifted", city.bureau, reason="工资已付清")
    answer = work.look(case)
    view = answer.view
    assert (view.state, view.in_force, view.handled) == ("lifted", False, 2)
    assert [each.step for each in view.statements] == [
        "initiated",
        "reviewed",
        "matched",
        "answered",
        "answered",
        "lifted",
    ]
    feedback = {each.uscc: each.answers[0] for each in view.executors}
    assert (feedback[city.court].applied, feedback[city.court].desk) == ("yes", "zhujian/window-2")
    assert (feedback[city.operator].applied, feedback[city.operator].content) == ("no", "该企业未参加投标")
    assert feedback[city.court].received_on == TODAY
    assert city.proves(answer.bundle, ("case", case_tag(NUMBER)))
    assert len(parse_bundle(answer.bundle).entries) == 6
    (section,) = answer.completeness
    assert (section.name, section.total, section.undisclosed) == ("case", 6, 0)


def test_a_returned_case_stays_with_its_proposer(work: Casework) -> None:
    case = work.initiate()
    work.step(case, "reviewed", outcome="returned", reason="依据不足")
    assert work.view(case).state == "returned"
    with pytest.raises(RoleMissing):
        work.view(case, work.city.court)
    assert work.tray(work.city.court) == []


def test_an_executor_sees_a_case_from_its_approval_and_less_of_it_after_its_end(
    work: Casework, uscc: Any
) -> None:
    city = work.city
    case = work.initiate()
    with pytest.raises(RoleMissing):
        work.view(case, city.court)
    work.approve(case)
    work.match(case, city.enter("wage-arrears"))
    whole = work.view(case, city.court)
    assert (whole.subject.name, whole.reason) == ("云岭某公司", "拖欠农民工工资")
    assert [measure.code for measure in whole.measures] == ["wage-bidding"]
    work.answer(case, city.court)
    work.answer(case, city.operator)
    work.step(case, "lifted", city.bureau, reason="工资已付清")
    answer = work.look(case, city.court)
    view = answer.view
    assert (view.state, view.subject, view.reason, view.basis, view.measures) == (
        "lifted",
        None,
        None,
        None,
        (),
    )
    assert [each.uscc for each in view.executors] == [city.court]
    assert parse_bundle(answer.bundle).entries == ()
    assert [each.step for each in view.statements] == [
        "initiated",
        "reviewed",
        "matched",
        "answered",
        "lifted",
    ]
    assert city.proves(answer.bundle, ("case", case_tag(NUMBER)))
    for member, role in ((city.bureau, "officer"), (city.operator, "operator"), (uscc(9), "auditor")):
        assert work.view(case, member, role).subject.name == "云岭某公司"


def test_who_takes_no_part_sees_nothing(work: Casework, uscc: Any) -> None:
    case = work.matched()
    with pytest.raises(RoleMissing):
        work.view(case, uscc(9), "officer")
    with pytest.raises(RoleMissing):
        work.service.list(CasesWanted(), work.asked(work.city.court))
    with pytest.raises(RoleMissing):
        work.service.list(CasesWanted(executor=work.city.bureau), work.asked(work.city.court))
    with pytest.raises(RoleMissing):
        work.service.figures(work.asked(work.city.court).principal, work.city.bureau)


def test_a_person_stands_in_a_case_by_tag_alone(work: Casework) -> None:
    city = work.city
    case = work.initiate(person=city.person)
    answer = work.look(case)
    subject = answer.view.subject
    assert (subject.type, subject.code, subject.name) == ("person", None, None)
    assert subject.tag == case.body["subject"]["person_tag"]
    assert city.person.encode() not in answer.bundle


def test_what_is_no_case_is_not_found(work: Casework) -> None:
    entered = work.city.enter("wage-arrears")
    step = work.approve(work.initiate())
    for other in (entered, step, replace(entered, issuer=work.city.court)):
        with pytest.raises(NotFound):
            work.look(other)


def test_a_step_that_did_not_fit_is_shown_as_ineffective(work: Casework) -> None:
    """The log of this test has no gate."""
    case = work.initiate()
    work.approve(case)
    work.step(case, "reviewed", work.city.court, outcome="approved")
    assert [each.effective for each in work.view(case).statements] == [True, True, False]


def test_every_view_is_a_logged_look_at_the_subject(work: Casework) -> None:
    city = work.city
    first, second = work.matched(), work.matched("云岭联惩〔2026〕2号")
    work.look(first, city.court)
    assert len(work.tray(city.court)) == 2
    looks = work.looks()
    assert [look["resource"] for look in looks] == [
        f"cases/{case.issuer}/{case.id}" for case in (first, second, first)
    ]
    assert {look["action"] for look in looks} == {"query"}
    assert looks[0]["actor"] == {"member": city.court, "operator": "desk-7"}
    assert looks[0]["subject"] == {"type": "organisation", "uscc": city.company}


# Feedback, in-trays, counts


def test_feedback_is_overdue_when_the_day_has_passed_and_late_when_it_comes_after(work: Casework) -> None:
    city = work.city
    case = work.matched()
    days = 0
    while True:
        status = [each.status for each in work.view(case).executors]
        if status[0] != "waiting":
            break
        days += 1
        city.now += DAY_MS
        assert days < 60
    assert status == ["overdue", "overdue"]
    assert today(city.now - DAY_MS).isoformat() == work.due
    # The day that an executor claims does not help it: what counts is when the log had it.
    work.answer(case, city.court)
    view = work.view(case)
    assert [each.status for each in view.executors] == ["late", "overdue"]
    assert (view.handled, view.overdue) == (1, 1)
    court = work.figures(city.court).total
    assert (court.received, court.handled, court.late, court.overdue) == (1, 1, 1, 0)
    assert work.figures(city.operator).total.overdue == 1


def test_a_case_that_was_lifted_in_time_leaves_nothing_overdue(work: Casework) -> None:
    case = work.matched()
    work.step(case, "lifted", work.city.bureau, reason="工资已付清")
    work.city.now += 60 * DAY_MS
    assert {each.status for each in work.view(case).executors} == {"waiting"}
    assert work.figures().total.overdue == 0


def test_a_case_that_no_record_carries_comes_to_nobody(work: Casework) -> None:
    case = work.initiate()
    work.approve(case)
    work.match(case)
    view = work.view(case)
    assert (view.received, {each.status for each in view.executors}) == (0, {"none_due"})
    assert work.figures().total.received == 0
    assert work.tray(work.city.court, todo=True) == []


def test_an_in_tray_holds_what_is_open_and_the_list_what_was(work: Casework) -> None:
    city = work.city
    cases = [work.matched(f"云岭联惩〔2026〕{number}号") for number in range(3)]
    work.initiate("云岭联惩〔2026〕9号")
    numbers = [case.body["case"] for case in reversed(cases)]
    assert work.tray(city.court, todo=True) == numbers
    work.answer(cases[0], city.court)
    assert work.tray(city.court, todo=True) == numbers[:2]
    assert work.tray(city.court) == numbers
    assert work.tray(city.operator, todo=True) == numbers
    work.step(cases[1], "lifted", city.bureau, reason="工资已付清")
    assert work.tray(city.court, state="lifted") == [numbers[1]]
    assert work.tray(city.court, state="matched") == [numbers[0], numbers[2]]


@pytest.mark.parametrize("state", STATES)
def test_the_states_of_the_register_are_those_of_the_fold(work: Casework, state: str) -> None:
    city = work.city
    work.initiate("1")
    returned = work.initiate("2")
    work.step(returned, "reviewed", outcome="returned", reason="依据不足")
    approved = work.initiate("3")
    work.approve(approved)
    work.matched("4")
    lifted = work.matched("5")
    work.step(lifted, "lifted", city.bureau, reason="工资已付清")
    withdrawn = work.initiate("7")
    work.step(withdrawn, "lifted", city.bureau, reason="撤回提请")
    ended = work.initiate("6", until="2026-09-20")
    work.step(ended, "reviewed", outcome="approved", on="2026-09-10")
    city.checkpoint()
    operator = work.asked(city.operator, "operator")
    answer = work.service.list(CasesWanted(state=state), operator)
    expected = {
        "proposed": ["1"],
        "returned": ["2"],
        "approved": ["4", "3"],
        "matched": ["4"],
        "lifted": ["7", "5"],
        "ended": ["6"],
    }
    assert [case.case for case in answer.cases] == expected[state]
    assert {case.state for case in answer.cases} == {"approved" if state == "matched" else state}


def test_a_list_comes_in_pages_each_proved(work: Casework) -> None:
    city = work.city
    for number in range(5):
        work.initiate(f"{number}")
    city.checkpoint()
    found, after = [], 0
    while True:
        wanted = CasesWanted(proposer=city.bureau)
        answer = work.service.list(wanted, work.asked(city.bureau), after, 2)
        numbers = [case.case for case in answer.cases]
        assert city.proves(answer.bundle, *(("case", case_tag(number)) for number in numbers))
        found += numbers
        if answer.after is None:
            break
        after = answer.after
    assert found == ["4", "3", "2", "1", "0"]
    for limit in (0, 51):
        with pytest.raises(InputError):
            work.service.list(CasesWanted(proposer=city.bureau), work.asked(city.bureau), 0, limit)


def test_two_cases_of_one_number_are_told_apart(work: Casework) -> None:
    first, second = work.initiate(), work.initiate()
    work.approve(first)
    assert (work.view(first).state, work.view(second).state) == ("approved", "proposed")
    assert len(work.view(first).statements) == 2
    answer = work.service.list(CasesWanted(proposer=work.city.bureau), work.asked(work.city.bureau))
    assert work.city.proves(answer.bundle, ("case", case_tag(NUMBER)))


def test_the_counts_are_per_department_and_in_all(work: Casework) -> None:
    city = work.city
    first, second = work.matched("1"), work.matched("2")
    work.answer(first, city.court)
    work.answer(first, city.court, "no")
    work.answer(second, city.court, "no")
    work.answer(first, city.operator)
    figures = work.figures()
    by_code = {each.uscc: each for each in figures.departments}
    court, operator = by_code[city.court], by_code[city.operator]
    assert (court.received, court.handled, court.applied, court.not_applied, court.waiting) == (2, 2, 1, 1, 0)
    assert (operator.received, operator.handled, operator.waiting) == (2, 1, 1)
    assert (figures.total.received, figures.total.handled, figures.total.waiting) == (4, 3, 1)
    assert figures.scanned == city.logs["credit"].store.size()
    assert work.service.figures(work.asked(city.court).principal).total == replace(court, uscc="", name="")


# The register


def test_the_register_is_the_same_however_the_entries_came_in(work: Casework) -> None:
    """Read after every statement, or once after all."""
    city = work.city
    case = work.matched()
    work.figures()
    work.answer(case, city.court)
    work.figures()
    work.step(case, "lifted", city.bureau, reason="工资已付清")
    figures = work.figures()
    again = Register(city.folder / "again.db", city.logs["credit"].store, work.register._tallies)
    assert again.catch_up() == figures.scanned
    for table in ("case_row", "executor"):
        rows = []
        for register in (work.register, again):
            with register.reading() as reader:
                rows.append(reader.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall())
        assert rows[0] == rows[1] != []
    again.close()


def test_two_processes_may_bring_one_register_up_to_date(work: Casework) -> None:
    other = Casework(work.city)
    case = work.matched()
    work.city.checkpoint()
    assert work.register.catch_up() == other.register.catch_up()
    work.answer(case, work.city.court)
    work.city.checkpoint()
    size = work.city.logs["credit"].store.size()
    assert other.register.catch_up() == size
    assert work.register.catch_up() == size
    assert work.figures() == other.figures()
    assert work.figures().total.handled == 1
    other.register.close()


@pytest.mark.parametrize("more", [0, 9], ids=["shorter", "longer"])
def test_a_register_of_another_log_is_made_anew(
    work: Casework, tmp_path_factory: pytest.TempPathFactory, more: int
) -> None:
    """As after a restore from an earlier copy, that then went on otherwise."""
    work.matched()
    assert work.figures().total.received == 2
    other = type(work.city)(tmp_path_factory.mktemp("other"))
    for number in range(1 + more):
        other.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
    other.checkpoint()
    store = other.logs["credit"].store
    register = Register(work.city.folder / "register.db", store, [CaseTally(store, lambda day: None)])
    assert register.catch_up() == 1 + more
    with register.reading() as reader:
        assert reader.execute("SELECT * FROM case_row").fetchall() == []
    register.close()
    other.close()


def test_a_register_falls_behind_and_catches_up_in_steps(work: Casework) -> None:
    work.matched()
    work.city.checkpoint()
    size = work.city.logs["credit"].store.size()
    assert work.register.catch_up(most=2) == 2
    assert work.register.catch_up(stopping=lambda: True) == 2
    assert work.register.catch_up() == size <= CHUNK

"""Cases, lives of records, quality figures and subscriptions over HTTP: who may ask what, who is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.client.loop import compose_case_step, compose_step
from ledger.client.problems import error_of
from ledger.errors import StepRefused
from ledger.formats.encoding import b64decode_strict
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Reference, parse_statement
from ledger.formats.tags import person_tag

COMPANY = "91990100MA0000058B"
CHINA = timedelta(hours=8)
STRANGER = "12990100MB0000078G"
NUMBER = "990001198001010019"
WHY = "purpose=%E6%A1%88%E4%BB%B6%E5%8A%9E%E7%90%86&basis=%E6%9D%A1%E4%BE%8B"


def day(ahead: int = 0) -> str:
    return (datetime.now(UTC) + CHINA + timedelta(days=ahead)).date().isoformat()


class Loop:
    """What members do, in few words."""

    def __init__(self, city: Any) -> None:
        self.city = city

    def submit(self, kind: str, body: Any, issuer: str, refers: Any = ()) -> Any:
        composed = self.city.compose(kind, body, issuer=issuer, refers=refers)
        answer = self.city.submit(composed, issuer)
        return composed, answer

    def state(self, kind: str, body: Any, issuer: str, refers: Any = ()) -> Reference:
        composed, answer = self.submit(kind, body, issuer, refers)
        assert answer.status_code == 201, answer.text
        self.city.publish()
        return Reference(issuer, composed.id)

    def enter(self, number: str = "云岭列〔2026〕1号", started: str | None = None) -> tuple[Reference, Any]:
        body = {
            "list": "wage-arrears",
            "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
            "case": number,
            "authority": {"uscc": self.city.PUBLISHER, "name": "云岭市人社局"},
            "basis": "保障农民工工资支付条例 48",
            "grounds": "数额较大",
            "from": started or day(-400),
            "until": None,
        }
        return self.state("credit.list.entered", body, self.city.PUBLISHER), body

    def step(self, record: tuple[Reference, Any], kind: str, issuer: str, **fields: Any) -> Any:
        body, _ = compose_step(record[1], f"credit.{kind}", fields)
        return self.submit(f"credit.{kind}", body, issuer, (record[0],))[1]

    def case(self) -> tuple[Reference, Any]:
        body = {
            "case": "云岭联惩〔2026〕1号",
            "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
            "field": "劳动保障",
            "reason": "拖欠农民工工资",
            "list": "wage-arrears",
            "measures": ["wage-bidding"],
            "basis": "保障农民工工资支付条例 48",
            "from": day(),
            "proposer": {"uscc": self.city.PUBLISHER, "name": "云岭市人社局"},
            "executors": [{"uscc": self.city.OPERATOR, "name": "云岭市数据局"}],
        }
        return self.state("credit.case.initiated", body, self.city.PUBLISHER), body

    def case_step(self, case: tuple[Reference, Any], kind: str, issuer: str, **fields: Any) -> Any:
        body, _ = compose_case_step(case[1], f"credit.case.{kind}", issuer, {"on": day()} | fields)
        return self.submit(f"credit.case.{kind}", body, issuer, (case[0],))[1]

    def get(self, path: str, member: str, query: str = "") -> Any:
        return self.city.request("GET", path, member=member, query=query)


@pytest.fixture
def loop(city: Any) -> Loop:
    city.publish()
    return Loop(city)


def name_of(named: tuple[Reference, Any]) -> str:
    return f"{named[0].issuer}:{named[0].id}"


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    return str(answer.json["detail"])


def test_a_case_is_read_with_its_proof(loop: Loop) -> None:
    city = loop.city
    record, case = loop.enter(), loop.case()
    assert loop.case_step(case, "reviewed", city.OPERATOR, outcome="approved").status_code == 201
    matched = [{"issuer": record[0].issuer, "id": record[0].id}]
    assert loop.case_step(case, "matched", city.OPERATOR, records=matched).status_code == 201
    city.publish()
    answer = loop.get(f"/v1/cases/{name_of(case)}", city.PUBLISHER)
    assert answer.status_code == 200, answer.text
    view = answer.json["view"]
    assert (view["state"], view["received"], view["handled"]) == ("approved", 1, 0)
    entries = [b64decode_strict(entry["entry"]) for entry in answer.json["bundle"]["entries"]]
    kinds = [parse_statement(parse_envelope(entry).payload).kind for entry in entries]
    assert kinds == ["credit.case.initiated", "credit.case.reviewed", "credit.case.matched"]
    assert answer.json["bundle"]["completeness"][0]["name"] == "case"

    tray = loop.get("/v1/cases", city.OPERATOR, f"executor={city.OPERATOR}&todo=true")
    assert [each["case"] for each in tray.json["cases"]] == ["云岭联惩〔2026〕1号"]
    counts = loop.get("/v1/cases/figures", city.AUDITOR).json
    assert (counts["total"]["received"], counts["total"]["handled"]) == (1, 0)
    done = {"applied": "no", "content": "该企业未参加投标", "desk": "window-2"}
    assert loop.case_step(case, "answered", city.OPERATOR, **done).status_code == 201
    city.publish()
    assert loop.get("/v1/cases/figures", city.AUDITOR).json["total"]["not_applied"] == 1
    # The gate knows what may come next.
    again = loop.case_step(case, "reviewed", city.OPERATOR, outcome="approved")
    assert "rule:" in refused(again, 409, "step_refused")
    assert loop.case_step(case, "lifted", city.PUBLISHER, reason="工资已付清").status_code == 201
    city.publish()
    assert loop.get(f"/v1/cases/{name_of(case)}", city.PUBLISHER).json["view"]["state"] == "lifted"


def test_who_takes_no_part_in_a_case_is_refused(loop: Loop) -> None:
    city = loop.city
    case = loop.case()
    for path, query in (
        (f"/v1/cases/{name_of(case)}", ""),
        ("/v1/cases", ""),
        ("/v1/cases", f"executor={city.OPERATOR}"),
        ("/v1/cases/figures", f"department={city.OPERATOR}"),
        ("/v1/quality", f"authority={city.PUBLISHER}"),
    ):
        refused(loop.get(path, city.OFFICER, query), 403, "role_missing")
    id = case[0].id
    unknown = f"{city.PUBLISHER}:{id[:-1]}{'0' if id[-1] != '0' else '1'}"
    refused(loop.get(f"/v1/cases/{unknown}", city.AUDITOR), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/cases/1", ""),
        ("/v1/cases", "todo=yes"),
        ("/v1/cases", "state=open"),
        ("/v1/cases", "limit=51"),
        ("/v1/cases", "executor=1"),
        ("/v1/cases", "operator=%20"),
        ("/v1/cases", "after=x"),
        ("/v1/quality", "month=2026-13"),
        ("/v1/quality", "month=2026-1"),
        ("/v1/quality", "after=eyJtb250aCI6MX0"),
        ("/v1/quality", "limit=0"),
        ("/v1/records/1/2", ""),
        ("/v1/subscriptions/1", ""),
    ],
)
def test_what_is_not_in_form_is_refused(loop: Loop, path: str, query: str) -> None:
    answer = loop.get(path, loop.city.OPERATOR, query)
    assert answer.status_code == 400, answer.text


def test_a_record_is_read_with_its_state_steps_and_deadlines(loop: Loop) -> None:
    city = loop.city
    record = loop.enter()
    path = f"/v1/records/{record[0].issuer}/{record[0].id}"
    objected = loop.step(record, "record.objected", city.PUBLISHER, raised_on=day(), grounds="与事实不符")
    assert objected.status_code == 201, objected.text
    city.publish()
    view = loop.get(path, city.PUBLISHER).json["view"]
    assert (view["state"], view["objected"]) == ("published", True)
    assert view["body"] == record[1]
    assert [each["duty"] for each in view["deadlines"]] == ["objection"]
    early = loop.step(
        record, "repair.approved", city.PUBLISHER, decided_on=day(), basis="信用信息修复管理办法"
    )
    assert "rule:" in refused(early, 409, "step_refused")
    assert early.json["reason"] == "repair_not_accepted"
    # The same in Chinese, also for those who call by the client.
    error = error_of(early.status_code, early.json)
    assert isinstance(error, StepRefused)
    assert "没有已受理的修复申请" in error.zh
    assert "当前状态：公示中" in error.zh
    assert "信用信息修复管理办法" in error.zh
    assert "信用信息修复管理办法" in error.rule
    other = loop.step(record, "record.withdrawn", city.OPERATOR, decided_on=day(), reason="error", basis="法")
    assert refused(other, 403, "not_entitled")
    gone = loop.step(record, "record.withdrawn", city.PUBLISHER, decided_on=day(), reason="error", basis="法")
    assert gone.status_code == 201, gone.text
    city.publish()
    assert loop.get(path, city.AUDITOR, WHY).json["view"]["body"] == record[1]
    hidden = loop.get(path, city.OFFICER, WHY)
    assert (hidden.json["view"]["state"], hidden.json["view"]["body"]) == ("withdrawn", None)
    assert "云岭某公司" not in hidden.text
    refused(loop.get(path, city.DESK), 403, "role_missing")


def test_every_view_is_in_the_subjects_trail(loop: Loop) -> None:
    city = loop.city
    record, case = loop.enter(), loop.case()
    path = f"/v1/records/{record[0].issuer}/{record[0].id}"
    assert loop.get(path, city.OFFICER, f"operator=window-3&{WHY}").status_code == 200
    assert loop.get(f"/v1/cases/{name_of(case)}", city.AUDITOR, WHY).status_code == 200
    city.publish()
    reason = {"operator": "audit-1", "purpose": "审计", "basis": "审计法"}
    asked = {"subject": {"type": "organisation", "code": COMPANY}} | reason
    events = city.post("/v1/trails", asked, city.AUDITOR).json["events"]
    assert [(event["resource"].partition("/")[0], event["operator"]) for event in events] == [
        ("records", "window-3"),
        ("cases", "service"),
    ]
    assert events[0]["purpose"] == "案件办理"


def test_who_does_not_handle_a_record_or_a_case_says_why_he_looks(loop: Loop) -> None:
    city = loop.city
    record, case = loop.enter(), loop.case()
    path = f"/v1/records/{record[0].issuer}/{record[0].id}"
    for asked, member in (
        (path, city.OFFICER),
        (path, city.AUDITOR),
        (f"/v1/cases/{name_of(case)}", city.AUDITOR),
        ("/v1/cases", city.AUDITOR),
    ):
        for query in ("", "purpose=x", "basis=x"):
            refused(loop.get(asked, member, query), 400, "purpose_missing")
        assert loop.get(asked, member, WHY).status_code == 200
    for asked, member in (
        (path, city.PUBLISHER),
        (path, city.OPERATOR),
        (f"/v1/cases/{name_of(case)}", city.PUBLISHER),
        (f"/v1/cases/{name_of(case)}", city.OPERATOR),
    ):
        assert loop.get(asked, member).status_code == 200
        refused(loop.get(asked, member, "purpose=x"), 400, "purpose_missing")


def test_a_refused_attempt_at_a_persons_record_or_case_is_in_the_persons_trail(loop: Loop) -> None:
    city = loop.city
    tag = person_tag(city.deployment.keyring.person_tag_keys()[0], 0, NUMBER)
    person = {"type": "person", "person_tag": tag, "epoch": 0}
    details = {"name": "张三", "document_type": "111", "document_number": NUMBER}
    _, body = loop.enter("云岭列〔2026〕2号")
    composed = city.compose("credit.list.entered", body | {"subject": person}, personal={"subject": details})
    assert city.submit(composed).status_code == 201
    initiated = loop.case()[1] | {"subject": person, "case": "云岭联惩〔2026〕2号"}
    del initiated["reason"]
    case = loop.state("credit.case.initiated", initiated, city.PUBLISHER)
    record = f"/v1/records/{city.PUBLISHER}/{composed.id}"
    refused(loop.get(record, city.OFFICER, f"operator=w-1&{WHY}"), 403, "role_missing")
    refused(loop.get(f"/v1/cases/{name_of((case, body))}", city.OFFICER, "operator=w-2"), 403, "role_missing")
    refused(loop.get(record, city.AUDITOR, "operator=w-3"), 400, "purpose_missing")
    city.publish()
    reason = {"operator": "audit-1", "purpose": "审计", "basis": "审计法", "basis_code": "statutory-duty"}
    asked = {"subject": {"type": "person", "code": NUMBER}} | reason
    events = city.post("/v1/trails", asked, city.AUDITOR).json["events"]
    assert [(each["operator"], each["outcome"], each["reason"]) for each in events] == [
        ("w-1", "refused", "role_missing"),
        ("w-2", "refused", "role_missing"),
        ("w-3", "refused", "purpose_missing"),
    ]


def test_figures_are_reported_and_compared(loop: Loop) -> None:
    city = loop.city
    authority = {"uscc": city.PUBLISHER, "name": "云岭市人社局"}
    month = day()[:7]
    penalty = {
        "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
        "subject_class": "organisation",
        "document": "云岭罚〔2026〕1号",
        "violation": "未按规定公示",
        "facts": "事实",
        "basis": "行政处罚法",
        "penalty_kinds": ["fine"],
        "content": "罚款",
        "decided_on": day(),
        "authority": authority,
    }
    loop.state("credit.penalty.published", penalty, city.PUBLISHER)
    figures = {"decided": 2, "published": 2, "conforming": 2, "late": 0, "withheld": 0}
    loop.state("credit.quality.reported", figures | {"authority": authority, "month": month}, city.PUBLISHER)
    answer = loop.get("/v1/quality", city.PUBLISHER, f"month={month}")
    (line,) = answer.json["lines"]
    assert line["logged"] == {"published": 1, "late": 0}
    assert line["differences"] == ["published"]
    assert answer.json["next"] is None
    assert len(answer.json["bundle"]["entries"]) == 1
    _, other = loop.submit(
        "credit.quality.reported",
        figures | {"authority": {"uscc": city.OPERATOR, "name": "甲"}, "month": month},
        city.PUBLISHER,
    )
    refused(other, 403, "not_entitled")


def test_quality_pages_go_on_where_they_ended(loop: Loop) -> None:
    city = loop.city
    authority = {"uscc": city.PUBLISHER, "name": "云岭市人社局"}
    zeros = dict.fromkeys(("decided", "published", "conforming", "late", "withheld"), 0)
    for month in ("2026-01", "2026-02", "2026-03"):
        loop.state(
            "credit.quality.reported", zeros | {"authority": authority, "month": month}, city.PUBLISHER
        )
    found, query = [], "limit=2"
    while query:
        answer = loop.get("/v1/quality", city.AUDITOR, query).json
        found += [line["month"] for line in answer["lines"]]
        query = f"limit=2&after={answer['next']}" if answer["next"] else ""
    assert found == ["2026-03", "2026-02", "2026-01"]


SUBSCRIPTION = {
    "url": "https://hooks.example/credit",
    "operator": "desk-1",
    "purpose": "招标投标资格审查",
    "basis": "招标投标法",
}


def test_subscriptions_are_made_seen_and_ended_by_their_member(loop: Loop) -> None:
    city = loop.city
    made = city.post("/v1/subscriptions", SUBSCRIPTION | {"lists": ["wage-arrears"]}, city.OFFICER)
    assert made.status_code == 201, made.text
    assert (made.json["kinds"], made.json["member"]) == (["credit.list.entered"], city.OFFICER)
    path = f"/v1/subscriptions/{made.json['subscription']}"
    assert loop.get(path, city.OFFICER).json == made.json
    assert loop.get("/v1/subscriptions", city.PUBLISHER).json == {"subscriptions": []}
    assert len(loop.get("/v1/subscriptions", city.OPERATOR).json["subscriptions"]) == 1
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/dead-letters")):
        answer = city.request(method, path + tail, member=city.PUBLISHER)
        refused(answer, 404, "subscription_unknown")
    refused(city.post(f"{path}/dead-letters/retry", {}, city.PUBLISHER), 404, "subscription_unknown")
    assert loop.get(f"{path}/dead-letters", city.OFFICER).json == {"dead_letters": [], "next": None}
    assert city.post(f"{path}/dead-letters/retry", {"numbers": [1]}, city.OFFICER).json == {"retried": 0}
    ended = city.request("DELETE", path, member=city.OFFICER)
    assert (ended.status_code, ended.json["ended"]) == (200, True)
    refused(loop.get(path, city.OFFICER), 404, "subscription_unknown")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "http://hooks.example/"}, "webhook_refused"),
        ({"url": "https://127.0.0.1/"}, "webhook_refused"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "webhook_refused"),
        ({"url": "https://user:secret@hooks.example/"}, "webhook_refused"),
        ({"purpose": " "}, "purpose_missing"),
        ({"purpose": f"核查 {NUMBER}"}, "statement_invalid"),
        ({"basis": "法\x01"}, "statement_invalid"),
        ({"lists": ["no-such-list"]}, "parameter_invalid"),
        ({"kinds": ["credit.case.initiated"]}, "parameter_invalid"),
        ({"surprise": 1}, "parameter_invalid"),
        ({"persons": 1}, "parameter_invalid"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_a_subscription_that_breaks_a_rule_is_refused(loop: Loop, changes: Any, code: str) -> None:
    answer = loop.city.post("/v1/subscriptions", SUBSCRIPTION | changes, loop.city.OFFICER)
    assert "secret" not in refused(answer, 400, code)


def test_persons_are_told_of_only_on_a_legal_basis(loop: Loop) -> None:
    city = loop.city
    refused(
        city.post("/v1/subscriptions", SUBSCRIPTION | {"persons": True}, city.OFFICER),
        403,
        "authorisation_missing",
    )
    covered = {"persons": True, "basis_code": "statutory-duty", "matter": "bidding"}
    assert city.post("/v1/subscriptions", SUBSCRIPTION | covered, city.OFFICER).status_code == 201
    refused(city.post("/v1/subscriptions", SUBSCRIPTION, city.AUDITOR), 403, "role_missing")

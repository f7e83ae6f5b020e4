"""Steps, deadlines and editions through the whole application: what is refused, owed, and in force when."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ledger.catalog
from ledger.catalog import load_catalogue
from ledger.cli import cli
from ledger.domain import CataloguePublished
from ledger.formats.statement import Reference
from ledger.log.clock import china_day
from ledger.log.directory import write_snapshot
from ledger.log.facts import facts_at
from ledger.log.status import ChoreStatus, WorkerStatus, write_status

COMPANY = {"type": "organisation", "uscc": "91990100MA0000058B", "name": "云岭某公司"}
DAY_MS = 24 * 3600 * 1000


def authority(city: Any) -> dict[str, str]:
    return {"uscc": city.PUBLISHER, "name": "云岭市市场监督管理局"}


def today(city: Any) -> str:
    return china_day(city.clock())


def enter(
    city: Any, list_code: str = "wage-arrears", case: str = "云岭列〔2026〕1号", issuer: str | None = None
) -> Any:
    body = {
        "list": list_code,
        "subject": COMPANY,
        "case": case,
        "authority": authority(city),
        "basis": "保障农民工工资支付条例 48",
        "grounds": "数额较大",
        "from": today(city),
        "until": None,
    }
    return city.compose("credit.list.entered", body, issuer or city.PUBLISHER)


def step(city: Any, kind: str, record: Any, issuer: str | None = None, **members: Any) -> Any:
    body = {"subject": COMPANY, "number": "云岭列〔2026〕1号", "authority": authority(city), **members}
    issuer = issuer or city.PUBLISHER
    refers = (Reference(city.PUBLISHER, record.id),)
    return city.submit(city.compose(f"credit.{kind}", body, issuer, refers=refers), issuer)


class TestSteps:
    def test_a_step_that_the_state_does_not_allow_is_refused_with_reason_and_rule(self, city: Any) -> None:
        record = enter(city)
        assert city.submit(record).status_code == 201
        applied = {"applied_on": today(city), "commitment": "承诺书1号"}
        refused = step(city, "repair.applied", record, **applied)
        document = refused.get_json()
        assert (refused.status_code, document["code"]) == (409, "step_refused")
        assert document["reason"] == "minimum_not_passed"
        assert "信用信息修复管理办法" in document["rule"]
        assert "it is published" in document["detail"]

    def test_another_members_step_is_refused_as_not_its_own(self, city: Any) -> None:
        record = enter(city)
        city.submit(record)
        refused = step(city, "record.expired", record, expired_on=today(city))
        assert (refused.status_code, refused.get_json()["code"]) == (403, "not_entitled")

    def test_a_step_that_refers_to_nothing_is_not_found(self, city: Any) -> None:
        record = enter(city)
        refused = step(city, "record.objected", record, raised_on=today(city), grounds="事实不符")
        assert (refused.status_code, refused.get_json()["code"]) == (404, "reference_unknown")
        assert city.sizes()["credit"] == 0

    def test_a_step_sent_again_gets_its_first_receipt(self, city: Any) -> None:
        record = enter(city)
        city.submit(record)
        body = {
            "subject": COMPANY,
            "number": "云岭列〔2026〕1号",
            "authority": authority(city),
            "raised_on": today(city),
            "grounds": "事实不符",
        }
        composed = city.compose(
            "credit.record.objected", body, refers=(Reference(city.PUBLISHER, record.id),)
        )
        entry = city.entry(composed)
        path = "/v1/logs/credit/entries"
        first, second = (city.request("POST", path, member=city.PUBLISHER, body=entry) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.data == second.data

    def test_a_list_that_the_edition_does_not_have_is_refused(self, city: Any) -> None:
        refused = city.submit(enter(city, list_code="no-such-list"))
        assert (refused.status_code, refused.get_json()["code"]) == (400, "list_unknown")

    def test_who_has_no_authority_over_a_list_enters_nobody(self, city: Any) -> None:
        let_operator_publish(city)
        refused = city.submit(enter(city, issuer=city.OPERATOR), city.OPERATOR)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "list_authority_missing")


class TestOverdue:
    def overdue(self, city: Any, member: str, query: str = "") -> Any:
        return city.request("GET", "/v1/overdue", member=member, query=query)

    def owe(self, city: Any, count: int = 1) -> list[str]:
        records = []
        for place in range(count):
            record = enter(city, case=f"{place}号")
            assert city.submit(record).status_code == 201
            body = {"number": f"{place}号", "raised_on": today(city), "grounds": "事实不符"}
            assert step(city, "record.objected", record, **body).status_code == 201
            records.append(record.id)
        return records

    def test_what_is_owed_is_counted_and_listed_page_by_page(self, city: Any) -> None:
        records = self.owe(city, 5)
        city.clock.ahead += 40 * DAY_MS
        document = self.overdue(city, city.AUDITOR, "limit=2").get_json()
        assert (document["day"], document["total"]) == (today(city), 5)
        (count,) = document["counts"]
        assert (count["authority"], count["kind"], count["count"]) == (city.PUBLISHER, "objection", 5)
        seen = [line["record"]["id"] for line in document["lines"]]
        while document["next"]:
            query = f"limit=2&after={document['next']}"
            document = self.overdue(city, city.AUDITOR, query).get_json()
            seen += [line["record"]["id"] for line in document["lines"]]
        assert seen == records
        assert self.overdue(city, city.AUDITOR, "kind=decision").get_json()["total"] == 0

    def test_as_of_a_day_before_the_deadline_nothing_was_overdue(self, city: Any) -> None:
        self.owe(city)
        day = today(city)
        city.clock.ahead += 40 * DAY_MS
        assert self.overdue(city, city.AUDITOR).get_json()["total"] == 1
        assert self.overdue(city, city.AUDITOR, f"day={day}").get_json()["total"] == 0

    def test_a_member_sees_its_own_and_is_refused_anothers(self, city: Any) -> None:
        self.owe(city)
        city.clock.ahead += 40 * DAY_MS
        assert self.overdue(city, city.PUBLISHER).get_json()["total"] == 1
        assert self.overdue(city, city.OFFICER).get_json()["total"] == 0
        refused = self.overdue(city, city.OFFICER, f"authority={city.PUBLISHER}")
        assert (refused.status_code, refused.get_json()["code"]) == (403, "role_missing")

    @pytest.mark.parametrize(
        "query",
        [
            "day=2026-13-01",
            "day=9999-12-31",
            "day=today",
            "kind=expiry",
            "limit=501",
            "after=x",
            "authority=x",
            "more=1",
        ],
    )
    def test_a_question_that_is_not_in_form_is_refused(self, city: Any, query: str) -> None:
        assert self.overdue(city, city.AUDITOR, query).status_code == 400


def an_edition(folder: Path, edition: str, begins: str, without: str) -> Path:
    """The shipped edition without one of its lists."""
    shipped = Path(ledger.catalog.__file__).parent
    folder.mkdir()
    for file in load_catalogue().files:
        shutil.copyfile(shipped / file.name, folder / file.name)
    for name, member in (("lists", "code"), ("rules", "list")):
        rows = [
            row for row in json.loads((shipped / f"{name}.json").read_text()) if row.get(member) != without
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))
    (folder / "edition.json").write_text(json.dumps({"edition": edition, "from": begins}))
    return folder


def xinzheng(city: Any, *arguments: str) -> Any:
    result = CliRunner().invoke(cli, [*arguments, "--dir", str(city.deployment.folder)])
    assert result.exception is None or result.exit_code, result.exception
    return result


def let_operator_publish(city: Any) -> None:
    trust = json.loads(city.deployment.trust_path.read_bytes())
    for member in trust["members"]:
        if member["id"] == city.OPERATOR and "publisher:credit" not in member["roles"]:
            member["roles"].append("publisher:credit")
    write_snapshot(city.deployment.trust_path, json.dumps(trust).encode())
    city.clock.ahead += 2000


class TestCatalogue:
    def test_a_published_edition_is_in_force_in_the_running_service_and_stated_in_the_log(
        self, city: Any, tmp_path: Path
    ) -> None:
        let_operator_publish(city)
        assert city.submit(enter(city, "tax-violation", "1号")).status_code == 201
        source = an_edition(tmp_path / "new", "2099.1", today(city), without="tax-violation")
        done = xinzheng(city, "catalogue", "publish", str(source), "--json")
        assert json.loads(done.stdout)["logged"] is True, done.output
        refused = city.submit(enter(city, "tax-violation", "2号"))
        assert (refused.status_code, refused.get_json()["code"]) == (400, "list_unknown")
        store = city.deployment.logs["credit"].store
        stated = [fact.body for fact in facts_at(store, list(range(store.size())))]
        editions = [body.edition for body in stated if isinstance(body, CataloguePublished)]
        assert editions == [load_catalogue().edition, "2099.1"]
        shown = json.loads(xinzheng(city, "catalogue", "show", "--json").stdout)
        assert shown["current"] == "2099.1"
        assert [row["entry"] for row in shown["editions"]] == [1, 2]
        again = xinzheng(city, "catalogue", "publish", str(source), "--json")
        assert json.loads(again.stdout)["logged"] is True
        assert store.size() == 3

    def test_a_backup_brings_the_editions_along(self, city: Any, tmp_path: Path) -> None:
        source = an_edition(tmp_path / "new", "2099.1", today(city), without="tax-violation")
        xinzheng(city, "catalogue", "publish", str(source))
        assert xinzheng(city, "backup", str(tmp_path / "copy")).exit_code == 0
        kept = load_catalogue(tmp_path / "copy" / "catalogue" / "2099.1")
        assert kept.sm3 == load_catalogue(source).sm3

    def test_an_edition_of_a_later_day_applies_from_then_on(self, city: Any, tmp_path: Path) -> None:
        begins = china_day(city.clock() + 3 * DAY_MS)
        source = an_edition(tmp_path / "new", "2099.1", begins, without="tax-violation")
        assert xinzheng(city, "catalogue", "publish", str(source)).exit_code == 0
        assert city.submit(enter(city, "tax-violation", "1号")).status_code == 201
        city.clock.ahead += 3 * DAY_MS
        assert city.submit(enter(city, "tax-violation", "2号")).status_code == 400

    def test_without_the_operators_role_it_is_in_force_and_still_to_be_stated(
        self, city: Any, tmp_path: Path
    ) -> None:
        trust = json.loads(city.deployment.trust_path.read_bytes())
        for member in trust["members"]:
            member["roles"] = [role for role in member["roles"] if role != "publisher:credit"]
        write_snapshot(city.deployment.trust_path, json.dumps(trust).encode())
        source = an_edition(tmp_path / "new", "2099.1", today(city), without="tax-violation")
        done = xinzheng(city, "catalogue", "publish", str(source))
        assert done.exit_code == 0
        assert "role_missing" in done.stderr
        assert city.deployment.editions.at(today(city)).edition == "2099.1"

    def test_a_folder_is_checked_without_a_deployment(self, tmp_path: Path) -> None:
        source = an_edition(tmp_path / "new", "2099.1", "2099-01-01", without="tax-violation")
        done = CliRunner().invoke(cli, ["catalogue", "check", str(source), "--json"])
        assert json.loads(done.stdout)["edition"] == "2099.1"
        (source / "terms.json").write_text("[]")
        done = CliRunner().invoke(cli, ["catalogue", "check", str(source)])
        assert "terms.json" in str(done.exception)


def test_status_explains_the_alarm_of_a_missing_role_and_names_a_failing_chore(city: Any) -> None:
    chores = {
        "editions": ChoreStatus(1, None, ["operator_role_missing"]),
        "expiry": ChoreStatus(None, "store_busy: locked"),
    }
    status = WorkerStatus(city.clock(), 1, {}, "none", chores)
    write_status(city.deployment.status_path, status)
    shown = xinzheng(city, "status").output
    assert "operator_role_missing：运营方须登记角色 publisher:credit" in shown
    assert "expiry [store_busy]" in shown
    ready = city.http.get("/readyz").get_json()
    assert ready["alarms"] == ["operator_role_missing"]
    assert ready["worker"]["failing"] == {"expiry": "store_busy"}

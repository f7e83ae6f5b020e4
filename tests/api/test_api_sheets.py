"""What departments ask about their sheets beforehand, over the API."""

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from made_sheets import LIST_ROW, PENALTY_ROW, PERSON_ROW, good, uscc, write_sheet

from ledger.catalog import load_catalogue
from ledger.services.importing import (
    LIST,
    ImportTarget,
    LogDesk,
    PreparedRow,
    RowBuilder,
    SheetCodes,
    import_sheet,
)
from ledger.services.importing.desk import offered


@pytest.fixture
def builder(city: Any) -> RowBuilder:
    known = ask(city, "GET", "/v1/sheets/codes")
    assert known["epoch"] == 0
    key = city.deployment.keyring.person_tag_keys()[0]
    return RowBuilder(city.PUBLISHER, key, 0, SheetCodes.from_json(known), date.fromisoformat(known["today"]))


def ask(city: Any, method: str, path: str, document: Any = None, member: str | None = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    response = city.request(method, path, member=member or city.PUBLISHER, body=body)
    assert response.status_code == 200, response.data
    return response.get_json()


def preview(city: Any, rows: list[PreparedRow], member: str | None = None) -> list[dict[str, Any]]:
    document = {"rows": [json.loads(offered(row).as_json()) for row in rows]}
    outcomes = ask(city, "POST", "/v1/sheets/rows", document, member)["outcomes"]
    return list(outcomes)


def recent(row: dict[str, Any], column: str = "CF_JDRQ") -> dict[str, Any]:
    """A row decided yesterday, by the machine's clock."""
    return row | {column: (date.today() - timedelta(days=2)).isoformat()}


def test_the_codes_are_those_of_the_edition_in_force(city: Any) -> None:
    known = SheetCodes.from_json(ask(city, "GET", "/v1/sheets/codes"))
    assert known == SheetCodes.of(load_catalogue())


def test_rows_are_new_refused_or_there_already(city: Any, builder: RowBuilder, tmp_path: Path) -> None:
    rows = [recent(PENALTY_ROW), recent(PERSON_ROW), PENALTY_ROW | {"CF_JDRQ": "2019-01-05"}]
    prepared = good(write_sheet(tmp_path, rows), builder)
    assert [each["state"] for each in preview(city, prepared)] == ["new", "new", "refused"]
    refused = preview(city, prepared)[2]
    assert (refused["code"], bool(refused["zh"]), bool(refused["en"])) == (
        "decision_date_refused",
        True,
        True,
    )
    assert city.sizes() == {"credit": 0, "access": 0, "certificate": 0}


def test_a_list_without_authority_is_refused_row_by_row(
    city: Any, builder: RowBuilder, tmp_path: Path
) -> None:
    [row] = good(write_sheet(tmp_path, [recent(LIST_ROW, "MD_LRRQ")], LIST), builder)
    assert preview(city, [row])[0]["state"] == "new"
    assert preview(city, [row], city.OPERATOR)[0]["code"] == "list_authority_missing"


def test_nobody_learns_what_another_member_published(city: Any, builder: RowBuilder, tmp_path: Path) -> None:
    [row] = good(write_sheet(tmp_path, [recent(PENALTY_ROW)]), builder)
    import_rows(city, builder, write_sheet(tmp_path, [recent(PENALTY_ROW)]))
    city.publish()
    changed = good(write_sheet(tmp_path, [recent(PENALTY_ROW) | {"CF_NR": "别的"}]), builder)
    [found] = preview(city, changed)
    assert (found["state"], found["record"]["id"]) == ("conflicting", row.id)
    assert preview(city, [row])[0]["state"] == "already"
    assert [each["state"] for each in preview(city, [row, *changed], city.OPERATOR)] == ["new", "new"]
    wanted = {"wanted": [{"kind": row.kind, "number": PENALTY_ROW["CF_WSH"], "subject": uscc(100)}]}
    [[own]] = ask(city, "POST", "/v1/sheets/records", wanted)["found"]
    assert own["body"] == json.loads(row.body)
    assert ask(city, "POST", "/v1/sheets/records", wanted, city.OPERATOR)["found"] == [[]]


def import_rows(city: Any, builder: RowBuilder, path: Path) -> None:
    log = city.deployment.logs["credit"]
    desk = LogDesk(
        log.store, log.reader, city.deployment.rulebook, city.PUBLISHER, ["publisher:credit"], city.clock
    )
    target = ImportTarget(
        log.origin, city.PUBLISHER, city.signers[city.PUBLISHER], log.appender.submit_batch, desk
    )
    assert import_sheet(path, builder, target, city.clock, os.urandom).bad == 0


@pytest.mark.parametrize("member", ["OFFICER", "AUDITOR"])
@pytest.mark.parametrize("path", ["codes", "rows", "records"])
def test_only_who_publishes_may_ask(city: Any, member: str, path: str) -> None:
    method, body = ("GET", None) if path == "codes" else ("POST", b"{}")
    response = city.request(method, f"/v1/sheets/{path}", member=getattr(city, member), body=body)
    assert (response.status_code, response.get_json()["code"]) == (403, "role_missing")


def test_a_kind_that_sheets_do_not_make_is_not_looked_up(city: Any) -> None:
    wanted = {"wanted": [{"kind": "credit.case.initiated", "number": "1", "subject": uscc(1)}]}
    response = city.request(
        "POST", "/v1/sheets/records", member=city.PUBLISHER, body=json.dumps(wanted).encode()
    )
    assert (response.status_code, response.get_json()["code"]) == (400, "kind_unknown")


ROW = {"id": "019b8a2e-5400-7000-8000-000000000000", "kind": "credit.penalty.published", "body": {}}


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("rows", {"rows": []}),
        ("rows", {"rows": [ROW] * 1001}),
        ("rows", {"rows": [ROW | {"id": "x"}]}),
        ("rows", {"rows": [ROW | {"body": []}]}),
        ("rows", {"rows": [ROW | {"personal": {}}]}),
        ("rows", {"rows": [ROW | {"refers": [{"issuer": "x", "id": "y"}]}]}),
        ("records", {"wanted": []}),
        ("records", {"wanted": [{"kind": "k", "number": "", "subject": uscc(1)}]}),
        ("records", {"wanted": [{"kind": "credit.list.entered", "number": "1", "subject": "张三"}]}),
    ],
)
def test_questions_that_are_not_in_form_are_refused(city: Any, path: str, document: Any) -> None:
    response = city.request(
        "POST", f"/v1/sheets/{path}", member=city.PUBLISHER, body=json.dumps(document).encode()
    )
    assert (response.status_code, response.get_json()["code"]) == (400, "parameter_invalid")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "statement_invalid"),
        ({"kind": "credit.case.initiated"}, "kind_unknown"),
        ({"kind": "access.event.recorded"}, "kind_unknown"),
        ({"body": {"document": 1.5}}, ""),
        ({"body": {"document": {"a": [[[]]]}}}, "statement_invalid"),
    ],
)
def test_a_row_that_is_no_statement_is_refused_and_the_others_are_answered(
    city: Any, builder: RowBuilder, tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    [whole] = good(write_sheet(tmp_path, [recent(PENALTY_ROW)]), builder)
    document = {"rows": [ROW | changes, json.loads(offered(whole).as_json())]}
    response = city.request(
        "POST", "/v1/sheets/rows", member=city.PUBLISHER, body=json.dumps(document).encode()
    )
    if not code:
        assert response.status_code == 400
        return
    first, second = response.get_json()["outcomes"]
    assert (first["state"], first["code"], second["state"]) == ("refused", code, "new")

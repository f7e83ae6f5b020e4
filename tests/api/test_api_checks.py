"""Checks over HTTP: what one and many answer, prove and log, and every bad question refused by its code."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from bodies import ENTERED, uscc

from ledger.formats.answer import answer_digest, canonical_answer
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.verify import Question, verify_bundle

MATTER = "government-procurement"
REASON = {"operator": "window-3", "purpose": "供应商资格审查", "basis": "政府采购法 22"}
LISTED, CLEAR = uscc(100), uscc(101)
PERSON = "11010519491231002X"


def organisation(code: str, **members: Any) -> dict[str, Any]:
    return {"type": "organisation", "code": code, **members}


@pytest.fixture
def entered(city: Any) -> Any:
    """The city with one company on a list."""
    authority = {"uscc": city.PUBLISHER, "name": "云岭市市场监督管理局"}
    subject = {"type": "organisation", "uscc": LISTED, "name": "云岭市澜栎建筑有限公司"}
    response = city.submit(
        city.compose("credit.list.entered", ENTERED | {"subject": subject, "authority": authority})
    )
    assert response.status_code == 201, response.get_json()
    city.publish()
    return city


def ask(city: Any, path: str, document: dict[str, Any], member: str | None = None) -> Any:
    return city.post(path, {"matter": MATTER, **REASON, **document}, member or city.OFFICER)


def event_of(city: Any, index: int) -> dict[str, Any]:
    stored = city.deployment.logs["access"].store.entry(index)
    return parse_statement(parse_envelope(stored.entry).payload).body


def test_an_answer_is_the_document_whose_digest_its_look_names(entered: Any) -> None:
    response = ask(entered, "/v1/checks", {"subject": organisation(LISTED, name="云岭市澜栎建筑有限公司")})
    answer = response.get_json()
    assert (response.status_code, answer["decision"], answer["name_matches"]) == (200, "restrict", "yes")
    assert [key["role"] for key in answer["keys"]] == ["itself"]
    body = event_of(entered, answer["logged"]["index"])
    assert body["answer"] == answer_digest(canonical_answer(answer))
    report = verify_bundle(
        json.dumps(answer["bundle"]).encode(),
        entered.deployment.trust_document(),
        Question(now=entered.clock(), expect=[(key["name"], key["tag"]) for key in answer["keys"]]),
    )
    assert report.exit_status == 0, report


def test_many_are_answered_under_one_checkpoint_and_each_item_is_what_its_look_names(entered: Any) -> None:
    subjects = [organisation(LISTED), organisation("X"), organisation(CLEAR), organisation(LISTED)]
    response = ask(entered, "/v1/checks/batch", {"subjects": subjects})
    answer = response.get_json()
    assert response.status_code == 200, answer
    decisions = [item["findings"] and item["findings"]["decision"] for item in answer["items"]]
    assert decisions == ["restrict", None, "clear", "restrict"]
    assert (answer["items"][1]["refusal"]["code"], answer["items"][3]["same_as"]) == ("identifier_invalid", 0)
    assert answer["bundle"] is None
    for place in (0, 2):
        item = answer["items"][place]
        body = event_of(entered, item["logged"]["index"])
        assert body["answer"] == answer_digest(canonical_answer(answer["frame"] | item["findings"]))


def test_many_with_proofs_bring_one_bundle(entered: Any) -> None:
    subjects = [organisation(LISTED), organisation(CLEAR)]
    answer = ask(entered, "/v1/checks/batch", {"subjects": subjects, "proofs": True}).get_json()
    keys = [(key["name"], key["tag"]) for item in answer["items"] for key in item["findings"]["keys"]]
    report = verify_bundle(
        json.dumps(answer["bundle"]).encode(),
        entered.deployment.trust_document(),
        Question(now=entered.clock(), expect=keys),
    )
    assert (report.exit_status, len(keys)) == (0, 2)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"subjects": []}, 400, "parameter_invalid"),
        ({"subjects": [organisation(CLEAR)] * 10_001}, 413, "too_many_subjects"),
        ({"subjects": [organisation(CLEAR)] * 501, "proofs": True}, 413, "too_many_subjects"),
        ({"subjects": [organisation(CLEAR)], "proofs": 1}, 400, "parameter_invalid"),
        ({"subjects": [organisation(CLEAR, colour="red")]}, 400, "parameter_invalid"),
        ({"subjects": [organisation("9" * 65)]}, 400, "parameter_invalid"),
        ({"subjects": [{"type": "ship", "code": CLEAR}]}, 400, "parameter_invalid"),
        ({"subjects": organisation(CLEAR)}, 400, "parameter_invalid"),
        ({"subjects": [organisation(CLEAR)], "matter": "moon-landing"}, 400, "matter_unknown"),
        ({"subjects": [organisation(CLEAR)], "purpose": " "}, 400, "purpose_missing"),
        ({"subjects": [organisation(CLEAR)], "view": "whole"}, 403, "role_missing"),
        ({"subjects": [organisation(CLEAR)], "view": "half"}, 400, "parameter_invalid"),
        ({"subjects": [organisation(CLEAR)], "level": "anchored"}, 404, "not_yet_published"),
    ],
    ids=[
        "none",
        "10,001",
        "501 with proofs",
        "proofs that is a number",
        "an unknown member",
        "a code without end",
        "another type",
        "no list",
        "an unknown matter",
        "no purpose",
        "the whole view",
        "another view",
        "a level that is not there",
    ],
)
def test_a_bad_batch_is_refused_and_nothing_logged(
    entered: Any, change: dict[str, Any], status: int, code: str
) -> None:
    before = entered.sizes()
    response = ask(entered, "/v1/checks/batch", change)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert entered.sizes() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": "2026-02-30"}, "parameter_invalid"),
        ({"at": "20260301"}, "parameter_invalid"),
        ({"basis_code": "No Such"}, "parameter_invalid"),
        ({"subject": organisation(CLEAR, name="")}, "parameter_invalid"),
        ({"subject": organisation(CLEAR, name="名" * 201)}, "parameter_invalid"),
        ({"subject": organisation(CLEAR, related=[{"role": "friend", "code": PERSON}])}, "parameter_invalid"),
        (
            {"subject": organisation(CLEAR, related=[{"role": "legal-representative", "code": "1"}])},
            "identifier_invalid",
        ),
        (
            {"subject": organisation(CLEAR, related=[{"role": "legal-representative", "code": PERSON}] * 17)},
            "parameter_invalid",
        ),
        (
            {
                "subject": {
                    "type": "person",
                    "code": PERSON,
                    "related": [{"role": "legal-representative", "code": PERSON}],
                }
            },
            "parameter_invalid",
        ),
    ],
    ids=[
        "no such day",
        "another form of day",
        "a basis that is no code",
        "an empty name",
        "a name without end",
        "another role",
        "a number that is none",
        "seventeen persons",
        "a person behind a person",
    ],
)
def test_a_bad_question_is_refused_and_nothing_logged(
    entered: Any, change: dict[str, Any], code: str
) -> None:
    before = entered.sizes()
    response = ask(entered, "/v1/checks", {"subject": organisation(CLEAR), **change})
    assert (response.status_code, response.get_json()["code"]) == (400, code)
    assert PERSON not in response.get_data(as_text=True)
    assert entered.sizes() == before


def test_a_day_to_come_is_refused(entered: Any) -> None:
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    response = ask(entered, "/v1/checks", {"subject": organisation(CLEAR), "at": tomorrow})
    assert (response.status_code, response.get_json()["code"]) == (400, "date_invalid")


def test_a_person_needs_a_basis_and_the_attempt_without_is_logged(entered: Any) -> None:
    person = {"type": "person", "code": PERSON}
    before = entered.sizes()["access"]
    refused = ask(entered, "/v1/checks", {"subject": person})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "authorisation_missing")
    assert PERSON not in refused.get_data(as_text=True)
    body = event_of(entered, before + 1)
    assert (body["outcome"], body["reason"]) == ("refused", "authorisation_missing")
    allowed = ask(entered, "/v1/checks", {"subject": person, "basis_code": "statutory-duty"})
    assert (allowed.status_code, allowed.get_json()["decision"]) == (200, "clear")


def test_persons_behind_a_company_are_asked_for_and_those_left_out_are_said(entered: Any) -> None:
    related = [{"role": "legal-representative", "code": PERSON}]
    answer = ask(
        entered,
        "/v1/checks",
        {"subject": organisation(CLEAR, related=related), "matter": "loan", "basis_code": "statutory-duty"},
    ).get_json()
    assert answer["not_asked"] == ["actual-controller"]
    assert {key["role"] for key in answer["keys"]} == {"itself", "legal-representative"}
    assert answer["related"][0]["code"] == f"{PERSON[:4]}**********{PERSON[-4:]}"
    assert len(answer["logged"]["related"]) == 1


def test_auditors_see_the_whole(entered: Any) -> None:
    answer = ask(entered, "/v1/checks", {"subject": organisation(LISTED)}, entered.AUDITOR).get_json()
    assert (answer["view"], answer["decision"]) == ("whole", "restrict")


def test_publishers_ask_about_nobody(entered: Any) -> None:
    for path in ("/v1/checks", "/v1/checks/batch"):
        refused = ask(entered, path, {"subject": organisation(CLEAR)}, entered.PUBLISHER)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "role_missing")

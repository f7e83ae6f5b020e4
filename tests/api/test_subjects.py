"""The subjects' own view and authorisations over HTTP: for whom, in what pages, with what proofs."""

from typing import Any

import pytest

from ledger.commands.privacy import _Operator
from ledger.formats import strictjson
from ledger.formats.statement import Reference
from ledger.formats.tags import person_tag
from ledger.log.clock import china_day
from ledger.services.answers import Asked, SubjectQuery
from ledger.services.erasure import ErasureAnswer
from ledger.verify import Question, verify_bundle

PERSON = "11010519491231002X"  # the standard's own textbook example
NAME = "张三丰"
REASON = {"operator": "window-3", "purpose": "本人查询", "basis": "个人信息保护法 45"}
SUBJECT = {"type": "person", "code": PERSON}


def person(city: Any) -> dict[str, Any]:
    key = city.deployment.keyring.person_tag_keys()[0]
    return {"type": "person", "person_tag": person_tag(key, 0, PERSON), "epoch": 0}


def personal() -> dict[str, Any]:
    return {"subject": {"name": NAME, "document_type": "111", "document_number": PERSON}}


def enter(city: Any, case: str = "云岭列〔2026〕1号") -> None:
    body = {
        "list": "wage-arrears",
        "subject": person(city),
        "case": case,
        "authority": {"uscc": city.PUBLISHER, "name": "云岭市人社局"},
        "basis": "保障农民工工资支付条例 48",
        "grounds": "数额较大",
        "from": "2026-01-05",
        "until": None,
    }
    composed = city.compose("credit.list.entered", body, personal=personal())
    response = city.submit(composed)
    assert response.status_code == 201, response.get_data(as_text=True)


def grant(city: Any, **changes: Any) -> str:
    body = {
        "number": "consent-1",
        "subject": person(city),
        "grantee": city.OFFICER,
        "matters": ["loan"],
        "from": "2020-01-01",
        "until": "2099-12-31",
        "uses": 1,
        "evidence": "ab" * 32,
        "checked_by": "window-3",
        **changes,
    }
    composed = city.compose("access.authorisation.granted", body, city.DESK, personal=personal())
    assert city.submit(composed, city.DESK).status_code == 201
    return f"{city.DESK}:{composed.id}"


def own(city: Any, member: str | None = None, **more: Any) -> Any:
    return city.post("/v1/subjects/own", {"subject": SUBJECT, **REASON, **more}, member or city.DESK)


def check(city: Any, **more: Any) -> Any:
    question = {"subject": SUBJECT, "matter": "loan", **REASON, **more}
    return city.post("/v1/checks", question, city.OFFICER)


def proves(city: Any, bundle: Any, name: str, tag: str) -> bool:
    trust = city.deployment.trust_path.read_bytes()
    question = Question(now=city.clock(), expect=((name, tag),))
    return verify_bundle(strictjson.dumps(bundle), trust, question).exit_status == 0


def test_a_person_sees_records_content_and_looks_with_proofs(city: Any) -> None:
    enter(city)
    name = grant(city)
    city.publish()
    assert check(city, authorisation=name).status_code == 200
    refused = check(city, authorisation=name)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "authorisation_exhausted")
    city.publish()
    answer = own(city).get_json()
    assert answer["subject"]["code"] == "1101**********002X"
    [record] = answer["records"]["statements"]
    assert record["state"]["state"] == "published"
    assert record["content"] == {"standing": "open", "personal": personal()}
    tag = person(city)["person_tag"]
    assert proves(city, answer["records"]["bundles"]["credit"], "subject", tag)
    assert proves(city, answer["records"]["bundles"]["certificate"], "holder", tag)
    assert proves(city, answer["trail"]["bundle"], "subject", tag)
    assert [(each["change"], each["authorisation"]) for each in answer["trail"]["authorisations"]] == [
        ("granted", name)
    ]
    assert [(event["action"], event["outcome"], event["reason"]) for event in answer["trail"]["events"]] == [
        ("check", "done", None),
        ("check", "refused", "authorisation_exhausted"),
    ]
    assert [answer["records"]["next"], answer["trail"]["next"]] == [None, None]
    city.publish()
    assert own(city).get_json()["trail"]["events"][-1]["action"] == "own"


def test_pages_go_on_with_their_cursors_one_part_at_a_time(city: Any) -> None:
    for number in range(3):
        enter(city, f"云岭列〔2026〕{number}号")
    city.publish()
    for _ in range(2):
        own(city)
    city.publish()
    first = own(city, limit=2).get_json()
    more = own(city, limit=2, records_after=first["records"]["next"]).get_json()
    assert more["trail"] is None
    cases = [each["body"]["case"] for part in (first, more) for each in part["records"]["statements"]]
    assert cases == [f"云岭列〔2026〕{number}号" for number in range(3)]
    assert more["records"]["next"] is None
    assert len(first["trail"]["events"]) == 2
    assert first["trail"]["next"] is None
    one = own(city, limit=1, trail_after=None).get_json()["trail"]
    two = own(city, limit=1, trail_after=one["next"]).get_json()
    assert two["records"] is None
    assert one["events"][0]["entry"] != two["trail"]["events"][0]["entry"]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"records_after": "x", "trail_after": "y"}, 400, "cursor_invalid"),
        ({"records_after": "!"}, 400, "cursor_invalid"),
        ({"trail_after": "eyJhIjoxfQ"}, 400, "cursor_invalid"),
        ({"limit": 0}, 400, "parameter_invalid"),
        ({"purpose": " "}, 400, "purpose_missing"),
        ({"subject": {"type": "person", "code": "110105194912310021"}}, 400, "check_digit_wrong"),
        ({"level": "anchored"}, 404, "not_yet_published"),
        ({"surprise": 1}, 400, "parameter_invalid"),
    ],
    ids=["both", "cursor", "other-cursor", "limit", "purpose", "number", "level", "unknown"],
)
def test_what_the_view_refuses(city: Any, more: dict[str, Any], status: int, code: str) -> None:
    city.publish()
    refused = own(city, **more)
    assert (refused.status_code, refused.get_json()["code"]) == (status, code), refused.data


def test_both_cursors_at_once_are_refused(city: Any) -> None:
    for number in range(2):
        enter(city, f"云岭列〔2026〕{number}号")
    city.publish()
    own(city)
    own(city)
    city.publish()
    first = own(city, limit=1).get_json()
    refused = own(city, records_after=first["records"]["next"], trail_after=first["trail"]["next"])
    assert (refused.status_code, refused.get_json()["code"]) == (400, "parameter_invalid")


def test_erased_content_says_so_and_the_record_stays(city: Any) -> None:
    enter(city)
    city.publish()
    erased = erase(city)
    assert [log.contents for log in erased.logs] == [1, 0, 0]
    city.publish()
    answer = own(city).get_json()
    [record] = answer["records"]["statements"]
    assert record["content"] == {"standing": "erased", "personal": None}
    assert answer["trail"]["events"][0]["action"] == "erase"
    assert PERSON not in str(answer)
    assert proves(city, answer["records"]["bundles"]["credit"], "subject", person(city)["person_tag"])


def erase(city: Any) -> ErasureAnswer:
    asked = Asked(_Operator(city.OPERATOR), "desk-1", "本人请求删除", "个人信息保护法 47")
    answer = city.deployment.erasure.erase(SubjectQuery("person", PERSON), asked)
    assert isinstance(answer, ErasureAnswer)
    return answer


def test_an_authorisation_is_shown_to_those_whom_it_concerns(city: Any) -> None:
    name = grant(city, uses=2)
    city.publish()
    path = "/v1/authorisations/" + name.replace(":", "/")
    assert check(city, authorisation=name).status_code == 200
    for member in (city.DESK, city.OFFICER, city.AUDITOR, city.OPERATOR):
        shown = city.request("GET", path, member=member).get_json()
        assert (shown["uses"], shown["used"], shown["stands"]) == (2, 1, "in_force")
        assert person(city)["person_tag"] not in str(shown)
    for member, asked in ((city.PUBLISHER, path), (city.DESK, path[:-1] + ("0" if path[-1] != "0" else "1"))):
        refused = city.request("GET", asked, member=member)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "authorisation_missing")


@pytest.mark.parametrize("stands", ["not_yet", "ended", "withdrawn", "used_up"])
def test_how_an_authorisation_stands(city: Any, stands: str) -> None:
    today = china_day(city.clock())
    changes = {"not_yet": {"from": "2098-01-01"}, "ended": {"until": today}}.get(stands, {})
    name = grant(city, **changes)
    issuer, id = name.split(":")
    if stands == "ended":
        city.clock.ahead += 25 * 3600 * 1000
    if stands == "withdrawn":
        body = {"number": "consent-1", "subject": person(city), "on": "2026-01-01"}
        composed = city.compose(
            "access.authorisation.revoked", body, city.DESK, refers=[Reference(issuer, id)]
        )
        assert city.submit(composed, city.DESK).status_code == 201
    if stands == "used_up":
        city.publish()
        assert check(city, authorisation=name).status_code == 200
    shown = city.request("GET", f"/v1/authorisations/{issuer}/{id}", member=city.DESK).get_json()
    assert shown["stands"] == stands


@pytest.mark.parametrize(
    ("change", "status", "reason", "said"),
    [
        ({"number": "consent-9"}, 409, "other_number", "编号"),
        ({"subject": {"type": "person", "person_tag": "cd" * 32, "epoch": 0}}, 409, "other_person", "此人"),
        ({"refers": "nothing"}, 404, None, "不存在"),
        ({"refers": "record"}, 404, None, "不存在"),
        ({"refers": "withdrawal"}, 409, "no_authorisation", "不是查询授权"),
    ],
    ids=["number", "person", "nothing", "record", "withdrawal"],
)
def test_a_withdrawal_that_would_withdraw_nothing_is_refused(
    city: Any, change: dict[str, Any], status: int, reason: str | None, said: str
) -> None:
    issuer, id = grant(city).split(":")
    body = {"number": "consent-1", "subject": person(city), "on": "2026-01-01"}
    kind = "access.authorisation.revoked"
    named = Reference(issuer, id)
    if change.get("refers") == "nothing":
        named = Reference(issuer, id[:-1] + ("0" if id[-1] != "0" else "1"))
    elif change.get("refers") == "record":
        enter(city)
        named = Reference(city.PUBLISHER, id)
    elif change.get("refers") == "withdrawal":
        earlier = city.compose(kind, body, city.DESK, refers=[named])
        assert city.submit(earlier, city.DESK).status_code == 201
        named = Reference(city.DESK, earlier.id)
    body |= {name: value for name, value in change.items() if name != "refers"}
    refused = city.submit(city.compose(kind, body, city.DESK, refers=[named]), city.DESK)
    document = refused.get_json()
    assert (refused.status_code, document.get("reason")) == (status, reason)
    assert said in document["zh"]
    stands = "withdrawn" if change.get("refers") == "withdrawal" else "in_force"
    assert (
        city.request("GET", f"/v1/authorisations/{issuer}/{id}", member=city.DESK).get_json()["stands"]
        == stands
    )


def test_a_withdrawal_in_a_later_epoch_is_taken(city: Any) -> None:
    # The person's tags of two epochs cannot be compared by who has only the statements.
    issuer, id = grant(city).split(":")
    body = {
        "number": "consent-1",
        "subject": {"type": "person", "person_tag": "cd" * 32, "epoch": 1},
        "on": "2026-01-01",
    }
    composed = city.compose("access.authorisation.revoked", body, city.DESK, refers=[Reference(issuer, id)])
    assert city.submit(composed, city.DESK).status_code == 201


def test_an_authorisation_without_its_persons_name_and_number_is_not_taken(city: Any) -> None:
    body = {
        "number": "consent-1",
        "subject": person(city),
        "grantee": city.OFFICER,
        "matters": [],
        "from": "2020-01-01",
        "until": "2099-12-31",
        "uses": 1,
        "evidence": "ab" * 32,
        "checked_by": "window-3",
    }
    refused = city.submit(city.compose("access.authorisation.granted", body, city.DESK), city.DESK)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "sealed_mismatch")
    for wrong in ({"uses": 0}, {"uses": 1001}, {"until": "2019-12-31"}, {"matters": ["a", "a"]}):
        with pytest.raises(Exception, match="body"):
            city.compose("access.authorisation.granted", body | wrong, city.DESK, personal=personal())

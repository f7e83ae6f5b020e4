"""A person's name and number in every answer, log line and file, after everything that can be asked: they
stand in the person's own view and nowhere else.

Searched for are the texts themselves and what hides them badly: other encodings, escapes, base64 at any
place, plain hashes of the number.
"""

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pypdf
import pytest

from ledger.commands.privacy import _Operator
from ledger.formats.envelope import parse_envelope
from ledger.formats.tags import person_tag
from ledger.gm import sm3
from ledger.services.answers import Asked, SubjectQuery

PERSON, NAME = "990001198001010035", "欧阳若甫"
BEHIND, BEHIND_NAME = "991231197512120071", "司空见月"
COMPANY = "91990100MA0000058B"
REASON = {"operator": "desk-1", "purpose": "资格审查", "basis": "行政许可法"}
LAWFUL = {**REASON, "basis_code": "statutory-duty"}
MATTER = "government-procurement"


def needles(text: str) -> Iterator[bytes]:
    """How a text could stand somewhere."""
    yield text.encode()
    yield text.encode("utf-16-le")
    yield json.dumps(text)[1:-1].encode()
    if not text.isascii():
        yield text.encode("gb18030")
    for before in range(3):
        # The characters at both ends depend on what stands beside it.
        yield b64encode(b"\0" * before + text.encode())[4 if before else 0 : -4]
    if text.isascii():
        for digest in (sm3(text.encode()), *(hashlib.new(name, text.encode()).digest() for name in HASHES)):
            yield digest
            yield digest.hex().encode()


HASHES = ("sha256", "sha1", "md5", "sha512")


def test_the_search_finds_what_it_looks_for() -> None:
    for text in (PERSON, NAME):
        hidden = [
            text.encode(),
            text.encode("utf-16-le"),
            json.dumps({"a": text}).encode(),
            *(b64encode(b"x" * before + text.encode() + b"yz") for before in range(6)),
        ]
        if text.isascii():
            hidden += [sm3(text.encode()), hashlib.sha256(text.encode()).hexdigest().encode()]
        for place in hidden:
            assert any(needle in place for needle in needles(text)), place


@dataclass
class Asking:
    """Asks the city everything and keeps every answer by what was asked."""

    city: Any
    answers: dict[str, bytes] = field(default_factory=dict)

    def post(self, what: str, path: str, document: Any, member: str, status: int = 200) -> Any:
        response = self.city.post(path, document, member)
        assert response.status_code == status, (what, response.get_data(as_text=True))
        self.answers[what] = response.data + repr(dict(response.headers)).encode()
        return response

    def get(self, what: str, path: str, member: str, query: str = "") -> Any:
        response = self.city.request("GET", path, member=member, query=query)
        self.answers[what] = response.data + repr(dict(response.headers)).encode()
        return response


def tagged(city: Any, number: str) -> dict[str, Any]:
    key = city.deployment.keyring.person_tag_keys()[0]
    return {"person_tag": person_tag(key, 0, number), "epoch": 0}


def details(name: str, number: str) -> dict[str, str]:
    return {"name": name, "document_type": "111", "document_number": number}


def publish(city: Any, kind: str, body: dict[str, Any], personal: Any, issuer: str) -> str:
    composed = city.compose(kind, body, issuer, personal=personal)
    response = city.submit(composed, issuer)
    assert response.status_code == 201, response.get_data(as_text=True)
    return f"{issuer}:{composed.id}"


def fill(city: Any) -> tuple[str, str]:
    """A listing of the person, a penalty of a company with a person behind it, one authorised query."""
    listed = publish(
        city,
        "credit.list.entered",
        {
            "list": "wage-arrears",
            "subject": {"type": "person", **tagged(city, PERSON)},
            "case": "云岭列〔2026〕1号",
            "authority": {"uscc": city.PUBLISHER, "name": "云岭市人社局"},
            "basis": "保障农民工工资支付条例 48",
            "grounds": "数额较大",
            "from": "2026-01-05",
            "until": None,
        },
        {"subject": details(NAME, PERSON), "facts": f"{NAME}拖欠工资"},
        city.PUBLISHER,
    )
    publish(
        city,
        "credit.penalty.published",
        {
            "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭市某公司"},
            "subject_class": "organisation",
            "document": "云岭罚〔2026〕1号",
            "violation": "违法分包",
            "facts": "将工程分包给不具资质的单位",
            "basis": "建筑法 67",
            "penalty_kinds": ["fine"],
            "content": "罚款 5 万元",
            "decided_on": "2026-09-01",
            "authority": {"uscc": city.PUBLISHER, "name": "云岭市住建局"},
            "related": [{"role": "legal-representative", **tagged(city, BEHIND)}],
        },
        {"legal_representative": details(BEHIND_NAME, BEHIND), "related": [details(BEHIND_NAME, BEHIND)]},
        city.PUBLISHER,
    )
    consent = {
        "number": "consent-1",
        "subject": {"type": "person", **tagged(city, PERSON)},
        "grantee": city.OFFICER,
        "matters": [MATTER],
        "from": "2020-01-01",
        "until": "2099-12-31",
        "uses": 1,
        "evidence": "ab" * 32,
        "checked_by": "window-3",
    }
    granted = publish(
        city, "access.authorisation.granted", consent, {"subject": details(NAME, PERSON)}, city.DESK
    )
    city.publish()
    return listed, granted


def ask_everything(asking: Asking, listed: str, granted: str) -> None:
    city = asking.city
    person = {"type": "person", "code": PERSON}
    company = {
        "type": "organisation",
        "code": COMPANY,
        "related": [{"role": "legal-representative", "code": BEHIND}],
    }
    checks = {"matter": MATTER, "subject": person}
    asking.post("authorised", "/v1/checks", {**checks, **REASON, "authorisation": granted}, city.OFFICER)
    asking.post("exhausted", "/v1/checks", {**checks, **REASON, "authorisation": granted}, city.OFFICER, 403)
    asking.post("unauthorised", "/v1/checks", {**checks, **REASON}, city.OFFICER, 403)
    for name in (NAME, BEHIND_NAME):
        named = {**checks, **LAWFUL, "subject": {**person, "name": name}}
        asking.post(f"named {name}", "/v1/checks", named, city.OFFICER)
    asking.post("company", "/v1/checks", {"matter": MATTER, "subject": company, **LAWFUL}, city.OFFICER)
    asking.post("whole", "/v1/checks", {**checks, **LAWFUL, "view": "whole"}, city.AUDITOR)
    asking.post("receipt", "/v1/checks/receipt", {**checks, **LAWFUL}, city.OFFICER)
    many = [
        person,
        {**person, "name": NAME},
        company,
        {"type": "person", "code": PERSON[:-1]},
        {"type": "organisation", "code": PERSON},
    ]
    for proofs in (True, False):
        batch = {"matter": MATTER, "subjects": many, "proofs": proofs, **LAWFUL}
        asking.post(f"batch {proofs}", "/v1/checks/batch", batch, city.OFFICER)
    wrong = PERSON[:-1] + ("0" if PERSON[-1] != "0" else "1")
    for what, question in (
        ("check digit", {**checks, "subject": {"type": "person", "code": wrong}}),
        ("matter", {**checks, "matter": PERSON}),
        ("purpose", {**checks, "purpose": ""}),
        ("purpose with number", {**checks, "purpose": f"核查 {PERSON}"}),
        ("unknown member", {**checks, PERSON: NAME}),
        ("type", {**checks, "subject": {"type": NAME, "code": PERSON}}),
    ):
        asking.post(what, "/v1/checks", {**LAWFUL, **question}, city.OFFICER, 400)
    for number in (PERSON, BEHIND):
        trail = {"subject": {"type": "person", "code": number}}
        asking.post(f"trail {number[-4:]}", "/v1/trails", {**trail, **LAWFUL}, city.AUDITOR)
        asking.post(f"trail refused {number[-4:]}", "/v1/trails", {**trail, **REASON}, city.AUDITOR, 403)
        tag = tagged(city, number)["person_tag"]
        asking.get(f"index {number[-4:]}", f"/v1/logs/credit/index/subject/{tag}", city.AUDITOR)
        asking.get(f"access index {number[-4:]}", f"/v1/logs/access/index/subject/{tag}", city.OPERATOR)
        asking.get(f"unknown path {number[-4:]}", f"/v1/members/{number}", city.AUDITOR)
        organisation = {"subject": {"type": "organisation", "code": number}}
        asking.post(
            f"own wrong {number[-4:]}", "/v1/subjects/own", {**organisation, **REASON}, city.DESK, 400
        )
    for log, reference in (("credit", listed), ("access", granted)):
        issuer, id = reference.split(":")
        for member in (city.AUDITOR, city.OFFICER, city.OPERATOR, issuer):
            asking.get(f"bundle {log} {member}", f"/v1/logs/{log}/bundles/{issuer}/{id}", member)
            asking.get(f"receipt {log} {member}", f"/v1/logs/{log}/receipts/{issuer}/{id}", member)
            asking.get(f"entry {log} {member}", f"/v1/logs/{log}/entries/0", member)
    asking.get(
        "record", f"/v1/records/{listed.replace(':', '/')}", city.AUDITOR, "operator=d&purpose=p&basis=b"
    )
    asking.get("authorisation", f"/v1/authorisations/{granted.replace(':', '/')}", city.OFFICER)
    own = {"subject": {"type": "organisation", "code": COMPANY}, **REASON}
    asking.post("own of the company", "/v1/subjects/own", own, city.DESK)
    asking.post("own refused", "/v1/subjects/own", {**own, "subject": person}, city.OFFICER, 403)
    asking.get("metrics", "/metrics", city.AUDITOR)
    asking.get("description", "/openapi.json", city.AUDITOR)


def places(city: Any, caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, bytes]]:
    """Every log line, every entry decoded, every file of the deployment."""
    yield "log lines", caplog.text.encode()
    for short, log in city.deployment.logs.items():
        entries = log.store.entries(0, log.store.size())
        yield f"entries of {short}", b"\n".join(parse_envelope(each.entry).payload for each in entries)
    for file in city.deployment.folder.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(city.deployment.folder)), file.read_bytes()


def pdf_parts(content: bytes) -> Iterator[bytes]:
    """What a PDF shows and what is attached to it, uncompressed."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    yield "".join(page.extract_text() for page in reader.pages).encode()
    yield repr(reader.metadata).encode()
    for attached in reader.attachments.values():
        yield from attached


def search(places: Iterator[tuple[str, bytes]] | list[tuple[str, bytes]], texts: dict[str, str]) -> list[str]:
    wanted = [(what, needle) for what, text in texts.items() for needle in needles(text)]
    return [f"{what} in {place}" for place, content in places for what, needle in wanted if needle in content]


EVERYBODY = {"number": PERSON, "name": NAME, "number behind": BEHIND, "name behind": BEHIND_NAME}


def test_name_and_number_stand_in_the_own_view_and_nowhere_else(
    city: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    listed, granted = fill(city)
    asking = Asking(city)
    ask_everything(asking, listed, granted)
    own = {"subject": {"type": "person", "code": PERSON}, **REASON}
    shown = city.post("/v1/subjects/own", own, city.DESK).data
    behind = city.post(
        "/v1/subjects/own", {**own, "subject": {"type": "person", "code": BEHIND}}, city.DESK
    ).data
    city.publish()

    found = search(list(asking.answers.items()), EVERYBODY)
    pdf = city.post(
        "/v1/checks/receipt", {"matter": MATTER, "subject": own["subject"], **LAWFUL}, city.OFFICER
    ).data
    found += search([("receipt's parts", b"\n".join(pdf_parts(pdf)))], EVERYBODY)
    found += search(places(city, caplog), EVERYBODY)
    assert found == []
    # The subject sees its own, and of who stands behind a company nobody else's.
    assert search([("own", shown)], {"number": PERSON, "name": NAME}) != []
    assert search([("own", shown + behind)], {"number": BEHIND, "name": BEHIND_NAME}) == []


def test_everything_that_was_tried_about_the_person_is_in_the_trail(city: Any) -> None:
    listed, granted = fill(city)
    ask_everything(Asking(city), listed, granted)
    city.publish()
    trail = {"subject": {"type": "person", "code": PERSON}, "limit": 1000, **LAWFUL}
    events = city.post("/v1/trails", trail, city.AUDITOR).get_json()["events"]
    assert [(event["action"], event["reason"]) for event in events if event["outcome"] == "refused"] == [
        ("check", "authorisation_exhausted"),
        ("check", "authorisation_missing"),
        ("check", "matter_unknown"),
        ("check", "purpose_missing"),
        ("check", "statement_invalid"),
        ("trail", "authorisation_missing"),
    ]
    looks = [(event["action"], event["basis_code"]) for event in events if event["outcome"] != "refused"]
    assert looks[0] == ("check", None)
    assert ("trail", "statutory-duty") in looks
    assert len(looks) >= 7


def test_after_erasure_nobody_sees_it_and_no_file_opens_it(
    city: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    fill(city)
    wrapped = [
        key.wrapped
        for log in city.deployment.logs.values()
        if (key := log.store.data_key(tagged(city, PERSON)["person_tag"])) is not None
    ]
    assert len(wrapped) == 2
    asked = Asked(_Operator(city.OPERATOR), "desk-1", "本人请求删除", "个人信息保护法 47")
    city.deployment.erasure.erase(SubjectQuery("person", PERSON), asked)
    city.publish()
    own = {"subject": {"type": "person", "code": PERSON}, **REASON}
    shown = city.post("/v1/subjects/own", own, city.DESK).data
    assert search([("own", shown), *places(city, caplog)], {"number": PERSON, "name": NAME}) == []
    assert b'"standing":"erased"' in shown
    for place, content in places(city, caplog):
        assert not any(each in content for each in wrapped if each is not None), place

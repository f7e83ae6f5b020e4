"""No identity number in clear, and no plain hash of one, in a leaf, a column, a log line, error or URL."""

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.catalog import load_catalogue
from ledger.client import Client
from ledger.errors import LedgerError
from ledger.formats.envelope import parse_envelope
from ledger.gm import sm3
from ledger.identifiers import check_resident_id
from ledger.services.importing import ImportTarget, LogDesk, RowBuilder, import_sheet
from scripts.samples import World, credit_sheets
from scripts.samples.writing import sheet_bytes

TODAY = date.today()
REASON = {"operator": "desk-1", "purpose": "审批", "basis": "行政许可法"}


@pytest.fixture
def planted(city: Any, tmp_path: Path) -> list[str]:
    """A city that knows some persons: their resident numbers. Imports penalties with persons in them."""
    world = World(7, TODAY, organisations=40, people=30)
    sheet = credit_sheets(world, penalties=120, licences=0, listed=(0, 0, 0))[0]
    path = tmp_path / sheet.name
    path.write_bytes(sheet_bytes(sheet))
    log = city.deployment.logs["credit"]
    keys = city.deployment.keyring.person_tag_keys()
    report = import_sheet(
        path,
        RowBuilder(city.PUBLISHER, keys[0], 0, load_catalogue(), TODAY),
        ImportTarget(
            log.origin,
            city.PUBLISHER,
            city.signers[city.PUBLISHER],
            log.appender.submit_batch,
            LogDesk(
                log.store,
                log.reader,
                city.deployment.rulebook,
                city.PUBLISHER,
                ["publisher:credit"],
                city.clock,
            ),
        ),
        city.clock,
        os.urandom,
    )
    assert report.accepted > 60
    city.publish()
    text = json.dumps([[str(cell) for cell in row] for row in sheet.rows])
    used = [person.number for person in world.people if person.number in text]
    assert len(used) > 3
    return used


def forms(number: str) -> Iterator[bytes]:
    """What must not be found: the number and its plain hashes, as bytes and as hex."""
    for text in {number, number.upper(), number.lower()}:
        yield text.encode()
        for digest in (
            sm3(text.encode()),
            *(hashlib.new(name, text.encode()).digest() for name in ("sha256", "sha1", "md5")),
        ):
            yield digest
            yield digest.hex().encode()


def test_no_number_stands_in_clear_anywhere(
    city: Any, planted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    matter = "government-procurement"
    answers: list[bytes] = []
    for number in planted[:3]:
        subject = {"type": "person", "code": number}
        question = {"subject": subject, "matter": matter, "basis_code": "statutory-duty", **REASON}
        check = city.post("/v1/checks", question, city.OFFICER)
        question = {"subject": subject, "basis_code": "statutory-duty", **REASON}
        trail = city.post("/v1/trails", question, city.AUDITOR)
        assert (check.status_code, trail.status_code) == (200, 200)
        answers += [check.data, trail.data]
        wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
        for path, member, question in (
            ("/v1/checks", city.OFFICER, {"subject": {"type": "person", "code": wrong}, "matter": matter}),
            (
                "/v1/checks",
                city.OFFICER,
                {"subject": {"type": "organisation", "code": number}, "matter": matter},
            ),
            ("/v1/trails", city.AUDITOR, {"subject": {"type": "person", "code": number}, "resource": number}),
            ("/v1/trails", city.AUDITOR, {"actor": number}),
            ("/v1/checks", city.OFFICER, {"subject": number, number: number, "matter": number}),
        ):
            refused = city.post(path, {**question, **REASON}, member)
            assert refused.status_code == 400, refused.data
            answers.append(refused.data)
        answers.append(city.http.get(f"/v1/members/{number}").data)
        # The answer repeats the identifier that its asker sent; nothing may keep it.
        city.http.post("/v1/certificates/verify", json={"identifier": number})
    city.publish()
    answers.append(city.http.get("/metrics").data)

    places: dict[str, bytes] = {"answers": b"\n".join(answers), "log lines": caplog.text.encode()}
    for short, log in city.deployment.logs.items():
        entries = log.store.entries(0, log.store.size())
        places[f"entries of {short}"] = b"\n".join(parse_envelope(each.entry).payload for each in entries)
    for file in city.deployment.folder.rglob("*"):
        if file.is_file():
            places[str(file.relative_to(city.deployment.folder))] = file.read_bytes()
    assert sum(len(content) for content in places.values()) > 100_000
    for number in planted:
        for form in forms(number):
            for place, content in places.items():
                where = content.find(form)
                assert where < 0, (place, content[max(0, where - 80) : where])


def test_no_question_of_the_client_puts_a_number_into_a_url(planted: list[str]) -> None:
    sent: list[str] = []

    class Seen(Exception):
        pass

    client = Client("http://127.0.0.1:1", attempts=1)

    def exchange(method: str, path: str, query: str, *_: Any) -> Any:
        sent.append(f"{method} {path}?{query}")
        raise Seen

    client._transport._exchange = exchange  # type: ignore[method-assign]
    client._transport._sign = lambda *_: {}  # type: ignore[method-assign]
    for ask in (
        lambda: client.check({"type": "person", "code": planted[0]}, "m", **REASON),
        lambda: client.trail("subject", {"type": "person", "code": planted[0]}, **REASON),
    ):
        with pytest.raises(Seen):
            ask()
    assert len(sent) == 2
    assert not any(planted[0] in line for line in sent)


def test_errors_of_the_tree_do_not_repeat_what_they_refuse(city: Any, planted: list[str]) -> None:
    with pytest.raises(LedgerError) as refused:
        check_resident_id(planted[0][:-1] + ("1" if planted[0][-1] != "1" else "2"))
    assert planted[0][:17] not in str(refused.value)

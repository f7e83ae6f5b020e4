"""Every bad input gets a problem document with its own code, and leaves every log as it was."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from ledger.client.compose import Composed
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.statement import new_id
from ledger.gm import PrivateKey, signer

PERSON_NUMBER = "11010519491231002X"


@pytest.fixture
def refused(city: Any) -> Callable[..., dict[str, Any]]:
    """Send a submission and demand its refusal; returns the problem document."""

    def send(
        submission: bytes, status: int, code: str, *, log: str = "access", member: str | None = None
    ) -> Any:
        before = city.sizes()
        response = city.request(
            "POST", f"/v1/logs/{log}/entries", member=member or city.PUBLISHER, body=submission
        )
        document = response.get_json()
        assert (response.status_code, document["code"]) == (status, code), document
        assert response.mimetype == "application/problem+json"
        assert city.sizes() == before
        return document

    return send


@pytest.fixture
def good(city: Any, event: dict[str, Any]) -> bytes:
    """A good submission, as a text to spoil."""
    return bytes(city.entry(city.compose("access.event.recorded", event)))


def signed(city: Any, payload: bytes) -> bytes:
    return sign_envelope(STATEMENT_TYPE, payload, city.signers[city.PUBLISHER])


def altered(city: Any, event: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> bytes:
    """A rightly signed statement whose members were changed."""
    document = json.loads(city.compose("access.event.recorded", event).payload)
    change(document)
    return signed(city, json.dumps(document, separators=(",", ":")).encode())


def test_a_good_submission_is_accepted_once_and_answered_twice(city: Any, good: bytes) -> None:
    first = city.request("POST", "/v1/logs/access/entries", member=city.PUBLISHER, body=good)
    second = city.request("POST", "/v1/logs/access/entries", member=city.PUBLISHER, body=good)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.data == second.data
    assert city.sizes()["access"] == 1


def test_truncated_json(refused: Any, good: bytes) -> None:
    refused(good[:-1], 400, "json_malformed")


def test_an_empty_body(refused: Any) -> None:
    refused(b"", 400, "json_malformed")


def test_duplicate_member_of_the_envelope(refused: Any, good: bytes) -> None:
    refused(
        good.replace(b'{"payloadType"', b'{"payloadType":"x","payloadType"', 1), 400, "json_duplicate_key"
    )


def test_duplicate_member_of_the_statement(city: Any, event: Any, refused: Any) -> None:
    payload = city.compose("access.event.recorded", event).payload
    refused(signed(city, payload.replace(b'{"id"', b'{"id":"x","id"', 1)), 400, "json_duplicate_key")


def test_a_float(city: Any, event: Any, refused: Any) -> None:
    payload = city.compose("access.event.recorded", event | {"rows": 7}).payload
    refused(signed(city, payload.replace(b'"rows":7', b'"rows":7.0')), 400, "json_number")


def test_lenient_base64(refused: Any, good: bytes) -> None:
    start = good.index(b'"payload":"') + len(b'"payload":"')
    refused(good[:start] + b"\\n" + good[start:], 400, "base64_invalid")


def test_unpadded_base64_of_a_submission_with_disclosure(refused: Any, good: bytes) -> None:
    text = b64encode(good).decode().rstrip("=")
    document = {
        "entry": text + ("" if len(text) % 4 else "A"),
        "disclosure": {"salt": "0" * 64, "content": ""},
    }
    refused(json.dumps(document).encode(), 400, "base64_invalid")


def test_a_second_signature(refused: Any, good: bytes) -> None:
    end = good.rindex(b"]}")
    start = good.index(b'"signatures":[') + len(b'"signatures":[')
    refused(good[:end] + b"," + good[start:end] + good[end:], 400, "signature_count")


def test_an_unknown_key(city: Any, event: Any, refused: Any) -> None:
    stranger = signer(PrivateKey.generate())
    payload = city.compose("access.event.recorded", event).payload
    refused(sign_envelope(STATEMENT_TYPE, payload, stranger), 403, "key_unknown")


def test_a_revoked_key(city: Any, event: Any, refused: Any) -> None:
    submission = city.entry(city.compose("access.event.recorded", event))
    city.register(**{f"revoked_{city.PUBLISHER}": "2026-01-01T00:00:00Z"})
    refused(submission, 403, "key_revoked", member=city.AUDITOR)


def test_a_signature_over_other_bytes(city: Any, event: Any, refused: Any) -> None:
    one = json.loads(city.entry(city.compose("access.event.recorded", event)))
    other = json.loads(city.entry(city.compose("access.event.recorded", event)))
    one["signatures"] = other["signatures"]
    refused(json.dumps(one, separators=(",", ":")).encode(), 403, "signature_invalid")


def test_a_statement_for_another_log(city: Any, event: Any, refused: Any) -> None:
    submission = city.entry(city.compose("access.event.recorded", event))
    refused(submission, 400, "log_mismatch", log="credit")


def test_an_issuer_that_is_not_the_keys(city: Any, event: Any, refused: Any) -> None:
    composed = city.compose("access.event.recorded", event, issuer=city.AUDITOR)
    refused(city.entry(composed), 403, "issuer_mismatch")


def test_a_kind_that_the_member_may_not_publish(city: Any, event: Any, refused: Any) -> None:
    composed = city.compose("access.event.recorded", event, issuer=city.AUDITOR)
    refused(city.entry(composed, member=city.AUDITOR), 403, "role_missing", member=city.AUDITOR)


def test_an_id_used_for_other_bytes(city: Any, event: Any, refused: Any) -> None:
    composed = city.compose("access.event.recorded", event)
    assert city.submit(composed).status_code == 201
    other = city.compose("access.event.recorded", event | {"purpose": "其他"}, id=composed.id)
    refused(city.entry(other), 409, "id_reused")


def test_48_kib_and_one_byte(refused: Any, good: bytes) -> None:
    refused(good + b" " * (48 * 1024 + 1 - len(good)), 413, "entry_too_large")


def test_a_body_over_every_limit(city: Any, refused: Any) -> None:
    refused(b"{" + b" " * (1 << 20), 413, "too_large")


def test_an_unknown_kind(city: Any, event: Any, refused: Any) -> None:
    refused(
        altered(city, event, lambda d: d.__setitem__("kind", "access.event.invented")), 400, "kind_unknown"
    )


def test_tags_that_the_kind_does_not_define(city: Any, event: Any, refused: Any) -> None:
    refused(
        altered(city, event, lambda d: d["keys"].__setitem__("resource", ["0" * 64])), 400, "keys_mismatch"
    )


def test_an_unknown_member_of_the_body(city: Any, event: Any, refused: Any) -> None:
    refused(altered(city, event, lambda d: d["body"].__setitem__("x", 1)), 400, "statement_invalid")


def test_a_statement_signed_too_long_ago(city: Any, event: Any, refused: Any) -> None:
    composed = city.compose("access.event.recorded", event, now=city.clock() - 25 * 3600 * 1000)
    refused(city.entry(composed), 400, "statement_time_refused")


def test_a_wrong_check_digit_of_an_organisation(city: Any, event: Any, refused: Any) -> None:
    def spoil(document: dict[str, Any]) -> None:
        document["body"]["subject"]["uscc"] = document["body"]["subject"]["uscc"][:-1] + "0"

    refused(altered(city, event, spoil), 400, "check_digit_wrong")


def test_an_impossible_date(city: Any, event: Any, refused: Any) -> None:
    def spoil(document: dict[str, Any]) -> None:
        document["body"]["happened_at"] = "2026-02-30T00:00:00.000Z"

    document = refused(altered(city, event, spoil), 400, "time_invalid")
    assert "2026-02-30" not in json.dumps(document)


def test_sealed_content_that_is_not_what_was_announced(city: Any, event: Any, refused: Any) -> None:
    event["subject"] = {"type": "person", "person_tag": "ab" * 32, "epoch": 0}
    composed = city.compose("access.event.recorded", event, personal={"subject": {"name": "甲"}})
    disclosure = dict(composed.disclosure) | {"salt": "00" * 32}
    submission = {"entry": b64encode(city.entry(composed)).decode(), "disclosure": disclosure}
    refused(json.dumps(submission).encode(), 400, "sealed_mismatch")


def test_another_media_type(city: Any, good: bytes) -> None:
    response = city.request(
        "POST", "/v1/logs/access/entries", member=city.PUBLISHER, body=good, media_type="text/xml"
    )
    assert (response.status_code, response.get_json()["code"]) == (415, "media_type_unsupported")


def test_an_unknown_log(refused: Any, good: bytes) -> None:
    refused(good, 404, "not_found", log="nothing")


# Batches


def batch_of(city: Any, event: dict[str, Any], count: int, **more: Any) -> tuple[bytes, list[bytes]]:
    now = city.clock()
    composed: list[Composed] = [
        city.compose("access.event.recorded", event | {"exchange": f"x-{number}"}) for number in range(count)
    ]
    return sign_batch(
        [each.payload for each in composed],
        log=composed[0].log,
        issuer=city.PUBLISHER,
        id=new_id(now, bytes(10)),
        at=now,
        signer=city.signers[city.PUBLISHER],
    )


def send_batch(city: Any, body: bytes, **more: Any) -> Any:
    return city.request(
        "POST",
        "/v1/logs/access/batches",
        member=city.PUBLISHER,
        body=body,
        media_type="application/x-ndjson",
        **more,
    )


def test_a_good_batch_is_accepted_whole(city: Any, event: Any) -> None:
    manifest, entries = batch_of(city, event, 20)
    body = b"\n".join([manifest, *entries])
    assert send_batch(city, body).status_code == 201
    assert send_batch(city, body + b"\n").status_code == 200
    assert city.sizes()["access"] == 21


@pytest.mark.parametrize("bad_line", [1, 2, 11, 21])
def test_one_bad_line_refuses_the_batch_and_is_named(city: Any, event: Any, bad_line: int) -> None:
    manifest, entries = batch_of(city, event, 20)
    lines = [manifest, *entries]
    lines[bad_line - 1] = lines[bad_line - 1][:-1]
    response = send_batch(city, b"\n".join(lines))
    document = response.get_json()
    assert (response.status_code, document["code"]) == (400, "batch_line_invalid")
    assert (document["line"], document["cause"]) == (bad_line, "json_malformed")
    assert city.sizes()["access"] == 0


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda lines: lines[:-1], "batch_invalid"),
        (lambda lines: lines + lines[-1:], "batch_line_invalid"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "batch_line_invalid"),
        (lambda lines: lines[1:], "batch_line_invalid"),
        (lambda lines: [*lines[:3], b"", *lines[3:]], "batch_line_invalid"),
        (lambda lines: [], "batch_line_invalid"),
        (lambda lines: [*lines[:3], b"x" * (200 << 10), *lines[3:]], "batch_line_invalid"),
    ],
)
def test_a_batch_that_disagrees_with_its_manifest(city: Any, event: Any, spoil: Any, code: str) -> None:
    manifest, entries = batch_of(city, event, 5)
    response = send_batch(city, b"\n".join(spoil([manifest, *entries])))
    assert response.status_code in (400, 413)
    assert response.get_json()["code"] == code
    assert city.sizes()["access"] == 0


def test_a_batch_whose_digest_is_wrong_is_not_appended(city: Any, event: Any) -> None:
    manifest, entries = batch_of(city, event, 5)
    signed_headers: dict[str, str] = {}

    def keep(headers: dict[str, str]) -> None:
        signed_headers.update(headers)
        headers.clear()

    body = b"\n".join([manifest, *entries])
    send_batch(city, body + b"\n", change=keep)
    response = city.http.post("/v1/logs/access/batches", data=body, headers=signed_headers)
    assert (response.status_code, response.get_json()["code"]) == (400, "content_digest_mismatch")
    assert city.sizes()["access"] == 0


def test_an_empty_batch_body_with_other_media_type(city: Any) -> None:
    response = city.request("POST", "/v1/logs/access/batches", member=city.PUBLISHER, body=b"{}")
    assert (response.status_code, response.get_json()["code"]) == (415, "media_type_unsupported")


# Questions

REASON = {"operator": "desk-1", "purpose": "审批", "basis": "行政许可法"}
ORGANISATION = {"type": "organisation", "code": "91990100MA0000058B"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"subject": ORGANISATION, "matter": "no-such-matter", **REASON}, "matter_unknown"),
        ({"subject": ORGANISATION, "matter": "no-such-matter", **REASON, "purpose": " "}, "purpose_missing"),
        ({"subject": ORGANISATION, "matter": "m", "operator": "desk-1"}, "purpose_missing"),
        ({"subject": ORGANISATION, **REASON}, "parameter_invalid"),
        ({"subject": ORGANISATION, "matter": "m", **REASON, "more": 1}, "parameter_invalid"),
        ({"subject": {"type": "ghost", "code": "x"}, "matter": "m", **REASON}, "parameter_invalid"),
        ({"subject": ORGANISATION, "matter": "m", "at": 0, **REASON}, "parameter_invalid"),
        ({"subject": ORGANISATION, "matter": "m", "at": "2026-11-22T00:00", **REASON}, "parameter_invalid"),
        ([], "parameter_invalid"),
    ],
)
def test_a_bad_check_is_refused_and_not_logged(city: Any, document: Any, code: str) -> None:
    city.publish()
    response = city.post("/v1/checks", document, city.OFFICER)
    assert (response.status_code, response.get_json()["code"]) == (400, code)
    assert city.sizes()["access"] == 0


def test_a_wrong_check_digit_of_a_person_is_refused_without_naming_it(city: Any) -> None:
    city.publish()
    matter = "government-procurement"
    subject = {"type": "person", "code": PERSON_NUMBER[:-1] + "1"}
    response = city.post("/v1/checks", {"subject": subject, "matter": matter, **REASON}, city.OFFICER)
    assert (response.status_code, response.get_json()["code"]) == (400, "check_digit_wrong")
    text = response.get_data(as_text=True)
    assert PERSON_NUMBER[:-1] not in text
    assert "X" not in response.get_json()["detail"]


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b'{"a":1.5}', b"\xff", b"NaN"])
def test_a_question_is_strict_json(city: Any, body: bytes) -> None:
    response = city.request("POST", "/v1/checks", member=city.OFFICER, body=body)
    assert response.status_code == 400
    assert response.get_json()["code"].startswith("json_")


def test_a_question_in_another_media_type(city: Any) -> None:
    response = city.request("POST", "/v1/checks", member=city.OFFICER, body=b"{}", media_type="text/plain")
    assert (response.status_code, response.get_json()["code"]) == (415, "media_type_unsupported")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "e30", "eyJzaXplIjotMX0", "eyJzaXplIjoxLCJ4IjoxfQ", "eyJzaXplIjoiYSJ9", "9" * 600, "é"],
)
def test_a_cursor_that_we_did_not_make(city: Any, cursor: str) -> None:
    from urllib.parse import urlencode

    query = urlencode({"after": cursor})
    response = city.request("GET", "/v1/logs/credit/anchors", member=city.AUDITOR, query=query)
    assert (response.status_code, response.get_json()["code"]) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=a",
        "limit=1_0",
        "limit=1.0",
        "limit=%2B1",
        "limit=01",
        "limit=%D9%A3",
        "more=1",
        "limit=1&limit=2&x=3",
    ],
)
def test_a_page_has_bounds(city: Any, query: str) -> None:
    response = city.request("GET", "/v1/logs/credit/anchors", member=city.AUDITOR, query=query)
    assert (response.status_code, response.get_json()["code"]) == (400, "parameter_invalid")


# HTTP itself


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "route_unknown"),
        ("GET", "/v1/members/", 404, "route_unknown"),
        ("DELETE", "/v1/members", 405, "method_not_allowed"),
        ("GET", "/v1/checks", 405, "method_not_allowed"),
        ("GET", "/" + "x" * 2000, 431, "headers_too_large"),
    ],
)
def test_what_http_itself_refuses_is_a_problem_document_too(
    city: Any, method: str, path: str, status: int, code: str
) -> None:
    response = city.http.open(path, method=method)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert response.mimetype == "application/problem+json"


def test_headers_have_a_limit(city: Any) -> None:
    response = city.http.get("/healthz", headers={"X-Long": "x" * 20000})
    assert (response.status_code, response.get_json()["code"]) == (431, "headers_too_large")


def test_a_defect_shows_nothing_of_itself(city: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError(f"secret {PERSON_NUMBER}")

    city.app.view_functions["health.healthz"] = broken
    response = city.http.get("/healthz")
    assert response.status_code == 500
    assert response.get_json()["code"] == "internal"
    assert "secret" not in response.get_data(as_text=True)
    assert PERSON_NUMBER not in caplog.text
    assert "ValueError" in caplog.text

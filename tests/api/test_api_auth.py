"""Who is calling is proved by a signature over the request, once, near its time, by a key in force."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.nonces import NonceStore
from api.roles import RULES
from ledger.errors import NonceReplayed, StoreBusy
from ledger.formats.http_signature import body_digest, content_digest
from ledger.gm import PrivateKey, signer

PATH = "/v1/members"


def code(response: Any) -> tuple[int, str]:
    assert response.mimetype == "application/problem+json"
    document = response.get_json()
    assert document["status"] == response.status_code
    assert document["type"] == f"urn:xinzheng:error:{document['code']}"
    assert document["zh"]
    assert document["en"]
    return response.status_code, document["code"]


def test_a_signed_request_is_answered(city: Any) -> None:
    assert city.request("GET", PATH, member=city.AUDITOR).status_code == 200


def test_an_unsigned_request_is_told_how_to_sign(city: Any) -> None:
    response = city.request("GET", PATH)
    assert code(response) == (401, "request_unsigned")
    assert "content-digest" in response.headers["Accept-Signature"]


def test_every_route_stands_in_the_rule_table_and_every_rule_has_a_route(city: Any) -> None:
    endpoints = {rule.endpoint for rule in city.app.url_map.iter_rules()}
    assert endpoints == set(RULES)


def test_every_signed_route_refuses_an_unsigned_request(city: Any) -> None:
    for rule in city.app.url_map.iter_rules():
        if not RULES[rule.endpoint].signed:
            continue
        path = rule.rule.replace("<log>", "credit").replace("<int:index>", "0")
        path = (
            path.replace("<issuer>", city.PUBLISHER).replace("<tag>", "0" * 64).replace("<name>", "subject")
        )
        path = path.replace("<id>", "01a2020d-0000-7000-8000-000000000000")
        method = "POST" if "POST" in rule.methods else "GET"
        body = b"{}" if method == "POST" else None
        assert code(city.request(method, path, body=body)) == (401, "request_unsigned"), rule.endpoint


def test_a_replayed_request_is_refused(city: Any) -> None:
    nonce = os.urandom(16)
    assert city.request("GET", PATH, member=city.AUDITOR, nonce=nonce).status_code == 200
    assert code(city.request("GET", PATH, member=city.AUDITOR, nonce=nonce)) == (401, "nonce_replayed")


def test_another_member_may_use_the_same_nonce(city: Any) -> None:
    nonce = os.urandom(16)
    for member in (city.AUDITOR, city.OFFICER):
        assert city.request("GET", PATH, member=member, nonce=nonce).status_code == 200


def test_a_request_with_a_wrong_signature_uses_up_no_nonce(city: Any) -> None:
    nonce = os.urandom(16)
    spoiled = city.request("GET", PATH, member=city.AUDITOR, nonce=nonce, query="x=1", change=_resign_nothing)
    assert code(spoiled)[0] in (400, 401, 403)
    assert city.request("GET", PATH, member=city.AUDITOR, nonce=nonce).status_code == 200


def _resign_nothing(headers: dict[str, str]) -> None:
    headers["Signature"] = "sig1=:" + "AAAA" * 21 + "AQ==:"


def test_nonces_are_remembered_over_a_restart(tmp_path: Any) -> None:
    path, key, nonce = tmp_path / "nonces.db", "ab" * 32, os.urandom(16)
    NonceStore(path, lambda: 0.0).use(key, nonce, 600)
    with pytest.raises(NonceReplayed):
        NonceStore(path, lambda: 599.0).use(key, nonce, 600)


def test_nonces_are_forgotten_when_their_time_is_over(tmp_path: Any) -> None:
    path, key, nonce = tmp_path / "nonces.db", "ab" * 32, os.urandom(16)
    NonceStore(path, lambda: 0.0).use(key, nonce, 600)
    later = NonceStore(path, lambda: 901.0)
    assert not list(tmp_path.iterdir()), "what nobody can use any more is deleted"
    later.use(key, nonce, 1200)


@pytest.mark.parametrize("length", [1, 9, 99, 5000, 1_200_000], ids=str)
def test_a_spoiled_nonce_file_is_gone_on_with(tmp_path: Any, length: int) -> None:
    path, key, nonce = tmp_path / "nonces", "ab" * 32, os.urandom(16)
    path.with_name("nonces.2").write_bytes((b"no record but XZn1" * length)[:length])
    NonceStore(path, lambda: 0.0).use(key, nonce, 600)
    with pytest.raises(NonceReplayed):
        NonceStore(path, lambda: 1.0).use(key, nonce, 600)


def test_nonces_are_remembered_over_a_change_of_files(tmp_path: Any) -> None:
    path, key = tmp_path / "nonces", "ab" * 32
    now = 0.0
    store = NonceStore(path, lambda: now)
    first, second, third = (os.urandom(16) for _ in range(3))
    store.use(key, first, 300)
    now = 603.0
    store.use(key, second, 1200)
    store.use(key, third, 1200)
    store.close()
    again = NonceStore(path, lambda: now)
    again.use(key, first, 900)
    for nonce in (second, third):
        with pytest.raises(NonceReplayed):
            again.use(key, nonce, 1200)


def test_a_nonce_that_is_written_in_part_spoils_none_that_follow(tmp_path: Any) -> None:
    store, key = NonceStore(tmp_path / "nonces", lambda: 0.0), "ab" * 32
    before, cut, after = (os.urandom(16) for _ in range(3))
    store.use(key, before, 300)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        with pytest.raises(StoreBusy):
            store.use(key, cut, 300)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store.use(key, after, 300)
    again = NonceStore(tmp_path / "nonces", lambda: 1.0)
    for nonce in (before, after):
        with pytest.raises(NonceReplayed):
            again.use(key, nonce, 300)


def test_of_many_threads_one_may_use_a_nonce(tmp_path: Any) -> None:
    store, nonce = NonceStore(tmp_path / "nonces", lambda: 0.0), os.urandom(16)

    def use(_: int) -> bool:
        try:
            store.use("ab" * 32, nonce, 300)
        except NonceReplayed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(64))) == 1


def test_what_another_thread_has_read_already_is_not_missed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = NonceStore(tmp_path / "nonces", lambda: 1_000.0)
    read = NonceStore._read

    def read_after_another(self: NonceStore, slot: Any, size: int) -> bool:
        read(self, slot, size)
        return read(self, slot, size)

    monkeypatch.setattr(NonceStore, "_read", read_after_another)
    store.use("ab" * 32, b"n" * 16, 1_100)
    with pytest.raises(NonceReplayed):
        store.use("ab" * 32, b"n" * 16, 1_100)


def test_a_nonce_that_another_process_used_is_used_up(tmp_path: Any) -> None:
    now = 0.0
    one, other = (NonceStore(tmp_path / "nonces", lambda: now) for _ in range(2))
    key, nonce = "ab" * 32, os.urandom(16)
    one.use(key, nonce, 300)
    with pytest.raises(NonceReplayed):
        other.use(key, nonce, 300)
    now = 2.0
    # In a request of another time window, which falls into another file.
    with pytest.raises(NonceReplayed):
        other.use(key, nonce, 570)


RACE = """
import sys, time
from pathlib import Path
from api.nonces import NonceStore
from ledger.errors import NonceReplayed
store, key, won = NonceStore(Path(sys.argv[1]), lambda: 0.0), "ab" * 32, []
for number in range(int(sys.argv[2])):
    # At the same moment, as nearly as it goes: each race begins when both have come to it.
    sys.stdout.write(".")
    sys.stdout.flush()
    sys.stdin.read(1)
    try:
        store.use(key, number.to_bytes(16, "big"), 300)
    except NonceReplayed:
        continue
    won.append(number)
print(":" + " ".join(map(str, won)))
"""


def test_of_two_processes_that_race_exactly_one_may_use_a_nonce(tmp_path: Any) -> None:
    races = 1000
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, tmp_path / "nonces", str(races)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        for _ in range(2)
    ]
    for _ in range(races):
        for racer in racers:
            assert racer.stdout.read(1) == b"."
        for racer in racers:
            racer.stdin.write(b"!")
    won = [{int(number) for number in racer.communicate()[0].decode()[1:].split()} for racer in racers]
    assert won[0] | won[1] == set(range(races))
    assert not won[0] & won[1]
    # Else nothing was decided here but who is told first.
    assert all(won)


@pytest.mark.parametrize(("skew", "status"), [(-301, 401), (-299, 200), (299, 200), (302, 401)])
def test_a_clock_may_differ_by_300_seconds(city: Any, skew: int, status: int) -> None:
    response = city.request("GET", PATH, member=city.AUDITOR, created=city.clock() // 1000 + skew)
    assert response.status_code == status
    if status == 401:
        assert code(response) == (401, "request_expired")


def test_an_unknown_key_is_refused(city: Any) -> None:
    city.signers["stranger"] = signer(PrivateKey.generate())
    assert code(city.request("GET", PATH, member="stranger")) == (403, "key_unknown")


def test_a_revoked_key_is_refused_soon_after(city: Any) -> None:
    assert city.request("GET", PATH, member=city.AUDITOR).status_code == 200
    city.register(**{f"revoked_{city.AUDITOR}": "2026-01-01T00:00:00Z"})
    assert code(city.request("GET", PATH, member=city.AUDITOR)) == (403, "key_revoked")


def test_a_key_outside_its_window_is_refused(city: Any) -> None:
    city.register(**{f"until_{city.AUDITOR}": "2026-01-01T00:00:00Z"})
    assert code(city.request("GET", PATH, member=city.AUDITOR)) == (403, "key_expired")


def _set(name: str, value: str) -> Callable[[dict[str, str]], None]:
    return lambda headers: headers.__setitem__(name, value)


def _without(name: str) -> Callable[[dict[str, str]], None]:
    return lambda headers: headers.__delitem__(name)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("Content-Digest", content_digest(body_digest(b"other"))), (403, "signature_invalid")),
        (_set("Content-Digest", "sha-256=:AAAA:"), (401, "request_signature_malformed")),
        (_without("Content-Digest"), (401, "request_signature_malformed")),
        (_without("Signature"), (401, "request_unsigned")),
        (_set("Signature", "sig1=:AAAA:"), (401, "request_signature_malformed")),
        (_set("Signature", "sig1=:" + "AAAA" * 21 + "AQ==:"), (403, "signature_invalid")),
        (_set("Signature-Input", 'sig1=("@method");created=1'), (401, "request_signature_malformed")),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(city: Any, change: Any, expected: Any) -> None:
    response = city.request("POST", "/v1/checks", member=city.OFFICER, body=b"{}", change=change)
    assert code(response) == expected


def test_a_body_must_have_the_digest_that_was_signed(city: Any) -> None:
    headers: dict[str, str] = {}
    city.request("POST", "/v1/checks", member=city.OFFICER, body=b"{}", change=headers.update)
    signed: dict[str, str] = {}

    def keep(given: dict[str, str]) -> None:
        signed.update(given)

    city.request(
        "POST", "/v1/checks", member=city.OFFICER, body=b"{}", change=lambda h: (keep(h), h.clear())[1]
    )
    response = city.http.post("/v1/checks", data=b"[]", headers=signed)
    assert code(response) == (400, "content_digest_mismatch")


def test_a_signature_for_one_address_does_not_hold_for_another(city: Any) -> None:
    signed: dict[str, str] = {}

    def keep(headers: dict[str, str]) -> None:
        signed.update(headers)
        headers.clear()

    city.request("GET", PATH, member=city.AUDITOR, change=keep)
    assert code(city.http.get("/v1/logs/credit/anchors", headers=signed)) == (403, "signature_invalid")
    assert code(city.http.get(PATH, query_string="a=1", headers=signed)) == (403, "signature_invalid")


# Roles

CHECK = {
    "subject": {"type": "organisation", "code": "x"},
    "matter": "m",
    "operator": "d",
    "purpose": "p",
    "basis": "b",
}
OWN = {
    "subject": {"type": "organisation", "code": "91990100MA0000058B"},
    "operator": "d",
    "purpose": "p",
    "basis": "b",
}
TRAIL = {"resource": "tax.rating", "operator": "d", "purpose": "p", "basis": "b"}


@pytest.mark.parametrize(
    ("method", "path", "document", "allowed"),
    [
        ("POST", "/v1/checks", CHECK, {"OFFICER", "AUDITOR", "OPERATOR"}),
        ("POST", "/v1/trails", TRAIL, {"AUDITOR", "OPERATOR"}),
        ("POST", "/v1/subjects/own", OWN, {"DESK"}),
        ("GET", "/v1/logs/credit/index/subject/" + "0" * 64, None, {"AUDITOR", "OPERATOR"}),
        ("GET", "/v1/logs/credit/anchors", None, {"OFFICER", "AUDITOR", "PUBLISHER", "OPERATOR", "DESK"}),
        ("GET", "/v1/logs/credit/checkpoints", None, {"OFFICER", "AUDITOR", "PUBLISHER", "OPERATOR", "DESK"}),
        ("GET", "/v1/members", None, {"OFFICER", "AUDITOR", "PUBLISHER", "OPERATOR", "DESK"}),
    ],
)
def test_roles_decide_who_may_ask(
    city: Any, method: str, path: str, document: Any, allowed: set[str]
) -> None:
    for name in ("OFFICER", "AUDITOR", "PUBLISHER", "OPERATOR", "DESK"):
        member = getattr(city, name)
        response = (
            city.post(path, document, member) if document else city.request(method, path, member=member)
        )
        refused = response.status_code == 403 and response.get_json()["code"] == "role_missing"
        assert refused == (name not in allowed), (name, response.get_data(as_text=True))


def test_an_entry_its_receipt_and_its_bundle_are_for_issuer_and_auditor(city: Any, event: Any) -> None:
    composed = city.compose("access.event.recorded", event)
    assert city.submit(composed).status_code == 201
    city.publish()
    statement = f"{city.PUBLISHER}/{composed.id}"
    for part, refused in (
        ("entries/0", {city.OFFICER}),
        (f"receipts/{statement}", {city.OFFICER}),
        # What no longer counts is named to an officer by reference only, and that must lead nowhere.
        (f"bundles/{statement}", {city.OFFICER}),
    ):
        for member in (city.PUBLISHER, city.AUDITOR, city.OPERATOR, city.OFFICER):
            response = city.request("GET", f"/v1/logs/access/{part}", member=member)
            expected = 403 if member in refused else 200
            assert response.status_code == expected, (part, member, response.get_data(as_text=True))


def test_another_publisher_does_not_see_ones_receipt(city: Any, event: Any) -> None:
    event["actor"]["member"] = city.OPERATOR
    composed = city.compose("access.event.recorded", event, issuer=city.OPERATOR)
    assert city.submit(composed, member=city.OPERATOR).status_code == 201
    path = f"/v1/logs/access/receipts/{city.OPERATOR}/{composed.id}"
    assert code(city.request("GET", path, member=city.PUBLISHER)) == (403, "role_missing")

"""Governing members by command: admitted, approved, rotated, revoked, and what each means for the service."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.errors import KeyRevoked
from ledger.formats.envelope import STATEMENT_TYPE, sign_envelope
from ledger.gm import PrivateKey, signer

pytestmark = pytest.mark.chain

OPERATOR = "11990100MB0000019L"
MARKET, OFFICE = "11990100MB0000027F", "12990100MB00000357"


def event(member: str) -> dict[str, Any]:
    return {
        "action": "query",
        "resource": "tax.rating",
        "actor": {"member": member, "operator": "desk-1"},
        "exchange": "x-1",
        "purpose": "行政许可",
        "basis": "行政许可法",
        "outcome": "done",
        "happened_at": "2026-11-22T08:00:00.000Z",
    }


def new_key(place: Any, path: Path) -> str:
    return str(place.ok("key", "generate", str(path), "--json").document["public"])


def client(place: Any, path: Path, member: str) -> Client:
    key = PrivateKey.from_pem(path.read_bytes(), b"for tests only")
    return Client(place.url, signer(key), member, trust=place.deployment.trust_document())


def in_force(place: Any, public: str, name: str) -> Any:
    trust = json.loads(place.deployment.trust_path.read_bytes())
    keys = [key for member in trust["members"] for key in member["keys"] if key["public"] == public]
    return keys[0][name] if keys else "absent"


def test_members_are_admitted_and_keys_rotated_and_revoked(place: Any, tmp_path: Path) -> None:
    place.init()
    place.start("up")
    place.await_ready()
    account = place.ok("key", "account", str(tmp_path / "market.json")).out.strip()
    assert place.ok("key", "account", str(tmp_path / "market.json")).out.strip() == account
    first, second = new_key(place, tmp_path / "m1.pem"), new_key(place, tmp_path / "m2.pem")
    added = ("--id", MARKET, "--name", "云岭市市场监督管理局", "--role", "publisher:access")
    keyed = ("--public", first, "--account", account)
    proposal = place.ok("member", "propose", "add", *added, *keyed, "--json").document
    assert proposal["state"] == "executed"
    assert proposal["changes"][0].startswith(f"addMember(id={MARKET}, name=云岭市市场监督管理局, ")

    # A new member can submit at once: the command renewed the deployment's snapshot.
    market = client(place, tmp_path / "m1.pem", MARKET)
    place.until(lambda: in_force(place, first, "revoked") is None)
    submitted = submit(place, market, MARKET)

    # From now on two decide, the other one without a deployment of his own.
    assert place.ok("member", "propose", "threshold", "2", "--json").document["state"] == "executed"
    rotated = ("member", "propose", "key", "--id", MARKET, "--public", second, "--replaces", first)
    proposal = place.ok(*rotated, "--json").document
    assert proposal["state"] == "open"
    again = place.run("member", "approve", str(proposal["id"]))
    assert (again.status, "已同意过" in again.err) == (1, True)
    acting = ("--as-account", str(tmp_path / "market.json"))
    shown = place.ok("member", "proposals").out
    assert f"addKey(id={MARKET}" in shown
    assert "setKeyUntil(" in shown
    place.ok("member", "approve", str(proposal["id"]), *acting)
    assert in_force(place, first, "until") is not None
    submit(place, client(place, tmp_path / "m2.pem", MARKET), MARKET)

    # Revoked: neither requests nor envelopes of that key count any more; what it signed before does.
    # Its own member does that alone; another's key is an emergency proposal.
    done = place.ok("member", "revoke-key", "--public", first, *acting, "--json").document
    assert done["state"] == "revoked"
    place.until(lambda: in_force(place, first, "revoked") is not None)
    place.until(lambda: refused(market))
    with pytest.raises(KeyRevoked):
        market.members()
    newer = client(place, tmp_path / "m2.pem", MARKET)
    old_key = PrivateKey.from_pem((tmp_path / "m1.pem").read_bytes(), b"for tests only")
    with pytest.raises(KeyRevoked):
        newer.submit(sign_envelope(STATEMENT_TYPE, payload(newer), signer(old_key)))
    assert newer.receipt("access", MARKET, submitted.id)
    assert place.ok("audit", "--json").document["clean"]


def submit(place: Any, member: Client, issuer: str) -> Any:
    """The service looks at its snapshot once a second."""
    result = []

    def accepted() -> bool:
        try:
            result.append(member.publish("access.event.recorded", event(issuer)))
        except Exception as error:
            if type(error).__name__ not in ("KeyUnknown", "RoleMissing"):
                raise
        return bool(result)

    place.until(accepted, 20)
    return result[0]


def refused(member: Client) -> bool:
    try:
        member.members()
    except KeyRevoked:
        return True
    return False


def payload(member: Client) -> bytes:
    import os
    import time

    from ledger.client.compose import compose

    composed = compose(
        "access.event.recorded",
        event(MARKET),
        domain="yunling.example",
        issuer=MARKET,
        now=int(time.time() * 1000),
        randomness=os.urandom,
    )
    return composed.payload


def test_what_cannot_be_proposed_is_said_in_words(place: Any, tmp_path: Path) -> None:
    place.init()
    place.ok("chain", "start")
    place.ok("deploy")
    public = new_key(place, tmp_path / "k.pem")
    account = place.ok("key", "account", str(tmp_path / "k.json")).out.strip()
    good = {"--id": OFFICE, "--name": "审批局", "--role": "officer", "--public": public, "--account": account}
    for option, value, status, words in (
        ("--id", OFFICE[:-1] + "6", 2, "check_digit_wrong"),
        ("--id", OPERATOR, 1, "该成员已登记"),
        ("--role", "boss", 2, "no role 'boss'"),
        ("--public", "11" * 64, 2, "SM2"),
        ("--public", "00", 2, "64 bytes"),
        ("--account", "0x1", 2, "40 hex digits"),
    ):
        given = [word for pair in (good | {option: value}).items() for word in pair]
        done = place.run("member", "propose", "add", *given)
        assert (done.status, words in done.err) == (status, True), done.err
        assert done.err.startswith("错误：")
    assert [each["id"] for each in place.ok("member", "list", "--json").document["members"]] == [OPERATOR]
    assert place.run("member", "propose", "threshold", "2").status == 1
    assert place.run("member", "approve", "99").status == 1
    # What was decided survives a kill of the chain, although no worker saves it.
    given = [word for pair in good.items() for word in pair]
    place.ok("member", "propose", "add", *given)
    place.deployment.embedded.stop(save=False)
    place.ok("chain", "start")
    members = place.ok("member", "list", "--json").document["members"]
    assert [each["id"] for each in members] == [OPERATOR, OFFICE]

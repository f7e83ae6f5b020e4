"""Witnesses and disputes by command, on a real chain: named, cosigned, challenged, answered, reported."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.formats.finality import log_id
from ledger.formats.misbehaviour import Misbehaviour, format_misbehaviour
from ledger.formats.note import SignedNote, checkpoint_text, parse_note, parse_signature_lines, sign_note

pytestmark = pytest.mark.chain

ORIGIN = "yunling.example/credit"
MARKET = "11990100MB0000027F"


def admit(place: Any, folder: Path) -> tuple[str, str]:
    """A second member with an account of its own; the paths of its key and its account."""
    key, account = folder / "market.pem", folder / "market.json"
    public = place.ok("key", "generate", str(key), "--json").document["public"]
    address = place.ok("key", "account", str(account)).out.strip()
    given = {
        "--id": MARKET,
        "--name": "市场监管局",
        "--role": "officer",
        "--public": public,
        "--account": address,
    }
    place.ok("member", "propose", "add", *(word for pair in given.items() for word in pair))
    return str(key), str(account)


def test_a_witness_from_its_folder_to_the_chain_and_a_log_from_challenge_to_record(
    place: Any, tmp_path: Path
) -> None:
    place.init()
    up = place.start("up")
    place.await_ready()
    _, account = admit(place, tmp_path)
    witness = str(tmp_path / "witness")
    made = place.ok(
        "witness",
        "init",
        "--dir",
        witness,
        "--name",
        "market.example/witness",
        "--member",
        MARKET,
        "--log",
        f"{ORIGIN}={place.url}",
        "--chain-of",
        str(place.folder),
        "--account",
        account,
        "--json",
    ).document
    named = ("--log", ORIGIN, "--name", "market.example/witness", "--id", MARKET, "--public", made["public"])
    place.ok("member", "propose", "witness", *named)
    place.ok("member", "propose", "witness-threshold", "--log", ORIGIN, "1")

    chain = place.deployment.open_chain(writing=False)
    place.until(lambda: chain.latest(log_id(ORIGIN)) is not None)

    def cosigned_on_chain() -> bool:
        place.run("witness", "once", "--dir", witness)
        anchored = chain.latest(log_id(ORIGIN))
        return anchored is not None and chain.quorum(log_id(ORIGIN), anchored.size)

    place.until(cosigned_on_chain, 120)
    # The round after the one that sent it hears from the contract that it is there.
    place.run("witness", "once", "--dir", witness)
    status = place.run("witness", "status", "--dir", witness, "--json")
    assert status.document["logs"][ORIGIN]["waiting"] == {"log": 0, "chain": 0}

    # Two anchored sizes, and a member that wants to see that the second continues the first.
    first = chain.latest(log_id(ORIGIN))
    place.ok(
        "member",
        "propose",
        "roles",
        "--id",
        MARKET,
        "--role",
        "officer",
        "--role",
        "lister",
        "--role",
        "publisher:credit",
    )
    list_one(place, tmp_path)
    place.until(lambda: chain.latest(log_id(ORIGIN)).size > first.size, 120)
    second = chain.latest(log_id(ORIGIN))
    asked = ("--log", ORIGIN, "--first", str(first.size), "--second", str(second.size))
    raised = place.ok("dispute", "challenge", *asked, "--as-account", account, "--json").document
    assert raised["challenges"][0]["challenger"] == MARKET

    def answered() -> bool:
        shown = place.ok("dispute", "status", "--log", ORIGIN, "--json").document
        return bool(shown["challenges"][0]["state"] == "answered")

    place.until(answered, 60)

    # A second history signed with the log's own key: proven offline, and recorded on the chain.
    proof = tmp_path / "proof.json"
    proof.write_bytes(format_misbehaviour(two_roots(place)))
    place.ok("verify", str(proof), "--trust", str(place.folder / "trust.json"))
    recorded = place.ok("dispute", "report", str(proof), "--as-account", account, "--json").document
    assert recorded["misbehaviours"][0]["kind"] == "two_roots"
    assert place.run("dispute", "report", str(proof), "--as-account", account).status == 1
    flagged = place.run("dispute", "status", "--log", ORIGIN, "--json")
    assert (flagged.status, flagged.document["flagged"]) == (1, True)
    assert up.poll() is None


def two_roots(place: Any) -> Misbehaviour:
    deployment = place.deployment
    store = deployment.logs["credit"].store
    newest = store.latest_checkpoint()
    assert newest is not None
    note = parse_note(newest.note)
    text = checkpoint_text(replace(note.checkpoint, root=bytes(32)))
    line = sign_note(text, ORIGIN, deployment.keyring.log_signer("credit"))
    other = SignedNote(replace(note.checkpoint, root=bytes(32)), text, parse_signature_lines(line))
    deployment.close()
    return Misbehaviour(ORIGIN, "two_roots", (note, other))


def list_one(place: Any, folder: Path) -> None:
    body = {
        "list": "wage-arrears",
        "subject": {"type": "organisation", "uscc": "91990100MA0000058B", "name": "云岭某公司"},
        "case": "云岭列〔2026〕1号",
        "authority": {"uscc": MARKET, "name": "市场监管局"},
        "basis": "保障农民工工资支付条例 48",
        "grounds": "数额较大",
        "from": "2026-11-01",
        "until": None,
    }
    file = folder / "list.json"
    file.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    given = ("--key", str(folder / "market.pem"), "--member", MARKET)

    def accepted() -> bool:
        return bool(place.run("submit", str(file), "--kind", "credit.list.entered", *given).status == 0)

    place.until(accepted, 30)

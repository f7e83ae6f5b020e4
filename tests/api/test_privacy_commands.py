"""`own`, `authorise`, `privacy` as windows and the operator use them: numbers come from files or standard
input, nothing is shown that must not be, and every command says in its exit status how it went."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from ledger.cli import cli, exit_status
from ledger.client import Client
from ledger.deployment import Deployment, SealingConfig
from ledger.deployment.masters import add_master_key
from ledger.errors import AuthorisationExhausted, ConfigurationError, InputError, LedgerError, NotFound
from ledger.formats.tags import person_tag
from ledger.gm import PrivateKey, signer
from ledger.verify import Question, verify_bundle

PERSON = "11010519491231002X"  # the standard's own textbook example
NAME = "张三丰"
WHY = ("--operator", "window-3", "--purpose", "本人查询", "--basis", "个人信息保护法 45")
MATTER = "loan"


@pytest.fixture
def desk(city: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The city served over HTTP, and its subjects' desk at the command line."""
    key = PrivateKey.generate()
    pem = tmp_path / "desk.pem"
    pem.write_bytes(key.to_pem(b"desk", iterations=1000))
    city.signers[city.DESK] = signer(key)
    city.register()
    assert city.deployment.directory.trust
    # The command's own clock is the machine's.
    city.clock.ahead = 0
    server = make_server("127.0.0.1", 0, city.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    city.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("XINZHENG_DIR", str(city.deployment.folder))
    monkeypatch.setenv("XINZHENG_URL", city.url)
    monkeypatch.setenv("XINZHENG_KEY_PASSPHRASE", "desk")
    city.as_desk = ("--key", str(pem), "--member", city.DESK)
    yield city
    server.shutdown()
    thread.join(30)


def run(*arguments: str, stdin: str = "") -> Result:
    """Run a command; its exit status is what `main` would make of how it ended."""
    result = CliRunner().invoke(cli, list(arguments), input=stdin, standalone_mode=False)
    rest = result.output
    for shown in own_content():
        rest = rest.replace(shown, "")
    assert PERSON not in rest, arguments
    if isinstance(result.exception, click.UsageError):
        result.exit_code = 2
    elif isinstance(result.exception, LedgerError):
        result.exit_code = exit_status(result.exception)
    elif result.exception is None:
        result.exit_code = result.return_value if isinstance(result.return_value, int) else 0
    return result


def own_content() -> tuple[str, str]:
    """How the subject's own number stands in its own view: read out, and as JSON."""
    return f"本人 subject: {NAME}  {PERSON}", f'"document_number": "{PERSON}"'


def done(*arguments: str, stdin: str = "") -> Any:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exception is None, repr(result.exception)
    return json.loads(result.stdout)


def refused(error: type[LedgerError], *arguments: str, stdin: str = "") -> None:
    result = run(*arguments, stdin=stdin)
    assert isinstance(result.exception, error), (result.output, result.exception)
    assert PERSON not in str(result.exception)


def grant(desk: Any, tmp_path: Path, *more: str) -> str:
    consent = tmp_path / "consent.pdf"
    consent.write_bytes(b"signed")
    options = ("--number", "consent-1", "--evidence", str(consent), "--checked-by", "window-3")
    scope = ("--grantee", desk.OFFICER, "--matter", MATTER, "--until", "2099-12-31")
    granted = done("authorise", "grant", *desk.as_desk, *options, *scope, *more, stdin=f"{PERSON}\n{NAME}\n")
    return str(granted["authorisation"])


def test_a_window_grants_shows_and_withdraws_an_authorisation(desk: Any, tmp_path: Path) -> None:
    name = grant(desk, tmp_path, "--uses", "2")
    desk.publish()
    officer = Client(desk.url, desk.signers[desk.OFFICER], desk.OFFICER)
    question = {"operator": "desk-9", "purpose": "贷款审批", "basis": "本人授权", "authorisation": name}
    subject = {"type": "person", "code": PERSON}
    for _ in range(2):
        assert officer.check(subject, MATTER, **question)["decision"] == "clear"
    with pytest.raises(AuthorisationExhausted):
        officer.check(subject, MATTER, **question)
    shown = run("authorise", "show", *desk.as_desk, name)
    assert shown.exit_code == 1
    assert "used_up" in shown.output
    assert "2 / 2" in shown.output
    number = tmp_path / "person.txt"
    number.write_text(f"\ufeff{PERSON}\n", "utf-8")
    revoke = (
        "authorise",
        "revoke",
        *desk.as_desk,
        "--number",
        "consent-1",
        "--person-file",
        str(number),
        name,
    )
    assert done(*revoke)["leaf_index"] > 0
    assert done("authorise", "show", *desk.as_desk, name)["stands"] == "withdrawn"


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("authorise", "revoke", "--number", "c", "no-colon"), f"{PERSON}\n"),
        (("own", *WHY), ""),
        (("privacy", "erase", *WHY), ""),
        (("privacy", "erase", *WHY, "--tag", "ab", "--person"), ""),
        (("privacy", "erase", *WHY, "--person"), f"{PERSON}\n"),
        (("privacy", "erase", "--person", "--yes", "--operator", "d", "--purpose", "p"), ""),
    ],
    ids=["no-colon", "nobody", "nobody-to-erase", "two-to-erase", "not-confirmed", "no-basis"],
)
def test_wrong_usage_is_status_2(desk: Any, arguments: tuple[str, ...], stdin: str) -> None:
    more = () if arguments[0] == "privacy" else desk.as_desk
    result = run(*arguments, *more, stdin=stdin)
    assert result.exit_code == 2, result.output


def test_a_grant_without_a_name_is_not_sent(desk: Any, tmp_path: Path) -> None:
    consent = tmp_path / "consent.pdf"
    consent.write_bytes(b"signed")
    options = ("--number", "c", "--evidence", str(consent), "--checked-by", "w", "--grantee", desk.OFFICER)
    asked = ("authorise", "grant", *desk.as_desk, *options, "--until", "2099-12-31")
    assert run(*asked, stdin=f"{PERSON}\n").exit_code == 2
    refused(InputError, *asked, stdin="110105194912310021\n张三\n")
    refused(
        ConfigurationError, *asked, "--keys", str(tmp_path), stdin=f"{PERSON}\n{NAME}\n"
    ) if False else None
    assert desk.deployment.logs["access"].store.size() == 0


def test_the_own_view_shows_content_and_keeps_bundles_that_verify(desk: Any, tmp_path: Path) -> None:
    grant(desk, tmp_path)
    publish_listing(desk)
    desk.publish()
    bundles = tmp_path / "bundles"
    shown = run("own", *desk.as_desk, *WHY, "--person", "--bundles", str(bundles), stdin=f"{PERSON}\n")
    assert shown.exit_code == 0, shown.output
    assert NAME in shown.output
    assert "published" in shown.output
    assert "consent-1" in shown.output
    assert sorted(path.name for path in bundles.iterdir()) == [
        "access.json",
        "certificate.json",
        "credit.json",
    ]
    trust = desk.deployment.trust_path.read_bytes()
    for path in bundles.iterdir():
        assert verify_bundle(path.read_bytes(), trust, Question(now=desk.clock())).exit_status == 0
    document = done("own", *desk.as_desk, *WHY, "--person", "--limit", "1", stdin=f"{PERSON}\n")
    assert document["records"]["statements"][0]["content"]["standing"] == "open"
    assert "bundles" not in document["records"]


def audited() -> list[Any]:
    """The findings of a full audit."""
    return [found for log in json.loads(run("audit", "--json").stdout)["logs"] for found in log["findings"]]


def publish_listing(desk: Any) -> None:
    personal = {"subject": {"name": NAME, "document_type": "111", "document_number": PERSON}}
    tag = person_tag(desk.deployment.keyring.person_tag_keys()[0], 0, PERSON)
    body = {
        "list": "wage-arrears",
        "subject": {"type": "person", "person_tag": tag, "epoch": 0},
        "case": "云岭列〔2026〕1号",
        "authority": {"uscc": desk.PUBLISHER, "name": "云岭市人社局"},
        "basis": "保障农民工工资支付条例 48",
        "grounds": "数额较大",
        "from": "2026-01-05",
        "until": None,
    }
    assert desk.submit(desk.compose("credit.list.entered", body, personal=personal)).status_code == 201


ERASE = (
    "privacy",
    "erase",
    "--operator",
    "desk-1",
    "--purpose",
    "本人请求删除",
    "--basis",
    "个保法 47",
    "--yes",
)


def test_the_operator_erases_by_number_and_by_tag(desk: Any, tmp_path: Path) -> None:
    grant(desk, tmp_path)
    publish_listing(desk)
    desk.publish()
    number = tmp_path / "number.txt"
    number.write_text(f"{PERSON}\n")
    erased = done(*ERASE, "--file", str(number))
    assert [(log["log"], log["keys"], log["contents"]) for log in erased["logs"]] == [
        ("credit", 1, 1),
        ("access", 1, 1),
        ("certificate", 0, 0),
    ]
    publish_again = run(*ERASE, "--person", stdin=f"{PERSON}\n")
    assert publish_again.exit_code == 0, publish_again.output
    assert "keys destroyed 0" in publish_again.output
    assert run(*ERASE, "--tag", erased["tags"][0]).exit_code == 0
    refused(NotFound, *ERASE, "--tag", "ab" * 32)
    desk.publish()
    shown = run("own", *desk.as_desk, *WHY, "--person", stdin=f"{PERSON}\n")
    assert "已删除 erased" in shown.output
    assert NAME not in shown.output
    assert audited() == []
    assert done("privacy", "status")["logs"]["yunling.example/credit"]["erased"] == 1


def test_the_master_key_is_rotated_beside_a_running_service(desk: Any, tmp_path: Path) -> None:
    grant(desk, tmp_path)
    publish_listing(desk)
    before = done("privacy", "status")
    assert before["under_old_keys"] == 0
    rotated = done("privacy", "rotate-master")
    assert rotated == {"added": True, "rewrapped": 2, "under_old_keys": 0, "unreadable": 0}
    after = done("privacy", "status")
    assert after["current"] != before["current"]
    assert after["known"] == [*before["known"], after["current"]]
    # The service reads what is under the new key, and seals under it.
    grant(desk, tmp_path, "--uses", "3")
    publish_listing_again = done("privacy", "status")
    assert publish_listing_again["under_old_keys"] == 0
    desk.publish()
    shown = run("own", *desk.as_desk, *WHY, "--person", stdin=f"{PERSON}\n")
    assert NAME in shown.output


def test_a_rotation_that_was_cut_off_goes_on_and_adds_no_second_key(desk: Any, tmp_path: Path) -> None:
    grant(desk, tmp_path)
    add_master_key(desk.deployment.keyring.sealing_path, b"n" * 16)
    status = run("privacy", "status")
    assert status.exit_code == 1
    assert "旧 old" in status.output
    assert done("privacy", "rotate-master") == {
        "added": False,
        "rewrapped": 1,
        "under_old_keys": 0,
        "unreadable": 0,
    }
    assert len(done("privacy", "status")["known"]) == 2


def test_keys_from_the_environment_are_rotated_by_whoever_keeps_them(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(desk, tmp_path)
    deployment = Deployment.open(desk.deployment.folder)
    old = deployment.keyring.sealing_path.read_text()
    deployment.save_config(replace(deployment.config, sealing=SealingConfig("env:CITY_KEYS")))
    refused(ConfigurationError, "privacy", "status")
    monkeypatch.setenv("CITY_KEYS", old)
    assert done("privacy", "status")["under_old_keys"] == 0
    refused(InputError, "privacy", "rotate-master")
    monkeypatch.setenv("CITY_KEYS", old + "5a" * 16)
    assert done("privacy", "rotate-master")["rewrapped"] == 1
    assert deployment.keyring.sealing_path.read_text() == old
    monkeypatch.setenv("CITY_KEYS", "5a" * 16)
    assert done("privacy", "status")["under_old_keys"] == 0
    assert audited() == []

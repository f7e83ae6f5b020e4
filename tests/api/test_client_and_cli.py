"""The client and the command line against a running service: real server, real worker, real keys."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from bodies import ENTERED, uscc
from click.testing import CliRunner

from ledger.cli import COMMANDS, cli, main
from ledger.client import Client
from ledger.client.receipts import check_receipt
from ledger.errors import (
    AnswerInvalid,
    BatchLineInvalid,
    ConfigurationError,
    IdReused,
    NonceReplayed,
    NotFound,
    Overloaded,
    RoleMissing,
    ServiceUnreachable,
)
from ledger.formats.envelope import sign_batch
from ledger.formats.statement import new_id
from ledger.ports import free_port
from ledger.verify import Question, verify_bundle

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def live(make_city: Any) -> Iterator[Any]:
    """A city that is served by a process of its own, with a worker beside it."""
    port = free_port()
    city = make_city(port=port)
    folder = str(city.deployment.folder)
    commands = (["-m", "api", "--dir", folder], ["-m", "ledger.cli", "worker", "--dir", folder])
    log = (city.deployment.folder / "run" / "processes.log").open("wb")
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=log, stderr=log) for command in commands
    ]
    city.url = f"http://127.0.0.1:{port}"
    city.log = city.deployment.folder / "run" / "processes.log"
    try:
        _await(lambda: Client(city.url, attempts=1).ready()["worker"]["alive"])
        yield city
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(30) for process in processes]
        log.close()
    assert statuses == [0, 0], city.log.read_text()


def _await(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if condition():
                return
        except ServiceUnreachable:
            pass
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def _all_published(client: Client, origin: str) -> bool:
    """Whether all that is accepted is: the edition, which the worker states by itself, may be so before."""
    log = client.ready()["logs"][origin]
    return bool(log.get("published", 0) >= log["accepted"])


def test_bodies_that_never_come_hold_up_nobody_else(live: Any) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    head = (
        "POST /v1/certificates/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    senders = [socket.create_connection((host, int(port)), timeout=30) for _ in range(40)]
    for sender in senders:
        sender.sendall(head.encode())
    assert Client(live.url, attempts=1, timeout=10).ready()["ready"]
    for sender in senders:
        sender.close()
    _await(lambda: _answers_strangers(live.url))


def _answers_strangers(url: str) -> bool:
    try:
        Client(url, attempts=1).certificate("1.2.156.3005.2.no")
    except NotFound:
        pass
    except Overloaded:
        return False
    return True


def client_of(city: Any, member: str) -> Client:
    return Client(city.url, city.signers[member], member, trust=city.deployment.trust_document())


def test_a_member_submits_asks_and_verifies_offline(live: Any, event: Any, tmp_path: Path) -> None:
    publisher, auditor = client_of(live, live.PUBLISHER), client_of(live, live.AUDITOR)
    submitted = publisher.publish("access.event.recorded", event)
    assert publisher.submit(submitted.entry) == submitted.receipt
    assert publisher.find("access", live.PUBLISHER, submitted.id) == submitted.entry
    assert publisher.find("access", live.PUBLISHER, new_id(1, bytes(10))) is None

    payloads = [
        live.compose("access.event.recorded", event | {"exchange": f"b-{number}"}).payload
        for number in range(300)
    ]
    receipt = publisher.submit_batch("yunling.example/access", payloads)
    assert receipt.batch is not None
    assert receipt.batch.size == 300
    _await(lambda: auditor.ready()["logs"]["yunling.example/access"].get("published") == 302)

    trust = live.deployment.trust_document()
    report = verify_bundle(
        publisher.bundle("access", live.PUBLISHER, submitted.id), trust, Question(now=live.clock())
    )
    assert report.exit_status == 0

    proof = auditor.inclusion("access", submitted.receipt.leaf_hash.hex())
    assert proof["leaf_index"] == submitted.receipt.leaf_index
    assert auditor.consistency("access", 1, 302)["proof"]
    assert auditor.checkpoint("access").startswith(b"yunling.example/access\n302\n")

    with pytest.raises(RoleMissing):
        publisher.trail("resource", "tax.rating", operator="a", purpose="审计", basis="审计法")
    page = auditor.trail("resource", "tax.rating", operator="a", purpose="审计", basis="审计法", limit=100)
    seen = list(page["events"])
    while page["next"]:
        page = auditor.trail(
            "resource",
            "tax.rating",
            operator="a",
            purpose="审计",
            basis="审计法",
            limit=100,
            after=page["next"],
        )
        seen += page["events"]
    assert [event["entry"]["index"] for event in seen] == [0, *range(2, 302)]


def test_pages_of_an_index_continue_each_other(live: Any, event: Any) -> None:
    publisher, auditor = client_of(live, live.PUBLISHER), client_of(live, live.AUDITOR)
    for number in range(7):
        publisher.publish("access.event.recorded", event | {"exchange": f"p-{number}"})
    _await(lambda: auditor.ready()["logs"]["yunling.example/access"].get("published") == 7)
    tag = live.compose("access.event.recorded", event)
    resource = json.loads(tag.payload)["keys"]["resource"][0]
    page = auditor.index("access", "resource", resource, limit=3)
    indexes = []
    while True:
        indexes += [entry["index"] for entry in page["bundle"]["entries"]]
        if page["next"] is None:
            break
        page = auditor.index("access", "resource", resource, limit=3, after=page["next"])
    assert indexes == list(range(7))
    nothing = auditor.index("access", "resource", "ab" * 32)
    assert (nothing["total"], nothing["bundle"]["completeness"][0]["chain"]) == (0, [])


def test_errors_come_back_as_what_they_were(live: Any, event: Any) -> None:
    publisher = client_of(live, live.PUBLISHER)
    submitted = publisher.publish("access.event.recorded", event)
    with pytest.raises(IdReused):
        publisher.publish("access.event.recorded", event | {"purpose": "其他"}, id=submitted.id)
    now = live.clock()
    manifest, entries = sign_batch(
        [live.compose("access.event.recorded", event).payload for _ in range(3)],
        log="yunling.example/access",
        issuer=live.PUBLISHER,
        id=new_id(now, os.urandom(10)),
        at=now,
        signer=live.signers[live.PUBLISHER],
    )
    with pytest.raises(BatchLineInvalid) as refused:
        publisher.submit_signed_batch(manifest, [entries[0], entries[2], entries[1]])
    assert refused.value.line == 3
    stuck = Client(live.url, live.signers[live.PUBLISHER], live.PUBLISHER, attempts=1, randomness=bytes)
    stuck.members()
    with pytest.raises(NonceReplayed):
        stuck.members()
    with pytest.raises(ConfigurationError):
        Client(live.url).members()
    with pytest.raises(ServiceUnreachable):
        Client("http://127.0.0.1:1", attempts=1).ready()


def test_a_receipt_for_something_else_is_not_believed(live: Any, event: Any) -> None:
    publisher = client_of(live, live.PUBLISHER)
    one = publisher.publish("access.event.recorded", event)
    other = publisher.publish("access.event.recorded", event)
    trust_keys = publisher._keys()
    receipt = publisher.receipt("access", live.PUBLISHER, one.id)
    log = "yunling.example/access"
    check_receipt(receipt, one.entry, trust_keys, log, live.PUBLISHER, one.id)
    with pytest.raises(AnswerInvalid):
        check_receipt(receipt, other.entry, trust_keys, log, live.PUBLISHER, one.id)
    with pytest.raises(AnswerInvalid):
        check_receipt(receipt, one.entry, {log: []}, log, live.PUBLISHER, one.id)
    with pytest.raises(AnswerInvalid):
        check_receipt(receipt[:-9] + receipt[-5:], one.entry, trust_keys, log, live.PUBLISHER, one.id)


def xinzheng(live: Any, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ledger.cli", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | {"XINZHENG_DIR": str(live.deployment.folder)},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


REASON = ("--operator", "desk-1", "--purpose", "审计", "--basis", "审计法")


def test_the_command_line_submits_asks_audits_and_verifies(live: Any, event: Any, tmp_path: Path) -> None:
    body = tmp_path / "event.json"
    event["actor"]["member"] = live.OPERATOR
    body.write_text(json.dumps(event), "utf-8")
    status, out, err = xinzheng(live, "submit", "--kind", "access.event.recorded", "--json", str(body))
    assert status == 0, err
    assert json.loads(out)["leaf_index"] == 0
    _await(lambda: Client(live.url).ready()["logs"]["yunling.example/access"].get("published") == 1)

    bundle = tmp_path / "trail.json"
    asked = ("trail", "--resource", "tax.rating", *REASON, "--bundle", str(bundle))
    status, out, err = xinzheng(live, *asked)
    assert status == 0, err
    assert "tax.rating" in out
    trust = str(live.deployment.trust_path)
    status, out, err = xinzheng(live, "verify", str(bundle), "--trust", trust, "--json")
    assert status == 0, out + err

    matter = "government-procurement"
    check = ("check", "--person", "--matter", matter, *REASON, "--basis-code", "statutory-duty", "--json")
    _await(lambda: Client(live.url).checkpoint("credit"))
    status, out, err = xinzheng(live, *check, stdin="11010519491231002X\n")
    assert status == 0, err
    assert json.loads(out)["hits"] == []
    assert "11010519491231002X" not in out + err
    status, out, err = xinzheng(live, *check, stdin="110105194912310021\n")
    assert status == 2
    assert err.startswith("错误：")
    assert "Traceback" not in err

    status, out, err = xinzheng(live, "audit", "--json")
    assert (status, json.loads(out)["clean"]) == (0, True), out + err
    status, out, err = xinzheng(live, "status", "--json")
    assert (status, json.loads(out)["ready"]) == (0, True)


def test_a_list_of_bidders_is_checked_from_a_sheet_into_a_sheet(live: Any, tmp_path: Path) -> None:
    publisher = client_of(live, live.PUBLISHER)
    authority = {"uscc": live.PUBLISHER, "name": "云岭市市场监督管理局"}
    subject = {"type": "organisation", "uscc": uscc(100), "name": "云岭市澜栎建筑有限公司"}
    publisher.publish("credit.list.entered", ENTERED | {"subject": subject, "authority": authority})
    _await(lambda: _all_published(publisher, "yunling.example/credit"))

    bidders, out, bundles = tmp_path / "bidders.csv", tmp_path / "result.xlsx", tmp_path / "bundles"
    rows = [("澜栎", uscc(100)), ("芷禾", uscc(101)), ("无", "X"), ("-甲", uscc(102))]
    lines = ["投标人名称,统一社会信用代码", *(",".join(row) for row in rows)]
    bidders.write_text("\n".join(lines), "utf-8")
    asked = (
        "check",
        "--file",
        str(bidders),
        "--matter",
        "government-procurement",
        *REASON,
        "--out",
        str(out),
    )
    status, said, err = xinzheng(live, *asked)
    assert (status, err) == (1, "")
    assert said.splitlines()[0] == (
        "4 行 rows: 禁止 prohibit 0, 限制 restrict 1, 提示 caution 0, 未命中 clear 2, 激励 incentive 0, "
        "有问题 refused 1"
    )
    assert "第 4 行 [identifier_invalid]" in said
    sheet = openpyxl.load_workbook(out).worksheets[0]
    found = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[3] for row in found] == ["限制", "未命中", None, "未命中"]
    assert found[0][9] == "不一致"

    status, said, err = xinzheng(live, *asked, "--bundles", str(bundles), "--json")
    assert json.loads(said)["decisions"]["restrict"] == 1
    proof = [str(bundles / "bundle-001.json"), "--trust", str(live.deployment.trust_path)]
    expect = [part for code in (uscc(100), uscc(101)) for part in ("--expect", f"subject:uscc:{code}")]
    status, said, err = xinzheng(live, "verify", *proof, *expect)
    assert status == 0, said + err

    # Who could not be checked is not clear.
    bidders.write_text(f"投标人名称,统一社会信用代码\n芷禾,{uscc(101)}\n无,X\n", "utf-8")
    status, said, err = xinzheng(live, *asked, "--json")
    document = json.loads(said)
    assert (status, document["decisions"]["clear"]) == (1, 1)
    assert [(each["row"], each["code"]) for each in document["refused"]] == [(3, "identifier_invalid")]
    assert document["refused"][0]["zh"]

    for wrong in (("--organisation", uscc(100)), ("--name", "甲")):
        assert xinzheng(live, *asked, *wrong)[0] == 2
    assert xinzheng(live, *asked[:-2])[0] == 2


def test_a_company_is_checked_with_its_name_and_the_persons_behind_it(live: Any) -> None:
    _await(lambda: Client(live.url).checkpoint("credit"))
    asked = ("check", "--organisation", uscc(100), "--matter", "loan", *REASON, "--name", "甲")
    related = ("--related", "legal-representative", "--basis-code", "statutory-duty")
    status, said, err = xinzheng(live, *asked, *related, stdin="11010519491231002X\n")
    assert status == 0, err
    assert "11010519491231002X" not in said + err
    assert "名称 · the name matches the records: 无从比对 unknown" in said
    assert "未查 · not asked about: 实际控制人 actual-controller" in said
    status, said, err = xinzheng(live, *asked, *related[:2], stdin="11010519491231002X\n")
    assert (status, "authorisation_missing" in err) == (1, True)


def test_a_certificate_that_nobody_issued_is_not_in_force(live: Any) -> None:
    _await(lambda: Client(live.url).checkpoint("certificate"))
    identifier = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"
    status, out, err = xinzheng(live, "certificate", identifier, "--json")
    assert status == 1, err
    assert json.loads(out)["identifier_verdict"]["verdict"] == "pass"


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = CliRunner().invoke(cli, [*command, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_wrong_usage_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(
            [
                "check",
                "--matter",
                "m",
                "--operator",
                "a",
                "--purpose",
                "b",
                "--basis",
                "c",
                "--dir",
                "/nowhere",
            ]
        )
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_without_the_extra_a_command_says_which_one_it_needs() -> None:
    program = (
        "import sys; sys.modules['pydantic'] = None; sys.argv = ['xinzheng', 'audit'];"
        "from ledger.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "xinzheng[service]" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_verify_need_the_base_dependencies_only() -> None:
    service = (
        "pydantic",
        "flask",
        "flask_openapi3",
        "requests",
        "urllib3",
        "sqlite_utils",
        "web3",
        "granian",
    )
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({service!r}));"
        "from ledger.cli import main; main(sys.argv[1:])"
    )
    for arguments in (["--help"], ["verify", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

"""Check receipts over HTTP and on the command line: who gets one, and what `xinzheng verify` makes of it."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader, PdfWriter
from werkzeug.serving import make_server

from ledger.cli import cli, main
from ledger.deployment import Deployment
from ledger.formats import strictjson
from ledger.gm import sm3
from ledger.services.editions import state_editions

COMPANY = "91990100MA0000058B"
ROOT = Path(__file__).resolve().parents[2]
QUESTION = {
    "subject": {"type": "organisation", "code": COMPANY},
    "matter": "政府采购",
    "operator": "window-3",
    "purpose": "供应商资格审查",
    "basis": "政府采购法第二十二条",
}


@pytest.fixture
def office(city: Any) -> Any:
    """The city, its edition of the catalogue stated and published."""
    state_editions(city.deployment.editions, city.deployment.pen, city.deployment.logs["credit"].store)
    city.publish()
    return city


def ask(city: Any, member: str | None, **changes: Any) -> Any:
    body = json.dumps(QUESTION | changes).encode()
    return city.request("POST", "/v1/checks/receipt", member=member, body=body)


def trust_file(city: Any, folder: Path) -> str:
    path = folder / "trust.json"
    path.write_bytes(city.deployment.trust_document())
    return str(path)


def verify(folder: Path, data: bytes, *options: str) -> Result:
    """`xinzheng verify` of a file with these bytes."""
    path = folder / "receipt.pdf"
    path.write_bytes(data)
    return CliRunner().invoke(cli, ["verify", str(path), "--trust", str(folder / "trust.json"), *options])


def rewritten(pdf: bytes, change: Callable[[PdfWriter], object]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_officer_gets_a_pdf_that_verifies_and_that_the_certificate_endpoint_knows(
    office: Any, tmp_path: Path
) -> None:
    answer = ask(office, office.OFFICER)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="receipt-')
    assert answer.headers["Cache-Control"] == "no-store"
    trust_file(office, tmp_path)
    assert verify(tmp_path, answer.data).exit_code == 0
    office.publish()
    identifier = PdfReader(io.BytesIO(answer.data)).metadata.title.split()[-1]
    question = {"identifier": identifier, "file_sm3": sm3(answer.data).hex()}
    status = office.request("POST", "/v1/certificates/verify", body=json.dumps(question).encode()).json
    verdicts = {name: status[f"{name}_verdict"]["verdict"] for name in ("identifier", "file", "status")}
    assert set(verdicts.values()) == {"pass"}


REFUSED: dict[str, tuple[str | None, dict[str, Any], int, str]] = {
    "an auditor": ("AUDITOR", {}, 403, "role_missing"),
    "a publisher": ("PUBLISHER", {}, 403, "role_missing"),
    "a stranger": (None, {}, 401, "request_unsigned"),
    "the whole view": ("OFFICER", {"view": "whole"}, 400, "parameter_invalid"),
    "no purpose": ("OFFICER", {"purpose": ""}, 400, "purpose_missing"),
    "no such matter": ("OFFICER", {"matter": "none"}, 400, "matter_unknown"),
    "a level not reached": ("OFFICER", {"level": "anchored"}, 404, "not_yet_published"),
    "an unknown member": ("OFFICER", {"extra": 1}, 400, "parameter_invalid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_a_problem_and_no_pdf(office: Any, name: str) -> None:
    member, changes, status, code = REFUSED[name]
    answer = ask(office, getattr(office, member) if member else None, **changes)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_person_without_authorisation_gets_no_receipt(office: Any) -> None:
    person = {"type": "person", "code": "11010519491231002X"}
    answer = ask(office, office.OFFICER, subject=person)
    assert (answer.status_code, answer.json["code"]) == (403, "authorisation_missing")
    granted = ask(office, office.OFFICER, subject=person, basis_code="statutory-duty")
    assert granted.status_code == 200
    assert b"11010519491231002X" not in granted.data


def test_a_receipt_that_cannot_be_issued_is_an_error_that_says_so(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        office.register.__globals__["ROLES"], office.OPERATOR, ["operator", "publisher:access"]
    )
    office.register()
    answer = ask(office, office.OFFICER)
    assert (answer.status_code, answer.json["code"]) == (503, "receipt_not_issued")
    assert "role_missing" in answer.json["detail"]


def test_verify_prints_what_the_receipt_says_and_each_verdict(office: Any, tmp_path: Path) -> None:
    pdf = ask(office, office.OFFICER).data
    trust_file(office, tmp_path)
    lines = verify(tmp_path, pdf).stdout.splitlines()
    assert lines[0] == f"主体 subject: organisation {COMPANY}"
    assert "结论 decision: 未命中 clear" in lines
    assert "* 查询留痕 look: 通过 pass" in lines
    assert "* 查询键 keys: 通过 pass" in lines
    assert "* 结论 conclusion: 通过 pass" in lines
    assert any(f"{office.OFFICER}/window-3  供应商资格审查" in line for line in lines)
    assert lines[-1] == "结论 result: 已证明 proven"
    document = json.loads(verify(tmp_path, pdf, "--json").stdout)
    assert (document["exit"], document["answer"]["decision"]) == (0, "clear")
    assert document["answer"]["receipt"] == PdfReader(io.BytesIO(pdf)).metadata.title.split()[-1]
    assert set(document["answer"]["verdicts"].values()) == {"pass"}
    assert "answer" not in document["verdicts"]


def test_verify_takes_a_plain_answer_with_the_bundle_in_it_or_beside_it(office: Any, tmp_path: Path) -> None:
    body = json.dumps(QUESTION).encode()
    data = office.request("POST", "/v1/checks", member=office.OFFICER, body=body).data
    trust_file(office, tmp_path)
    assert verify(tmp_path, data).exit_code == 0
    members = strictjson.loads(data)
    (tmp_path / "bundle.json").write_bytes(strictjson.dumps(members.pop("bundle")))
    alone = json.dumps(members, ensure_ascii=False, indent=1).encode()
    refused = verify(tmp_path, alone)
    assert refused.exit_code == 2
    assert "answer_unusable" in verify(tmp_path, alone, "--json").stdout
    assert verify(tmp_path, alone, "--bundle", str(tmp_path / "bundle.json")).exit_code == 0
    edited = json.dumps(members | {"decision": "incentive"}).encode()
    assert verify(tmp_path, edited, "--bundle", str(tmp_path / "bundle.json")).exit_code == 1


def test_members_recompute_a_persons_tags_from_number_and_key_file(office: Any, tmp_path: Path) -> None:
    person = {"type": "person", "code": "11010519491231002X"}
    pdf = ask(office, office.OFFICER, subject=person, basis_code="statutory-duty").data
    (tmp_path / "receipt.pdf").write_bytes(pdf)
    keys = office.deployment.folder / "keys" / "person-tags.keys"
    command = ["verify", str(tmp_path / "receipt.pdf"), "--trust", trust_file(office, tmp_path)]
    command += ["--json", "--person-tag-key-file", str(keys)]
    for number, status, reason in (
        ("11010519491231002X", 0, "person_tags_recomputed"),
        ("110101199003070011", 1, "person_key_differs"),
        ("99000119800101001X", 2, None),
    ):
        result = CliRunner().invoke(cli, command, input=f"{number}\n")
        assert result.exit_code == status
        assert number not in result.output
        if reason:
            assert reason in json.loads(result.stdout)["answer"]["reasons"]["keys"]


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "not a pdf": lambda pdf: b"hello",
    "empty": lambda pdf: b"",
    "truncated": lambda pdf: pdf[: len(pdf) // 2],
    "encrypted": lambda pdf: rewritten(pdf, lambda writer: writer.encrypt("x", algorithm="RC4-128")),
    "an extra attachment": lambda pdf: rewritten(pdf, lambda writer: writer.add_attachment("more.txt", b"x")),
    "a byte of the answer's json": lambda pdf: pdf.replace(b'{"catalogue":', b'["catalogue":', 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_receipt_is_unusable(office: Any, tmp_path: Path, name: str) -> None:
    data = HOSTILE[name](ask(office, office.OFFICER).data)
    trust_file(office, tmp_path)
    result = verify(tmp_path, data)
    assert result.exit_code == 2
    assert "无法使用 unusable" in result.stderr
    assert "Traceback" not in result.output
    assert json.loads(verify(tmp_path, data, "--json").stdout)["exit"] == 2


def test_a_changed_letter_in_an_attachment_is_a_receipt_that_is_not_proven(
    office: Any, tmp_path: Path
) -> None:
    pdf = ask(office, office.OFFICER).data
    trust_file(office, tmp_path)
    changed = pdf.replace('"matter_name":"政府采购"'.encode(), '"matter_name":"政府采办"'.encode(), 1)
    assert changed != pdf
    result = verify(tmp_path, changed)
    assert result.exit_code == 1
    assert "The logged look names the digest of another answer." in result.stdout


@pytest.fixture
def served(office: Any) -> Iterator[str]:
    """The application behind a real socket; its address."""
    server = make_server("127.0.0.1", 0, office.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


def run(*arguments: str) -> int:
    """The exit status of `xinzheng` with these arguments."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_check_keeps_the_receipt_and_shows_its_answer(
    office: Any, served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment: Deployment = office.deployment
    reason = ["--operator", "window-3", "--purpose", "供应商资格审查", "--basis", "政府采购法"]
    place = ["--dir", str(deployment.folder), "--url", served]
    subject = ["--organisation", COMPANY, "--matter", "政府采购"]
    receipt, bundle = tmp_path / "receipt.pdf", tmp_path / "bundle.json"
    looks = deployment.logs["access"].store.size()
    kept = ["--receipt", str(receipt), "--bundle", str(bundle)]
    assert run("check", *place, *subject, *reason, *kept) == 0
    assert "结论 · decision: 未命中 clear" in capsys.readouterr().out
    assert deployment.logs["access"].store.size() == looks + 2
    trust = trust_file(office, tmp_path)
    for path in (receipt, bundle):
        assert run("verify", str(path), "--trust", trust) == 0
    office.publish()
    identifier = PdfReader(receipt).metadata.title.split()[-1]
    known = ["certificate", *place, identifier, "--file", str(receipt)]
    certificate = str(tmp_path / "certificate.json")
    assert run(*known, "--bundle", certificate) == 0
    capsys.readouterr()
    assert run("verify", str(receipt), "--trust", trust, "--certificate", certificate) == 0
    assert "* 整个文件 file: 通过 pass" in capsys.readouterr().out
    assert run("verify", str(bundle), "--trust", trust, "--certificate", certificate) == 2
    assert run("verify", str(receipt), "--trust", trust, "--bundle", str(bundle)) == 2
    receipt.write_bytes(receipt.read_bytes() + b"\n")
    assert run(*known) == 1


def test_a_receipt_is_for_one_subject(
    office: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "list.csv"
    sheet.write_text("名称,统一社会信用代码\n")
    options = ["--file", str(sheet), "--out", "x.xlsx", "--receipt", "x.pdf"]
    reason = ["--operator", "a", "--purpose", "b", "--basis", "c", "--matter", "d"]
    place = ["--dir", str(office.deployment.folder)]
    assert run("check", *place, *reason, *options) == 2
    assert "--receipt" in capsys.readouterr().err


STRANGER = """
import sys
for name in ("flask", "pydantic", "reportlab", "sqlite_utils", "requests", "web3", "urllib3"):
    sys.modules[name] = None
from ledger.verify.command import main
main()
"""


def test_the_base_install_verifies_a_receipt(office: Any, tmp_path: Path) -> None:
    (tmp_path / "receipt.pdf").write_bytes(ask(office, office.OFFICER).data)
    command = [sys.executable, "-c", STRANGER, str(tmp_path / "receipt.pdf")]
    done = subprocess.run([*command, "--trust", trust_file(office, tmp_path)], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()

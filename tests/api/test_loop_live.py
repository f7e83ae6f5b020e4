"""The loop with real processes: the command line, the service, the worker, and a subscriber's machine."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from receivers import Receiver, status

from ledger.cli import main
from ledger.client import Client
from ledger.client.notices import NoticeDesk
from ledger.deployment import NoticesConfig, save_private_key
from ledger.errors import NotYetPublished, ServiceUnreachable
from ledger.formats.tags import person_tag
from ledger.gm import PrivateKey, signer
from ledger.ports import free_port
from ledger.verify import Question, verify_bundle

ROOT = Path(__file__).resolve().parents[2]
COMPANY = "91990100MA0000058B"
PASSPHRASE = "for tests only"
CASE = "云岭联惩〔2026〕1号"
WHY = ("--purpose", "案件办理", "--basis", "社会信用条例")


class Live:
    """A city served by processes of its own. `xinzheng` runs a command as a member."""

    def __init__(self, city: Any, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        self.city = city
        self.folder = city.deployment.folder
        self.url = f"http://127.0.0.1:{city.deployment.config.api.port}"
        self.log = (self.folder / "run" / "processes.log").open("ab")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._keys = tmp_path / "keys"
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self._keys.mkdir()
        for member in (city.PUBLISHER, city.OFFICER, city.AUDITOR):
            key = PrivateKey.generate()
            save_private_key(self._keys / f"{member}.pem", key, PASSPHRASE.encode(), 1000)
            city.signers[member] = signer(key)
        city.register()
        self.start("api", "-m", "api", "--dir", str(self.folder))
        self.start_worker()
        _await(lambda: self.client(city.AUDITOR).ready()["worker"]["alive"])

    def start(self, name: str, *command: str) -> None:
        self.processes[name] = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=self.log, stderr=self.log
        )

    def start_worker(self) -> None:
        self.start("worker", "-m", "ledger.cli", "worker", "--dir", str(self.folder))

    def kill_worker(self) -> None:
        self.processes["worker"].kill()
        self.processes["worker"].wait()

    def client(self, member: str) -> Client:
        trust = self.city.deployment.trust_document()
        return Client(self.url, self.city.signers[member], member, trust=trust)

    def dead_letters_told(self) -> tuple[int, bool]:
        """What the metrics count, and whether the alarm stands."""
        with urlopen(f"{self.url}/metrics") as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        alarms = self.client(self.city.AUDITOR).ready()["alarms"]
        return int(float(lines["xinzheng_dead_letters"])), "dead_letters" in alarms

    def xinzheng(self, member: str, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit status, output and errors of a command that this member runs."""
        with self._monkeypatch.context() as patched:
            patched.setenv("XINZHENG_DIR", str(self.folder))
            patched.setattr("sys.stdin", io.StringIO(stdin))
            if member != self.city.OPERATOR:
                patched.setenv("XINZHENG_KEY", str(self._keys / f"{member}.pem"))
                patched.setenv("XINZHENG_KEY_PASSPHRASE", PASSPHRASE)
                patched.setenv("XINZHENG_MEMBER", member)
            with pytest.raises(SystemExit) as left:
                main(arguments)
        said = self._capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    def json(self, member: str, *arguments: str, stdin: str = "") -> Any:
        code, out, err = self.xinzheng(member, *arguments, "--json", stdin=stdin)
        assert code in (0, 1), err
        assert out, err
        return json.loads(out)

    def enter(self, number: str = "云岭列〔2026〕1号", started: str = "2025-06-02", **changes: Any) -> str:
        """Enter the company in a list; returns the record as ISSUER:ID."""
        body = {
            "list": "wage-arrears",
            "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
            "case": number,
            "authority": {"uscc": self.city.PUBLISHER, "name": "云岭市人社局"},
            "basis": "保障农民工工资支付条例 48",
            "grounds": "数额较大",
            "from": started,
            "until": None,
        }
        made = self.client(self.city.PUBLISHER).publish("credit.list.entered", body | changes)
        _await(lambda: self._is_published(made.id))
        return f"{self.city.PUBLISHER}:{made.id}"

    def _is_published(self, id: str) -> bool:
        try:
            self.client(self.city.PUBLISHER).bundle("credit", self.city.PUBLISHER, id)
        except NotYetPublished:
            return False
        return True

    def stop(self) -> dict[str, int]:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        statuses = {name: process.wait(30) for name, process in self.processes.items()}
        self.log.close()
        return statuses


@pytest.fixture
def live(
    make_city: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    city = make_city(port=free_port())
    notices = NoticesConfig(("127.0.0.1",), 4, 0.05, 20.0)
    city.deployment.save_config(replace(city.deployment.config, notices=notices))
    made = Live(city, tmp_path, capsys, monkeypatch)
    try:
        yield made
    finally:
        statuses = made.stop()
    assert set(statuses.values()) == {0}, (made.folder / "run" / "processes.log").read_text()


def _await(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = condition()
            if found:
                return found
        except ServiceUnreachable:
            pass
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_a_record_is_objected_to_corrected_and_repaired_by_clerks(live: Live, tmp_path: Path) -> None:
    city = live.city
    record = live.enter()
    code, out, err = live.xinzheng(city.PUBLISHER, "record", "object", record, "--grounds", "工资已付清")
    assert code == 0, err
    assert "异议中 objected" in out
    assert "期限 due" in out
    answered = ("record", "answer-objection", record, "--outcome", "rejected", "--reasons", "核查属实")
    assert live.json(city.PUBLISHER, *answered)["view"]["objected"] is False

    code, out, err = live.xinzheng(city.PUBLISHER, "record", "repair-accept", record)
    assert (code, out) == (1, "")
    assert "[step_refused]" in err
    assert "no application for repair waits for this" in err
    assert "信用信息修复管理办法" in err
    withdraw = ("record", "withdraw", record, "--reason", "error", "--basis", "法")
    code, _, err = live.xinzheng(city.OPERATOR, *withdraw)
    assert (code, "[not_entitled]" in err) == (1, True)

    for step in (
        ("correction", record, "--corrected", "yes"),
        ("repair-apply", record, "--commitment", "云岭信修〔2026〕1号"),
        ("repair-accept", record),
        ("repair-approve", record, "--basis", "信用信息修复管理办法"),
    ):
        code, out, err = live.xinzheng(city.PUBLISHER, "record", *step)
        assert code == 0, err
    assert out.splitlines()[1].startswith("状态 · state: 已修复 repaired")

    bundle = tmp_path / "record.json"
    code, out, err = live.xinzheng(city.AUDITOR, "record", "show", record, *WHY, "--bundle", str(bundle))
    assert code == 0, err
    assert out.count("credit.repair.") == 3
    trust = live.city.deployment.trust_document()
    assert verify_bundle(bundle.read_bytes(), trust, Question(now=city.clock())).exit_status == 0
    code, _, err = live.xinzheng(city.OFFICER, "record", "show", record)
    assert (code, "purpose_missing" in err) == (2, True), err
    code, out, _ = live.xinzheng(city.OFFICER, "record", "show", record, *WHY)
    assert "已修复 repaired" in out
    assert "credit.repair." not in out
    code, _, err = live.xinzheng(city.PUBLISHER, "record", "show", "1:2")
    assert (code, "ISSUER:ID" in err) == (2, True)


def test_a_case_closes_its_loop_on_the_command_line(live: Live) -> None:
    city = live.city
    record = live.enter()
    code, out, err = live.xinzheng(
        city.PUBLISHER,
        *("case", "initiate", "--number", CASE, "--record", record, "--field", "劳动保障"),
        *("--reason", "拖欠农民工工资", "--measure", "wage-bidding", "--basis", "条例 48"),
        *("--executor", city.OPERATOR, "--executor", f"{city.PUBLISHER}=云岭市人社局"),
    )
    assert code == 0, err
    assert "已提请 proposed  云岭某公司" in out
    case = out.splitlines()[0].split()[-1]
    code, _, err = live.xinzheng(city.PUBLISHER, "case", "review", case, "--approve")
    assert (code, "[not_entitled]" in err) == (1, True)
    code, out, err = live.xinzheng(city.OPERATOR, "case", "review", case, "--approve")
    assert code == 0, err
    # The worker matches it by itself.
    client = live.client(city.PUBLISHER)
    view = _await(lambda: (found := client.case(case)["view"])["matched_on"] and found)
    assert [f"{each['issuer']}:{each['id']}" for each in view["records"]] == [record]

    code, out, err = live.xinzheng(city.OPERATOR, "case", "list", "--todo")
    assert (code, CASE in out) == (0, True), err
    answer = ("case", "answer", case, "--applied", "no", "--content", "未参加投标", "--desk", "window-2")
    code, out, err = live.xinzheng(city.OPERATOR, *answer)
    assert code == 0, err
    assert "已反馈 handled 1" in out
    assert "没有案件" in live.xinzheng(city.OPERATOR, "case", "list", "--todo")[1]
    code, out, err = live.xinzheng(city.AUDITOR, "case", "figures")
    assert (code, err) == (0, "")
    assert "合计 · in all: 收到 received 2, 已反馈 handled 1 (执行 applied 0, 未执行 not 1)" in out
    code, out, err = live.xinzheng(city.PUBLISHER, "case", "lift", case, "--reason", "工资已付清")
    assert (code, "已解除 lifted" in out) == (0, True), err
    code, out, err = live.xinzheng(city.AUDITOR, "case", "show", case, *WHY)
    assert code == 0, err
    assert "window-2  未执行 not applied  未参加投标" in out
    assert [line.split()[1:3] for line in out.splitlines() if f"  {city.OPERATOR}:" in line] == [
        ["审核联合惩戒", "reviewed"],
        ["匹配联合惩戒对象", "matched"],
        ["反馈联合惩戒", "answered"],
    ]
    code, _, err = live.xinzheng(city.OPERATOR, *answer)
    # What has ended is not shown to an executor any more, but to the operator it is.
    assert code == 0, err
    for wrong in (("review", case), ("review", case, "--approve", "--return", "理由"), ("show", "1")):
        assert live.xinzheng(city.OPERATOR, "case", *wrong)[0] == 2


def test_a_case_about_a_person_keeps_its_reason_sealed(live: Live) -> None:
    city = live.city
    number = "11010519491231002X"
    epoch, key = max(city.deployment.keyring.person_tag_keys().items())
    person = {"type": "person", "person_tag": person_tag(key, epoch, number), "epoch": epoch}
    client = live.client(city.PUBLISHER)
    body = {
        "list": "dishonest-debtor",
        "subject": person,
        "case": "云岭执〔2026〕1号",
        "authority": {"uscc": city.PUBLISHER, "name": "云岭市法院"},
        "basis": "民事诉讼法 266",
        "grounds": "有履行能力而拒不履行",
        "from": "2026-01-05",
        "until": None,
    }
    details = {"name": "张三", "document_type": "111", "document_number": number}
    record = client.publish("credit.list.entered", body, personal={"subject": details})
    _await(lambda: live._is_published(record.id))
    named = f"{city.PUBLISHER}:{record.id}"
    proposed = (
        *("case", "initiate", "--number", CASE, "--record", named, "--field", "司法"),
        *("--reason", "张三拒不履行", "--measure", "high-consumption", "--basis", "法释〔2010〕8号"),
        *("--executor", city.OPERATOR),
    )
    code, out, err = live.xinzheng(city.PUBLISHER, *proposed, stdin=f"{number}\n张三\n")
    assert code == 0, err
    assert "自然人 a natural person" in out
    objected = ("record", "object", named, "--grounds", "张三已履行")
    code, out, err = live.xinzheng(city.PUBLISHER, *objected, stdin=f"{number}\n张三\n")
    assert (code, "异议中 objected" in out) == (0, True), err
    whole = b"".join(path.read_bytes() for path in (live.folder / "logs" / "credit").iterdir())
    for secret in (number, "张三"):
        assert secret not in out + err
        assert secret.encode() not in whole
    code, _, err = live.xinzheng(city.OPERATOR, *objected, stdin="1\n张三\n")
    assert code == 2, err


def test_figures_are_reported_and_shown_with_what_differs(live: Live) -> None:
    city = live.city
    reported = ("quality", "report", "--month", "2026-10", "--decided", "5", "--published", "4")
    code, out, err = live.xinzheng(city.PUBLISHER, *reported, "--conforming", "4", "--late", "1")
    assert code == 0, err
    found = _await(lambda: live.json(city.PUBLISHER, "quality", "show", "--month", "2026-10")["lines"])
    assert found[0]["reported"]["lateness_rate"] == 2500
    code, out, _ = live.xinzheng(city.AUDITOR, "quality", "show")
    assert code == 1
    assert "迟报 late 1 (25.00%)" in out
    assert "不一致 · differ in: published, late" in out
    code, _, err = live.xinzheng(city.PUBLISHER, *reported, "--conforming", "5", "--late", "1")
    assert (code, "[statement_invalid]" in err) == (2, True)


def told_last(receiver: Receiver) -> Any:
    return json.loads(receiver.told[-1].body)


def test_a_subscriber_is_told_by_the_worker_also_after_it_was_killed(live: Live) -> None:
    city = live.city
    desk = NoticeDesk(city.deployment.trust_document(), city.OPERATOR)
    asked = ("--operator", "desk-1", "--purpose", "招标投标资格审查", "--basis", "招标投标法")
    _await(lambda: Client(live.url).checkpoint("access"))
    with Receiver() as receiver:
        made = live.json(city.OFFICER, "subscribe", "add", receiver.url, *asked, "--list", "wage-arrears")
        id = made["subscription"]
        _await(lambda: receiver.told)
        record = live.enter()
        _await(lambda: len(receiver.told) == 2)
        # Killed before it has noted the delivery, it would tell this one again, as it may.
        _await(lambda: live.json(city.OFFICER, "subscribe", "show", id)["delivered"] == 2)
        live.kill_worker()
        client = live.client(city.PUBLISHER)
        shown = client.record(*record.split(":"))
        lifted = client.take_step(
            "credit.list.removed",
            *record.split(":"),
            {"reason": "lifted", "basis": "条例", "removed_on": shown["day"]},
        )
        assert lifted.receipt.leaf_index > told_last(receiver)["index"]
        live.start_worker()
        _await(lambda: len(receiver.told) == 3)
        told = [
            desk.receive(each.method, each.path, each.query, each.headers, each.body)
            for each in receiver.told
        ]
        assert [(notice.event, notice.reason) for notice in told] == [
            ("subscribed", None),
            ("listed", None),
            ("ended", "lifted"),
        ]
        assert {notice.subscription for notice in told} == {id}
        for notice in told[1:]:
            assert notice.bundle is not None
            question = Question(now=city.clock())
            trust = city.deployment.trust_document()
            assert trust is not None
            assert verify_bundle(notice.bundle, trust, question).exit_status == 0
            assert f"{notice.record.issuer}:{notice.record.id}" == record

        receiver.answers = [status(500)] * 4
        live.enter("云岭列〔2026〕2号")
        _await(lambda: live.json(city.OFFICER, "subscribe", "show", id)["dead_letters"] == 1)
        _await(lambda: live.dead_letters_told() == (1, True))
        code, out, _ = live.xinzheng(city.OFFICER, "subscribe", "dead-letters", id)
        assert (code, "status_500" in out) == (0, True)
        assert live.json(city.OFFICER, "subscribe", "retry", id) == {"retried": 1}
        _await(lambda: live.json(city.OFFICER, "subscribe", "show", id)["dead_letters"] == 0)
        _await(lambda: live.dead_letters_told() == (0, False))
        assert live.json(city.OPERATOR, "subscribe", "list")["subscriptions"][0]["delivered"] == 4
        assert live.xinzheng(city.OFFICER, "subscribe", "remove", id)[0] == 0
        code, _, err = live.xinzheng(city.OFFICER, "subscribe", "show", id)
        assert (code, "[subscription_unknown]" in err) == (1, True)
    code, _, err = live.xinzheng(city.OFFICER, "subscribe", "add", "http://10.0.0.1/", *asked)
    assert (code, "[webhook_refused]" in err) == (2, True)
    assert os.environ.get("XINZHENG_KEY") is None

"""`xinzheng init` and `up`: a deployment from nothing, anchored, and stopped cleanly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.deployment import Deployment
from ledger.errors import ServiceUnreachable
from ledger.ports import free_port
from ledger.verify import Question, verify_bundle

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = "11990100MB0000019L"


def xinzheng(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ledger.cli", *arguments]


@pytest.mark.chain
def test_up_founds_serves_anchors_and_stops(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    port = free_port()
    made = subprocess.run(
        xinzheng(
            *("init", "--dir", str(folder), "--domain", "yunling.example"),
            *("--operator", OPERATOR, "--port", str(port), "--json"),
        ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(made.stdout)["operator"] == OPERATOR
    log = (tmp_path / "up.log").open("w")
    up = subprocess.Popen(xinzheng("up", "--dir", str(folder)), cwd=ROOT, stdout=log, stderr=log)
    try:
        _anchors_a_look(folder, f"http://127.0.0.1:{port}", up)
        status = subprocess.run(
            xinzheng("member", "list", "--dir", str(folder), "--json"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert [member["id"] for member in json.loads(status.stdout)["members"]] == [OPERATOR]
    finally:
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0, (tmp_path / "up.log").read_text()
        log.close()
    assert Deployment.open(folder).embedded.pid is None
    worker = json.loads((folder / "run" / "status.json").read_text())["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def _anchors_a_look(folder: Path, url: str, up: subprocess.Popen[Any]) -> None:
    client = Client(url, attempts=1)
    deadline = time.monotonic() + 90
    signed: Client | None = None
    submitted = None
    while time.monotonic() < deadline:
        assert up.poll() is None
        time.sleep(0.2)
        try:
            report = client.ready()["logs"]["yunling.example/access"]
        except ServiceUnreachable:
            continue
        if signed is None:
            deployment = Deployment.open(folder)
            trust = deployment.trust_document()
            signed = Client(url, deployment.keyring.operator_signer(), OPERATOR, trust=trust)
            submitted = signed.publish("access.event.recorded", _event())
        if report.get("final", 0) >= 1:
            break
    assert signed is not None
    assert submitted is not None
    anchors = signed.anchors("access")["anchors"]
    assert anchors[-1]["state"] == "final"
    bundle = signed.bundle("access", OPERATOR, submitted.id, level="final")
    report = verify_bundle(bundle, signed.trust(), Question(now=time.time_ns() // 1_000_000))
    assert report.exit_status == 0
    assert json.loads(bundle)["anchor"]["txHash"] == anchors[-1]["tx_hash"]


def _event() -> dict[str, Any]:
    return {
        "action": "query",
        "resource": "tax.rating",
        "actor": {"member": OPERATOR, "operator": "desk-1"},
        "exchange": "x-1",
        "purpose": "行政许可",
        "basis": "行政许可法",
        "outcome": "done",
        "happened_at": "2026-11-22T08:00:00.000Z",
    }

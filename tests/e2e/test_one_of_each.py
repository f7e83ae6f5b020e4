"""One service and supervisor per deployment, one program per port; a chain that is away stops no entry."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.errors import ServiceUnreachable

pytestmark = pytest.mark.chain
OPERATOR = "11990100MB0000019L"


def event(path: Path) -> Path:
    body = {
        "action": "query",
        "resource": "tax.rating",
        "actor": {"member": OPERATOR, "operator": "desk-1"},
        "exchange": "x-1",
        "purpose": "行政许可",
        "basis": "行政许可法",
        "outcome": "done",
        "happened_at": "2026-11-22T08:00:00.000Z",
    }
    path.write_text(json.dumps(body), "utf-8")
    return path


def test_a_second_one_is_refused_and_harms_nothing(place: Any, tmp_path: Path) -> None:
    place.init()
    up = place.start("up")
    place.await_ready()
    chain = place.deployment.embedded.pid
    second = place.run("up")
    assert (second.status, "already_running" in second.err) == (3, True), second.err
    assert place.run("init", "--domain", "yunling.example", "--operator", OPERATOR).status == 2
    for command, word in (("serve", "already_running"), ("worker", "worker.lock")):
        process = place.start(command)
        assert process.wait(30) == 3, place.said(command)
        place.started.remove(process)
        assert word in place.said(command)
    assert place.deployment.embedded.pid == chain
    assert up.poll() is None

    # Another deployment on the same port: refused before it starts anything.
    other = type(place)(tmp_path / "other", place.port)
    other.init()
    refused = other.run("up")
    assert (refused.status, "address_taken" in refused.err) == (3, True), refused.err
    assert other.deployment.embedded.pid is None

    # Killed without warning, it leaves nothing running but the chain, which the next one adopts.
    up.kill()
    up.wait()
    place.started.remove(up)
    deadline = time.monotonic() + 30
    while _listens(place.url):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    place.start("up")
    place.await_ready()


def _listens(url: str) -> bool:
    try:
        Client(url, attempts=1).ready()
    except ServiceUnreachable:
        return False
    return True


def test_entries_go_on_without_the_chain_and_are_anchored_when_it_is_back(place: Any, tmp_path: Path) -> None:
    place.init()
    place.ok("chain", "start")
    place.ok("deploy")
    os.kill(place.deployment.embedded.pid, signal.SIGKILL)
    worker = place.start("worker")
    place.start("serve")
    place.await_ready()
    body = str(event(tmp_path / "event.json"))
    for _ in range(3):
        place.ok("submit", "--kind", "access.event.recorded", body)
    with Client(place.url) as client:

        def log() -> Any:
            return client.ready()["logs"]["yunling.example/access"]

        place.until(lambda: log().get("published") == 3)
        assert (log()["anchored"], client.ready()["ready"]) == (0, True)
        place.ok("chain", "start")
        place.until(lambda: log()["final"] == 3)
        # The worker saves what was mined: a kill of the chain loses no anchor.
        saved = place.folder / "chain" / "state.json.gz"
        before = saved.stat().st_mtime_ns
        place.ok("submit", "--kind", "access.event.recorded", body)
        place.until(lambda: log()["final"] == 4)
        place.until(lambda: saved.stat().st_mtime_ns > before)
    assert worker.poll() is None


def test_a_backup_taken_while_it_runs_goes_on_elsewhere(place: Any, tmp_path: Path) -> None:
    place.init()
    place.start("up")
    place.await_ready()
    body = str(event(tmp_path / "event.json"))
    place.ok("submit", "--kind", "access.event.recorded", body)
    with Client(place.url) as client:
        place.until(lambda: client.ready()["logs"]["yunling.example/access"].get("final") == 1)
    copy = tmp_path / "copy"
    place.ok("backup", str(copy), "--with-keys")
    again = place.run("backup", str(copy))
    assert (again.status, "not empty" in again.err) == (2, True)
    place.ok("submit", "--kind", "access.event.recorded", body)
    place.stop()

    restored = type(place)(copy, place.port)
    restored.start("up")
    restored.await_ready()
    with Client(place.url) as client:
        restored.until(lambda: client.ready()["logs"]["yunling.example/access"].get("final") == 1)
    restored.ok("submit", "--kind", "access.event.recorded", body)
    restored.until(lambda: restored.run("audit", "--chain").status == 0)
    restored.stop()
    restored.deployment.embedded.stop(save=False)

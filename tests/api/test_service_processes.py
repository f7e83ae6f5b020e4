"""The service as several processes on one port: whichever is asked, it is one service."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from ledger.client.compose import with_disclosure
from ledger.formats.envelope import parse_envelope
from ledger.formats.http_signature import body_digest, sign_request
from ledger.formats.receipt import parse_receipt_payload
from ledger.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 24
"""Connections of which some go to each of two processes, but for one time in four million."""
Answer = tuple[int, bytes]
Request = tuple[str, str, bytes | None, dict[str, str]]


class Service:
    """A city that two processes serve."""

    def __init__(self, city: Any) -> None:
        self.city = city
        self.port: int = city.deployment.config.api.port
        self.log = city.deployment.folder / "run" / "service.log"
        self.process = self.start()
        await_(lambda: len(self.children()) == 2 and self.is_ready())

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "api", "--dir", str(self.city.deployment.folder)]
            return subprocess.Popen([*command, "--processes", "2"], cwd=ROOT, stdout=log, stderr=log)

    def children(self) -> list[int]:
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in task.read_text().split()]

    def is_ready(self) -> bool:
        """Whether both listen."""
        try:
            self.get("/readyz")
        except OSError:
            return False
        return self.log.read_bytes().count(b"Started worker-") >= 2

    def signed(self, method: str, path: str, member: str, body: bytes | None = None) -> Request:
        digest = None if body is None else body_digest(body)
        path_only, _, query = path.partition("?")
        headers = sign_request(
            self.city.signers[member],
            method,
            path_only,
            query,
            digest,
            created=int(time.time()),
            nonce=os.urandom(16),
        )
        return method, path, body, dict(headers) | {"Content-Type": "application/json"}

    def send(self, request: Request) -> Answer:
        """Over a connection of its own, which the kernel gives to either process."""
        method, path, body, headers = request
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.send(("GET", path, None, {}))

    def submission(self, event: dict[str, Any]) -> Request:
        composed = self.city.compose("access.event.recorded", event)
        body = with_disclosure(self.city.entry(composed), composed.disclosure)
        return self.signed("POST", "/v1/logs/access/entries", self.city.PUBLISHER, body)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def await_(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def service(make_shared_city: Callable[..., Any]) -> Iterator[Service]:
    started = Service(make_shared_city(free_port()))
    yield started
    if started.process.poll() is None:
        assert started.stop() == 0


def test_a_request_passes_once_whichever_process_is_asked(service: Service) -> None:
    request = service.signed("GET", "/v1/members", service.city.AUDITOR)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(status for status, _ in pool.map(service.send, [request] * ENOUGH))
    assert statuses == [200, *[401] * (ENOUGH - 1)]


def test_a_repeated_submission_gets_its_first_receipt_from_either_process(
    service: Service, event: dict[str, Any]
) -> None:
    first = service.submission(event)
    member = service.city.PUBLISHER
    answers = [service.send(service.signed(*first[:2], member, first[2])) for _ in range(ENOUGH)]
    # 201 the first time and 200 later; and of two that sign at once one is what both give out from then on.
    assert [status for status, _ in answers] == [201, *[200] * (ENOUGH - 1)]
    places = [json.loads(body) for _, body in answers]
    assert len({place["payload"] for place in places}) == 1


def test_a_page_of_one_process_is_gone_on_with_by_the_other(service: Service, event: dict[str, Any]) -> None:
    for _ in range(3):
        assert service.send(service.submission(event))[0] == 201
    service.city.publish()
    asked = {"subject": {"type": "organisation", "code": event["subject"]["uscc"]}, "limit": 1}
    asked |= {"operator": "desk-1", "purpose": "审计", "basis": "审计法"}

    def page(after: dict[str, str]) -> dict[str, Any]:
        body = json.dumps(asked | after).encode()
        status, answer = service.send(service.signed("POST", "/v1/trails", service.city.AUDITOR, body))
        assert status == 200, answer
        return json.loads(answer)

    first = page({})
    pages = [page({"after": first["next"]}) for _ in range(ENOUGH)]
    assert all(each["events"] == pages[0]["events"] for each in pages)
    assert pages[0]["events"] != first["events"]


def test_what_is_counted_adds_up_over_the_processes(service: Service) -> None:
    def counted() -> float:
        text = service.get("/metrics")[1].decode()
        assert text.count("\nxinzheng_ready ") == 1
        lines = [each for each in text.splitlines() if each.startswith("xinzheng_requests_total")]
        return sum(float(each.split()[-1]) for each in lines if "codes" in each)

    for _ in range(ENOUGH):
        assert service.send(service.signed("GET", "/v1/sheets/codes", service.city.PUBLISHER))[0] == 200
    assert {counted() for _ in range(ENOUGH)} == {float(ENOUGH)}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor is nothing to share out")
def test_each_process_keeps_to_a_processor_of_its_own(service: Service) -> None:
    kept = [os.sched_getaffinity(pid) for pid in service.children()]
    assert [len(each) for each in kept] == [1, 1]
    assert kept[0] != kept[1]


def test_who_withholds_bodies_holds_up_nobody_else(service: Service, event: dict[str, Any]) -> None:
    method, path, body, headers = service.submission(event)
    assert body is not None
    held = []
    try:
        # More than there are threads, each with a signature that holds and all of its body but the last byte.
        for _ in range(2 * 16 + ENOUGH):
            headers |= dict(service.signed(method, path, service.city.PUBLISHER, body)[3])
            lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            connection = socket.create_connection(("127.0.0.1", service.port), timeout=30)
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body[:-1])
            held.append(connection)
        time.sleep(1)
        asked = time.monotonic()
        for _ in range(ENOUGH):
            assert service.send(service.signed("GET", "/v1/members", service.city.AUDITOR))[0] == 200
        assert time.monotonic() - asked < 10
    finally:
        for connection in held:
            connection.close()
    await_(lambda: service.send(service.submission(event))[0] == 201)


def test_silent_connections_hold_up_nobody(service: Service) -> None:
    silent = [socket.create_connection(("127.0.0.1", service.port), timeout=30) for _ in range(700)]
    try:
        asked = time.monotonic()
        for _ in range(ENOUGH):
            assert service.get("/healthz")[0] == 200
        assert time.monotonic() - asked < 5
    finally:
        for connection in silent:
            connection.close()


def test_a_second_service_is_refused(service: Service) -> None:
    assert service.start().wait(30) == 3
    assert "already_running" in service.log.read_text()
    assert service.get("/readyz")[0] == 200


def test_a_killed_process_is_started_again_and_nothing_accepted_is_lost(
    make_city: Callable[..., Any], event: dict[str, Any]
) -> None:
    service = Service(make_city(free_port()))
    accepted: list[bytes] = []
    over = threading.Event()

    def submit() -> None:
        while not over.is_set():
            request = service.submission(event)
            try:
                status, body = service.send(request)
            except (OSError, HTTPException):
                continue
            assert status == 201, body
            accepted.append(body)

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(submit) for _ in range(4)]
        try:
            await_(lambda: len(accepted) > 20)
            before = service.children()
            os.kill(before[0], signal.SIGKILL)
            await_(lambda: len(service.children()) == 2 and before[0] not in service.children())
            await_(lambda: service.log.read_bytes().count(b"Started worker-") >= 3)
            reached = len(accepted)
            await_(lambda: len(accepted) > reached + 20)
            # The end, in order, while requests are still coming.
            children = service.children()
            assert service.stop() == 0
        finally:
            over.set()
        for each in done:
            each.result()
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    store = service.city.deployment.logs["access"].store
    entries = list(store.entries(0, store.size()))
    assert len(accepted) <= len(entries)
    assert [each.accepted_at for each in entries] == sorted(each.accepted_at for each in entries)
    leaves = {each.leaf_hash.hex() for each in entries}
    assert {leaf_of(each) for each in accepted} <= leaves


def leaf_of(receipt: bytes) -> str:
    return parse_receipt_payload(parse_envelope(receipt).payload).leaf_hash.hex()


def test_processes_that_cannot_start_end_the_service(make_city: Callable[..., Any]) -> None:
    city = make_city(free_port())
    # What the processes need and the one that starts them does not look at.
    log = city.deployment.folder / "logs" / "credit" / "log.db"
    city.deployment.close()
    log.write_bytes(b"no database" * 1000)
    with (city.deployment.folder / "run" / "service.log").open("ab") as said:
        command = [sys.executable, "-m", "api", "--dir", str(city.deployment.folder), "--processes", "2"]
        ended = subprocess.run(command, cwd=ROOT, stdout=said, stderr=said, timeout=60, check=False)
    assert ended.returncode == 1
    said_text = (city.deployment.folder / "run" / "service.log").read_text()
    assert "错误" in said_text
    assert "Traceback" not in said_text

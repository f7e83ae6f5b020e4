"""A witness and a log that meet over HTTP: the real service and commands, and services that are no log."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from ledger.commands.witness import witness as command
from ledger.deployment.witness import WitnessPlace, parse_witness_config
from ledger.errors import ConfigurationError, SourceRefused, Unavailable
from ledger.formats.bundle import Bundle, parse_bundle
from ledger.formats.note import cosign, format_vkey, parse_note
from ledger.formats.trust import parse_trust
from ledger.gm import PrivateKey, signer
from ledger.log.directory import write_snapshot
from ledger.witness.source import HttpSource

ORIGIN = "yunling.example/access"
EVENT = {
    "action": "query",
    "resource": "tax.rating",
    "actor": {"member": "11990100MB0000027F", "operator": "desk-1"},
    "exchange": "x-1",
    "purpose": "行政许可",
    "basis": "行政许可法",
    "outcome": "done",
    "happened_at": "2026-11-22T08:00:00.000Z",
}
MEMBER = "12990100MB00000357"


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)


def name_witnesses(city: Any, places: list[WitnessPlace], threshold: int = 1) -> None:
    """Put a trust file in force that names these witnesses, here and in their folders."""
    document = json.loads(city.deployment.trust_document())
    keys = [
        {
            "vkey": format_vkey(place.vkey),
            "from": "2020-01-01T00:00:00Z",
            "until": None,
            "revoked": None,
        }
        for place in places
    ]
    document["logs"][ORIGIN]["witnesses"] = {"keys": keys, "threshold": threshold}
    data = json.dumps(document).encode()
    write_snapshot(city.deployment.trust_path, data)
    for place in places:
        write_snapshot(place.trust_path, data)
    city.clock.ahead += 2000
    # What the worker does twice a second.
    for log in city.deployment.logs.values():
        log.witnessing.advance()


@pytest.fixture
def run(tmp_path: Path, city: Any) -> Callable[..., Any]:
    trust = tmp_path / "trust.json"
    trust.write_bytes(city.deployment.trust_document())

    def invoke(*arguments: str, number: int = 0) -> Any:
        folder = str(tmp_path / f"witness{number}")
        given = [arguments[0], "--dir", folder, *arguments[1:]]
        if arguments[0] == "init":
            given += ["--trust", str(trust), "--member", MEMBER, "--name", f"w{number}.example/witness"]
        return CliRunner().invoke(command, given, standalone_mode=False)

    return invoke


def publish(city: Any) -> None:
    answer = city.submit(city.compose("access.event.recorded", EVENT))
    assert answer.status_code == 201, answer.json
    city.publish()
    for log in city.deployment.logs.values():
        log.witnessing.advance()


def test_the_commands_take_a_witness_from_its_folder_to_a_proven_answer(
    city: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    publish(city)
    with serving(city.app) as url:
        assert run("init", "--log", f"{ORIGIN}={url}").exit_code in (0, None)
        place = WitnessPlace.open(tmp_path / "witness0")
        # Not named by the consortium yet: it may not read the entries.
        refused = run("once", "--json")
        assert refused.return_value == 1
        assert "access_refused" in refused.output
        name_witnesses(city, [place])
        once = run("once", "--json")
        assert once.return_value == 0, once.output
        line = json.loads(once.output)["logs"][ORIGIN]
        assert (line["newest"], line["derived"], line["cosigned"]) == (1, 1, 1)
        for log in city.deployment.logs.values():
            log.witnessing.advance()
        answer = city.request("GET", "/v1/logs/access/checkpoints/1")
        assert [each.name for each in parse_note(answer.data).signatures] == [ORIGIN, "w0.example/witness"]
        # A second round has nothing to do, and the status says so.
        assert run("once").return_value == 0
        status = run("status", "--json")
        assert status.return_value == 3
        kept = json.loads(status.output)["logs"][ORIGIN]
        assert (kept["seen"], kept["cosigned"]["size"], kept["refused"]) == (1, 1, [])
        assert kept["waiting"]["log"] == 0
    away = run("once")
    assert away.return_value == 1
    assert "service_unreachable" in away.output or "unavailable" in away.output


def bundle_of(answer: Any) -> Bundle:
    return parse_bundle(json.dumps(answer.json["bundle"]).encode())


def test_bundles_carry_the_cosignatures_and_prefer_the_quorum(
    city: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    publish(city)
    with serving(city.app) as url:
        run("init", "--log", f"{ORIGIN}={url}")
        name_witnesses(city, [WitnessPlace.open(tmp_path / "witness0")])
        run("once")
        publish(city)
        time.sleep(0.3)
        path = "/v1/logs/access/index/resource/" + "00" * 32
        bundle = parse_bundle(
            json.dumps(city.request("GET", path, member=city.AUDITOR).json["bundle"]).encode()
        )
        assert bundle.note.checkpoint.size == 1
        assert len(bundle.note.signatures) == 2
        # Something larger has waited for its quorum too long: freshness goes before witnesses.
        city.clock.ahead += 31_000
        bundle = parse_bundle(
            json.dumps(city.request("GET", path, member=city.AUDITOR).json["bundle"]).encode()
        )
        assert bundle.note.checkpoint.size == 2
        assert len(bundle.note.signatures) == 1


@pytest.mark.parametrize(
    ("path", "body", "media_type", "status", "code"),
    [
        ("1/cosignatures", b"", "text/plain", 400, "cosignature_refused"),
        ("1/cosignatures", b"\xff\xfe", "text/plain", 400, "note_malformed"),
        ("1/cosignatures", "— a b\n".encode(), "text/plain", 400, "base64_invalid"),
        ("1/cosignatures", b"x" * 5000, "text/plain", 413, "too_large"),
        ("1/cosignatures", b"x", "application/json", 415, "media_type_unsupported"),
        ("-1/cosignatures", b"x", "text/plain", 404, "route_unknown"),
        ("9/cosignatures", None, "text/plain", 404, "not_found"),
    ],
)
def test_hostile_hand_ins_are_refused_with_a_problem(
    city: Any,
    run: Callable[..., Any],
    tmp_path: Path,
    path: str,
    body: bytes | None,
    media_type: str,
    status: int,
    code: str,
) -> None:
    publish(city)
    run("init", "--log", f"{ORIGIN}=http://127.0.0.1:9")
    place = WitnessPlace.open(tmp_path / "witness0")
    name_witnesses(city, [place])
    note = parse_note(city.request("GET", "/v1/logs/access/checkpoint").data)
    line = cosign(note.text, place.config.name, place.signer, city.clock() // 1000).encode()
    answer = city.request(
        "POST",
        f"/v1/logs/access/checkpoints/{path}",
        body=line if body is None else body,
        media_type=media_type,
    )
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_entries_are_for_witnesses_of_that_log_alone(
    city: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    publish(city)
    for number in (0, 1):
        run("init", "--log", f"{ORIGIN}=http://127.0.0.1:9", number=number)
    places = [WitnessPlace.open(tmp_path / f"witness{number}") for number in (0, 1)]
    name_witnesses(city, places[:1])
    for number, place in enumerate(places):
        city.signers[f"witness{number}"] = place.signer

    def ask(path: str, member: str | None, query: str = "start=0&stop=9") -> Any:
        return city.request("GET", path, member=member, query=query)

    entries = "/v1/logs/access/entries"
    assert ask(entries, "witness0").status_code == 200
    assert ask(entries, city.AUDITOR).status_code == 200
    assert ask(entries, None).status_code == 401
    assert ask(entries, "witness1").status_code in (401, 403)
    assert ask(entries, city.OFFICER).status_code == 403
    assert ask("/v1/logs/certificate/entries", "witness0").status_code == 403
    # A witness's key opens nothing else.
    assert ask("/v1/members", "witness0", "").status_code in (401, 403)
    assert ask(entries, "witness0", "start=1&stop=2").json["code"] == "not_yet_published"
    assert ask(entries, "witness0", "start=1&stop=1").json["code"] == "parameter_invalid"


# Services that are no log


class Hostile(BaseHTTPRequestHandler):
    answer: Callable[["Hostile"], None]

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            type(self).answer(self)

    def log_message(self, *_: object) -> None:
        pass


def _send(handler: Hostile, body: bytes, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def _huge(handler: Hostile) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    for _ in range(96):
        handler.wfile.write(b"x" * 65536)


def _slow(handler: Hostile) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


_PROBLEM = {
    "type": "about:blank",
    "title": "",
    "status": 500,
    "zh": "\x1b[2J",
    "en": "",
    "detail": "\x1b]0;x\x07",
}
HOSTILE: dict[str, tuple[Callable[[Hostile], None], type[Exception]]] = {
    "garbage": (lambda handler: _send(handler, b"\x00\xff" * 50), SourceRefused),
    "empty": (lambda handler: _send(handler, b""), SourceRefused),
    "deep json": (lambda handler: _send(handler, b"[" * 60_000), SourceRefused),
    "huge": (_huge, SourceRefused),
    "slow": (_slow, Unavailable),
    "cut off": (lambda handler: _send(handler, b"short", length=500), Unavailable),
    "redirect": (lambda handler: _send(handler, b"", 302), SourceRefused),
    "our own errors": (
        lambda handler: _send(handler, json.dumps(_PROBLEM | {"code": "integrity_broken"}).encode(), 500),
        SourceRefused,
    ),
    "terminal": (
        lambda handler: _send(handler, json.dumps(_PROBLEM | {"code": "store_busy"}).encode(), 503),
        Unavailable,
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_service_that_is_no_log_costs_its_witness_little(kind: str) -> None:
    answer, error = HOSTILE[kind]
    handler = type("Handler", (Hostile,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = signer(PrivateKey.generate())
    source = HttpSource(f"http://127.0.0.1:{server.server_port}", ORIGIN, key, timeout=2.0, patience=0.5)
    asked: list[Callable[[], object]] = [
        source.newest,
        lambda: source.consistency(1, 2),
        lambda: source.inclusion(bytes(32), 2),
        lambda: source.entries(0, 2),
    ]
    try:
        for ask in asked[: 1 if kind == "slow" else None]:
            started = time.monotonic()
            with pytest.raises(error) as raised:
                ask()
            assert time.monotonic() - started < 20
            assert str(raised.value).isprintable()
    finally:
        source.close()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "text",
    [
        "version = 2\n",
        'version = 1\nname = "a b"\n',
        'version = 1\nname = "a"\nmember = "x"\n',
        f'version = 1\nname = "a"\nmember = "{MEMBER}"\n',
        f'version = 1\nname = "a"\nmember = "{MEMBER}"\n[[log]]\norigin = "A"\nurl = "http://x"\n',
        f'version = 1\nname = "a"\nmember = "{MEMBER}"\n[[log]]\norigin = "a.example/b"\nurl = "file:///x"\n',
        f'version = 1\nmore = 1\nname = "a"\nmember = "{MEMBER}"\n',
    ],
)
def test_a_configuration_out_of_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_witness_config(text.encode())


def test_a_second_witness_process_leaves(city: Any, run: Callable[..., Any], tmp_path: Path) -> None:
    from ledger.errors import AlreadyRunning
    from ledger.log.lockfile import LockFile

    run("init", "--log", f"{ORIGIN}=http://127.0.0.1:9")
    place = WitnessPlace.open(tmp_path / "witness0")
    assert parse_trust(place.trust_path.read_bytes()).logs
    with LockFile(place.lock_path, "witness", AlreadyRunning):
        assert isinstance(run("once").exception, AlreadyRunning)
        assert run("status").return_value == 0
    assert os.access(place.folder / "keys" / "witness.pem", os.R_OK)

"""A real deployment in a temporary folder, its members' keys, and the application over it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.app import create_app
from ledger.client.compose import Composed, compose, with_disclosure
from ledger.deployment import ApiConfig, ChainConfig, Config, Deployment
from ledger.domain.kinds import INDEXES
from ledger.formats.envelope import STATEMENT_TYPE, sign_envelope
from ledger.formats.http_signature import body_digest, sign_request
from ledger.formats.note import format_vkey, verification_key
from ledger.gm import PrivateKey, Signer, signer
from ledger.log.directory import write_snapshot
from ledger.log.integrate import integrate
from ledger.log.publish import publish

DOMAIN = "yunling.example"
OPERATOR = "11990100MB0000019L"
PUBLISHER = "11990100MB0000027F"
OFFICER = "12990100MB00000357"
AUDITOR = "11990100MB00000435"
DESK = "12990100MB0000051W"
ROLES = {
    OPERATOR: ["operator", "publisher:access", "publisher:certificate", "publisher:credit"],
    PUBLISHER: ["publisher:credit", "lister", "publisher:access", "publisher:certificate"],
    OFFICER: ["officer"],
    AUDITOR: ["auditor"],
    DESK: ["subject-desk", "publisher:access"],
}
LONG_AGO = "2020-01-01T00:00:00Z"


class SetClock:
    """The machine's clock, which a test may set forward; milliseconds since 1970."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead


@dataclass
class City:
    """A deployment, an application over it, and its members' signers by USCC."""

    deployment: Deployment
    app: Flask
    clock: SetClock
    signers: dict[str, Signer]

    OPERATOR, PUBLISHER, OFFICER, AUDITOR, DESK = OPERATOR, PUBLISHER, OFFICER, AUDITOR, DESK

    def register(self, **windows: str) -> None:
        """Put another registry in force: `until_<USCC>` and `revoked_<USCC>` are times."""
        write_snapshot(self.deployment.trust_path, trust_of(self.deployment, self.signers, windows))
        # The snapshot is looked at once a second.
        self.clock.ahead += 2000

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def request(
        self,
        method: str,
        path: str,
        *,
        member: str | None = None,
        body: bytes | None = None,
        query: str = "",
        media_type: str = "application/json",
        created: int | None = None,
        nonce: bytes | None = None,
        change: Callable[[dict[str, str]], None] | None = None,
    ) -> TestResponse:
        """Send a request, signed by `member` if one is named; `change` alters the headers after signing."""
        headers: dict[str, str] = {}
        if member is not None:
            digest = None if body is None else body_digest(body)
            headers = dict(
                sign_request(
                    self.signers[member],
                    method,
                    path,
                    query,
                    digest,
                    created=self.clock() // 1000 if created is None else created,
                    nonce=nonce or os.urandom(16),
                )
            )
        if body is not None:
            headers["Content-Type"] = media_type
        if change is not None:
            change(headers)
        return self.http.open(path, method=method, query_string=query, data=body, headers=headers)

    def post(self, path: str, document: Any, member: str | None = None) -> TestResponse:
        return self.request("POST", path, member=member, body=json.dumps(document).encode())

    def compose(self, kind: str, body: dict[str, Any], issuer: str = PUBLISHER, **more: Any) -> Composed:
        now = more.pop("now", self.clock())
        return compose(kind, body, domain=DOMAIN, issuer=issuer, now=now, randomness=os.urandom, **more)

    def entry(self, composed: Composed, member: str = PUBLISHER) -> bytes:
        return sign_envelope(STATEMENT_TYPE, composed.payload, self.signers[member])

    def submit(self, composed: Composed, member: str = PUBLISHER) -> TestResponse:
        submission = with_disclosure(self.entry(composed, member), composed.disclosure)
        short = composed.log.rpartition("/")[2]
        return self.request("POST", f"/v1/logs/{short}/entries", member=member, body=submission)

    def sizes(self) -> dict[str, int]:
        return {short: log.store.size() for short, log in self.deployment.logs.items()}

    def publish(self) -> None:
        """What the worker does: integrate everything and publish a checkpoint."""
        for short, log in self.deployment.logs.items():
            while integrate(log.store) is not None:
                pass
            publish(log.store, log.origin, self.deployment.keyring.log_signer(short), self.clock() // 1000)


def trust_of(deployment: Deployment, signers: dict[str, Signer], windows: dict[str, str]) -> bytes:
    """A trust file over these members; see `City.register` for `windows`."""

    def window(holder: str) -> dict[str, Any]:
        until, revoked = windows.get(f"until_{holder}"), windows.get(f"revoked_{holder}")
        return {"from": LONG_AGO, "until": until, "revoked": revoked}

    logs = {}
    for short, log in deployment.logs.items():
        public = deployment.keyring.log_signer(short).public
        vkey = format_vkey(verification_key(log.origin, "sm2-sm3", public))
        logs[log.origin] = {
            "indexes": list(INDEXES[short]),
            "roles": {},
            "epochs": 1,
            "keys": [{"vkey": vkey, **window(short)}],
        }
    members = [
        {
            "id": uscc,
            "name": f"单位 {uscc[-4:]}",
            "roles": roles,
            "keys": [{"public": signers[uscc].public.raw.hex(), **window(uscc)}],
        }
        for uscc, roles in ROLES.items()
    ]
    exported = {"at": "2026-11-01T00:00:00Z", "chainId": 4242, "block": 1}
    document = {
        "mediaType": "application/vnd.xinzheng.trust+json;v=1",
        "exported": exported,
        "logs": logs,
        "members": members,
    }
    return json.dumps(document).encode()


@pytest.fixture
def make_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., City]]:
    yield from _made_cities(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def make_shared_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., City]]:
    """For a module whose tests leave each other alone."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _made_cities(tmp_path_factory.mktemp("shared"), monkeypatch)


def _made_cities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., City]]:
    made: list[Deployment] = []
    monkeypatch.setenv("XINZHENG_PASSPHRASE", "for tests only")

    def make(port: int = 8750) -> City:
        clock = SetClock()
        config = Config(DOMAIN, OPERATOR, ApiConfig(port=port), ChainConfig(mode="none"))
        deployment = Deployment.create(tmp_path / f"city{len(made)}", config, clock=clock, iterations=1000)
        made.append(deployment)
        signers = {uscc: signer(PrivateKey.generate()) for uscc in ROLES}
        signers[OPERATOR] = deployment.keyring.operator_signer()
        write_snapshot(deployment.trust_path, trust_of(deployment, signers, {}))
        return City(deployment, create_app(deployment), clock, signers)

    yield make
    for deployment in made:
        deployment.close()


@pytest.fixture
def city(make_city: Callable[..., City]) -> City:
    return make_city()


@pytest.fixture
def event() -> dict[str, Any]:
    """The body of an access event about an organisation."""
    return {
        "action": "query",
        "resource": "tax.rating",
        "actor": {"member": PUBLISHER, "operator": "desk-1"},
        "exchange": "x-1",
        "subject": {"type": "organisation", "uscc": "91990100MA0000058B"},
        "purpose": "行政许可",
        "basis": "行政许可法",
        "outcome": "done",
        "happened_at": "2026-11-22T08:00:00.000Z",
    }

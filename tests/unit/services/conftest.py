"""A small city for the services' tests: three real logs in one folder, members with real keys."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.catalog import Catalogue, Editions
from ledger.domain import (
    INDEXES,
    KINDS,
    Personal,
    PersonDetails,
    build_statement,
    format_personal,
)
from ledger.formats.envelope import STATEMENT_TYPE, sign_envelope
from ledger.formats.note import verification_key
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Reference, Statement, format_statement, new_id
from ledger.formats.tags import person_tag
from ledger.formats.trust import (
    Exported,
    MemberKey,
    NamedKey,
    Trust,
    TrustLog,
    TrustMember,
    Window,
    format_trust,
)
from ledger.gm import PrivateKey, Signer, signer
from ledger.identifiers import resident_check_character, uscc_check_character
from ledger.log.admission import Admission
from ledger.log.appender import Appender
from ledger.log.directory import Directory
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.log.sealer import Sm4Sealer
from ledger.log.turns import Turns
from ledger.services.access import AccessRecorder, AccessService
from ledger.services.answers import Asked
from ledger.services.authorisation import Authoriser
from ledger.services.certificate import CertificateService
from ledger.services.checking.finder import Finder
from ledger.services.credit import CreditService
from ledger.services.importing.signing import submission_line
from ledger.store import SqliteStore
from ledger.verify import Question, verify_bundle

NOW = 1_790_000_000_000
"""2026-09-21 in China."""
_ONLINE = ("witnesses", "anchor", "finality")


def make_uscc(number: int) -> str:
    first = f"91990001{number:09d}"
    return first + uscc_check_character(first)


def make_resident(number: int) -> str:
    first = f"99000119800101{number:03d}"
    return first + resident_check_character(first)


@dataclass(frozen=True)
class Caller:
    """The member that asks, as the API hands it in."""

    member: str
    roles: frozenset[str]


class CityLog:
    def __init__(self, city: "City", short: str) -> None:
        self.origin = f"yunling.example/{short}"
        self.signer = signer(PrivateKey.generate())
        self.store = SqliteStore(city.folder / short)
        self.reader = LogReader(self.store, self.origin)
        self.appender: Appender | None = None

    def trusted(self, short: str) -> TrustLog:
        key = verification_key(self.origin, "sm2-sm3", self.signer.public)
        return TrustLog(self.origin, INDEXES[short], {}, 2, (NamedKey(key, Window(0)),))


@dataclass
class City:
    """Everything, on one folder; `now` is what the clock says, in milliseconds."""

    folder: Path
    now: int = NOW
    tag_keys: dict[int, bytes] = field(default_factory=lambda: {0: b"0" * 32, 1: b"1" * 32})

    def __post_init__(self) -> None:
        self.operator, self.bureau, self.court = make_uscc(1), make_uscc(2), make_uscc(3)
        self.company, self.person = make_uscc(100), make_resident(1)
        self.signers: dict[str, Signer] = {
            member: signer(PrivateKey.generate()) for member in (self.operator, self.bureau, self.court)
        }
        self.logs = {short: CityLog(self, short) for short in INDEXES}
        roles = (*(f"publisher:{short}" for short in INDEXES), "lister")
        self.trust = Trust(
            Exported(0, 1, 1),
            {log.origin: log.trusted(short) for short, log in self.logs.items()},
            {
                member: TrustMember(member, f"单位{place}", roles, (MemberKey(key.public, Window(0)),))
                for place, (member, key) in enumerate(self.signers.items())
            },
        )
        directory = Directory(self.trust)
        self.sealer = sealer = Sm4Sealer([b"m" * 16])
        for log in self.logs.values():
            admission = Admission(log.origin, directory, self.clock, sealer, self.tag_keys)
            log.appender = Appender(log.store, log.origin, log.signer, admission, self.clock)
        access = self.logs["access"]
        assert access.appender is not None
        self.recorder = AccessRecorder(
            access.appender,
            access.origin,
            self.operator,
            self.signers[self.operator],
            self.clock,
            os.urandom,
        )
        self.editions = Editions()
        self.catalogue: Catalogue = self.editions.at("2026-09-21")
        self.authoriser = Authoriser(access.store, self.recorder, self.covers, Turns(self.folder / "turns"))
        self.credit = CreditService(
            Finder(self.logs["credit"].reader, self.editions, self.operator),
            self.recorder,
            self.tag_keys,
            self.clock,
            authoriser=self.authoriser,
        )
        self.access = AccessService(access.reader, self.recorder, self.tag_keys, self.clock, self.authoriser)
        self.certificate = CertificateService(self.logs["certificate"].reader, self.clock)

    def clock(self) -> int:
        return self.now

    def covers(self, basis_code: str, matter: str, day: str) -> bool:
        row = self.editions.at(day).bases.get(basis_code)
        return row is not None and (not row.matters or matter in row.matters)

    def asked(
        self,
        *roles: str,
        purpose: str = "政府采购供应商审查",
        basis: str = "政府采购法 22",
        basis_code: str | None = None,
        authorisation: str | None = None,
    ) -> Asked:
        caller = Caller(self.bureau, frozenset(roles or ("officer",)))
        return Asked(caller, "desk-7", purpose, basis, authorisation, basis_code)

    def appender(self, short: str) -> Appender:
        appender = self.logs[short].appender
        assert appender is not None
        return appender

    def publish(
        self,
        kind: str,
        body: dict[str, Any],
        *,
        issuer: str | None = None,
        number: str | None = None,
        personal: Personal | None = None,
        refers: Statement | None = None,
    ) -> Statement:
        """Sign and append a statement; `number`, or `personal`, is sealed beside it."""
        issuer = issuer or self.bureau
        id, salt = new_id(self.now, os.urandom(10)), os.urandom(32)
        content = format_personal(personal) if personal is not None else None
        if number is not None:
            details = PersonDetails(name="张三", document_type="111", document_number=number)
            content = format_personal(Personal(subject=details))
        statement = build_statement(
            kind,
            body,
            log=self.logs[KINDS[kind].log].origin,
            issuer=issuer,
            id=id,
            at=self.now,
            sealed=sealed_digest(salt, issuer, id, content) if content else None,
            refers=(Reference(refers.issuer, refers.id),) if refers else (),
        )
        entry = sign_envelope(STATEMENT_TYPE, format_statement(statement), self.signers[issuer])
        line = submission_line(entry, salt, content) if content else entry
        self.appender(KINDS[kind].log).submit(line)
        return statement

    def subject(self, number: str | None = None, epoch: int = 1) -> dict[str, Any]:
        """The company, or the person with that number, as a body names it."""
        if number is None:
            return {"type": "organisation", "uscc": self.company, "name": "云岭某公司"}
        tag = person_tag(self.tag_keys[epoch], epoch, number)
        return {"type": "person", "person_tag": tag, "epoch": epoch}

    def enter(
        self, list_code: str, *, number: str | None = None, epoch: int = 1, **changes: Any
    ) -> Statement:
        """Enter the company, or a person, in a list."""
        issuer = changes.pop("issuer", None)
        body = {
            "list": list_code,
            "subject": self.subject(number, epoch),
            "case": "云岭列〔2026〕1号",
            "authority": {"uscc": self.bureau, "name": "云岭市人社局"},
            "basis": "保障农民工工资支付条例 48",
            "grounds": "数额较大",
            "from": "2026-01-05",
            "until": "2029-01-04",
            **changes,
        }
        return self.publish("credit.list.entered", body, issuer=issuer, number=number)

    def remove(self, entered: Statement, reason: str = "lifted", **changes: Any) -> Statement:
        issuer = changes.pop("issuer", None)
        body = {
            "list": entered.body["list"],
            "subject": entered.body["subject"],
            "case": entered.body["case"],
            "authority": entered.body["authority"],
            "reason": reason,
            "basis": "信用信息修复管理办法",
            "removed_on": "2026-06-01",
            **changes,
        }
        return self.publish("credit.list.removed", body, issuer=issuer, refers=entered)

    def checkpoint(self) -> None:
        """Integrate and publish all logs."""
        for log in self.logs.values():
            while integrate(log.store) is not None:
                pass
            publish(log.store, log.origin, log.signer, self.now // 1000)

    def proves(self, bundle: bytes, *expect: tuple[str, str], after: Any = None) -> bool:
        """Whether a bundle passes every verdict that needs no chain and no witness."""
        question = Question(now=self.now, expect=expect, after=after or {})
        report = verify_bundle(bundle, self.trust_file, question)
        offline = {name: verdict for name, verdict in report.verdicts.items() if name not in _ONLINE}
        return report.exit_status == 0 and set(offline.values()) == {"pass"}

    @property
    def trust_file(self) -> bytes:
        return format_trust(self.trust)

    def close(self) -> None:
        self.recorder.close()
        for short, log in self.logs.items():
            self.appender(short).close()
            log.store.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    built = City(tmp_path)
    built.checkpoint()
    yield built
    built.close()


@pytest.fixture(scope="session")
def uscc() -> Callable[[int], str]:
    return make_uscc


@pytest.fixture(scope="session")
def resident() -> Callable[[int], str]:
    return make_resident


@pytest.fixture(scope="session")
def day() -> date:
    return date(2026, 9, 21)

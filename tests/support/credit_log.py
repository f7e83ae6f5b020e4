"""A credit log with its members for tests, on a folder that several processes may share.

Run as a program, `python credit_log.py race FOLDER KIND RECORDS RULES`, it waits for the file `go` in the
folder and then appends one step of that kind to each of the records, writing down which were accepted; RULES
is `simple` or `real`. As `python
credit_log.py clerk FOLDER NOW` it does the clerk's chores once at that time.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger.catalog import Editions
from ledger.domain import INDEXES, build_statement
from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.errors import StepRefused
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.note import LOG_IDENTIFIER, verification_key
from ledger.formats.statement import Reference, Statement, format_statement, new_id
from ledger.formats.trust import Exported, MemberKey, NamedKey, Trust, TrustLog, TrustMember, Window
from ledger.gm import PrivateKey, Signer, signer
from ledger.log.admission import Admission, known_in
from ledger.log.appender import Appender
from ledger.log.clock import china_day
from ledger.log.credit_rules import CreditRulebook
from ledger.log.directory import Directory
from ledger.log.facts import facts_at
from ledger.log.gate import StepGate
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.log.rulebook import Rulebook
from ledger.log.turns import Turns
from ledger.services.clerk import Clerk
from ledger.services.pen import Pen
from ledger.store import SqliteStore

ORIGIN = "yunling.example/credit"
OPERATOR, BUREAU, COURT = "91350100MA99000369", "92350100MA99000441", "12350100009900021T"
"""Runs the log; publishes penalties and lists; executes cases."""
COMPANY = "113501000099000133"
NOW = 1_795_305_600_000
"""2026-11-22 08:00 in China."""
DAY_MS = 24 * 3600 * 1000


class OneStepOnly:
    """The simplest rules that depend on the state: of all steps to a record the first is allowed."""

    def check_statement(self, statement: Statement, body: Body, roles: object, now: int) -> None:
        return

    def due(self, statement: Statement, body: Body, now: int) -> tuple[tuple[str, str], ...]:
        until = getattr(body, "published_until", None)
        return (("expiry", until),) if until else ()

    def check_step(self, record: Fact, history: Sequence[Fact], step: Fact, now: int) -> None:
        if history:
            # Long enough for another process to come between, if it could.
            time.sleep(0.001)
            raise StepRefused(f"entry {record.index} has a step", reason="has_step", rule="one step only")


class CreditLog:
    """Stores, keys and an appender over a folder; another object on the same folder is another process."""

    def __init__(self, folder: Path, rulebook: Rulebook | None = None, now: int = NOW) -> None:
        self.folder = folder
        self.now = now
        self.signers = _signers(folder / "keys.json")
        self.store = SqliteStore(folder / "log")
        self.rulebook = rulebook or OneStepOnly()
        self.roles: dict[str, tuple[str, ...]] = {
            OPERATOR: ("operator", "publisher:credit"),
            BUREAU: ("publisher:credit", "lister"),
            COURT: ("publisher:credit", "lister"),
        }
        self.directory = Directory(self.trust())
        admission = Admission(
            ORIGIN,
            self.directory,
            self.clock,
            known=known_in(self.store),
            rulebook=self.rulebook,
        )
        gate = StepGate(self.store, self.rulebook, Turns(folder / "turns"), self.clock)
        self.admission = admission
        self.appender = Appender(self.store, ORIGIN, self.signers["log"], admission, self.clock, gate=gate)
        self.reader = LogReader(self.store, ORIGIN)

    def clock(self) -> int:
        return self.now

    def trust(self) -> Trust:
        key = NamedKey(verification_key(ORIGIN, LOG_IDENTIFIER, self.signers["log"].public), Window(0))
        members = {
            member: TrustMember(member, "单位", roles, (MemberKey(self.signers[member].public, Window(0)),))
            for member, roles in self.roles.items()
        }
        return Trust(Exported(0, 1, 1), {ORIGIN: TrustLog(ORIGIN, INDEXES["credit"], {}, 1, (key,))}, members)

    def statement(
        self, kind: str, body: dict[str, Any], issuer: str = BUREAU, refers: Reference | None = None
    ) -> Statement:
        return build_statement(
            kind,
            body,
            log=ORIGIN,
            issuer=issuer,
            id=new_id(self.now, os.urandom(10)),
            at=self.now,
            refers=(refers,) if refers else (),
        )

    def envelope(self, statement: Statement) -> bytes:
        return sign_envelope(STATEMENT_TYPE, format_statement(statement), self.signers[statement.issuer])

    def publish(
        self, kind: str, body: dict[str, Any], issuer: str = BUREAU, refers: Reference | None = None
    ) -> Reference:
        """Sign and append; returns what others refer to it with."""
        statement = self.statement(kind, body, issuer, refers)
        self.appender.submit(self.envelope(statement))
        return Reference(statement.issuer, statement.id)

    def batch(self, statements: Sequence[Statement]) -> list[bytes]:
        """The lines of a batch over these statements, which have one issuer."""
        issuer = statements[0].issuer
        manifest, entries = sign_batch(
            [format_statement(statement) for statement in statements],
            log=ORIGIN,
            issuer=issuer,
            id=new_id(self.now, os.urandom(10)),
            at=self.now,
            signer=self.signers[issuer],
        )
        return [manifest, *entries]

    def checkpoint(self) -> None:
        """Integrate and publish everything."""
        while integrate(self.store) is not None:
            pass
        publish(self.store, ORIGIN, self.signers["log"], self.now // 1000)

    def pen(self, issuer: str = OPERATOR) -> Pen:
        return Pen(self.appender, issuer, self.signers[issuer], self.clock, os.urandom)

    def clerk(self) -> Clerk:
        """The operator's, where the log has the real rules."""
        assert isinstance(self.rulebook, CreditRulebook)
        catalogue = self.folder / "catalogue"
        return Clerk(self.store, self.reader, self.pen(), self.rulebook, self.clock, catalogue)

    def said(self, start: int = 0) -> list[tuple[str, Body]]:
        """(issuer, body) of all statements from an index on, in log order."""
        facts = facts_at(self.store, list(range(start, self.store.size())))
        return [(fact.issuer, fact.body) for fact in facts]

    def facts(self) -> list[tuple[str, str]]:
        """(issuer, id) of all entries, in log order."""
        return [(entry.issuer, entry.id) for entry in self.store.entries(0, self.store.size())]

    def close(self) -> None:
        self.appender.close()
        self.store.close()


def _signers(file: Path) -> dict[str, Signer]:
    names = ("log", OPERATOR, BUREAU, COURT)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: PrivateKey.generate().secret_bytes().hex() for name in names}))
    secrets = json.loads(file.read_text())
    return {name: signer(PrivateKey(bytes.fromhex(secrets[name]))) for name in names}


def penalty(document: str = "云岭罚〔2026〕1号", **changes: Any) -> dict[str, Any]:
    """The body of a penalty against the company."""
    return {
        "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
        "subject_class": "organisation",
        "document": document,
        "violation": "超限排放",
        "facts": "排放超过限值",
        "basis": "大气污染防治法",
        "penalty_kinds": ["fine"],
        "content": "罚款",
        "decided_on": "2026-11-20",
        "authority": {"uscc": BUREAU, "name": "云岭市生态环境局"},
        **changes,
    }


def step(document: str = "云岭罚〔2026〕1号", **members: Any) -> dict[str, Any]:
    """The body of a step to such a penalty: what it repeats, and its own members."""
    return {
        "subject": {"type": "organisation", "uscc": COMPANY, "name": "云岭某公司"},
        "number": document,
        "authority": {"uscc": BUREAU, "name": "云岭市生态环境局"},
        **members,
    }


STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "credit.record.expired": (OPERATOR, {"expired_on": "2026-11-22"}),
    "credit.record.withdrawn": (
        BUREAU,
        {"reason": "revoked", "decided_on": "2026-11-22", "basis": "复议决定"},
    ),
    "credit.record.objected": (BUREAU, {"raised_on": "2026-11-22", "grounds": "事实不符"}),
    "credit.repair.approved": (BUREAU, {"decided_on": "2026-11-22", "basis": "修复办法"}),
    "credit.repair.rejected": (BUREAU, {"decided_on": "2026-11-22", "reason": "不符合条件"}),
}


def race(kind: str, folder: Path, records: Sequence[str], rules: str) -> None:
    """Append one step of a kind to each record, as fast as it goes, once the file `go` is there."""
    log = CreditLog(folder, real_rules(folder) if rules == "real" else None)
    issuer, members = STEPS[kind]
    submissions = [
        (id, log.envelope(log.statement(kind, step(**members), issuer, Reference(BUREAU, id))))
        for id in records
    ]
    (folder / f"ready-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    accepted = []
    for id, submission in submissions:
        try:
            log.appender.submit(submission)
        except StepRefused:
            continue
        accepted.append(id)
    log.close()
    sys.stdout.write(json.dumps(accepted))


def real_rules(folder: Path) -> CreditRulebook:
    """The rules by the shipped edition, and by what is in the folder's `catalogue`."""
    return CreditRulebook(Editions(folder / "catalogue"), OPERATOR)


def do_chores(folder: Path, now: int) -> None:
    """Everything that the clerk does, once."""
    log = CreditLog(folder, real_rules(folder), now)
    clerk, today = log.clerk(), china_day(now)
    clerk.state_editions()
    clerk.expire(today)
    clerk.settle_duties(today)
    clerk.match(today)
    log.close()


if __name__ == "__main__":
    if sys.argv[1] == "race":
        race(sys.argv[3], Path(sys.argv[2]), sys.argv[4].split(","), sys.argv[5])
    else:
        do_chores(Path(sys.argv[2]), int(sys.argv[3]))

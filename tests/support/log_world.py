"""A log with its members for tests: invented organisations, fresh keys, statements by the dozen.

Run as a program, `python log_world.py worker|append FOLDER`, it is one process of a deployment to kill.
"""

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.domain import build_statement
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.note import LOG_IDENTIFIER, verification_key
from ledger.formats.receipt import verify_receipt
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import format_statement, new_id
from ledger.formats.tags import person_tag
from ledger.formats.times import format_time
from ledger.formats.trust import Exported, MemberKey, NamedKey, Trust, TrustLog, TrustMember, Window
from ledger.gm import PrivateKey, Signer, signer
from ledger.log.admission import Admission, known_in
from ledger.log.anchor import AnchorSettings
from ledger.log.appender import Appender
from ledger.log.audit_entries import Rules
from ledger.log.clock import Clock, system_clock
from ledger.log.directory import Directory
from ledger.log.sealer import Sm4Sealer
from ledger.log.worker import Worker, WorkerLog, WorkerSettings, run_until_stopped
from ledger.store import SqliteStore

if TYPE_CHECKING:
    from ledger.chain.account import ChainAccount
    from ledger.chain.evm import EvmChain
    from ledger.chain.port import ChainDeployment

ORIGIN = "yunling.example/access"
ISSUER, OTHER = "91350100MA99000369", "92350100MA99000441"
PERSON = "11010519491231002X"  # the standard's own textbook example
TAG_KEY = bytes(range(32))
INDEXES = ("subject", "resource", "actor", "exchange")


@dataclass
class World:
    """Everything that a log of access events needs, but its store."""

    member: Signer
    stranger: Signer
    log: Signer
    sealer: Sm4Sealer
    clock: Clock = system_clock

    @classmethod
    def make(cls, folder: Path | None = None) -> "World":
        """Fresh keys, or those that an earlier call left in the folder."""
        file = folder / "keys.json" if folder else None
        if file is not None and file.exists():
            secrets = [bytes.fromhex(text) for text in json.loads(file.read_text())]
        else:
            secrets = [PrivateKey.generate().secret_bytes() for _ in range(3)]
            if file is not None:
                file.write_text(json.dumps([secret.hex() for secret in secrets]))
        member, stranger, log = (signer(PrivateKey(secret)) for secret in secrets)
        return cls(member, stranger, log, Sm4Sealer([secrets[0][:16]]))

    def trust(self, window: Window | None = None, roles: tuple[str, ...] = ("publisher:access",)) -> Trust:
        log_key = NamedKey(verification_key(ORIGIN, LOG_IDENTIFIER, self.log.public), Window(0))
        member_key = MemberKey(self.member.public, window or Window(0))
        return Trust(
            Exported(0, 4242, 1),
            {ORIGIN: TrustLog(ORIGIN, INDEXES, {}, 1, (log_key,))},
            {
                ISSUER: TrustMember(ISSUER, "数据局", roles, (member_key,)),
                OTHER: TrustMember(OTHER, "另一单位", roles, ()),
            },
        )

    def admission(self, trust: Trust | None = None, store: SqliteStore | None = None) -> Admission:
        directory = Directory(trust or self.trust())
        return Admission(
            ORIGIN, directory, self.clock, self.sealer, {0: TAG_KEY}, known_in(store) if store else None
        )

    def appender(self, store: SqliteStore) -> Appender:
        return Appender(store, ORIGIN, self.log, self.admission(store=store), self.clock)

    def rules(self) -> Rules:
        return Rules(ORIGIN, self.trust(), (self.log.public,), self.sealer)

    def statement(self, **changes: object) -> bytes:
        """An access event's statement; `changes` go over its fields, unchecked."""
        now = self.clock()
        exchange = os.urandom(6).hex()
        body = {
            "action": "query",
            "resource": f"yunling/hukou/{int(exchange, 16) % 3}",
            "actor": {"member": ISSUER, "operator": "desk-1"},
            "exchange": exchange,
            "purpose": "行政许可审批",
            "basis": "政务数据共享条例",
            "outcome": "done",
            "happened_at": format_time(now),
        }
        id = new_id(now, os.urandom(10))
        made = build_statement("access.event.recorded", body, log=ORIGIN, issuer=ISSUER, id=id, at=now)
        return format_statement(replace(made, **changes))

    def envelope(self, **changes: object) -> bytes:
        return sign_envelope(STATEMENT_TYPE, self.statement(**changes), self.member)

    def sealed(self, number: str = PERSON, content: bytes | None = None) -> tuple[bytes, bytes, bytes]:
        """(envelope, salt, content) of an event about a natural person."""
        now = self.clock()
        salt, id = os.urandom(32), new_id(now, os.urandom(10))
        personal = {"subject": {"name": "张三", "document_type": "111", "document_number": number}}
        content = content or json.dumps(personal, ensure_ascii=False, separators=(",", ":")).encode()
        body = {
            "action": "query",
            "resource": "yunling/hukou",
            "actor": {"member": ISSUER, "operator": "desk-1"},
            "exchange": os.urandom(6).hex(),
            "subject": {"type": "person", "person_tag": person_tag(TAG_KEY, 0, PERSON), "epoch": 0},
            "purpose": "行政许可审批",
            "basis": "政务数据共享条例",
            "outcome": "done",
            "happened_at": format_time(now),
        }
        made = build_statement(
            "access.event.recorded",
            body,
            log=ORIGIN,
            issuer=ISSUER,
            id=id,
            at=now,
            sealed=sealed_digest(salt, ISSUER, id, content),
        )
        return sign_envelope(STATEMENT_TYPE, format_statement(made), self.member), salt, content

    def batch(self, size: int, at: int | None = None, **changes: object) -> list[bytes]:
        """The lines of a batch."""
        payloads = [self.statement(**changes) for _ in range(size)]
        now = at or self.clock()
        id = new_id(now, os.urandom(10))
        manifest, entries = sign_batch(payloads, log=ORIGIN, issuer=ISSUER, id=id, at=now, signer=self.member)
        return [manifest, *entries]


def append_forever(folder: Path) -> None:
    """Append from several threads, and write down each receipt after it was given."""
    world, store = World.make(folder), SqliteStore(folder / "log")
    appender = world.appender(store)
    out, lock = (folder / "receipts").open("ab"), threading.Lock()

    def run(number: int) -> None:
        while True:
            batched = number == 0
            receipt = appender.submit_batch(world.batch(40)) if batched else appender.submit(world.envelope())
            with lock:
                out.write(receipt + b"\n")
                out.flush()

    for number in range(4):
        threading.Thread(target=run, args=(number,), daemon=True).start()
    while True:
        time.sleep(1)


def give_chain(folder: Path, deployment: "ChainDeployment", url: str, account: "ChainAccount") -> None:
    """Let the worker of this folder anchor on this chain."""
    (folder / "chain.json").write_text(json.dumps({"url": url, "deployment": asdict(deployment)}))
    account.save(folder / "account.json", b"passphrase", scrypt_n=2)


def open_chain(folder: Path) -> "EvmChain | None":
    """The chain that `give_chain` named, if it did."""
    if not (folder / "chain.json").exists():
        return None
    # Imported here for web3 takes two seconds, and most tests need no chain.
    from ledger.chain.account import ChainAccount
    from ledger.chain.evm import EvmChain
    from ledger.chain.nodes import NodeSettings
    from ledger.chain.port import ChainDeployment

    given = json.loads((folder / "chain.json").read_text())
    settings = NodeSettings((given["url"],), timeout=5.0, rounds=1)
    account = ChainAccount.load(folder / "account.json", b"passphrase")
    return EvmChain(ChainDeployment(**given["deployment"]), settings, account)


def work(folder: Path) -> int:
    world = World.make(folder)
    log = WorkerLog(ORIGIN, SqliteStore(folder / "log"), world.log)
    settings = WorkerSettings(
        integrate_interval=20,
        publish_interval=50,
        heartbeat=50,
        chain_poll=50,
        guard=500,
        anchor=AnchorSettings(interval=100, patience=300),
    )
    return run_until_stopped(
        Worker(
            [log],
            open_chain(folder),
            world.clock,
            lock=folder / "worker.lock",
            status=folder / "status.json",
            settings=settings,
        )
    )


def acknowledged(folder: Path) -> list[tuple[int, bytes]]:
    """(leaf index, leaf hash) of every receipt that was written down whole, each verified."""
    world, file = World.make(folder), folder / "receipts"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    receipts = [verify_receipt(line, world.log.public) for line in lines]
    return [(receipt.leaf_index, receipt.leaf_hash) for receipt in receipts]


if __name__ == "__main__":
    place = Path(sys.argv[2])
    if sys.argv[1] == "append":
        append_forever(place)
    sys.exit(work(place))

"""What goes on while faults happen: entries appended and checks asked, each acknowledged one remembered."""

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.errors import LedgerError
from scripts.soaking.site import OPERATOR, Site
from scripts.soaking.waiting import Suspensions

# About five entries a second: each judgement audits all of them.
_PAUSE, _CHECK_PAUSE, _AFTER_REFUSAL = 0.2, 0.5, 0.2
_COMPANY = "91990100MA0000058B"
_REASON = {"operator": "soak", "purpose": "例行核查", "basis": "政府采购法第二十二条"}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An entry that the log signed a receipt for; `leaf` is its leaf hash in hex."""

    log: str
    index: int
    leaf: str


@dataclass(slots=True)
class Figures:
    """What the load saw until now; times in seconds."""

    acknowledged: int = 0
    checks: int = 0
    refused: int = 0
    longest_stall: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)


class Load:
    """Two threads, one that appends and one that checks, from `start` to `stop`."""

    def __init__(self, site: Site, file: Path) -> None:
        self._site = site
        self._file = file
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._acknowledged: list[Acknowledged] = []
        self._threads = [
            threading.Thread(target=self._append, name="soak-appends", daemon=True),
            threading.Thread(target=self._check, name="soak-checks", daemon=True),
        ]
        self.figures = Figures()
        self.suspensions = Suspensions()

    def start(self) -> None:
        self.suspensions.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(60)
        self.suspensions.stop()

    def acknowledged(self) -> list[Acknowledged]:
        with self._guard:
            return list(self._acknowledged)

    def _append(self) -> None:
        last, suspended = time.monotonic(), 0.0
        number = 0
        with self._site.client() as client, self._file.open("a", encoding="utf-8") as file:
            while not self._ending.is_set():
                number += 1
                try:
                    receipt = client.publish(*_statement(number)).receipt
                except LedgerError as error:
                    self._refused(error)
                    self._ending.wait(_AFTER_REFUSAL)
                    continue
                entry = Acknowledged(receipt.log, receipt.leaf_index, receipt.leaf_hash.hex())
                file.write(json.dumps([entry.log, entry.index, entry.leaf]) + "\n")
                now = time.monotonic()
                with self._guard:
                    self._acknowledged.append(entry)
                    self.figures.acknowledged += 1
                    # Only what is acknowledged ends a stall; refusals belong to it. While this process did
                    # not run, nobody asked.
                    stall = now - last - (self.suspensions.seconds - suspended)
                    self.figures.longest_stall = max(self.figures.longest_stall, stall)
                last, suspended = now, self.suspensions.seconds
                self._ending.wait(_PAUSE)

    def _check(self) -> None:
        with self._site.client() as client:
            while not self._ending.wait(_CHECK_PAUSE):
                try:
                    subject = {"type": "organisation", "code": _COMPANY}
                    client.check(subject, "government-procurement", level="published", **_REASON)
                except LedgerError as error:
                    self._refused(error)
                else:
                    with self._guard:
                        self.figures.checks += 1

    def _refused(self, error: LedgerError) -> None:
        with self._guard:
            self.figures.refused += 1
            self.figures.reasons[error.code] = self.figures.reasons.get(error.code, 0) + 1


def _statement(number: int) -> tuple[str, dict[str, Any]]:
    """A statement of either log in turn, about a company that does not exist."""
    happened = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if number % 4:
        return "access.event.recorded", {
            "action": "query",
            "resource": "yunling/enterprise-register",
            "actor": {"member": OPERATOR, "operator": f"desk-{number % 40:02d}"},
            "exchange": f"ex-{happened[:10].replace('-', '')}-{number:07d}",
            "subject": {"type": "organisation", "uscc": _COMPANY},
            "purpose": "例行核查",
            "basis": "政府信息公开条例",
            "outcome": "done",
            "rows": 1,
            "bytes": 512,
            "happened_at": happened,
        }
    day = happened[:10]
    return "credit.licence.published", {
        "document": f"云岭许〔{day[:4]}〕{number}号",
        "subject": {"type": "organisation", "uscc": _COMPANY, "name": "云岭市若岚装饰有限公司"},
        "subject_class": "organisation",
        "licence_kind": "general",
        "content": "准予从事食品销售",
        "decided_on": day,
        "valid_from": day,
        "valid_until": f"{int(day[:4]) + 3}-01-05",
        "authority": {"uscc": OPERATOR, "name": "云岭市信用中心"},
        "state": "valid",
    }

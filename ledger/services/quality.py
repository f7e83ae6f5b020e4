"""Quality of publication (双公示数据质量): what each authority reports, beside what the log itself shows.

An authority reports for a month how many decisions it took, published, in good form, late, and withheld
(`credit.quality.reported`; the latest report of a month counts). The log shows, of the penalties and licences
decided in that month, how many were published and how many of these after the deadline of the catalogue
(7 working days from the decision, by the calendar of the edition then in force), an entry being published on
the day in China on which the log accepted it. A correction, which refers to what it replaces, is no further
decision. Where the two differ, the answer says in what.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ledger.domain.rules import Rules
from ledger.errors import InputError, RoleMissing
from ledger.formats.bundle import format_bundle
from ledger.formats.statement import Statement
from ledger.log.reader import LogReader
from ledger.services.answers import CheckpointReference, EntryReference, Principal
from ledger.services.evidence import checkpoint_reference, today
from ledger.services.facts import FactCache
from ledger.services.register import Register
from ledger.store.port import StoredEntry

PAGE_LIMIT = 200
"""Lines of a page."""
REPORTED = "credit.quality.reported"
_DECISIONS = frozenset({"credit.penalty.published", "credit.licence.published"})
_SEES_ALL = frozenset({"auditor", "operator"})
_BASIS_POINTS = 10_000

RulesAt = Callable[[str], Rules]
"""The rules in force on a day."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What an authority reported for a month; the rates in hundredths of a percent, None of nothing."""

    decided: int
    published: int
    conforming: int
    late: int
    withheld: int
    conformity_rate: int | None
    lateness_rate: int | None
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class Shown:
    """What the log shows of the decisions of a month."""

    published: int
    late: int


@dataclass(frozen=True, slots=True)
class QualityLine:
    """One authority and month. `differences`: `not_reported`, or the figures in which report and log differ:
    `published`, `late`, and `decided` where fewer are said to be decided than the log shows published.
    `earlier_reports` were replaced by the one shown.
    """

    authority: str
    authority_name: str
    month: str
    reported: Figures | None
    logged: Shown
    differences: tuple[str, ...]
    earlier_reports: int


@dataclass(frozen=True, slots=True)
class QualityAnswer:
    """A page of lines, newest month first, then by authority; `scanned` entries of the log were counted.

    The bundle proves the reports shown; `after` is where the next page begins, None on the last.
    """

    lines: tuple[QualityLine, ...]
    scanned: int
    checkpoint: CheckpointReference
    after: tuple[str, str] | None
    bundle: bytes


class QualityTally:
    """The register's part for quality figures."""

    kinds = _DECISIONS | {REPORTED}

    def __init__(self, rules_at: RulesAt) -> None:
        self._rules_at = rules_at
        self._due = lru_cache(maxsize=4096)(self._publication_due)

    def take(
        self, writer: sqlite3.Connection, found: Sequence[tuple[StoredEntry, Statement]], stop: int
    ) -> None:
        """Count decisions, and keep reports."""
        for entry, statement in found:
            body = statement.body
            authority, name = body["authority"]["uscc"], body["authority"]["name"]
            if statement.kind == REPORTED:
                if statement.issuer == authority:
                    writer.execute(
                        "INSERT OR REPLACE INTO report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (authority, body["month"], entry.index, name, *(body[name] for name in _REPORTED)),
                    )
            elif not statement.refers:
                decided = body["decided_on"]
                late = today(entry.accepted_at).isoformat() > self._due(decided)
                writer.execute(
                    "INSERT INTO decided VALUES (?, ?, ?, 1, ?) ON CONFLICT (month, authority) DO UPDATE"
                    " SET published = published + 1, late = late + excluded.late, name = excluded.name",
                    (authority, decided[:7], name, int(late)),
                )

    def _publication_due(self, decided: str) -> str:
        return self._rules_at(decided).due("publication", decided)


class QualityService:
    """`register` has a `QualityTally` among its parts; `reader` is the credit log's."""

    def __init__(self, register: Register, reader: LogReader) -> None:
        self._register = register
        self._reader = reader
        self._facts = FactCache(1_000)

    def figures(
        self,
        principal: Principal,
        authority: str | None = None,
        month: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> QualityAnswer:
        """Lines of one authority or all, of one month or all; a member sees its own, auditors and the
        operator all.

        `after` is the answer's of the page before. Raises `RoleMissing`, `InputError`, `NotYetPublished`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise InputError(f"limit must be from 1 to {PAGE_LIMIT}")
        if _SEES_ALL.isdisjoint(principal.roles):
            authority = authority or principal.member
            if authority != principal.member:
                raise RoleMissing("the figures of another authority are for auditors and the operator to see")
        scanned = self._register.catch_up()
        # Taken after the register, so that everything it counts stands under this checkpoint.
        checkpoint = self._reader.checkpoint()
        rows = self._rows(authority, month, after, limit + 1)
        lines = tuple(self._line(*row) for row in rows[:limit])
        shown = [line.reported.entry.index for line in lines if line.reported is not None]
        bundle = self._reader.bundle(checkpoint, shown)
        return QualityAnswer(
            lines=lines,
            scanned=scanned,
            checkpoint=checkpoint_reference(checkpoint, "published", bundle),
            after=(lines[-1].month, lines[-1].authority) if len(rows) > limit else None,
            bundle=format_bundle(bundle),
        )

    def _rows(
        self, authority: str | None, month: str | None, after: tuple[str, str] | None, limit: int
    ) -> list[tuple[str, str, str | None, int, int]]:
        """(authority, month, name, published, late), newest month first."""
        conditions, values = ["1"], []
        for column, value in (("authority", authority), ("month", month)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if after is not None:
            conditions.append("(month < ? OR (month = ? AND authority > ?))")
            values += [after[0], after[0], after[1]]
        where = " AND ".join(conditions)
        with self._register.reading() as reader:
            return reader.execute(
                "SELECT authority, month, max(name), sum(published), sum(late) FROM ("  # noqa: S608 - our own words
                f"SELECT authority, month, name, published, late FROM decided WHERE {where}"
                f" UNION ALL SELECT authority, month, NULL, 0, 0 FROM report WHERE {where}"
                ") GROUP BY month, authority ORDER BY month DESC, authority LIMIT ?",
                (*values, *values, limit),
            ).fetchall()

    def _line(self, authority: str, month: str, name: str | None, published: int, late: int) -> QualityLine:
        with self._register.reading() as reader:
            reports = reader.execute(
                "SELECT idx, name, decided, published, conforming, late, withheld FROM report"
                " WHERE month = ? AND authority = ? ORDER BY idx DESC",
                (month, authority),
            ).fetchall()
        logged = Shown(published, late)
        reported = self._figures(*reports[0][:1], *reports[0][2:]) if reports else None
        return QualityLine(
            authority=authority,
            authority_name=name or reports[0][1],
            month=month,
            reported=reported,
            logged=logged,
            differences=_differences(reported, logged),
            earlier_reports=max(0, len(reports) - 1),
        )

    def _figures(
        self, index: int, decided: int, published: int, conforming: int, late: int, withheld: int
    ) -> Figures:
        stored = self._reader.entry(index)
        assert stored is not None, "the register follows the log"
        return Figures(
            decided,
            published,
            conforming,
            late,
            withheld,
            _rate(conforming, published),
            _rate(late, published),
            EntryReference(index, stored.leaf_hash.hex(), stored.issuer, stored.id),
        )


_REPORTED = ("decided", "published", "conforming", "late", "withheld")


def _differences(reported: Figures | None, logged: Shown) -> tuple[str, ...]:
    if reported is None:
        return ("not_reported",)
    found = []
    if reported.decided < logged.published:
        found.append("decided")
    if reported.published != logged.published:
        found.append("published")
    if reported.late != logged.late:
        found.append("late")
    return tuple(found)


def _rate(part: int, whole: int) -> int | None:
    return part * _BASIS_POINTS // whole if whole else None

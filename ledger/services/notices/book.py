"""The book of subscriptions: who wants to hear what, how far each has heard, and what could not be told.

One stream of notices for all, numbered in the order of the log; a subscription holds its place in it, so
that a receiver that is away for a week costs one row. What was delivered to everybody is deleted.

Contract: what a method wrote survives a power cut when it returns; each is one transaction; any number of
processes may use the same file. Raises `StoreBusy` when the file cannot be used now.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import SubscriptionUnknown, TooManySubscriptions
from ledger.services.notices import schema
from ledger.store.connection import SqliteFile

MOST_OF_A_MEMBER = 20
MOST_IN_ALL = 500
"""Subscriptions."""
MOST_DEAD = 10_000
"""Dead letters of one subscription; when there are as many, nothing more is sent to it until its owner has
them tried again."""
_PAGE = 200

SUBSCRIBED = "subscribed"
"""The first notice of every subscription: that it begins, so that a receiver can see that it works."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription asks for: kinds of record, codes of lists (none: all), persons' records too."""

    kinds: tuple[str, ...]
    lists: tuple[str, ...] = ()
    persons: bool = False

    def takes(self, notice: "Notice") -> bool:
        """Whether a notice is one that was asked for."""
        return (
            notice.kind in self.kinds
            and (not self.lists or notice.list_code is None or notice.list_code in self.lists)
            and (self.persons or not notice.person)
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook of a member, and why it is told: `basis_code` and `matter` where it hears of persons.

    Times in milliseconds since 1970; `from_index` is the first log index it hears of; `tries` and `next_at`
    are of the notice at its head; `failure` is the last reason of a failure.
    """

    id: str
    member: str
    url: str
    wanted: Wanted
    desk: str
    purpose: str
    basis: str
    basis_code: str | None
    matter: str | None
    created_at: int
    from_index: int
    position: int = 0
    tries: int = 0
    next_at: int = 0
    delivered: int = 0
    delivered_at: int | None = None
    failure: str | None = None
    failed_at: int | None = None

    def __repr__(self) -> str:
        # The URL's path or query may be the receiver's secret.
        return f"Subscription({self.id})"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that subscribers hear of: the entry at `index`, which lists or publishes a record (`event`
    is `listed` or `published`) or ends one (`ended`, for `reason`). `kind`, `list_code` and `person` are of
    the record, which is (`record_issuer`, `record_id`). `seq` is 0 before it is kept."""

    event: str
    index: int
    kind: str = ""
    list_code: str | None = None
    person: bool = False
    record_issuer: str | None = None
    record_id: str | None = None
    reason: str | None = None
    only_for: str | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A notice that was given up for one subscription; `waiting` when it is to be tried once more."""

    notice: Notice
    reason: str
    tries: int
    died_at: int
    waiting: bool


class Book:
    """`notices.db`; thread-safe."""

    def __init__(self, path: Path, *, busy_timeout: float = 10.0) -> None:
        """Open or create the file. Raises `StoreBusy`, or `IntegrityError` when it is no database."""
        self._file = SqliteFile(
            path,
            schema.notices,
            synchronous="FULL",
            overwrite_deleted=True,
            busy_timeout=busy_timeout,
            page_bytes=4096,
            cache_kib=4096,
            checkpoint_pages=1_000,
        )

    # Subscriptions

    def add(self, subscription: Subscription) -> None:
        """Keep a new subscription, and its first notice. Raises `TooManySubscriptions`."""
        row = (
            subscription.id,
            subscription.member,
            subscription.url,
            " ".join(subscription.wanted.kinds),
            " ".join(subscription.wanted.lists),
            int(subscription.wanted.persons),
            subscription.desk,
            subscription.purpose,
            subscription.basis,
            subscription.basis_code,
            subscription.matter,
            subscription.created_at,
            subscription.from_index,
        )
        with self._file.writing() as writer:
            (own,) = writer.execute(
                "SELECT count(*) FROM subscription WHERE member = ?", (subscription.member,)
            ).fetchone()
            (all_,) = writer.execute("SELECT count(*) FROM subscription").fetchone()
            if own >= MOST_OF_A_MEMBER or all_ >= MOST_IN_ALL:
                raise TooManySubscriptions(f"{MOST_OF_A_MEMBER} of a member, {MOST_IN_ALL} in all")
            newest = writer.execute("SELECT seq FROM sqlite_sequence WHERE name = 'notice'").fetchone()
            writer.execute(
                "INSERT INTO subscription (id, member, url, kinds, lists, persons, desk, purpose, basis,"
                " basis_code, matter, created_at, from_index, position)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, newest[0] if newest else 0),
            )
            first = Notice(SUBSCRIBED, subscription.from_index, only_for=subscription.id)
            _insert(writer, [first])

    def find(self, id: str) -> Subscription:
        """A subscription; raises `SubscriptionUnknown`."""
        with self._file.reading() as reader:
            row = reader.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise SubscriptionUnknown
        return _subscription(row)

    def all(self, member: str | None = None) -> list[Subscription]:
        """All subscriptions, or those of a member, oldest first."""
        where, values = ("", ()) if member is None else (" WHERE member = ?", (member,))
        with self._file.reading() as reader:
            rows = reader.execute(f"{_SELECT}{where} ORDER BY created_at, id", values).fetchall()
        return [_subscription(row) for row in rows]

    def remove(self, id: str) -> None:
        """Forget a subscription and its dead letters; one that is not there is forgotten already."""
        with self._file.writing() as writer:
            writer.execute("DELETE FROM subscription WHERE id = ?", (id,))
            writer.execute("DELETE FROM dead WHERE subscription = ?", (id,))
            writer.execute("DELETE FROM notice WHERE only_for = ?", (id,))

    # The stream

    def scanned(self) -> int:
        """How many entries of the log were looked at."""
        with self._file.reading() as reader:
            row = reader.execute("SELECT scanned FROM cursor").fetchone()
        return int(row[0]) if row else 0

    def keep(
        self,
        notices: Sequence[Notice],
        scanned: int,
        later: Iterable[tuple[str, int]] = (),
        arrived: Iterable[tuple[str, int]] = (),
    ) -> None:
        """Add notices to the stream, in order, and move the cursor to `scanned`.

        `later` are (day, index) of entries to look at again on that day, `arrived` those that were.
        """
        with self._file.writing() as writer:
            _insert(writer, notices)
            writer.executemany("INSERT OR IGNORE INTO later (day, idx) VALUES (?, ?)", later)
            writer.executemany("DELETE FROM later WHERE day = ? AND idx = ?", arrived)
            writer.execute(
                "INSERT INTO cursor (id, scanned) VALUES (0, ?)"
                " ON CONFLICT (id) DO UPDATE SET scanned = excluded.scanned",
                (scanned,),
            )
            # Commit point. A crash before: these entries are scanned again. After: they are in the stream.

    def later(self, day: str, limit: int) -> list[tuple[str, int]]:
        """Entries, as (day, index), whose day has come on `day`."""
        with self._file.reading() as reader:
            return reader.execute(
                "SELECT day, idx FROM later WHERE day <= ? ORDER BY day, idx LIMIT ?", (day, limit)
            ).fetchall()

    def prune(self) -> None:
        """Delete the notices that every subscription has settled and no dead letter needs."""
        with self._file.writing() as writer:
            (least,) = writer.execute("SELECT min(position) FROM subscription").fetchone()
            if least is None:
                writer.execute("DELETE FROM notice")
                writer.execute("DELETE FROM later")
            else:
                writer.execute(
                    "DELETE FROM notice WHERE seq <= ? AND seq NOT IN (SELECT seq FROM dead)", (least,)
                )

    # Deliveries

    def due(self, now: int) -> list[tuple[str, str]]:
        """(id, member) of the subscriptions for which something may be delivered at `now`."""
        with self._file.reading() as reader:
            return reader.execute(
                "SELECT id, member FROM subscription WHERE next_at <= ?"
                " AND (position < (SELECT max(seq) FROM notice)"
                " OR EXISTS (SELECT 1 FROM dead WHERE subscription = id AND retry = 1)) ORDER BY id",
                (now,),
            ).fetchall()

    def next_notice(self, subscription: Subscription) -> Notice | None:
        """The first notice after the subscription's place that it wants; passes over the others for good."""
        position, at = subscription.position, subscription.position
        found: Notice | None = None
        while found is None:
            with self._file.reading() as reader:
                rows = reader.execute(
                    f"{_SELECT_NOTICE} WHERE seq > ? ORDER BY seq LIMIT ?", (at, _PAGE)
                ).fetchall()
            if not rows:
                break
            for row in rows:
                notice = _notice(row)
                if _is_for(notice, subscription):
                    found = notice
                    break
                at = notice.seq
        if at > position:
            with self._file.writing() as writer:
                writer.execute(
                    "UPDATE subscription SET position = ? WHERE id = ? AND position = ?",
                    (at, subscription.id, position),
                )
        return found

    def delivered(self, subscription: str, seq: int, now: int) -> None:
        """The notice at the head was taken by the receiver."""
        with self._file.writing() as writer:
            writer.execute(
                "UPDATE subscription SET position = max(position, ?), tries = 0, next_at = 0,"
                " delivered = delivered + 1, delivered_at = ?, failure = NULL, failed_at = NULL WHERE id = ?",
                (seq, now, subscription),
            )
            # Commit point. A crash before: the receiver gets this notice again, under the same id.

    def failed(self, subscription: str, reason: str, tries: int, next_at: int, now: int) -> None:
        """The notice at the head was not taken; it is tried again at `next_at`."""
        with self._file.writing() as writer:
            writer.execute(
                "UPDATE subscription SET tries = ?, next_at = ?, failure = ?, failed_at = ? WHERE id = ?",
                (tries, next_at, reason, now, subscription),
            )

    def bury(self, subscription: str, seq: int, reason: str, tries: int, now: int) -> None:
        """Give the notice at the head up: it is a dead letter, and the next one is at the head."""
        with self._file.writing() as writer:
            changed = writer.execute(
                "UPDATE subscription SET position = ?, tries = 0, next_at = 0, failure = ?, failed_at = ?"
                " WHERE id = ?",
                (seq, reason, now, subscription),
            )
            if changed.rowcount:
                writer.execute(
                    "INSERT OR REPLACE INTO dead (subscription, seq, reason, tries, died_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (subscription, seq, reason, tries, now),
                )

    # Dead letters

    def dead_letters(self, subscription: str, after: int, limit: int) -> list[DeadLetter]:
        """The dead letters of a subscription after number `after`, in the order of the stream."""
        return self._dead("subscription = ? AND seq > ?", (subscription, after), limit)

    def count_dead(self, subscription: str) -> int:
        with self._file.reading() as reader:
            (count,) = reader.execute(
                "SELECT count(*) FROM dead WHERE subscription = ?", (subscription,)
            ).fetchone()
        return int(count)

    def count_all_dead(self) -> int:
        """Dead letters of all subscriptions."""
        with self._file.reading() as reader:
            (count,) = reader.execute("SELECT count(*) FROM dead").fetchone()
        return int(count)

    def has_dead(self) -> bool:
        """Whether any subscription has a dead letter."""
        with self._file.reading() as reader:
            return reader.execute("SELECT 1 FROM dead LIMIT 1").fetchone() is not None

    def retry(self, subscription: str, numbers: Sequence[int] | None) -> int:
        """Have dead letters tried once more, all of them or those of these numbers; returns how many."""
        with self._file.writing() as writer:
            if numbers is None:
                return writer.execute(
                    "UPDATE dead SET retry = 1 WHERE subscription = ?", (subscription,)
                ).rowcount
            marked = writer.executemany(
                "UPDATE dead SET retry = 1 WHERE subscription = ? AND seq = ?",
                [(subscription, number) for number in numbers],
            )
            return marked.rowcount

    def retried(self, subscription: str) -> DeadLetter | None:
        """The first dead letter that is to be tried once more."""
        found = self._dead("subscription = ? AND retry = 1", (subscription,), 1)
        return found[0] if found else None

    def revive(self, subscription: str, seq: int, now: int) -> None:
        """A dead letter was taken by the receiver after all."""
        with self._file.writing() as writer:
            writer.execute("DELETE FROM dead WHERE subscription = ? AND seq = ?", (subscription, seq))
            writer.execute(
                "UPDATE subscription SET delivered = delivered + 1, delivered_at = ? WHERE id = ?",
                (now, subscription),
            )

    def bury_again(self, subscription: str, seq: int, reason: str, now: int) -> None:
        """The one more try of a dead letter failed."""
        with self._file.writing() as writer:
            writer.execute(
                "UPDATE dead SET retry = 0, tries = tries + 1, reason = ?, died_at = ?"
                " WHERE subscription = ? AND seq = ?",
                (reason, now, subscription, seq),
            )

    def _dead(self, where: str, values: tuple[Any, ...], limit: int) -> list[DeadLetter]:
        with self._file.reading() as reader:
            rows = reader.execute(
                f"SELECT {_NOTICE_COLUMNS}, dead.reason, tries, died_at, retry FROM dead"  # noqa: S608
                f" JOIN notice USING (seq) WHERE {where} ORDER BY seq LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [
            DeadLetter(_notice(tuple(row)), reason, tries, died_at, bool(waiting))
            for *row, reason, tries, died_at, waiting in rows
        ]

    def close(self) -> None:
        """Let go of the file; any later call raises `StoreBusy`."""
        self._file.close()


_SELECT = (
    "SELECT id, member, url, kinds, lists, persons, desk, purpose, basis, basis_code,"
    " matter, created_at, from_index, position,"
    " tries, next_at, delivered, delivered_at, failure, failed_at FROM subscription"
)
_NOTICE_COLUMNS = (
    "event, idx, kind, list, person, record_issuer, record_id, notice.reason, only_for, notice.seq"
)
_SELECT_NOTICE = f"SELECT {_NOTICE_COLUMNS} FROM notice"  # noqa: S608 - our own columns


def _insert(writer: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    writer.executemany(
        "INSERT INTO notice (event, idx, kind, list, person, record_issuer, record_id, reason, only_for)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                notice.event,
                notice.index,
                notice.kind,
                notice.list_code,
                int(notice.person),
                notice.record_issuer,
                notice.record_id,
                notice.reason,
                notice.only_for,
            )
            for notice in notices
        ],
    )


def _is_for(notice: Notice, subscription: Subscription) -> bool:
    if notice.only_for is not None:
        return notice.only_for == subscription.id
    return notice.index >= subscription.from_index and subscription.wanted.takes(notice)


def _subscription(row: tuple[Any, ...]) -> Subscription:
    id, member, url, kinds, lists, persons, *rest = row
    wanted = Wanted(tuple(kinds.split()), tuple(lists.split()), bool(persons))
    return Subscription(id, member, url, wanted, *rest)


def _notice(row: tuple[Any, ...]) -> Notice:
    event, index, kind, list_code, person, *rest = row
    return Notice(event, index, kind, list_code, bool(person), *rest)

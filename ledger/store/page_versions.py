"""The versions of index pages, each valid from the tree size it was written at.

The newest version of a page stands in `page_newest` under its number. One that it replaced stands in
`page_before` for as long as a readable size needs it: the sizes from `size` to below `until`. Pages without a
number, of which there should be none, stand in `page` with all their versions.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.store.page_ids import MOST_NIBBLES, page_id
from ledger.store.selecting import ListStatement

# In each, a row without number or path says that the size can be read.
_SELECT_NEWEST = ListStatement(
    "SELECT id, size, data FROM page_newest WHERE id IN (LIST)"
    " UNION ALL SELECT NULL, size, NULL FROM readable WHERE size = ?"
)
_SELECT_BEFORE = ListStatement(
    "SELECT id, size, data FROM page_before WHERE id IN (LIST) AND size <= ? AND until > ?"
    " UNION ALL SELECT NULL, size, NULL FROM readable WHERE size = ?"
)
# max() makes `data` that of the newest version.
_SELECT_DEEP = ListStatement(
    "SELECT path, max(size), data FROM page WHERE path IN (LIST) AND size <= ? GROUP BY path"
    " UNION ALL SELECT NULL, size, NULL FROM readable WHERE size = ?"
)
_COPY_REPLACED = ListStatement(
    "INSERT INTO page_before (id, size, until, data)"
    " SELECT id, size, ?, data FROM page_newest WHERE id IN (LIST) AND size <= ?"
)
_SELECT_DEEP_VERSIONS = ListStatement("SELECT path, size FROM page WHERE path IN (LIST)")

Rows = Callable[[str, Sequence[Any]], list[Any]]
"""Runs a reading statement; each call sees a snapshot of its own."""


class NotReadable(Exception):
    """The pages cannot be read at that size."""


def read_pages(rows: Rows, paths: Sequence[bytes], size: int) -> list[bytes | None]:
    """The pages as they stood at a size, in the order of `paths`. Raises `NotReadable`."""
    numbers = [page_id(path) if len(path) <= MOST_NIBBLES else path for path in paths]
    found: dict[int | bytes, bytes] = {}
    asked: list[int] = [number for number in numbers if type(number) is int]
    replaced = []
    for statement, parameters in _SELECT_NEWEST.pieces(asked, size):
        for number, since, data in _readable(rows(statement, parameters)):
            if since <= size:
                found[number] = data
            else:
                replaced.append(number)
    # A version of that size may go between the two statements; then the size is not readable any more.
    for statement, parameters in _SELECT_BEFORE.pieces(replaced, size, size, size):
        found.update((number, data) for number, _, data in _readable(rows(statement, parameters)))
    deep = [number for number in numbers if type(number) is bytes]
    for statement, parameters in _SELECT_DEEP.pieces(deep, size, size):
        found.update((path, data) for path, _, data in _readable(rows(statement, parameters)))
    return [found.get(number) for number in numbers]


def _readable(rows: list[Any]) -> list[Any]:
    """The rows of pages, where the size can be read."""
    found = [row for row in rows if row[0] is not None]
    if len(found) == len(rows):
        raise NotReadable
    return found


def write_pages(
    writer: sqlite3.Connection,
    pages: Mapping[bytes, bytes],
    size: int,
    kept: Sequence[int],
    dropped: Sequence[int],
) -> None:
    """Write pages valid from `size` on, and keep of what they replace what the sizes `kept` need.

    `kept` and `dropped`, ascending, are the sizes that could be read until now.
    """
    numbers = {page_id(path): data for path, data in pages.items() if len(path) <= MOST_NIBBLES}
    ordered = sorted(numbers)
    if kept:
        for statement, parameters in _COPY_REPLACED.pieces(ordered, kept[-1]):
            writer.execute(statement, (size, *parameters))
    for gone in dropped:
        below = max((each for each in kept if each < gone), default=-1)
        above = min((each for each in kept if each > gone), default=size)
        # These served the size that goes, and no other.
        writer.execute(
            "DELETE FROM page_before WHERE until > ? AND until <= ? AND size > ?", (gone, above, below)
        )
    writer.executemany(
        "INSERT INTO page_newest (id, size, data) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET size = excluded.size, data = excluded.data",
        [(number, size, numbers[number]) for number in ordered],
    )
    deep = {path: data for path, data in pages.items() if len(path) > MOST_NIBBLES}
    if deep:
        _write_deep(writer, deep, size, kept)


def _write_deep(
    writer: sqlite3.Connection, pages: Mapping[bytes, bytes], size: int, kept: Sequence[int]
) -> None:
    dropped = []
    for statement, parameters in _SELECT_DEEP_VERSIONS.pieces(list(pages)):
        versions: dict[bytes, list[int]] = {}
        for path, since in writer.execute(statement, parameters):
            versions.setdefault(path, []).append(since)
        for path, sizes in versions.items():
            needed = {max((since for since in sizes if since <= keep), default=-1) for keep in kept}
            dropped += [(path, since) for since in sizes if since not in needed]
    writer.executemany("DELETE FROM page WHERE path = ? AND size = ?", dropped)
    writer.executemany(
        "INSERT INTO page (path, size, data) VALUES (?, ?, ?)",
        [(path, size, data) for path, data in sorted(pages.items())],
    )


def clear_pages(writer: sqlite3.Connection) -> None:
    """Forget all pages."""
    writer.execute("DELETE FROM page")
    writer.execute("DELETE FROM page_newest")
    writer.execute("DELETE FROM page_before")

"""Rotation of the master key: every data key is wrapped anew; no content is touched.

It may be interrupted at any time and run again: a key is under the old master key or under the new one, and
both open it as long as both are at their source. Keys that are made meanwhile by a process that has not
noticed yet are found in the next round, or the next time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.errors import SealedErased, SealedMismatch
from ledger.log.faults import point
from ledger.log.sealer import Sm4Sealer
from ledger.store.port import LogStore

PIECE = 1_000
"""Keys wrapped anew in one transaction."""

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were wrapped anew, and how many could not be: their master key is not at its source."""

    keys: int
    unreadable: int


def under_others(store: LogStore, master: str) -> int:
    """How many keys, of subjects and in contents of the first version, another master key wraps."""
    figures = store.key_figures()
    held = (*figures.keys.items(), *figures.older.items())
    return sum(count for name, count in held if name != master)


def rewrap(store: LogStore, sealer: Sm4Sealer, progress: Progress = lambda done: None) -> Rewrapped:
    """Wrap all keys of a log by the master key in force; `progress` hears how many were done."""
    master, _ = sealer.masters.current
    done = unreadable = 0
    after = ""
    while keys := store.keys_under_other_masters(master, after, PIECE):
        after = keys[-1].id
        renewed = []
        for key in keys:
            try:
                renewed.append((key, sealer.rewrap(key, master)))
            except (SealedMismatch, SealedErased):
                unreadable += 1
        done += store.rewrap(renewed, master)
        # A crash here leaves the rest under the old master key, to be found again.
        point("rewrap.piece")
        progress(len(keys))
    index = -1
    while rows := store.older_under_other_masters(master, index, PIECE):
        index = rows[-1].index
        older = []
        for row in rows:
            try:
                older.append((row, sealer.rewrap_first(row.sealed, row.issuer, row.id, master)))
            except SealedMismatch:
                unreadable += 1
        done += store.rewrap_older(older)
        progress(len(rows))
    return Rewrapped(done, unreadable)

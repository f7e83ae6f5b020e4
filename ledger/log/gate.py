"""The gate of steps: what a record's state must allow is checked and appended as one, whoever else appends.

    with gate.held(entries, gated):
        ...                                  # append the entries

A step (an objection, a repair, an expiry, a case's review) changes what may follow it. Between checking it
and its being durable nobody else may append another step to the same record, in this process or in any other:
so the turn of each record that is referred to is taken first (`turns.py`), then the record and all that
refers to it are read from the primary data, which has them from their own append on.

What is in the log already is not checked: appending tells that it is a repeat, or that its id is used.
Steps of one batch are checked in their order, each after those before it; what they refer to may stand in
the same batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.errors import OURS, BatchLineInvalid, LedgerError, ReferenceUnknown
from ledger.formats.statement import Reference, Statement
from ledger.log.clock import Clock
from ledger.log.facts import fact_of, find_fact, referring_facts
from ledger.log.rulebook import Rulebook
from ledger.log.turns import Turns
from ledger.store.port import LogStore, NewEntry


@dataclass(frozen=True, slots=True)
class Gated:
    """A statement that the gate must let through; `position` is its place among the entries appended."""

    position: int
    statement: Statement
    body: Body


class StepGate:
    """The gate of one log; safe for threads, and for processes whose `turns` are in the same folder."""

    def __init__(self, store: LogStore, rulebook: Rulebook, turns: Turns, clock: Clock) -> None:
        self._store = store
        self._rulebook = rulebook
        self._turns = turns
        self._clock = clock

    @contextmanager
    def held(self, entries: Sequence[NewEntry], gated: Sequence[Gated]) -> Iterator[None]:
        """Check the gated ones among `entries`, and hold their turns until the block has appended all.

        Raises `ReferenceUnknown`, `TransitionRefused`, `NotEntitled` for a single entry, `BatchLineInvalid`
        round them for one of a batch, and `StoreBusy` when the turn does not come in time.
        """
        if not gated:
            yield
            return
        names = {f"{ref.issuer}/{ref.id}" for each in gated for ref in each.statement.refers}
        with self._turns.taken(names):
            self._check(entries, gated)
            yield

    def _check(self, entries: Sequence[NewEntry], gated: Sequence[Gated]) -> None:
        if self._store.find(entries[0].issuer, entries[0].id) is not None:
            # A repeat, or an id that was used: the append answers.
            return
        batch = _Batch(self._store, entries)
        now = self._clock()
        for each in gated:
            try:
                self._check_one(batch, each, now)
            except OURS:
                raise
            except LedgerError as error:
                if len(entries) == 1:
                    raise
                # Lines count from 1, the manifest being the first.
                raise BatchLineInvalid(each.position + 1, error) from error

    def _check_one(self, batch: "_Batch", gated: Gated, now: int) -> None:
        statement = gated.statement
        step = Fact(
            batch.first + gated.position, statement.issuer, statement.id, statement.refers, gated.body
        )
        for reference in statement.refers:
            record = batch.find(reference, step.index)
            if record is None:
                raise ReferenceUnknown("no accepted statement has the issuer and id that this one refers to")
            self._rulebook.check_step(record, batch.history(reference), step, now)
        batch.add(step)


class _Batch:
    """The log as it will stand while the entries of one submission are appended, one after the other."""

    def __init__(self, store: LogStore, entries: Sequence[NewEntry]) -> None:
        self._store = store
        self._entries = entries
        # Others may append meanwhile: what matters is that these come after all that they are held against.
        self.first = store.size()
        self._places: dict[tuple[str, str], int] | None = None
        self._steps: dict[Reference, list[Fact]] = {}

    def find(self, reference: Reference, before: int) -> Fact | None:
        """What `reference` names, in the log or before that index in this batch."""
        found = find_fact(self._store, reference)
        if found is not None or len(self._entries) == 1:
            return found
        if self._places is None:
            self._places = {(entry.issuer, entry.id): place for place, entry in enumerate(self._entries)}
        place = self._places.get((reference.issuer, reference.id))
        if place is None or self.first + place >= before:
            return None
        return fact_of(self.first + place, self._entries[place].entry)

    def history(self, reference: Reference) -> list[Fact]:
        return [*referring_facts(self._store, reference), *self._steps.get(reference, ())]

    def add(self, step: Fact) -> None:
        for reference in step.refers:
            self._steps.setdefault(reference, []).append(step)

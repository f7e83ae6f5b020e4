"""Group commit and receipts: what is acknowledged stands, and the same request gets the same answer."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from log_world import World

from ledger.errors import BatchLineInvalid, IdReused, IntegrityError, StoreBusy, Unavailable
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ledger.formats.receipt import verify_receipt
from ledger.formats.statement import parse_statement
from ledger.gm import PrivateKey, signer
from ledger.log.appender import Appender
from ledger.log.committer import Committer, GroupLimits
from ledger.store import SqliteStore
from ledger.store.port import Accepted, NewEntry, Reused


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path)


def test_many_threads_get_receipts_for_distinct_places_that_hold_their_entries(
    world: World, store: SqliteStore
) -> None:
    appender = world.appender(store)
    envelopes = [world.envelope() for _ in range(64)]
    with ThreadPoolExecutor(16) as pool:
        receipts = [verify_receipt(r, world.log.public) for r in pool.map(appender.submit, envelopes)]
    appender.close()
    assert sorted(receipt.leaf_index for receipt in receipts) == list(range(64))
    for envelope, receipt in zip(envelopes, receipts, strict=True):
        stored = store.entry(receipt.leaf_index)
        assert stored is not None
        assert (stored.entry, stored.leaf_hash) == (envelope, receipt.leaf_hash)
        assert stored.accepted_at == receipt.accepted_at


def test_the_same_bytes_get_the_same_receipt_at_once_later_and_after_a_restart(
    world: World, store: SqliteStore
) -> None:
    appender, envelope, batch = world.appender(store), world.envelope(), world.batch(3)
    first, first_batch = appender.submit(envelope), appender.submit_batch(batch)
    assert (appender.submit(envelope), appender.submit_batch(batch)) == (first, first_batch)
    appender.close()
    again = world.appender(store)
    assert (again.submit(envelope), again.submit_batch(batch)) == (first, first_batch)
    stored = store.entry(1)
    assert stored is not None
    assert again.receipt(stored) == first_batch
    assert store.size() == 5


def test_an_id_with_other_bytes_is_refused_and_leaves_nothing(world: World, store: SqliteStore) -> None:
    appender, envelope = world.appender(store), world.envelope()
    appender.submit(envelope)
    id = parse_statement(parse_envelope(envelope).payload).id
    with pytest.raises(IdReused):
        appender.submit(world.envelope(id=id))
    with pytest.raises(BatchLineInvalid) as error:
        appender.submit_batch(world.batch(1, id=id))
    assert error.value.line == 2
    assert isinstance(error.value.cause, IdReused)
    assert store.size() == 1


def test_a_repeat_is_answered_when_the_statement_is_too_old_by_now(world: World, store: SqliteStore) -> None:
    late = World(world.member, world.stranger, world.log, world.sealer, world.clock)
    appender, envelope = late.appender(store), late.envelope()
    receipt = appender.submit(envelope)
    appender.close()
    late.clock = lambda: world.clock() + 48 * 3600 * 1000
    assert late.appender(store).submit(envelope) == receipt


def test_a_receipt_of_a_former_log_key_is_given_again(world: World, store: SqliteStore) -> None:
    appender, envelope = world.appender(store), world.envelope()
    receipt = appender.submit(envelope)
    appender.close()
    successor = signer(PrivateKey.generate())
    admission = world.admission(store=store)
    rotated = Appender(
        store, appender.origin, successor, admission, world.clock, former_keys=[world.log.public]
    )
    assert rotated.submit(envelope) == receipt
    forgetful = Appender(store, appender.origin, successor, admission, world.clock)
    assert verify_receipt(forgetful.submit(envelope), successor.public).leaf_index == 0


def test_a_sealed_batch_line_is_stored_with_its_content(world: World, store: SqliteStore) -> None:
    appender = world.appender(store)
    receipt = verify_receipt(appender.submit_batch(world.batch(2)), world.log.public)
    assert receipt.batch is not None
    assert (receipt.leaf_index, receipt.batch.first_index, receipt.batch.size) == (0, 1, 2)


class SlowStore:
    """Appends only when told to, and then as it is told."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.error: Exception | None = None
        self.groups: list[int] = []

    def append(self, submissions: Sequence[Sequence[NewEntry]], accepted_at: int) -> list[Accepted | Reused]:
        self.entered.set()
        self.gate.wait(10)
        self.groups.append(len(submissions))
        if self.error is not None:
            raise self.error
        return [Accepted(0, accepted_at, repeated=False) for _ in submissions]


def entry() -> list[NewEntry]:
    return [NewEntry("", "", b"entry", bytes(32), ())]


def test_what_waits_during_a_commit_is_committed_together(world: World) -> None:
    slow = SlowStore()
    committer = Committer(slow, world.clock)  # type: ignore[arg-type]
    with ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(committer.append, entry())]
        slow.entered.wait(10)
        waiting += [pool.submit(committer.append, entry()) for _ in range(8)]
        while committer.waiting < 8:
            pass
        slow.gate.set()
        assert all(isinstance(one.result(10), Accepted) for one in waiting)
    committer.close()
    assert slow.groups == [1, 8]
    with pytest.raises(Unavailable):
        committer.append(entry())


def test_a_full_queue_refuses_and_a_busy_store_acknowledges_nobody(world: World) -> None:
    slow = SlowStore()
    slow.error = StoreBusy("busy")
    committer = Committer(slow, world.clock, GroupLimits(queued_submissions=2))  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(committer.append, entry())]
        slow.entered.wait(10)
        waiting += [pool.submit(committer.append, entry()) for _ in range(2)]
        while committer.waiting < 2:
            pass
        with pytest.raises(Unavailable):
            committer.append(entry())
        slow.gate.set()
        assert all(isinstance(one.exception(10), StoreBusy) for one in waiting)
    slow.error = None
    assert isinstance(committer.append(entry()), Accepted), "and goes on when the store does"
    committer.close()


def test_a_broken_invariant_stops_the_appending_for_good(world: World) -> None:
    slow = SlowStore()
    slow.gate.set()
    slow.error = IntegrityError("broken")
    committer = Committer(slow, world.clock)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(IntegrityError):
            committer.append(entry())
    assert isinstance(committer.failure, IntegrityError)
    assert slow.groups == [1]
    committer.close()


def test_a_refused_submission_leaves_the_log_unchanged(world: World, store: SqliteStore) -> None:
    appender = world.appender(store)
    with pytest.raises(Exception, match=r".+"):
        appender.submit(sign_envelope(STATEMENT_TYPE, world.statement(), world.stranger))
    with pytest.raises(BatchLineInvalid):
        appender.submit_batch([*world.batch(3)[:-1], b"{}"])
    assert store.size() == 0

"""The contract of `ledger.store.port`, which every implementation passes."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import CheckpointRefused, InputError, IntegrityError, LedgerError, StoreBusy, Unavailable
from ledger.formats.statement import Reference
from ledger.gm import sm3
from ledger.merkle import EMPTY, EMPTY_ROOT
from ledger.store.port import (
    Accepted,
    Integrated,
    Integration,
    LogStore,
    NewEntry,
    Reused,
    Sealed,
    StoredAnchor,
    StoredCheckpoint,
    StoredDue,
)
from ledger.store.sqlite import SqliteStore

ISSUER = "11350100003588000B"
OpenStore = Callable[..., LogStore]


def uuid(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def new_entry(number: int, data: bytes = b"entry", **more: object) -> NewEntry:
    entry = data + b" %d" % number
    keys = tuple(sorted((sm3(b"a%d" % number), sm3(b"b%d" % (number % 3)))))
    return NewEntry(ISSUER, uuid(number), entry, sm3(b"\0" + entry), keys, **more)  # type: ignore[arg-type]


def checkpoint(
    size: int, *, root: bytes = b"r" * 32, index_root: bytes = b"i" * 32, time: int = 1000
) -> StoredCheckpoint:
    return StoredCheckpoint(size, root, index_root, time, b"origin\n%d\n\nsigned at %d\n" % (size, time))


def integration(first: int, size: int, pages: dict[bytes, bytes], tag: bytes = b"") -> Integration:
    return Integration(
        first=first,
        size=size,
        root=sm3(b"root %d" % size),
        index_root=sm3(b"index %d" % size),
        tiles={(0, 0): b"".join(sm3(b"%d" % i) for i in range(size))},
        pages=pages,
        links=[b"link %d" % index for index in range(first, size)],
        leaf_hashes=[new_entry(index).leaf_hash for index in range(first, size)],
    )


@pytest.fixture(params=[SqliteStore], ids=["sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens further store objects, as other processes would, on the same log."""
    opened: list[LogStore] = []

    def open_(**options: object) -> LogStore:
        opened.append(request.param(tmp_path / "log", **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> LogStore:
    return open_store()


class TestEntries:
    def test_entries_get_consecutive_indexes_and_come_back_as_they_were(
        self, store: LogStore, open_store: OpenStore
    ) -> None:
        news = [new_entry(0), new_entry(1, sealed=Sealed(b"cipher", "key-1")), new_entry(2)]
        assert store.append([news[:1], news[1:]], 77) == [Accepted(0, 77, False), Accepted(1, 77, False)]
        other = open_store()
        assert other.size() == 3
        for index, new in enumerate(news):
            stored = other.entry(index)
            assert stored is not None
            assert (stored.index, stored.issuer, stored.id, stored.entry) == (
                index,
                ISSUER,
                new.id,
                new.entry,
            )
            assert (stored.leaf_hash, stored.index_keys) == (new.leaf_hash, new.index_keys)
            assert stored.accepted_at == 77
            assert other.find(ISSUER, new.id) == stored
        assert other.sealed(1) == Sealed(b"cipher", "key-1")
        assert other.sealed(0) is None
        assert other.entry(3) is None
        assert other.find("another", uuid(0)) is None

    def test_several_entries_come_in_the_order_asked(self, store: LogStore) -> None:
        store.append([[new_entry(number) for number in range(900)]], 5)
        for indexes in ([], [3], [7, 2, 2, 900, 0], list(range(899, 0, -1))):
            assert store.several(indexes) == [store.entry(index) for index in indexes]
            assert store.several_leaves(indexes) == [
                entry.leaf_hash if entry else None for entry in store.several(indexes)
            ]
        assert list(store.entry_bytes(5, 7)) == [new_entry(5).entry, new_entry(6).entry]
        assert len(list(store.entry_bytes(0, 2_000))) == 900

    def test_streams_agree_with_single_reads_across_chunks(self, store: LogStore) -> None:
        store.append([[new_entry(number) for number in range(1203)]], 5)
        assert list(store.entries(7, 1100)) == [store.entry(index) for index in range(7, 1100)]
        assert list(store.entries(1200, 5000)) == [store.entry(index) for index in range(1200, 1203)]
        assert store.leaves(600, 602) == [(e.leaf_hash, e.index_keys) for e in store.entries(600, 602)]

    def test_same_bytes_again_are_answered_with_the_first_place(self, store: LogStore) -> None:
        batch = [new_entry(number) for number in range(4)]
        store.append([batch], 10)
        assert store.append([batch], 20) == [Accepted(0, 10, True)]
        assert store.append([batch[2:3]], 20) == [Accepted(2, 10, True)]
        assert store.append([batch[1:3], [new_entry(9)]], 20) == [
            Accepted(1, 10, True),
            Accepted(4, 20, False),
        ]
        assert store.size() == 5

    def test_later_submissions_of_one_call_see_the_earlier_ones(self, store: LogStore) -> None:
        answers = store.append([[new_entry(0)], [new_entry(0)], [new_entry(0, b"other")]], 10)
        assert answers == [Accepted(0, 10, False), Accepted(0, 10, True), Reused(ISSUER, uuid(0))]
        assert store.size() == 1

    @pytest.mark.parametrize(
        ("numbers", "data"),
        [
            ((0,), b"other"),  # other bytes
            ((5, 0), b"entry"),  # a new one before a known one
            ((0, 5), b"entry"),  # a new one after a known one
            ((1, 0), b"entry"),  # known ones in another order
            ((0, 2), b"entry"),  # known ones with a gap
            ((5, 5), b"entry"),  # the same id twice
        ],
    )
    def test_a_submission_that_stands_otherwise_leaves_nothing_behind(
        self, store: LogStore, numbers: tuple[int, ...], data: bytes
    ) -> None:
        store.append([[new_entry(number) for number in range(3)]], 10)
        answer, good = store.append([[new_entry(number, data) for number in numbers], [new_entry(8)]], 20)
        assert isinstance(answer, Reused)
        assert good == Accepted(3, 20, False)
        assert store.size() == 4

    def test_the_same_id_of_another_issuer_is_another_id(self, store: LogStore) -> None:
        first = new_entry(0)
        other = NewEntry("12350100488000001A", first.id, b"x", sm3(b"x"), ())
        assert store.append([[first], [other]], 1) == [Accepted(0, 1, False), Accepted(1, 1, False)]

    @pytest.mark.parametrize(
        "spelled",
        [
            str.upper,
            lambda id: id.replace("-", ""),
            lambda id: f" {id}",
            lambda id: f"-{id.replace('-', '', 1)}",
        ],
        ids=["capitals", "no hyphens", "space", "hyphens elsewhere"],
    )
    def test_an_id_has_one_spelling(self, store: LogStore, spelled: Callable[[str], str]) -> None:
        """By another an authorisation could be used again, in entries that nobody can read."""
        new = replace(new_entry(0), id="01890000-0000-7000-8000-00000000abcd")
        store.append([[new]], 1)
        for ask in (store.find, store.referrers):
            with pytest.raises(InputError):
                ask(ISSUER, spelled(new.id))
        with pytest.raises(InputError):
            store.append([[new_entry(1, refers=(Reference(ISSUER, spelled(new.id)),))]], 1)
        assert store.size() == 1

    def test_empty_submissions_and_malformed_ids_are_refused(self, store: LogStore) -> None:
        with pytest.raises(InputError):
            store.append([[]], 1)
        with pytest.raises(InputError):
            store.append([[NewEntry(ISSUER, "no uuid", b"x", sm3(b"x"), ())]], 1)
        assert store.size() == 0

    def test_erased_sealed_content_is_gone_and_the_entry_stays(self, store: LogStore, tmp_path: Path) -> None:
        store.append([[new_entry(0, sealed=Sealed(b"planted ciphertext", "k"))]], 1)
        store.erase_sealed(0)
        assert store.sealed(0) == Sealed(b"\x00", "")
        assert store.entry(0) is not None
        store.close()
        left = b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
        assert b"planted ciphertext" not in left

    def test_a_receipt_signature_is_kept_once(self, store: LogStore) -> None:
        store.append([[new_entry(0)]], 1)
        store.keep_receipt_signatures([(0, b"first")])
        store.keep_receipt_signatures([(0, b"second")])
        assert store.receipt_signature(0) == b"first"
        assert store.receipt_signature(1) is None


class TestReferences:
    """Who refers to what."""

    def test_referrers_are_all_that_name_issuer_and_id_in_log_order(
        self, store: LogStore, open_store: OpenStore
    ) -> None:
        first, other = Reference(ISSUER, uuid(0)), Reference("12350100488000001A", uuid(0))
        store.append(
            [
                [new_entry(0)],
                [new_entry(1, refers=(first,)), new_entry(2), new_entry(3, refers=(other, first))],
            ],
            1,
        )
        store.append([[new_entry(4, refers=(first, first))], [new_entry(5, refers=(other,))]], 2)
        reading = open_store()
        assert reading.referrers(ISSUER, uuid(0)) == [1, 3, 4]
        assert reading.referrers(other.issuer, other.id) == [3, 5]
        assert reading.referrers(ISSUER, uuid(1)) == []

    def test_a_reference_to_what_is_not_there_is_kept(self, store: LogStore) -> None:
        store.append([[new_entry(0, refers=(Reference(ISSUER, uuid(77)),))]], 1)
        assert store.referrers(ISSUER, uuid(77)) == [0]

    def test_a_refused_or_repeated_submission_adds_no_reference(self, store: LogStore) -> None:
        refers = (Reference(ISSUER, uuid(9)),)
        store.append([[new_entry(0, refers=refers)]], 1)
        answers = store.append(
            [
                [new_entry(0, refers=refers)],
                [new_entry(5, refers=refers), new_entry(0, b"other")],
                [new_entry(6, refers=refers)],
            ],
            2,
        )
        assert [type(answer).__name__ for answer in answers] == ["Accepted", "Reused", "Accepted"]
        assert store.referrers(ISSUER, uuid(9)) == [0, 1]

    def test_an_id_that_is_none_is_refused(self, store: LogStore) -> None:
        with pytest.raises(InputError):
            store.referrers(ISSUER, "no uuid")


class TestDue:
    """What is to be done about an entry, by when."""

    def fill(self, store: LogStore) -> None:
        days = ["2027-03-01", "2026-11-30", "2026-11-30", "2026-12-01"]
        entries = [new_entry(number, due=(("expiry", day),)) for number, day in enumerate(days)]
        entries.append(new_entry(4, due=(("objection", "2026-11-25"), ("expiry", "2026-11-30"))))
        store.append([entries, [new_entry(5)]], 1)

    def test_what_is_due_comes_by_day_and_index_up_to_a_day(
        self, store: LogStore, open_store: OpenStore
    ) -> None:
        self.fill(store)
        assert open_store().due("expiry", "2026-12-01", 10) == [
            StoredDue("expiry", "2026-11-30", 1),
            StoredDue("expiry", "2026-11-30", 2),
            StoredDue("expiry", "2026-11-30", 4),
            StoredDue("expiry", "2026-12-01", 3),
        ]
        assert store.due("expiry", "2026-11-29", 10) == []
        assert store.due("objection", "2030-01-01", 10) == [StoredDue("objection", "2026-11-25", 4)]

    def test_pages_continue_after_the_last_one_even_when_that_was_settled(self, store: LogStore) -> None:
        self.fill(store)
        seen: list[int] = []
        page = store.due("expiry", "2027-12-31", 2)
        while page:
            seen += [due.index for due in page]
            store.settle(page, "2027-03-02")
            page = store.due("expiry", "2027-12-31", 2, page[-1])
        assert seen == [1, 2, 4, 3, 0]
        assert store.due("expiry", "2027-12-31", 10) == []

    def test_what_was_settled_is_told_by_the_day_of_settling(self, store: LogStore) -> None:
        self.fill(store)
        first, second, third = store.due("expiry", "2026-11-30", 10)
        store.settle([second], "2026-12-02")
        store.settle([first, third], "2026-12-05")
        store.settle([second], "2026-12-09")
        settled = list(store.settled_due("expiry", "2026-12-02"))
        assert [(due.index, due.settled) for due in settled] == [
            (2, "2026-12-02"),
            (1, "2026-12-05"),
            (4, "2026-12-05"),
        ]
        assert [due.index for due in store.settled_due("expiry", "2026-12-03")] == [1, 4]
        assert list(store.settled_due("objection", "2026-01-01")) == []

    def test_many_settled_ones_are_streamed_each_once(self, store: LogStore) -> None:
        store.append([[new_entry(number, due=(("expiry", "2026-01-01"),)) for number in range(1203)]], 1)
        store.settle(store.due("expiry", "2026-01-01", 2000), "2026-01-02")
        assert [due.index for due in store.settled_due("expiry", "2026-01-01")] == list(range(1203))

    def test_a_new_log_has_no_backlog(self, store: LogStore) -> None:
        store.append([[new_entry(0)]], 1)
        assert store.due_backlog() is None
        with pytest.raises(IntegrityError):
            store.work_off(0, 1, [])


class TestConcurrency:
    def test_concurrent_writers_each_get_places_of_their_own(
        self, store: LogStore, open_store: OpenStore
    ) -> None:
        stores = [store, open_store()]
        answers: list[Accepted | Reused] = []

        def write(part: int) -> None:
            for number in range(part * 40, part * 40 + 40, 2):
                answers.extend(stores[part % 2].append([[new_entry(number), new_entry(number + 1)]], 1))

        threads = [threading.Thread(target=write, args=(part,)) for part in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        firsts = sorted(answer.first_index for answer in answers if isinstance(answer, Accepted))
        assert firsts == list(range(0, 240, 2))
        for first in firsts:
            one, two = store.entries(first, first + 2)
            assert int(two.id[-12:], 16) == int(one.id[-12:], 16) + 1

    def test_readers_go_on_while_a_writer_is_busy_and_other_writers_give_up(
        self, store: LogStore, open_store: OpenStore, tmp_path: Path
    ) -> None:
        store.append([[new_entry(0)]], 1)
        busy = sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        impatient = open_store(busy_timeout=0.05)
        with pytest.raises(StoreBusy):
            impatient.append([[new_entry(1)]], 1)
        assert impatient.size() == 1
        busy.close()
        assert impatient.append([[new_entry(1)]], 1) == [Accepted(1, 1, False)]

    def test_an_append_does_not_wait_for_an_integration(self, open_store: OpenStore, tmp_path: Path) -> None:
        store = open_store(busy_timeout=0.05)
        busy = sqlite3.connect(tmp_path / "log" / "derived.db", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        assert store.append([[new_entry(0)]], 1) == [Accepted(0, 1, False)]
        busy.close()

    def test_a_closed_store_is_unavailable(self, store: LogStore) -> None:
        store.size()
        store.close()
        with pytest.raises(StoreBusy):
            store.size()
        with pytest.raises(StoreBusy):
            store.append([[new_entry(0)]], 1)


class TestCheckpoints:
    def test_a_checkpoint_is_published_over_the_size_last_seen_only(self, store: LogStore) -> None:
        assert store.latest_checkpoint() is None
        store.publish(checkpoint(5), 0)
        with pytest.raises(CheckpointRefused):
            store.publish(checkpoint(7), 0)
        with pytest.raises(CheckpointRefused):
            store.publish(checkpoint(7), 6)
        store.publish(checkpoint(7), 5)
        assert store.latest_checkpoint() == checkpoint(7)
        assert store.recent_sizes(5) == [7, 5]
        assert store.recent_sizes(1) == [7]

    @pytest.mark.parametrize(
        "bad",
        [
            checkpoint(4),
            checkpoint(5, root=b"x" * 32),
            checkpoint(5, index_root=b"x" * 32),
            checkpoint(6, time=999),
        ],
        ids=["smaller", "another root", "another index root", "earlier"],
    )
    def test_a_checkpoint_that_does_not_continue_is_refused(
        self, store: LogStore, bad: StoredCheckpoint
    ) -> None:
        store.publish(checkpoint(5), 0)
        with pytest.raises(CheckpointRefused):
            store.publish(bad, 5)
        assert store.latest_checkpoint() == checkpoint(5)

    def test_a_size_can_be_published_again_with_a_newer_time(self, store: LogStore) -> None:
        for size, previous, time in ((5, 0, 1000), (5, 5, 1060), (9, 5, 1100)):
            store.publish(checkpoint(size, time=time), previous)
        assert store.checkpoint(5) == checkpoint(5, time=1060)
        text = checkpoint(5).note[: checkpoint(5).note.index(b"\n\n") + 1]
        assert store.checkpoint(5, sm3(text)) is not None
        assert store.checkpoint(5, sm3(b"another")) is None
        assert store.checkpoint(6) is None
        assert [c.time for c in store.checkpoints(0, 10)] == [1060, 1100]
        assert store.checkpoints(0, 1) == [checkpoint(5, time=1060)]
        assert store.checkpoints(5, 10) == [checkpoint(9, time=1100)]

    def test_anchors_are_kept_by_size_and_found_by_state(self, store: LogStore) -> None:
        pending = StoredAnchor(5, b"h" * 32, "pending")
        mined = StoredAnchor(5, b"h" * 32, "mined", "0xaa", 7, "0xbb")
        store.put_anchor(pending)
        store.put_anchor(StoredAnchor(9, b"g" * 32, "sent", "0xcc"))
        assert store.latest_anchor() is None
        assert store.anchors(0, 10, "pending") == [pending]
        store.put_anchor(mined)
        assert store.anchor(5) == mined
        assert store.latest_anchor() == mined
        assert store.latest_anchor(("final",)) is None
        assert [anchor.size for anchor in store.anchors(0, 10)] == [5, 9]
        assert [anchor.size for anchor in store.anchors(5, 10)] == [9]
        assert store.anchors(0, 1) == [mined]

    def test_facts_are_replaced(self, store: LogStore) -> None:
        assert store.fact("trust") is None
        store.put_fact("trust", b"one")
        store.put_fact("trust", b"two")
        assert store.fact("trust") == b"two"

    @pytest.mark.parametrize("table", ["entry", "checkpoint"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET root_or_leaf = x'00'", "DELETE FROM {}"])
    def test_the_database_itself_refuses_to_change_or_remove(
        self, store: LogStore, tmp_path: Path, table: str, statement: str
    ) -> None:
        store.append([[new_entry(0)]], 1)
        store.publish(checkpoint(1), 0)
        column = "leaf" if table == "entry" else "root"
        raw = sqlite3.connect(tmp_path / "log" / "log.db")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement.format(table).replace("root_or_leaf", column))
        raw.close()


class TestDerived:
    def test_an_empty_log_is_integrated_to_size_0(self, store: LogStore) -> None:
        assert store.integrated() == Integrated(0, EMPTY_ROOT, EMPTY)
        assert store.pages([b""], 0) == [None]
        assert store.tile(0, 0) is None

    def test_an_integration_is_there_as_a_whole_for_other_processes(
        self, store: LogStore, open_store: OpenStore
    ) -> None:
        store.append([[new_entry(number) for number in range(3)]], 1)
        first = integration(0, 3, {b"": b"root page", b"\1": b"child"})
        store.integrate(first, [])
        other = open_store()
        assert other.integrated() == Integrated(3, first.root, first.index_root)
        assert other.tile(0, 0) == first.tiles[0, 0]
        assert other.pages([b"\1", b"\2", b""], 3) == [b"child", None, b"root page"]
        assert other.pages([b"\1"], 3) == [b"child"]
        assert other.links([2, 0, 3]) == [b"link 2", b"link 0", None]
        assert [other.find_leaf(new_entry(number).leaf_hash) for number in range(4)] == [0, 1, 2, None]

    def test_an_integration_that_does_not_start_at_the_integrated_size_changes_nothing(
        self, store: LogStore
    ) -> None:
        store.integrate(integration(0, 2, {b"": b"one"}), [])
        for first in (0, 1, 3):
            with pytest.raises(IntegrityError):
                store.integrate(integration(first, 4, {b"": b"two"}), [])
        assert store.integrated().size == 2
        assert store.pages([b""], 2) == [b"one"]

    def test_pages_are_readable_at_the_newest_and_the_kept_sizes_only(self, store: LogStore) -> None:
        store.integrate(integration(0, 2, {b"": b"2", b"\1": b"2.1"}), [])
        store.integrate(integration(2, 3, {b"": b"3"}), [2])
        store.integrate(integration(3, 5, {b"": b"5", b"\1": b"5.1"}), [2])
        assert store.pages([b"", b"\1"], 5) == [b"5", b"5.1"]
        assert store.pages([b"", b"\1"], 2) == [b"2", b"2.1"]
        for size in (1, 3, 4, 6):
            with pytest.raises(Unavailable):
                store.pages([b""], size)
            with pytest.raises(Unavailable):
                store.pages([b"", b"\1"], size)

    def test_a_size_that_was_not_readable_does_not_become_so(self, store: LogStore) -> None:
        store.integrate(integration(0, 2, {b"": b"2"}), [])
        store.integrate(integration(2, 4, {b"": b"4"}), [])
        store.integrate(integration(4, 5, {b"": b"5"}), [2, 3, 4])
        assert store.pages([b""], 4) == [b"4"]
        with pytest.raises(Unavailable):
            store.pages([b""], 2)

    def test_many_pages_come_in_the_order_asked_for(self, store: LogStore) -> None:
        pages = {
            bytes([a, b, c]): b"%d.%d.%d" % (a, b, c) for a in range(16) for b in range(16) for c in range(5)
        }
        store.integrate(integration(0, 1, pages), [])
        paths = [*reversed(pages), b"\x0f\x0f\x0f"]
        assert store.pages(paths, 1) == [*(pages[path] for path in paths[:-1]), None]

    def test_a_leaf_is_found_by_its_whole_hash(self, store: LogStore) -> None:
        entries = [
            NewEntry(ISSUER, uuid(n), b"e%d" % n, prefix + bytes([n]) * 24, ())
            for n, prefix in enumerate([b"\xff" * 8, b"\xff" * 8, b"\x00" * 8])
        ]
        entries.append(NewEntry(ISSUER, uuid(9), b"e9", entries[1].leaf_hash, ()))
        store.append([entries], 1)
        leaves = [entry.leaf_hash for entry in entries]
        store.integrate(Integration(0, 4, EMPTY, EMPTY, {}, {}, [b""] * 4, leaves), [])
        assert [store.find_leaf(leaf) for leaf in leaves] == [0, 1, 2, 1]
        assert store.find_leaf(b"\xff" * 32) is None

    def test_derived_data_can_be_forgotten_and_made_again(self, store: LogStore) -> None:
        store.append([[new_entry(0)]], 1)
        store.integrate(replace(integration(0, 1, {b"": b"1"}), blocks={7: b"seven", 2**62: b"far"}), [])
        assert store.blocks([2**62, 8, 7, 7]) == [b"far", None, b"seven", b"seven"]
        store.tidy()
        store.clear_derived()
        assert store.integrated() == Integrated(0, EMPTY_ROOT, EMPTY)
        assert store.blocks([7]) == [None]
        assert store.find_leaf(new_entry(0).leaf_hash) is None
        assert store.links([0]) == [None]
        with pytest.raises(Unavailable):
            store.pages([b""], 1)
        store.integrate(replace(integration(0, 1, {b"": b"1"}), blocks={7: b"seven"}), [])
        assert store.size() == 1
        assert store.blocks([7]) == [b"seven"]


class TestBrokenFiles:
    """SQLite's own ways to fail."""

    def test_a_full_disk_is_busy_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "log")
        store._log._writer.execute("PRAGMA max_page_count = 40")
        with pytest.raises(StoreBusy, match="SQLITE_FULL"):
            store.append([[new_entry(number, bytes(4000)) for number in range(200)]], 1)
        assert store.size() == 0
        assert store.append([[new_entry(0)]], 1) == [Accepted(0, 1, False)]
        store.close()

    def test_a_file_that_is_no_database_is_an_integrity_error(self, tmp_path: Path) -> None:
        (tmp_path / "log.db").write_bytes(b"not a database at all" * 400)
        with pytest.raises(IntegrityError):
            SqliteStore(tmp_path)

    def test_a_folder_that_cannot_be_made_is_busy(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreBusy):
            SqliteStore(tmp_path / "file" / "log")

    def test_migrations_run_once_however_many_open_at_once(self, tmp_path: Path) -> None:
        errors: list[LedgerError] = []

        def open_() -> None:
            try:
                SqliteStore(tmp_path / "log").close()
            except LedgerError as error:
                errors.append(error)

        threads = [threading.Thread(target=open_) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []

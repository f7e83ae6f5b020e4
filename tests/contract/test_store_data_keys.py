"""The contract of `ledger.store.port` for the keys of sealed content."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.errors import IntegrityError, StoreBusy
from ledger.gm import sm3
from ledger.store.port import Accepted, DataKey, Erased, KeyFigures, KeyLost, LogStore, NewEntry, Sealed
from ledger.store.raw import RawLog
from ledger.store.sqlite import SqliteStore

ISSUER = "11350100003588000B"
OpenStore = Callable[..., LogStore]


def tag(number: int) -> str:
    return sm3(b"subject %d" % number).hex()


def key(subject: int, which: int = 0, master: str = "m1") -> DataKey:
    id = sm3(b"key %d %d" % (subject, which))[:16].hex()
    return DataKey(id, tag(subject), b"wrapped" + sm3(id.encode()) + b"%5d" % subject, master)


def entry(number: int, data_key: DataKey | None = None, blob: bytes = b"") -> NewEntry:
    data = b"entry %d" % number
    id = f"01890000-0000-7000-8000-{number:012x}"
    sealed = None
    if data_key is not None:
        sealed = Sealed(b"\x02" + (blob or b"cipher %d" % number), data_key.id, data_key)
    return NewEntry(ISSUER, id, data, sm3(b"\0" + data), (sm3(b"k%d" % number),), sealed)


def older(number: int, blob: bytes = b"older", master: str = "m1") -> NewEntry:
    """An entry with content of the first version."""
    plain = entry(number)
    return NewEntry(
        plain.issuer,
        plain.id,
        plain.entry,
        plain.leaf_hash,
        plain.index_keys,
        Sealed(b"\x01" + blob + b"%d" % number, master),
    )


@pytest.fixture(params=[SqliteStore], ids=["sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
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


def test_a_key_comes_with_the_first_content_and_is_there_for_the_next(
    store: LogStore, open_store: OpenStore
) -> None:
    assert store.data_key(tag(1)) is None
    assert store.append([[entry(0, key(1))]], 5) == [Accepted(0, 5, False)]
    other = open_store()
    assert other.data_key(tag(1)) == key(1)
    assert other.append([[entry(1, key(1))]], 6) == [Accepted(1, 6, False)]
    for index in (0, 1):
        assert other.sealed(index) == Sealed(b"\x02cipher %d" % index, key(1).id, key(1))


def test_the_second_key_for_a_subject_loses_whole_and_is_told(store: LogStore) -> None:
    store.append([[entry(0, key(1))]], 1)
    answers = store.append([[entry(1)], [entry(2), entry(3, key(1, 1))], [entry(4, key(2))]], 2)
    assert answers == [Accepted(1, 2, False), KeyLost(tag(1)), Accepted(2, 2, False)]
    assert store.size() == 3
    assert store.data_key(tag(1)) == key(1)
    assert store.data_key(tag(2)) == key(2)
    assert store.append([[entry(2), entry(3, key(1))]], 3) == [Accepted(3, 3, False)]


def test_of_two_keys_in_one_group_the_first_stands(store: LogStore) -> None:
    assert store.append([[entry(0, key(1))], [entry(1, key(1, 1))]], 1) == [
        Accepted(0, 1, False),
        KeyLost(tag(1)),
    ]


def test_what_was_accepted_before_is_answered_so_whatever_key_it_comes_with(store: LogStore) -> None:
    store.append([[entry(0, key(1))]], 1)
    assert store.append([[entry(0, key(1, 1))]], 2) == [Accepted(0, 1, True)]
    assert store.data_key(tag(1)) == key(1)


def test_of_many_writers_one_makes_the_key_and_nothing_is_sealed_under_another(
    open_store: OpenStore,
) -> None:
    stores = [open_store() for _ in range(4)]
    lost: list[int] = []

    def write(place: int) -> None:
        for number in range(30):
            new = entry(100 * place + number, key(number, place))
            if isinstance(stores[place].append([[new]], 1)[0], KeyLost):
                lost.append(number)
                standing = stores[place].data_key(tag(number))
                assert standing is not None
                again = entry(100 * place + number, standing)
                assert isinstance(stores[place].append([[again]], 1)[0], Accepted)

    threads = [threading.Thread(target=write, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].size() == 120
    assert len(lost) == 90
    for index in range(120):
        sealed = stores[0].sealed(index)
        assert sealed is not None
        assert sealed.data_key is not None
        assert sealed.data_key == stores[0].data_key(sealed.data_key.subject)


def test_a_destroyed_key_leaves_its_record_and_its_subject_may_have_a_new_one(store: LogStore) -> None:
    store.append([[entry(0, key(1)), entry(1, key(1)), entry(2, key(2))]], 1)
    assert store.erase_subjects([tag(1), tag(9)], [], 77) == Erased(1, 2)
    assert store.erase_subjects([tag(1)], [], 78) == Erased(0, 0)
    assert store.data_key(tag(1)) is None
    sealed = store.sealed(1)
    assert sealed is not None
    assert sealed.data_key == DataKey(key(1).id, tag(1), None, "")
    assert store.sealed(2) == Sealed(b"\x02cipher 2", key(2).id, key(2))
    # Whoever read the key before it was destroyed comes too late with it.
    assert store.append([[entry(3, key(1))]], 2) == [KeyLost(tag(1))]
    assert store.append([[entry(3, key(1, 1))]], 2) == [Accepted(3, 2, False)]
    assert store.data_key(tag(1)) == key(1, 1)
    assert store.key_figures() == KeyFigures({"m1": 2}, {}, 1)
    assert store.erased() == ([tag(1)], [])


def test_content_of_the_first_version_is_found_by_index_key_and_leaves_its_record(store: LogStore) -> None:
    store.append([[older(0), older(1), entry(2, key(1)), older(3)]], 1)
    assert store.erase_subjects([tag(1)], [sm3(b"k1"), sm3(b"k2")], 5) == Erased(1, 2)
    assert store.sealed(1) == Sealed(b"\x00", "")
    assert store.sealed(0) == Sealed(b"\x01older0", "m1")
    assert store.key_figures() == KeyFigures({}, {"m1": 2}, 1)
    assert store.erased() == ([tag(1)], [1])


def test_after_scrubbing_nothing_of_a_destroyed_key_stands_in_any_file(
    store: LogStore, tmp_path: Path
) -> None:
    order = list(range(3000))
    random.Random(7).shuffle(order)
    for start in range(0, 3000, 100):
        news = [entry(number, key(number), b"c" * (number % 400)) for number in order[start : start + 100]]
        store.append([news, [older(10_000 + start, b"planted %5d " % start * 30)]], 1)
    # Wrapped anew once, so that keys were written over before they are destroyed.
    keys = store.keys_under_other_masters("m2", "", 5000)
    store.rewrap([(each, b"again" + bytes(each.wrapped or b"")) for each in keys], "m2")
    gone = order[::7]
    assert b"%5d" % gone[0] in files(tmp_path)
    store.erase_subjects([tag(number) for number in gone], [sm3(b"k%d" % 10_000)], 1)
    store.scrub()
    left = files(tmp_path)
    for number in order:
        wrapped = key(number).wrapped
        assert wrapped is not None
        assert (wrapped in left) == (number not in set(gone)), number
    assert b"planted     0 " not in left
    assert b"planted   100 " in left


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "log").iterdir())


def test_scrubbing_waits_for_a_reader_and_says_so(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store(busy_timeout=0.05)
    store.append([[entry(0, key(1))]], 1)
    with sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()
        store.erase_subjects([tag(1)], [], 1)
        with pytest.raises(StoreBusy):
            store.scrub()
        reader.execute("ROLLBACK")
    store.scrub()


def test_keys_are_rewrapped_in_pieces_and_those_destroyed_meanwhile_stay_so(store: LogStore) -> None:
    store.append([[entry(number, key(number)) for number in range(5)]], 1)
    first = store.keys_under_other_masters("m2", "", 3)
    assert len(first) == 3
    store.erase_subjects([first[0].subject], [], 1)
    assert store.rewrap([(each, b"new") for each in first], "m2") == 2
    assert store.rewrap([(each, b"newer") for each in first], "m2") == 0
    rest = store.keys_under_other_masters("m2", "", 100)
    assert len(rest) == 2
    assert store.rewrap([(each, b"new") for each in rest], "m2") == 2
    assert store.keys_under_other_masters("m2", "", 100) == []
    assert store.key_figures() == KeyFigures({"m2": 4}, {}, 1)
    assert store.data_key(first[0].subject) is None


def test_content_of_the_first_version_is_rewrapped_where_it_is_as_it_was_read(store: LogStore) -> None:
    store.append([[older(number) for number in range(4)]], 1)
    rows = store.older_under_other_masters("m2", -1, 3)
    assert [(row.index, row.issuer, row.sealed.ciphertext) for row in rows] == [
        (number, ISSUER, b"\x01older%d" % number) for number in range(3)
    ]
    store.erase_sealed(0)
    renewed = [(row, Sealed(b"\x01renewed", "m2")) for row in rows]
    assert store.rewrap_older(renewed) == 2
    assert store.sealed(0) == Sealed(b"\x00", "")
    assert [row.index for row in store.older_under_other_masters("m2", 2, 3)] == [3]
    assert store.key_figures().older == {"m1": 1, "m2": 2}


def test_the_database_itself_keeps_the_rules(store: LogStore, tmp_path: Path) -> None:
    store.append([[entry(0, key(1)), entry(1)]], 1)
    store.erase_subjects([tag(1)], [], 1)
    store.append([[entry(2, key(2))]], 1)
    path = tmp_path / "log" / "log.db"
    refused = (
        "DELETE FROM data_key",
        "UPDATE data_key SET wrapped = x'00' WHERE wrapped IS NULL",
        "UPDATE data_key SET subject = x'00' WHERE wrapped IS NOT NULL",
        f"INSERT INTO sealed (idx, ciphertext, key_id) VALUES (1, x'02aa', '{key(1).id}')",
        "INSERT INTO sealed (idx, ciphertext, key_id) VALUES (1, x'02aa', 'none')",
        "INSERT INTO data_key (id, subject, wrapped, master)"
        " SELECT 'other', subject, wrapped, master FROM data_key WHERE wrapped IS NOT NULL",
    )
    for statement in refused:
        with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)


def test_an_audit_reads_content_with_its_key(store: LogStore, tmp_path: Path) -> None:
    store.append([[entry(0, key(1)), entry(1), entry(2, key(2)), older(3)]], 1)
    store.erase_subjects([tag(2)], [], 1)
    rows = [row.sealed for row in RawLog(tmp_path / "log").entries(0, 9)]
    assert rows == [store.sealed(index) for index in range(4)]
    assert rows[2] is not None
    assert rows[2].data_key is not None
    assert rows[2].data_key.wrapped is None


def test_content_without_any_key_is_a_defect_of_ours(store: LogStore) -> None:
    """Not `KeyLost`: nobody could seal it again."""
    new = entry(0, key(1))
    assert new.sealed is not None
    bare = NewEntry(
        new.issuer, new.id, new.entry, new.leaf_hash, new.index_keys, Sealed(b"\x02bare", key(1).id)
    )
    with pytest.raises(IntegrityError):
        store.append([[bare]], 1)
    assert store.size() == 0

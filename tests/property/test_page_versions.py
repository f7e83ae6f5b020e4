"""At every readable size each index page is the one that stood there then, whatever was kept and dropped."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Unavailable
from ledger.gm import sm3
from ledger.merkle import leaf_hash
from ledger.store import SqliteStore
from ledger.store.page_ids import MOST_NIBBLES, page_id
from ledger.store.port import Integration, NewEntry

PATHS = [b"", b"\x00", b"\x0f", b"\x0f\x00", bytes(MOST_NIBBLES), bytes(MOST_NIBBLES + 1), b"\x0f" * 40]


def new_entry(number: int) -> NewEntry:
    data = b"%d" % number
    return NewEntry("11350100003588000B", f"01890000-0000-7000-8000-{number:012x}", data, leaf_hash(data), ())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(PATHS), min_size=1), st.sets(st.integers(0, 8)), st.booleans()),
        min_size=1,
        max_size=9,
    )
)
def test_each_readable_size_has_its_own_pages(rounds: list[tuple[set[bytes], set[int], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder))
        store.append([[new_entry(number) for number in range(len(rounds))]], 1)
        now: dict[bytes, bytes] = {}
        readable: dict[int, dict[bytes, bytes]] = {}
        for size, (paths, keep, cleared) in enumerate(rounds, 1):
            pages = {path: b"%d/%d" % (size, number) for number, path in enumerate(sorted(paths))}
            now = now | pages
            leaf = new_entry(size - 1).leaf_hash
            store.integrate(Integration(size - 1, size, sm3(b"r"), sm3(b"i"), {}, pages, [b""], [leaf]), keep)
            readable = {kept: readable[kept] for kept in keep if kept in readable} | {size: now}
            for asked in range(1, size + 2):
                if asked in readable:
                    expected = [readable[asked].get(path) for path in PATHS]
                    assert store.pages(PATHS, asked) == expected
                    assert [store.pages([path], asked)[0] for path in PATHS] == expected
                else:
                    with pytest.raises(Unavailable):
                        store.pages([b"\x0f"], asked)
            if cleared:
                # Forgotten and made again: nothing of before comes back.
                store.clear_derived()
                store.append([[new_entry(number)] for number in range(len(rounds))], 1)
                store.integrate(
                    Integration(
                        0,
                        size,
                        sm3(b"r"),
                        sm3(b"i"),
                        {},
                        now,
                        [b""] * size,
                        [new_entry(number).leaf_hash for number in range(size)],
                    ),
                    keep,
                )
                readable = {size: now}
        store.close()


def test_numbers_of_paths_differ_and_keep_their_order() -> None:
    paths = [
        bytes(prefix) + last
        for length in range(MOST_NIBBLES)
        for prefix in (bytes(length), b"\x0f" * length)
        for last in (b"", b"\x00", b"\x01", b"\x0f")
    ]
    distinct = sorted(set(paths))
    numbers = [page_id(path) for path in distinct]
    assert numbers == sorted(set(numbers))
    assert all(0 <= number < 2**63 for number in numbers)

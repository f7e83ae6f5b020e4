"""Rotation of the master key: all data keys wrapped anew, whatever interrupts it, and no content touched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.gm import sm3, sm4_gcm_encrypt
from ledger.log import rewrapping
from ledger.log.faults import VARIABLE
from ledger.log.masters import MasterKeys, master_key_id
from ledger.log.rewrapping import Rewrapped, rewrap, under_others
from ledger.log.sealer import Sm4Sealer
from ledger.store import SqliteStore
from ledger.store.port import NewEntry, Sealed

ISSUER = "11350100003588000B"
OLD, NEW = b"o" * 16, b"n" * 16
SUBJECTS = 7


def tag(number: int) -> str:
    return sm3(b"subject %d" % number).hex()


def id_of(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def fill(store: SqliteStore, sealer: Sm4Sealer) -> None:
    """Two contents for each subject, and two of the first version."""
    for number in range(2 * SUBJECTS):
        subject = tag(number % SUBJECTS)
        append(store, number, sealer.seal(subject, ISSUER, id_of(number), bytes(32), b"content %d" % number))
    for number in (100, 101):
        bound = f"{ISSUER}\0{id_of(number)}".encode()
        key = b"%16d" % number
        blob = b"\x01" + b"w" * 12 + sm4_gcm_encrypt(OLD, b"w" * 12, key, bound)
        blob += b"c" * 12 + sm4_gcm_encrypt(key, b"c" * 12, bytes(32) + b"content %d" % number, bound)
        append(store, number, Sealed(blob, master_key_id(OLD)))


def append(store: SqliteStore, number: int, sealed: Sealed) -> None:
    data = b"%d" % number
    store.append([[NewEntry(ISSUER, id_of(number), data, sm3(data), (), sealed)]], 1)


def contents(store: SqliteStore, sealer: Sm4Sealer) -> list[bytes]:
    found = []
    for index in range(store.size()):
        entry, sealed = store.entry(index), store.sealed(index)
        assert entry is not None
        assert sealed is not None
        subject = sealed.data_key.subject if sealed.data_key else ""
        found.append(sealer.open(sealed, subject, entry.issuer, entry.id)[1])
    return found


def blobs(store: SqliteStore) -> list[bytes]:
    """The contents under data keys, as stored."""
    return [sealed.ciphertext for index in range(2 * SUBJECTS) if (sealed := store.sealed(index))]


EXPECTED = [b"content %d" % number for number in (*range(2 * SUBJECTS), 100, 101)]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "log")
    fill(made, Sm4Sealer([OLD], find=made.data_key))
    return made


def test_all_keys_are_wrapped_anew_and_the_old_master_key_is_needed_no_more(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "PIECE", 2)
    before = blobs(store)
    both = Sm4Sealer([OLD, NEW])
    assert under_others(store, master_key_id(NEW)) == SUBJECTS + 2
    heard: list[int] = []
    assert rewrap(store, both, heard.append) == Rewrapped(SUBJECTS + 2, 0)
    assert sum(heard) == SUBJECTS + 2
    assert under_others(store, master_key_id(NEW)) == 0
    assert contents(store, Sm4Sealer([NEW])) == EXPECTED
    assert blobs(store) == before
    assert rewrap(store, both) == Rewrapped(0, 0)
    store.close()


def test_a_key_whose_master_key_is_gone_is_counted_and_keeps_the_others_back_from_nothing(
    store: SqliteStore,
) -> None:
    lost = Sm4Sealer([b"l" * 16])
    append(store, 200, lost.seal(tag(200), ISSUER, id_of(200), bytes(32), b"x"))
    assert rewrap(store, Sm4Sealer([OLD, NEW])) == Rewrapped(SUBJECTS + 2, 1)
    assert under_others(store, master_key_id(NEW)) == 1
    store.close()


def test_what_is_sealed_during_the_rotation_by_who_has_not_noticed_is_found_the_next_time(
    store: SqliteStore,
) -> None:
    rewrap(store, Sm4Sealer([OLD, NEW]))
    append(store, 300, Sm4Sealer([OLD]).seal(tag(300), ISSUER, id_of(300), bytes(32), b"late"))
    assert under_others(store, master_key_id(NEW)) == 1
    assert rewrap(store, Sm4Sealer([OLD, NEW])) == Rewrapped(1, 0)
    assert contents(store, Sm4Sealer([NEW]))[-1] == b"late"
    store.close()


def test_killed_between_pieces_it_goes_on_where_it_was(store: SqliteStore, tmp_path: Path) -> None:
    store.close()
    environment = {**os.environ, VARIABLE: "rewrap.piece:2"}
    killed = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "log")], env=environment, capture_output=True
    )
    assert killed.returncode == -9, killed.stderr
    opened = SqliteStore(tmp_path / "log")
    left = under_others(opened, master_key_id(NEW))
    assert 0 < left < SUBJECTS + 2
    both = Sm4Sealer([OLD, NEW])
    assert contents(opened, both) == EXPECTED
    assert rewrap(opened, both) == Rewrapped(left, 0)
    assert contents(opened, Sm4Sealer([NEW])) == EXPECTED
    opened.close()


def main(folder: Path) -> None:
    rewrapping.PIECE = 2
    made = SqliteStore(folder)
    print(json.dumps(rewrap(made, Sm4Sealer(MasterKeys(lambda: [OLD, NEW]))).keys))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

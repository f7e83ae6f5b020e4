"""What the reader hands out verifies, and what does not verify is not handed out."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import (
    CheckpointRefused,
    CursorInvalid,
    IntegrityError,
    NotFound,
    NotYetPublished,
    ProofInvalid,
)
from ledger.formats.bundle import After, Disclosure, format_bundle, parse_bundle
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope, sign_batch, sign_envelope
from ledger.formats.note import note_hash, parse_note
from ledger.formats.statement import Statement, format_statement
from ledger.gm import PrivateKey, signer, sm3
from ledger.log.batches import BatchTrees
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import ChainPlace, LogReader, finality_fact
from ledger.merkle import batch_leaf_hash, index_key, leaf_hash, verify_batch_path, verify_inclusion
from ledger.store.port import NewEntry, StoredAnchor
from ledger.store.sqlite import SqliteStore

ORIGIN = "yunling.example/credit"
ISSUER = "11350100003588000B"
SIGNER = signer(PrivateKey.generate())
TAG = sm3(b"uscc:x").hex()
REGISTRY = "0x" + "ab" * 20


def uuid(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def payload(number: int, tag: str = TAG) -> bytes:
    return format_statement(
        Statement(uuid(number), "credit.penalty.published", ORIGIN, ISSUER, 1_000, {"subject": (tag,)}, {})
    )


def new_entry(number: int, entry: bytes, tags: tuple[str, ...] = (TAG,)) -> NewEntry:
    keys = tuple(sorted(index_key("subject", bytes.fromhex(tag)) for tag in tags))
    return NewEntry(ISSUER, uuid(number), entry, leaf_hash(entry), keys)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Entry 0 alone, a manifest at 1, its batch of five at 2..6, published."""
    store = SqliteStore(tmp_path / "log")
    single = new_entry(0, sign_envelope(STATEMENT_TYPE, payload(0), SIGNER))
    manifest, entries = sign_batch(
        [payload(number) for number in range(2, 7)],
        log=ORIGIN,
        issuer=ISSUER,
        id=uuid(1),
        at=1_000,
        signer=SIGNER,
    )
    batch = [new_entry(1, manifest, ())]
    batch += [new_entry(number, entry) for number, entry in enumerate(entries, 2)]
    store.append([[single], batch], 1_000)
    advance(store, 2_000)
    yield store
    store.close()


def advance(store: SqliteStore, now: int) -> None:
    while integrate(store):
        pass
    publish(store, ORIGIN, SIGNER, now)


@pytest.fixture
def reader(store: SqliteStore) -> LogReader:
    return LogReader(store, ORIGIN, ChainPlace(4242, REGISTRY))


def tamper(store: SqliteStore, tmp_path: Path, file: str, statement: str) -> None:
    """Change something behind the program's back."""
    raw = sqlite3.connect(tmp_path / "log" / file)
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute(statement)
    raw.commit()
    raw.close()


def test_a_bundle_of_single_and_batch_entries_proves_each(reader: LogReader) -> None:
    checkpoint = reader.checkpoint()
    history = reader.lookup(checkpoint, "subject", TAG)
    disclosure = Disclosure(b"s" * 32, b"content")
    bundle = reader.bundle(checkpoint, [5, 0, 5, 6], [history.completeness], {5: disclosure})
    assert [entry.proven.index for entry in bundle.entries] == [0, 5, 6]
    assert parse_bundle(format_bundle(bundle)) == bundle
    for entry in bundle.entries:
        for proven in (entry.proven, *([entry.batch.manifest] if entry.batch else [])):
            leaf = leaf_hash(proven.entry)
            verify_inclusion(leaf, proven.index, checkpoint.size, proven.inclusion, checkpoint.root)
    alone, batched, _ = bundle.entries
    assert alone.batch is None
    assert batched.batch is not None
    assert batched.batch.manifest.index == 1
    assert batched.disclosure == disclosure
    envelope = parse_envelope(batched.proven.entry)
    assert envelope.batch is not None
    verify_batch_path(batch_leaf_hash(envelope.pae), 3, 5, batched.batch.path, envelope.batch.root)
    assert bundle.completeness == (history.completeness,)


def test_a_bundle_may_show_nothing_but_completeness(reader: LogReader) -> None:
    history = reader.lookup(reader.checkpoint(), "subject", sm3(b"nobody").hex())
    bundle = reader.bundle(reader.checkpoint(), [], [history.completeness])
    assert (bundle.entries, history.entries, history.count) == ((), [], 0)
    assert parse_bundle(format_bundle(bundle)) == bundle


def test_the_anchor_is_in_the_bundle_of_the_very_checkpoint_that_is_on_the_chain(
    store: SqliteStore, reader: LogReader
) -> None:
    with pytest.raises(NotYetPublished):
        reader.checkpoint("anchored")
    first = reader.checkpoint()
    hash_ = note_hash(parse_note(first.note).text)
    store.put_anchor(StoredAnchor(first.size, hash_, "sent", "0x" + "cc" * 32))
    assert reader.bundle(first, [0]).anchor is None
    store.put_anchor(StoredAnchor(first.size, hash_, "mined", "0x" + "cc" * 32, 7, "0x" + "dd" * 32))
    publish(store, ORIGIN, SIGNER, 3_000)
    again = reader.checkpoint()
    assert (again.size, again.time) == (first.size, 3_000)
    assert reader.checkpoint("anchored") == first
    assert reader.bundle(again, [0]).anchor is None
    bundle = reader.bundle(first, [0])
    assert bundle.anchor is not None
    assert (bundle.anchor.chain_id, bundle.anchor.registry, bundle.anchor.block_number) == (4242, REGISTRY, 7)
    assert parse_bundle(format_bundle(bundle)) == bundle
    assert LogReader(store, ORIGIN).bundle(first, [0]).anchor is None


def test_finality_lines_that_were_collected_are_in_the_anchor(store: SqliteStore, reader: LogReader) -> None:
    first = reader.checkpoint()
    hash_ = note_hash(parse_note(first.note).text)
    store.put_anchor(StoredAnchor(first.size, hash_, "final", "0x" + "cc" * 32, 7, "0x" + "dd" * 32))
    line = parse_note(first.note).signatures[0].format()
    store.put_fact(finality_fact(first.size), line.encode())
    anchor = reader.bundle(reader.checkpoint("final"), [0]).anchor
    assert anchor is not None
    assert anchor.finality is not None
    assert [each.format() for each in anchor.finality.signatures] == [line]


def test_an_anchored_checkpoint_stays_readable_while_the_log_grows(
    store: SqliteStore, reader: LogReader
) -> None:
    anchored = reader.checkpoint()
    text = parse_note(anchored.note).text
    store.put_anchor(StoredAnchor(anchored.size, note_hash(text), "mined", "0xaa", 1, "0xbb"))
    for number in range(7, 27):
        store.append([[new_entry(number, b"entry %d" % number)]], 1_000)
        advance(store, 2_000 + number)
    assert [entry.index for entry in reader.lookup(anchored, "subject", TAG).entries] == [0, 2, 3, 4, 5, 6]
    assert reader.lookup(reader.checkpoint(), "subject", TAG).count == 26


def test_what_is_not_there_or_not_published_is_said_so(store: SqliteStore, reader: LogReader) -> None:
    checkpoint = reader.checkpoint()
    store.append([[new_entry(7, b"later")]], 1_000)
    with pytest.raises(NotYetPublished):
        reader.bundle(checkpoint, [7])
    with pytest.raises(NotFound):
        reader.bundle(checkpoint, [8])
    with pytest.raises(ProofInvalid):
        reader.inclusion(7, 7)


def test_a_page_holds_exactly_the_chain_positions_asked_for(store: SqliteStore, reader: LogReader) -> None:
    store.append([[new_entry(number, b"entry %d" % number) for number in range(7, 41)]], 1_000)
    advance(store, 3_000)
    checkpoint = reader.checkpoint()
    chain = [entry.index for entry in reader.lookup(checkpoint, "subject", TAG).entries]
    assert chain == [0, *range(2, 41)]
    for start in range(42):
        for limit in (0, 1, 2, 3, 7, 50):
            entries, count = reader.page(checkpoint, "subject", TAG, start, limit)
            assert ([entry.index for entry in entries], count) == (chain[start : start + limit], 40)


@pytest.mark.parametrize(
    "after",
    [After(7, b"h" * 32, 6), After(2, b"h" * 32, 2), After(2, b"h" * 32, 3)],
    ids=["too long", "another head", "another entry"],
)
def test_a_place_that_is_not_in_the_chain_is_refused(reader: LogReader, after: After) -> None:
    with pytest.raises(CursorInvalid):
        reader.lookup(reader.checkpoint(), "subject", TAG, after)


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("log.db", "UPDATE entry SET entry = x'00' WHERE idx = 3"),
        ("log.db", "UPDATE entry SET entry = x'00', leaf = x'{forged}' WHERE idx = 3"),
        ("log.db", "DELETE FROM entry WHERE idx = 3"),
        (
            "derived.db",
            "UPDATE link SET data ="
            " CAST(substr(data, 1, 39) || x'09' || substr(data, 41) AS BLOB) WHERE idx = 3",
        ),
        (
            "derived.db",
            "UPDATE link SET data ="
            " CAST(substr(data, 1, 47) || x'02' || substr(data, 49) AS BLOB) WHERE idx = 4",
        ),
        ("derived.db", "DELETE FROM link WHERE idx = 3"),
        (
            "derived.db",
            "UPDATE page_newest SET data = CAST(substr(data, 1, length(data) - 60) || zeroblob(60) AS BLOB)",
        ),
    ],
)
def test_a_changed_value_never_gets_into_an_answer(
    store: SqliteStore, reader: LogReader, tmp_path: Path, file: str, statement: str
) -> None:
    checkpoint = reader.checkpoint()
    tamper(store, tmp_path, file, statement.replace("{forged}", leaf_hash(b"\0").hex()))
    with pytest.raises(IntegrityError):
        reader.lookup(checkpoint, "subject", TAG)


def test_a_batch_of_which_one_entry_was_changed_gives_no_paths(store: SqliteStore, tmp_path: Path) -> None:
    place = parse_envelope(store.entry(6).entry).batch  # type: ignore[union-attr]
    assert place is not None
    tamper(
        store,
        tmp_path,
        "log.db",
        "UPDATE entry SET entry = (SELECT entry FROM entry WHERE idx = 4) WHERE idx = 3",
    )
    with pytest.raises(IntegrityError):
        BatchTrees(store).path(6, place)


def test_only_as_many_batch_trees_are_kept_as_allowed(store: SqliteStore) -> None:
    manifest, entries = sign_batch(
        [payload(number) for number in range(8, 12)],
        log=ORIGIN,
        issuer=ISSUER,
        id=uuid(7),
        at=1_000,
        signer=SIGNER,
    )
    store.append([[new_entry(7, manifest, ()), *(new_entry(n, e) for n, e in enumerate(entries, 8))]], 1_000)
    trees = BatchTrees(store, max_leaves=6)
    for index in (3, 9, 4, 10):
        place = parse_envelope(store.entry(index).entry).batch  # type: ignore[union-attr]
        assert place is not None
        leaf = batch_leaf_hash(parse_envelope(store.entry(index).entry).pae)  # type: ignore[union-attr]
        verify_batch_path(leaf, place.index, place.size, trees.path(index, place), place.root)
        assert len(trees._trees) == 1


class TestPublish:
    @pytest.mark.parametrize(
        ("file", "statement"),
        [
            ("derived.db", "UPDATE tile SET data = zeroblob(length(data))"),
            (
                "derived.db",
                "UPDATE page_newest"
                " SET data = CAST(substr(data, 1, length(data) - 60) || zeroblob(60) AS BLOB)",
            ),
            ("derived.db", "UPDATE state SET root = zeroblob(32)"),
            ("derived.db", "UPDATE state SET index_root = zeroblob(32)"),
            ("log.db", "UPDATE entry SET entry = x'00' WHERE idx = 6"),
            ("log.db", "DELETE FROM entry WHERE idx = 6"),
            ("log.db", "UPDATE checkpoint SET root = zeroblob(32)"),
            ("log.db", "UPDATE checkpoint SET index_root = zeroblob(32)"),
        ],
    )
    def test_nothing_is_signed_over_a_state_that_does_not_prove_itself(
        self, store: SqliteStore, tmp_path: Path, file: str, statement: str
    ) -> None:
        before = store.checkpoints(0, 10)[-1].note
        tamper(store, tmp_path, file, statement)
        with pytest.raises(IntegrityError):
            publish(store, ORIGIN, SIGNER, 3_000)
        assert store.checkpoints(0, 10)[-1].note == before

    def test_an_empty_log_can_be_published(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "empty")
        checkpoint = publish(store, ORIGIN, SIGNER, 5)
        assert checkpoint is not None
        assert checkpoint.size == 0
        assert LogReader(store, ORIGIN).lookup(checkpoint, "subject", TAG).count == 0
        store.close()

    def test_the_time_does_not_go_back_with_the_clock(self, store: SqliteStore) -> None:
        checkpoint = publish(store, ORIGIN, SIGNER, 1)
        assert checkpoint is not None
        assert checkpoint.time == 2_000

    def test_a_rebuild_that_leads_elsewhere_than_a_published_checkpoint_stops(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        tamper(store, tmp_path, "log.db", "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3")
        store.clear_derived()
        with pytest.raises(IntegrityError, match="published checkpoint of size 7"):
            integrate(store)

    def test_another_publisher_makes_this_one_stop(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale = store.latest_checkpoint()
        store.append([[new_entry(7, b"later")]], 1_000)
        advance(store, 3_000)
        monkeypatch.setattr(store, "latest_checkpoint", lambda: stale)
        with pytest.raises(CheckpointRefused):
            publish(store, ORIGIN, SIGNER, 4_000)

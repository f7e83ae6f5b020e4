"""Append, integrate, publish, anchor, forget and rebuild in any order: answers stay right and provable."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.errors import NotYetPublished, Unavailable
from ledger.formats.bundle import After, chain_value
from ledger.formats.note import note_hash, parse_note
from ledger.gm import PrivateKey, Signer, signer, sm3
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.merkle import (
    EMPTY_HEAD,
    Present,
    chain_step,
    index_key,
    leaf_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
    verify_index_proof,
)
from ledger.store.port import NewEntry, StoredAnchor, StoredCheckpoint
from ledger.store.sqlite import SqliteStore

ORIGIN = "yunling.example/credit"
TAGS = [sm3(b"tag %d" % number) for number in range(4)]
KEYS = {index_key("subject", tag): tag for tag in TAGS}
SIGNER: Signer = signer(PrivateKey.generate())

tag_sets = st.sets(st.sampled_from(TAGS), max_size=3)


class LogLifecycle(RuleBasedStateMachine):
    """A log beside a list of its entries' tags."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteStore(Path(self.folder.name))
        self.reader = LogReader(self.store, ORIGIN)
        self.entries: list[tuple[bytes, set[bytes]]] = []
        self.now = 1_000
        self.published: list[StoredCheckpoint] = []

    @rule(tags=st.lists(tag_sets, min_size=1, max_size=9))
    def append(self, tags: list[set[bytes]]) -> None:
        news = []
        for number, its_tags in enumerate(tags, len(self.entries)):
            entry = b"entry %d" % number
            keys = tuple(sorted(index_key("subject", tag) for tag in its_tags))
            id = f"01890000-0000-7000-8000-{number:012x}"
            news.append(NewEntry("11350100003588000B", id, entry, leaf_hash(entry), keys))
            self.entries.append((entry, its_tags))
        self.store.append([news], 1)

    @rule(limit=st.integers(1, 12))
    def integrate(self, limit: int) -> None:
        before = self.store.integrated().size
        state = integrate(self.store, limit)
        assert (state is None) == (before == len(self.entries))
        if state is not None:
            assert before < state.size <= before + limit
            assert state.root == root_hash([leaf_hash(entry) for entry, _ in self.entries[: state.size]])

    @rule(elapsed=st.integers(-5, 60))
    def publish(self, elapsed: int) -> None:
        self.now += elapsed
        behind = bool(self.published) and self.store.integrated().size < self.published[-1].size
        checkpoint = publish(self.store, ORIGIN, SIGNER, self.now)
        assert (checkpoint is None) == behind
        if checkpoint is not None:
            self.published.append(checkpoint)

    @rule(limit=st.integers(2, 40))
    def catch_up(self, limit: int) -> None:
        while integrate(self.store, limit):
            pass

    @precondition(lambda self: self.published)
    @rule()
    def anchor(self) -> None:
        latest = self.published[-1]
        text = parse_note(latest.note).text
        self.store.put_anchor(StoredAnchor(latest.size, note_hash(text), "mined", "0xaa", 1, "0xbb"))

    @rule(caught_up=st.booleans())
    def lose_derived_data(self, caught_up: bool) -> None:
        self.store.clear_derived()
        if caught_up:
            self.catch_up(40)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteStore(Path(self.folder.name))
        self.reader = LogReader(self.store, ORIGIN)

    @rule(anchored=st.booleans(), limit=st.integers(1, 4))
    def look_up(self, anchored: bool, limit: int) -> None:
        for tag in TAGS:
            self.look_up_tag(tag, anchored, limit)

    def look_up_tag(self, tag: bytes, anchored: bool, limit: int) -> None:
        try:
            checkpoint = self.reader.checkpoint("anchored" if anchored else "published")
        except NotYetPublished:
            assert anchored or not self.published
            return
        expected = [i for i, (_, tags) in enumerate(self.entries[: checkpoint.size]) if tag in tags]
        if self.store.integrated().size < checkpoint.size:
            with pytest.raises(Unavailable):
                self.reader.lookup(checkpoint, "subject", tag.hex())
            return
        history = self.reader.lookup(checkpoint, "subject", tag.hex())
        assert [entry.index for entry in history.entries] == expected
        assert [link.index for link in history.completeness.chain] == expected
        assert (history.count, history.next_after) == (len(expected), None)
        self.check_proof(checkpoint, tag, history.completeness.siblings, history.completeness.end)
        self.page_through(checkpoint, tag, expected, limit)

    def check_proof(
        self, checkpoint: StoredCheckpoint, tag: bytes, siblings: tuple[bytes, ...], end: object
    ) -> None:
        key = index_key("subject", tag)
        verify_index_proof(checkpoint.index_root, key, siblings, end)  # type: ignore[arg-type]

    def page_through(self, checkpoint: StoredCheckpoint, tag: bytes, expected: list[int], limit: int) -> None:
        after: After | None = None
        seen: list[int] = []
        head = EMPTY_HEAD
        while True:
            page = self.reader.lookup(checkpoint, "subject", tag.hex(), after, limit)
            section = page.completeness
            assert [link.index for link in section.chain] == expected[len(seen) :]
            if expected:
                assert section.end == Present(chain_value(section.chain, after))
            unproved, count = self.reader.page(checkpoint, "subject", tag.hex(), len(seen), limit)
            assert (unproved, count) == (page.entries, len(expected))
            seen += [entry.index for entry in page.entries]
            for entry in page.entries:
                head = chain_step(head, entry.index, entry.leaf_hash)
            if page.next_after is None:
                break
            assert page.next_after == After(len(seen), head, seen[-1])
            after = page.next_after
        assert seen == expected

    @precondition(lambda self: self.published and self.published[-1].size)
    @rule(data=st.data())
    def prove_in_the_tree(self, data: st.DataObject) -> None:
        latest = self.published[-1]
        if self.store.integrated().size < latest.size:
            return
        index = data.draw(st.integers(0, latest.size - 1))
        leaf = leaf_hash(self.entries[index][0])
        verify_inclusion(leaf, index, latest.size, self.reader.inclusion(index, latest.size), latest.root)
        earlier = data.draw(st.sampled_from(self.published))
        proof = self.reader.consistency(earlier.size, latest.size)
        verify_consistency(earlier.size, latest.size, proof, earlier.root, latest.root)
        assert self.reader.find_leaf(leaf) == index

    @invariant()
    def published_never_goes_back(self) -> None:
        for one, next_ in zip(self.published, self.published[1:], strict=False):
            assert one.size <= next_.size
            assert one.time <= next_.time
            assert one.size < next_.size or (one.root, one.index_root) == (next_.root, next_.index_root)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


LogLifecycle.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestLogLifecycle = LogLifecycle.TestCase

"""Signed submissions in, verified bundles out, whatever happens in between: a log as its users see it."""

import json
import tempfile
from pathlib import Path

import pytest
from fake_chain import FakeChain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from log_world import ORIGIN, TAG_KEY, World

from ledger.errors import IdReused, LedgerError, NotYetPublished
from ledger.formats.bundle import format_bundle
from ledger.formats.encoding import b64encode
from ledger.formats.envelope import BATCH_TYPE, STATEMENT_TYPE, parse_envelope, sign_envelope
from ledger.formats.note import note_hash
from ledger.formats.receipt import verify_receipt
from ledger.formats.statement import format_statement, parse_statement
from ledger.formats.tags import person_tag
from ledger.log.anchor import Anchorer, AnchorSettings
from ledger.log.audit import audit
from ledger.log.clock import system_clock
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import ChainPlace, Level, LogReader
from ledger.merkle import leaf_hash
from ledger.store import SqliteStore
from ledger.store.port import StoredCheckpoint
from ledger.verify import Question, verify_bundle

HOUR = 3600 * 1000
YEARS = 100 * 365 * 24 * 3600
KEYS = World.make()
PLACE = ChainPlace(4242, "0x" + "ab" * 20)
NOBODY = ("subject", person_tag(TAG_KEY, 0, "110105194912310038"))

# Of lists whose length depends on chance: what is drawn must not.
picks = st.integers(0, 9_999)


class WholeLog(RuleBasedStateMachine):
    """A log beside what its users hold: their submissions, their receipts, and what they asked about."""

    @initialize()
    def found(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.now = system_clock()
        self.world = World(KEYS.member, KEYS.stranger, KEYS.log, KEYS.sealer, lambda: self.now)
        self.entries: list[bytes] = []
        self.receipts: list[tuple[list[bytes] | bytes, bytes]] = []
        self.keys: dict[tuple[str, str], list[int]] = {NOBODY: []}
        self.published: list[StoredCheckpoint] = []
        self.chain = FakeChain()
        self.open()

    def open(self) -> None:
        self.store = SqliteStore(self.path)
        self.appender = self.world.appender(self.store)
        self.reader = LogReader(self.store, ORIGIN, PLACE)
        at_once = AnchorSettings(interval=0, stuck=0, patience=0, alarm=0)
        self.anchorer = Anchorer(self.store, ORIGIN, self.chain, self.world.clock, at_once)  # type: ignore[arg-type]

    @property
    def path(self) -> Path:
        return Path(self.folder.name)

    # Submitting

    def accepted(self, submission: list[bytes] | bytes, envelopes: list[bytes], receipt: bytes) -> None:
        """Note what is in the log from now on, and hold the receipt against it."""
        said = verify_receipt(receipt, self.world.log.public)
        assert said.leaf_index == len(self.entries)
        assert said.leaf_hash == leaf_hash(envelopes[0])
        assert said.accepted_at == self.now
        assert (said.batch is not None) == (len(envelopes) > 1)
        for envelope in envelopes:
            parsed = parse_envelope(envelope)
            if parsed.payload_type != BATCH_TYPE:
                for name, tags in parse_statement(parsed.payload).keys.items():
                    for tag in tags:
                        self.keys.setdefault((name, tag), []).append(len(self.entries))
            self.entries.append(envelope)
        self.receipts.append((submission, receipt))

    @rule(times=st.integers(1, 3))
    def submit_one(self, times: int) -> None:
        for _ in range(times):
            envelope = self.world.envelope()
            self.accepted(envelope, [envelope], self.appender.submit(envelope))

    @rule()
    def submit_about_a_person(self) -> None:
        envelope, salt, content = self.world.sealed()
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
        submission = json.dumps({"entry": b64encode(envelope), "disclosure": disclosure}).encode()
        self.accepted(submission, [envelope], self.appender.submit(submission))

    @rule(size=st.integers(1, 9))
    def submit_batch(self, size: int) -> None:
        lines = self.world.batch(size)
        self.accepted(lines, lines, self.appender.submit_batch(lines))

    @precondition(lambda self: self.receipts)
    @rule(pick=picks)
    def submit_again(self, pick: int) -> None:
        submission, receipt = self.receipts[pick % len(self.receipts)]
        batch = isinstance(submission, list)
        answer = self.appender.submit_batch(submission) if batch else self.appender.submit(submission)  # type: ignore[arg-type]
        assert answer == receipt
        assert self.store.size() == len(self.entries)

    @precondition(lambda self: self.receipts)
    @rule(pick=picks)
    def use_an_id_again(self, pick: int) -> None:
        submission, _ = self.receipts[pick % len(self.receipts)]
        if isinstance(submission, list) or submission.startswith(b'{"entry"'):
            return
        statement = parse_statement(parse_envelope(submission).payload)
        other = self.world.statement(id=statement.id)
        with pytest.raises(IdReused):
            self.appender.submit(sign_envelope(STATEMENT_TYPE, other, self.world.member))
        forged = sign_envelope(STATEMENT_TYPE, format_statement(statement), self.world.stranger)
        with pytest.raises(LedgerError):
            self.appender.submit(forged)
        assert self.store.size() == len(self.entries)

    # The worker

    @rule(limit=st.sampled_from([1, 3, 40]))
    def integrate(self, limit: int) -> None:
        integrate(self.store, limit)

    @rule(later=st.sampled_from([0, 2_000, 7 * HOUR]))
    def publish(self, later: int) -> None:
        """Also what refreshes an unchanged checkpoint."""
        self.now += later
        checkpoint = publish(self.store, ORIGIN, self.world.log, self.now // 1000)
        if checkpoint is not None:
            self.published.append(checkpoint)

    @rule(rounds=st.integers(1, 4))
    def anchor(self, rounds: int) -> None:
        for _ in range(rounds):
            self.anchorer.step()
            self.chain.mine()

    @rule()
    def work_through(self) -> None:
        """Everything that waits goes all the way."""
        while integrate(self.store):
            pass
        self.publish(0)
        self.anchor(4)

    @rule(back=st.integers(1, 4))
    def chain_goes_back(self, back: int) -> None:
        self.chain.forget(max(1, len(self.chain.blocks) - back))

    @rule(limit=st.sampled_from([2, 40]))
    def rebuild(self, limit: int) -> None:
        self.store.clear_derived()
        while integrate(self.store, limit):
            pass

    @rule()
    def restart(self) -> None:
        self.appender.close()
        self.store.close()
        self.open()

    # Asking

    def question(self, *keys: tuple[str, str]) -> Question:
        return Question(self.now, max_age=YEARS, trust_max_age=YEARS, expect=keys)

    @rule(pick=picks, level=st.sampled_from(["published", "anchored", "final"]))
    def ask(self, pick: int, level: Level) -> None:
        try:
            checkpoint = self.reader.checkpoint(level)
        except NotYetPublished:
            return
        name, tag = list(self.keys)[pick % len(self.keys)]
        expected = [index for index in self.keys[name, tag] if index < checkpoint.size]
        history = self.reader.lookup(checkpoint, name, tag)
        assert [entry.index for entry in history.entries] == expected
        bundle = self.reader.bundle(checkpoint, expected, [history.completeness])
        report = verify_bundle(format_bundle(bundle), self.world.trust(), self.question((name, tag)))
        assert report.exit_status == 0, report.findings
        if level != "published":
            assert bundle.anchor is not None
            assert bundle.anchor.note_hash == note_hash(bundle.note.text)

    @precondition(lambda self: self.published and self.published[-1].size)
    @rule(pick=picks, picked=st.lists(picks, min_size=1, max_size=4))
    def ask_under_any_checkpoint(self, pick: int, picked: list[int]) -> None:
        checkpoints = [each for each in self.published if each.size]
        checkpoint = checkpoints[pick % len(checkpoints)]
        indexes = [each % checkpoint.size for each in picked]
        if self.store.integrated().size < checkpoint.size:
            return
        bundle = self.reader.bundle(checkpoint, indexes)
        report = verify_bundle(format_bundle(bundle), self.world.trust(), self.question())
        assert report.exit_status == 0, report.findings

    @rule(with_chain=st.booleans())
    def audit(self, with_chain: bool) -> None:
        chain = self.chain if with_chain else None
        report = audit(self.store, self.path, self.world.rules(), chain=chain, processes=1)  # type: ignore[arg-type]
        codes = {finding.code for finding in report.findings}
        if with_chain:
            # What the chain lost is recorded until the next round of anchoring notices.
            codes -= {"anchor_missing", "anchor_differs"}
        assert codes == set()
        assert report.entries == len(self.entries)

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.work_through()
        # What the chain forgot last is noticed, sent again, mined and confirmed, each in a step of its own.
        self.anchor(8)
        assert [self.store.entry(index).entry for index in range(len(self.entries))] == self.entries  # type: ignore[union-attr]
        assert self.published[-1].size == len(self.entries) == self.store.size()
        report = audit(self.store, self.path, self.world.rules(), chain=self.chain, processes=1)  # type: ignore[arg-type]
        superseded = "anchor_superseded" in self.anchorer.state.alarms
        assert superseded or report.findings == []
        self.appender.close()
        self.store.close()
        self.folder.cleanup()


# Without shrinking, which takes minutes here; the steps of a failure are printed as they were.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
WholeLog.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None, phases=PHASES)
TestWholeLog = WholeLog.TestCase

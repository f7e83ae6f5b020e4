"""A log with witnesses for tests, and logs that lie with the same key.

Run as a program, `python witness_world.py follow|look FOLDER`, it is one process of a witness to kill.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from log_world import ORIGIN, World

from ledger.errors import NotFound
from ledger.formats.note import (
    WITNESS_IDENTIFIER,
    Checkpoint,
    SignedNote,
    checkpoint_text,
    parse_note,
    parse_signature_lines,
    sign_note,
    verification_key,
)
from ledger.formats.trust import NamedKey, Trust, Window, Witnesses
from ledger.gm import PrivateKey, Signer, signer
from ledger.log.clock import system_clock
from ledger.log.integrate import integrate
from ledger.log.publish import publish
from ledger.log.reader import LogReader
from ledger.log.witnessing import Witnessing, WitnessingSettings
from ledger.store import SqliteStore
from ledger.witness.follower import Cosigner, Follower
from ledger.witness.store import WitnessStore

NAMES = ("hezhou.example/witness", "linjiang.example/witness", "beishan.example/witness")


@dataclass
class WitnessedLog:
    """One history of the log ORIGIN in a folder, and its side of witnessing."""

    world: World
    folder: Path
    trust: Callable[[], Trust]
    ahead: int = 0

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.folder)
        self.witnessing = Witnessing(
            self.store, ORIGIN, self.trust, self.clock, WitnessingSettings(patience=30_000, look=0)
        )
        self.reader = LogReader(self.store, ORIGIN, None, self.witnessing)

    def clock(self) -> int:
        return system_clock() + self.ahead

    def append(self, entries: int = 1, batch: int = 0) -> None:
        appender = self.world.appender(self.store)
        for _ in range(entries):
            appender.submit(self.world.envelope())
        if batch:
            appender.submit_batch(self.world.batch(batch))
        appender.close()

    def publish(self) -> SignedNote:
        """What the worker does: integrate, publish, look after the candidate."""
        while integrate(self.store) is not None:
            pass
        published = publish(self.store, ORIGIN, self.world.log, self.clock() // 1000)
        assert published is not None
        self.witnessing.advance()
        return parse_note(published.note)

    def grow(self, entries: int = 1, batch: int = 0) -> SignedNote:
        self.append(entries, batch)
        return self.publish()

    # As a `LogSource`

    def newest(self) -> SignedNote:
        return parse_note(self.reader.checkpoint().note)

    def candidate(self) -> SignedNote:
        return parse_note(self.witnessing.candidate().note)

    def published(self, size: int, note_hash: bytes) -> SignedNote:
        found = self.store.checkpoint(size, note_hash)
        if found is None:
            raise NotFound
        return parse_note(found.note)

    def consistency(self, first: int, second: int) -> list[bytes]:
        return self.reader.consistency(first, second)

    def inclusion(self, leaf: bytes, size: int) -> tuple[int, list[bytes]]:
        index = self.reader.find_leaf(leaf)
        if index is None:
            raise NotFound
        return index, self.reader.inclusion(index, size)

    def entries(self, start: int, stop: int) -> list[bytes]:
        return list(self.store.entry_bytes(start, stop))

    def cosign(self, size: int, note_hash: bytes, line: str) -> None:
        self.witnessing.accept(size, note_hash, line + "\n")


@dataclass
class WitnessWorld:
    """The keys of a log and of three witnesses, of whom `threshold` must vouch."""

    folder: Path
    world: World
    witnesses: tuple[Signer, ...]
    threshold: int = 2

    @classmethod
    def make(cls, folder: Path) -> "WitnessWorld":
        """Fresh keys, or those that an earlier call left in the folder."""
        file = folder / "witnesses.json"
        if not file.exists():
            secrets = [PrivateKey.generate().secret_bytes().hex() for _ in NAMES]
            file.write_text(json.dumps(secrets))
        keys = tuple(signer(PrivateKey(bytes.fromhex(text))) for text in json.loads(file.read_text()))
        return cls(folder, World.make(folder), keys)

    def named(self, number: int, window: Window | None = None) -> NamedKey:
        key = verification_key(NAMES[number], WITNESS_IDENTIFIER, self.witnesses[number].public)
        return NamedKey(key, window or Window(0))

    def trust(self) -> Trust:
        plain = self.world.trust()
        keys = tuple(self.named(number) for number in range(len(self.witnesses)))
        log = replace(plain.logs[ORIGIN], witnesses=Witnesses(keys, self.threshold))
        return replace(plain, logs={ORIGIN: log})

    def log(self, name: str = "log") -> WitnessedLog:
        return WitnessedLog(self.world, self.folder / name, self.trust)

    def follower(self, number: int, source: object, clock: Callable[[], int] = system_clock) -> Follower:
        home = self.folder / f"witness{number}"
        (home / "evidence").mkdir(parents=True, exist_ok=True)
        cosigner = Cosigner(NAMES[number], self.witnesses[number])
        return Follower(
            ORIGIN,
            source,  # type: ignore[arg-type]
            WitnessStore(home),
            self.trust,
            cosigner,
            home / "evidence",
            clock,
        )

    def signed(self, checkpoint: Checkpoint) -> SignedNote:
        """Any checkpoint, signed with the log's key."""
        text = checkpoint_text(checkpoint)
        return SignedNote(
            checkpoint, text, parse_signature_lines(sign_note(text, checkpoint.origin, self.world.log))
        )


if __name__ == "__main__":
    place = Path(sys.argv[2])
    made = WitnessWorld.make(place)
    made.follower(0, made.log(sys.argv[3] if len(sys.argv) > 3 else "log")).step()

"""What a check looks up and finds, without the asking and the logging: for one process or for several.

A `Finder` reads under one checkpoint and says what the records amount to. It knows nothing of who asks, so
several processes may each find a part of many subjects' answers (`Part`), and no look is anybody's but the
service's that logs it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ledger.catalog import Catalogue, Editions
from ledger.domain.refusals import unknown_matter
from ledger.domain.rules import Rules, rules_of
from ledger.errors import Unavailable
from ledger.formats.bundle import Bundle
from ledger.log.reader import History, LogReader
from ledger.services.answers import CatalogueReference, Frame, Level
from ledger.services.checking.batch import Teller, Told
from ledger.services.checking.editions import EditionEntries
from ledger.services.checking.findings import MOST_OTHERS, Found, find
from ledger.services.checking.standing import Ground
from ledger.services.checking.subjects import SUBJECT_INDEX, Question
from ledger.services.evidence import under_checkpoint
from ledger.services.facts import FactCache
from ledger.store.port import StoredCheckpoint

T = TypeVar("T")
Looked = tuple[dict[str, History], CatalogueReference]
"""The histories by tag, and the edition as an answer names it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the questions of a batch, and all that it takes to answer them elsewhere alike."""

    checkpoint: StoredCheckpoint
    frame: Frame
    today: str
    questions: tuple[Question, ...]


class Finder:
    """`reader` is the credit log's; `operator` the USCC of who runs it. Safe for many threads."""

    def __init__(self, reader: LogReader, editions: Editions, operator: str) -> None:
        self._reader = reader
        self._editions = editions
        self._operator = operator
        self._facts = FactCache()
        self._entries = EditionEntries(reader, self._facts, operator)
        self._rules: dict[str, Rules] = {}

    def ground(self, matter: str, day: str, today: str, whole: bool) -> Ground:
        """What a question about a day is judged by. Raises `MatterUnknown`."""
        catalogue = self._editions.at(day)
        row = catalogue.matter(matter)
        if row is None:
            raise unknown_matter(catalogue)
        current = catalogue if day == today else self._editions.current(today)
        return Ground(row, day, today, catalogue, self._rules_of(catalogue), self._rules_of(current), whole)

    def _rules_of(self, catalogue: Catalogue) -> Rules:
        rules = self._rules.get(catalogue.sm3)
        if rules is None:
            earlier = self._editions.before(catalogue)
            rules = self._rules[catalogue.sm3] = rules_of(catalogue, self._operator, earlier)
        return rules

    def look_up(
        self, level: Level, questions: Sequence[Question], catalogue: Catalogue
    ) -> tuple[StoredCheckpoint, Looked]:
        """The histories of all tags and the edition's entry, under one checkpoint."""
        return under_checkpoint(
            self._reader,
            level,
            lambda checkpoint: (
                self._histories(checkpoint, questions),
                self._entries.reference(checkpoint, catalogue),
            ),
        )

    def under_checkpoint(
        self,
        level: Level,
        catalogue: Catalogue,
        answer: Callable[[StoredCheckpoint, CatalogueReference], T],
    ) -> T:
        """Answer under a checkpoint of a level, and the edition as answers under it name it."""
        return under_checkpoint(
            self._reader,
            level,
            lambda checkpoint: answer(checkpoint, self._entries.reference(checkpoint, catalogue)),
        )[1]

    def _histories(self, checkpoint: StoredCheckpoint, questions: Sequence[Question]) -> dict[str, History]:
        tags = list(dict.fromkeys(tag for question in questions for tag in question.tags))
        return dict(zip(tags, self._reader.lookup_many(checkpoint, SUBJECT_INDEX, tags), strict=True))

    def find(
        self,
        question: Question,
        histories: Mapping[str, History],
        ground: Ground,
        *,
        shown: bool = True,
        others_shown: int = MOST_OTHERS,
    ) -> Found:
        """What the entries say about one subject; see `findings.find`."""
        return find(question, histories, self._facts.fact, ground, shown=shown, others_shown=others_shown)

    def bundle(
        self,
        checkpoint: StoredCheckpoint,
        questions: Sequence[Question],
        found: Sequence[Found],
        looked: Looked,
    ) -> Bundle:
        """The entries shown, the edition's, and a completeness section for each key of these questions."""
        histories, reference = looked
        indexes = {index for each in found for index in each.shown}
        edition = reference.entry.index if questions and reference.entry is not None else None
        tags = dict.fromkeys(tag for question in questions for tag in question.tags)
        sections = [histories[tag].completeness for tag in tags]
        held = [entry for tag in tags for entry in histories[tag].entries]
        return self._reader.bundle(checkpoint, sorted(indexes), sections, held=held, common=edition)

    def tell(self, part: Part) -> list[Told]:
        """What is told about each subject of a part, without proofs.

        Raises `Unavailable` when this process has another edition of the catalogue, or the checkpoint has
        become too old.
        """
        frame = part.frame
        ground = self.ground(frame.matter, frame.day, part.today, frame.view == "whole")
        if ground.catalogue.sm3 != frame.catalogue.sm3:
            raise Unavailable("another edition of the catalogue has come into force")
        histories = self._histories(part.checkpoint, part.questions)
        teller = Teller(frame)
        return [
            teller.tell(self.find(question, histories, ground, shown=False).findings)
            for question in part.questions
        ]

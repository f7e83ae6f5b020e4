"""What a subject's own view answers: plain frozen values, as in `answers`."""

from dataclasses import dataclass
from typing import Any, Literal

from ledger.services.answers import (
    After,
    CheckpointReference,
    CompletenessSummary,
    EntryReference,
    Logged,
    ShownSubject,
    TrailAuthorisation,
    TrailEvent,
)

Section = Literal["both", "records", "trail"]
Standing = Literal["open", "erased", "unreadable", "of_another", "none"]


@dataclass(frozen=True, slots=True)
class OwnState:
    """How a record, a step or a certificate stands today; members that do not apply are None.

    `state` and `reason` are those of the folds (`published`, `repaired`, `expired`, ..., a step's `applied`
    or `ineffective`, a certificate's code of GB/T 36903); `changed_by` is the entry that ended a record.
    """

    state: str
    reason: str | None = None
    counts: bool | None = None
    objected: bool | None = None
    repair: str | None = None
    corrected: bool | None = None
    publish_from: str | None = None
    publish_until: str | None = None
    repair_from: str | None = None
    changed_by: EntryReference | None = None


@dataclass(frozen=True, slots=True)
class OwnContent:
    """Sealed content: `open` with what it says, `erased`, `unreadable` (damaged), `of_another` (sealed for
    an organisation behind which the person stands), or `none` where nothing was sealed."""

    standing: Standing
    personal: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """One statement about the subject. `role` is `itself` or as what the person stands behind its subject."""

    log: str
    kind: str
    entry: EntryReference
    accepted_at: str
    role: str
    refers: tuple[str, ...]
    body: dict[str, Any]
    state: OwnState | None
    content: OwnContent


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """Where a page of records ended: the log's place among those shown, and the index of its last entry."""

    log: int
    index: int


@dataclass(frozen=True, slots=True)
class OwnProof:
    """What proves one log's part of the records: its checkpoint, and that nothing is left out."""

    log: str
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """A page of records; `after` None on the last. `bundles` holds one bundle per log, by its short name."""

    statements: tuple[OwnStatement, ...]
    proofs: tuple[OwnProof, ...]
    after: OwnPlace | None
    bundles: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class OwnTrail:
    """A page of the trail, as `TrailAnswer` has it."""

    events: tuple[TrailEvent, ...]
    authorisations: tuple[TrailAuthorisation, ...]
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    after: After | None
    epoch: int | None
    bundle: bytes


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """A subject's own view on a day; a part that was not asked for is None."""

    subject: ShownSubject
    day: str
    records: OwnRecords | None
    trail: OwnTrail | None
    logged: Logged

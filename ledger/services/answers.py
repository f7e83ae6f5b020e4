"""What the services answer: plain frozen values, which the API turns into JSON and the CLI into lines.

Times are RFC 3339 text, days `YYYY-MM-DD`, hashes and tags lowercase hex. Nothing here holds an identity
number or a person's name: a person stands masked (`3205**********1234`) and by tag.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

from ledger.domain.facts import Fact

Level = Literal["published", "anchored", "final"]
"""How far the checkpoint under an answer must be proved."""
Decision = Literal["prohibit", "restrict", "caution", "clear", "incentive"]


class Principal(Protocol):
    """The member that asks: its USCC and its roles in the registry."""

    @property
    def member(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class SubjectQuery:
    """Who is asked about: an organisation by USCC or a person by resident ID.

    `repr` hides the code, so that a person's number does not reach a traceback or a log line.
    """

    type: Literal["organisation", "person"]
    code: str

    def __repr__(self) -> str:
        return f"SubjectQuery({self.type})"


@dataclass(frozen=True, slots=True)
class Asked:
    """The frame of every question: who asks, at which desk, for what purpose, on what legal basis.

    `authorisation` names the proof that the person asked about agreed, where the law wants one.
    """

    principal: Principal
    operator: str
    purpose: str
    basis: str
    authorisation: str | None = None


@dataclass(frozen=True, slots=True)
class ShownSubject:
    """A subject as it is shown: an organisation's code in clear, a person's number masked; its tags, a
    person's one per epoch."""

    type: str
    code: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckpointReference:
    """The checkpoint that an answer stands under, and how far it is proved."""

    origin: str
    size: int
    root: str
    index_root: str
    time: str
    level: Level
    tx_hash: str | None = None
    block_number: int | None = None


@dataclass(frozen=True, slots=True)
class CompletenessSummary:
    """One completeness section of the bundle: the key's entries under the checkpoint, how many are shown
    here, and how many stand as hash only. `total` counts the whole chain, earlier pages included."""

    name: str
    tag: str
    total: int
    shown: int
    undisclosed: int


@dataclass(frozen=True, slots=True)
class CatalogueReference:
    """The edition of the catalogue that was applied, and its SM3."""

    edition: str
    sm3: str


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a look was logged: leaf index in the access log, the entry's bytes, and the log's receipt.

    A receipt for a batch names the manifest's index as `first_index`; `manifest` is that entry's bytes.
    """

    origin: str
    index: int
    id: str
    leaf_hash: str
    entry: bytes
    manifest: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class EntryReference:
    """An entry by its place and hash, and the statement in it by what others refer to it with."""

    index: int
    leaf_hash: str
    issuer: str
    id: str


def reference_of(fact: Fact, leaf_hash: str) -> EntryReference:
    """The reference to a logged statement."""
    return EntryReference(fact.index, leaf_hash, fact.issuer, fact.id)


@dataclass(frozen=True, slots=True)
class AppliedMeasure:
    """A measure that applies now: what, on what legal basis, for how long, until when (None: while listed
    or for life, as `term` says), and the mark of the catalogue's row."""

    code: str
    name: str
    basis: str
    term: str
    until: str | None
    mark: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A list entry in force that bears on the matter."""

    list: str
    list_name: str
    list_kind: Literal["red", "serious", "attention", "unknown"]
    case: str
    authority: str
    authority_name: str
    basis: str
    grounds: str
    from_day: str
    until: str | None
    decision: Decision
    measures: tuple[AppliedMeasure, ...]
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class NoLonger:
    """An entry that no longer counts: by reference, digest and reason only.

    `reason`: `repaired`, `lifted`, `withdrawn`, `expired` (its end passed), `replaced`, `not_yet`, `removal`
    (the entry that removes another), `ineffective` (a removal that fits no entry).
    """

    entry: EntryReference
    reason: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """The answer of a joint-punishment check; `day` is the date it speaks of."""

    subject: ShownSubject
    matter: str
    matter_name: str
    day: str
    decision: Decision
    hits: tuple[Hit, ...]
    no_longer: tuple[NoLonger, ...]
    other_entries: int
    catalogue: CatalogueReference
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    bundle: bytes
    logged: Logged


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One access event of a trail. `subject` is None where the reader's role does not show it."""

    entry: EntryReference
    issuer: str
    id: str
    action: str
    resource: str
    member: str
    operator: str | None
    exchange: str
    subject: dict[str, Any] | None
    purpose: str
    basis: str
    authorisation: str | None
    outcome: str
    rows: int | None
    happened_at: str


@dataclass(frozen=True, slots=True)
class After:
    """Where a trail's page ended: entries so far, chain head (hex) and log index of the last one."""

    count: int
    head: str
    last: int


@dataclass(frozen=True, slots=True)
class TrailAnswer:
    """One page of a trail; `after` is None on the last page.

    A person's trail by resident ID has one chain per epoch: pages go through them one after the other, and
    `epoch` says which one this page is of.
    """

    by: str
    tags: tuple[str, ...]
    events: tuple[TrailEvent, ...]
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    after: After | None
    epoch: int | None
    bundle: bytes
    logged: Logged


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass`, `fail` or `unknown`, a stable reason code, and a sentence in Chinese and in English."""

    verdict: Literal["pass", "fail", "unknown"]
    reason: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class CertificateAnswer:
    """Four separate verdicts about a certificate, without its holder; `state` is the code of GB/T 36903."""

    identifier: str
    identifier_verdict: Verdict
    file_verdict: Verdict
    issuer_verdict: Verdict
    status_verdict: Verdict
    state: str | None
    state_name: str | None
    valid_from: str | None
    valid_until: str | None
    issuer: str | None
    replaced_by: str | None
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    bundle: bytes
    day: date

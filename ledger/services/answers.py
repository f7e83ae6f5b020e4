"""What the services answer: plain frozen values, which the API turns into JSON and the CLI into lines.

Times are RFC 3339 text, days `YYYY-MM-DD`, hashes and tags lowercase hex. Nothing here holds an identity
number or a person's name: a person stands masked (`3205**********1234`) and by tag.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from ledger.domain.facts import Fact
from ledger.formats.answer import canonical_answer
from ledger.services.documents import document_of as document_of
from ledger.services.questions import ITSELF as ITSELF
from ledger.services.questions import Asked as Asked
from ledger.services.questions import Level as Level
from ledger.services.questions import Principal as Principal
from ledger.services.questions import RelatedQuery as RelatedQuery
from ledger.services.questions import RelatedRole as RelatedRole
from ledger.services.questions import SubjectQuery as SubjectQuery
from ledger.services.questions import View as View

Decision = Literal["prohibit", "restrict", "caution", "clear", "incentive"]
NameMatch = Literal["yes", "no", "unknown"]


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
class CatalogueReference:
    """The edition of the catalogue that was applied (the one in force on the day asked about), its SM3, and
    the entry that published it, which is also in the bundle; None until the log has one."""

    edition: str
    sm3: str
    entry: EntryReference | None = None


@dataclass(frozen=True, slots=True)
class AskedKey:
    """One index key that was asked for, and proved: `role` is `itself` or that of a related person."""

    name: str
    tag: str
    epoch: int
    role: str


@dataclass(frozen=True, slots=True)
class ShownRelated:
    """A related person as shown: the role, the number masked, and the tags, one per epoch."""

    role: str
    code: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a look was logged: leaf index in the access log, the entry's bytes, and the log's receipt.

    A receipt for a batch names the manifest's index as `first_index`; `manifest` is that entry's bytes.
    `related` are the looks at persons behind the subject, each logged by itself.
    """

    origin: str
    index: int
    id: str
    leaf_hash: str
    entry: bytes
    manifest: bytes
    receipt: bytes
    related: tuple["Logged", ...] = ()


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
class RecordSubject:
    """Whose record a hit is, where it is not the subject's own: an organisation's code and name, or a person
    by the masked number of the related person that was given (None where nobody gave it)."""

    type: str
    code: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A record in force that bears on the matter, or a joint punishment case that carries one.

    `record` is its kind of statement, `title` the list's or the kind's Chinese name; `list`, `list_name`,
    `list_kind` (`red`, `serious`, `attention`, `unknown`) are None but for lists. `case` is the number of the
    decision. `roles` are the relations that lead from the subject asked about to the record's subject `of`:
    none for its own. `objected`, `repair` (`applied`, `accepted`, `rejected`) and `corrected` are what is
    noted on the record.
    """

    record: str
    title: str
    list: str | None
    list_name: str | None
    list_kind: str | None
    severity: str | None
    case: str
    authority: str
    authority_name: str
    basis: str | None
    grounds: str | None
    from_day: str
    until: str | None
    objected: bool
    repair: str | None
    corrected: bool | None
    roles: tuple[str, ...]
    of: RecordSubject | None
    decision: Decision
    measures: tuple[AppliedMeasure, ...]
    entry: EntryReference


@dataclass(frozen=True, slots=True)
class NoLonger:
    """An entry that the answer does not share: by reference, digest and reason only.

    `reason` of a record: `repaired`, `lifted`, `withdrawn`, `expired`, `replaced`, `not_yet`,
    `not_published`; of a step `step`, or `ineffective` where it fits no record; of a joint punishment case
    `case_` and its state, or `not_bearing` on this matter. Two sorts count and are left out: `not_followed`,
    another subject's records that no measure follows, and `not_shown`, the oldest of very many. `changed_by`
    is the entry that ended the record, if one did.
    """

    entry: EntryReference
    reason: str
    changed_by: EntryReference | None = None


@dataclass(frozen=True)
class Findings:
    """What is said about one subject; members of the answer of a check and of each item of a batch.

    `keys` are exactly the index keys that were asked for, each proved in the bundle: absent or complete.
    `not_asked` are roles that the matter asks for and the caller gave nobody for. `name_matches` compares
    the name given with those in the records that count: `unknown` where there is none to compare.
    `other_entries` counts records that count and do not bear on the matter.
    """

    subject: ShownSubject
    name_matches: NameMatch | None
    related: tuple[ShownRelated, ...]
    not_asked: tuple[str, ...]
    keys: tuple[AskedKey, ...]
    decision: Decision
    hits: tuple[Hit, ...]
    no_longer: tuple[NoLonger, ...]
    other_entries: int
    completeness: tuple[CompletenessSummary, ...]


@dataclass(frozen=True)
class Frame:
    """What all answers of one question have in common: matter, day, catalogue, checkpoint."""

    matter: str
    matter_name: str
    day: str
    view: View
    catalogue: CatalogueReference
    checkpoint: CheckpointReference


@dataclass(frozen=True)
class CheckAnswer(Findings, Frame):
    """The answer of a joint-punishment check; `day` is the date it speaks of.

    `logged` is the look at the subject, with those at the related persons; each names the SM3 of
    `answer_bytes`, which `said` is, where whoever made the answer kept it.
    """

    bundle: bytes
    logged: Logged
    said: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one subject of many was not checked: an error's code, its sentences and detail."""

    code: str
    zh: str
    en: str
    detail: str


@dataclass(frozen=True, slots=True)
class LoggedAt:
    """One look of many: index in the access log, id, and the entry's leaf hash; `related` are the looks at
    persons behind the subject."""

    index: int
    id: str
    leaf_hash: str
    related: tuple["LoggedAt", ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """Looks that were logged under one manifest: where, how many, the manifest's bytes, and the receipt.

    The looks have the `size` indexes from `first_index` on; the manifest's is the one before.
    """

    origin: str
    first_index: int
    size: int
    manifest: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One subject of many, in the order asked: its findings or why there are none.

    `same_as` is the place of an earlier item with the same subject: looked at, and logged, once. `said` are
    the findings as canonical JSON, where whoever made the answer kept it; of a large batch only these.
    """

    findings: Findings | None
    refusal: Refusal | None = None
    same_as: int | None = None
    logged: LoggedAt | None = None
    said: bytes = b""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answers about many subjects under one checkpoint; `items` in the order asked.

    `bundle` proves the keys of all items where proofs were asked for. `logged` are the manifests of the
    looks; each look names the SM3 of `item_bytes` of its item.
    """

    frame: Frame
    items: tuple[BatchItem, ...]
    logged: tuple[LoggedBatch, ...]
    bundle: bytes | None


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
    basis_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TrailAuthorisation:
    """An authorisation in a trail, granted or withdrawn; `authorisation` is its name, `ISSUER:ID`.

    `from_day` is the first day on which it is in force, or from which it is withdrawn. A withdrawal says
    nothing of scope and uses; `checked_by` is None where the reader's role does not show it.
    """

    entry: EntryReference
    change: Literal["granted", "revoked"]
    authorisation: str
    number: str
    from_day: str
    until: str | None = None
    grantee: str | None = None
    matters: tuple[str, ...] = ()
    purposes: str | None = None
    uses: int | None = None
    evidence: str | None = None
    checked_by: str | None = None


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
    authorisations: tuple[TrailAuthorisation, ...] = ()


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


def answer_bytes(answer: CheckAnswer) -> bytes:
    """The canonical bytes of an answer (`formats.answer`); their SM3 is `answer` in the look's event."""
    return answer.said or canonical_answer(document_of(answer))


def item_bytes(frame: Frame, findings: Findings) -> bytes:
    """The same of one item of a batch: the members of the frame and of its findings together."""
    return canonical_answer(document_of(frame) | document_of(findings))

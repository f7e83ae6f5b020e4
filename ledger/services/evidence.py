"""What the services share: the frame of a question, parsed entries, and how an answer is proved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import TypeVar

from ledger.domain import AccessEvent, OrganisationCode, Person, parse_body
from ledger.domain.kinds import kind_of
from ledger.domain.subjects import organisation_tag_of
from ledger.errors import IdentifierInvalid, PurposeMissing, Unavailable
from ledger.formats.bundle import Bundle, Completeness
from ledger.formats.statement import new_id
from ledger.formats.tags import person_tag
from ledger.formats.times import format_time
from ledger.identifiers import ResidentId, check_uscc
from ledger.log.reader import LogReader
from ledger.services.answers import (
    Asked,
    CheckpointReference,
    CompletenessSummary,
    Level,
    ShownSubject,
    SubjectQuery,
)
from ledger.services.facts import FactCache as FactCache
from ledger.store.port import StoredCheckpoint

T = TypeVar("T")

CHINA = timezone(timedelta(hours=8))
"""Days of law are days in China."""
_CHECKPOINT_TRIES = 3


def check_asked(asked: Asked) -> None:
    """Refuse a question without purpose or legal basis, before anything is looked up.

    Raises `PurposeMissing`.
    """
    if not asked.purpose.strip() or not asked.basis.strip():
        raise PurposeMissing


def today(clock_ms: int) -> date:
    """The day in China at a time in milliseconds."""
    return datetime.fromtimestamp(clock_ms / 1000, UTC).astimezone(CHINA).date()


@dataclass(frozen=True, slots=True)
class ResolvedSubject:
    """A subject that was asked about: how it is shown, its tags by epoch (0 for an organisation), and how
    it stands in an access event. Holds no identity number."""

    shown: ShownSubject
    tags: tuple[tuple[int, str], ...]
    reference: OrganisationCode | Person


def resolve_subject(query: SubjectQuery, person_tag_keys: Mapping[int, bytes]) -> ResolvedSubject:
    """Check a subject's code and compute its tags, a person's one per epoch.

    Raises `IdentifierInvalid`, `CheckDigitWrong`, `DateInvalid`; none of them quotes the code.
    """
    if query.type == "organisation":
        check_uscc(query.code)
        tag = organisation_tag_of(query.code)
        reference = OrganisationCode.model_construct(type="organisation", uscc=query.code)
        return ResolvedSubject(ShownSubject("organisation", query.code, (tag,)), ((0, tag),), reference)
    if query.type != "person":
        raise IdentifierInvalid("a subject is an organisation or a person")
    resident = ResidentId.parse(query.code)
    if not person_tag_keys:
        raise Unavailable("this deployment holds no person-tag key, so persons cannot be looked up")
    tags = tuple(
        (epoch, person_tag(person_tag_keys[epoch], epoch, resident.number))
        for epoch in sorted(person_tag_keys)
    )
    epoch, tag = tags[-1]
    person = Person.model_construct(type="person", person_tag=tag, epoch=epoch)
    shown = ShownSubject("person", resident.mask(), tuple(tag for _, tag in tags))
    return ResolvedSubject(shown, tags, person)


def look(
    asked: Asked,
    *,
    action: str,
    resource: str,
    subject: OrganisationCode | Person | None,
    rows: int,
    now: int,
    randomness: Callable[[int], bytes],
    answer: str | None = None,
) -> AccessEvent:
    """The access event of a look that is about to be answered; `now` in milliseconds.

    `answer` is the SM3 of what is answered (`answer_bytes`). Raises `StatementInvalid` when purpose, basis,
    desk or authorisation are not in form.
    """
    authorisation = (asked.authorisation or "").strip() or None
    said = _said(
        action,
        resource,
        asked.principal.member,
        asked.operator,
        asked.purpose.strip(),
        asked.basis.strip(),
        authorisation,
        asked.basis_code,
    )
    known: dict[str, object] = {
        "exchange": new_id(now, randomness(10)),
        "outcome": "done" if rows else "none",
        "rows": rows,
        "happened_at": format_time(now),
    }
    if subject is not None:
        known["subject"] = subject
    if answer is not None:
        known["answer"] = answer
    return said.model_copy(update=known)


@lru_cache(maxsize=1_024)
def _said(
    action: str,
    resource: str,
    member: str,
    operator: str,
    purpose: str,
    basis: str,
    authorisation: str | None,
    basis_code: str | None,
) -> AccessEvent:
    """An event with what the caller says of the look, checked: a desk says the same all day."""
    members = {
        "action": action,
        "resource": resource,
        "actor": {"member": member, "operator": operator},
        "exchange": "unknown",
        "purpose": purpose,
        "basis": basis,
        "outcome": "none",
        "happened_at": format_time(0),
    }
    if authorisation is not None:
        members["authorisation"] = authorisation
    if basis_code is not None:
        members["basis_code"] = basis_code
    event = parse_body(kind_of("access.event.recorded"), members)
    assert isinstance(event, AccessEvent)
    return event


def under_checkpoint(
    reader: LogReader, level: Level, answer: Callable[[StoredCheckpoint], T]
) -> tuple[StoredCheckpoint, T]:
    """Answer under the checkpoint to answer under; takes a newer one when that just became too old."""
    for attempt in range(_CHECKPOINT_TRIES):
        checkpoint = reader.answering(level) if attempt == 0 else reader.checkpoint(level)
        try:
            return checkpoint, answer(checkpoint)
        except Unavailable:
            if attempt + 1 == _CHECKPOINT_TRIES or reader.checkpoint(level).size == checkpoint.size:
                raise
    raise AssertionError("unreachable")


def checkpoint_reference(checkpoint: StoredCheckpoint, level: Level, bundle: Bundle) -> CheckpointReference:
    """A checkpoint as answers name it, with its anchor where the bundle has one."""
    return CheckpointReference(
        origin=bundle.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        index_root=checkpoint.index_root.hex(),
        time=format_time(checkpoint.time * 1000, millis=False),
        level=level,
        tx_hash=bundle.anchor.tx_hash if bundle.anchor else None,
        block_number=bundle.anchor.block_number if bundle.anchor else None,
    )


def summaries(sections: Sequence[Completeness], shown: set[int]) -> tuple[CompletenessSummary, ...]:
    """What each completeness section covers, given the indexes of the entries shown."""
    found = []
    for section in sections:
        seen = sum(link.index in shown for link in section.chain)
        before = section.after.count if section.after else 0
        found.append(
            CompletenessSummary(
                section.name, section.tag, before + len(section.chain), seen, len(section.chain) - seen
            )
        )
    return tuple(found)

"""Many subjects in one check: each resolved by itself, each once, each with its findings or its refusal."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ledger.errors import LedgerError, ParameterInvalid, TooManySubjects
from ledger.formats.answer import answer_digest
from ledger.formats.strictjson import canonical
from ledger.services.answers import (
    BatchItem,
    Findings,
    Frame,
    Logged,
    LoggedAt,
    LoggedBatch,
    Refusal,
    SubjectQuery,
    document_of,
)
from ledger.services.checking.findings import Found
from ledger.services.checking.subjects import Question, resolve_question

MOST_SUBJECTS = 10_000
MOST_PROVED = 500
"""Subjects whose proofs one bundle may hold."""
MOST_SHOWN = 10_000
"""Entries in one bundle: some thirty megabytes."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Make ten thousand answers without looking for cycles among them, which takes a third of the time.

    Nothing here makes any; what other threads make meanwhile is found a second or two later.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Line:
    """One subject of many: the question, or why there is none; `same_as` is the place of an earlier line with
    the same subject."""

    question: Question | None
    refusal: LedgerError | None = None
    same_as: int | None = None


def resolve_lines(
    queries: Sequence[SubjectQuery], person_tag_keys: Mapping[int, bytes], proofs: bool
) -> list[Line]:
    """The lines of a batch. Raises `ParameterInvalid` for none, `TooManySubjects`; what is wrong with one
    subject stands in its line."""
    most = MOST_PROVED if proofs else MOST_SUBJECTS
    if not queries:
        raise ParameterInvalid("at least one subject must be given")
    if len(queries) > most:
        raise TooManySubjects(f"at most {most} subjects{' with proofs' if proofs else ''} in one call")
    first: dict[tuple[object, ...], int] = {}
    lines = []
    for place, query in enumerate(queries):
        try:
            question = resolve_question(query, person_tag_keys)
        except LedgerError as error:
            lines.append(Line(None, error))
            continue
        # Another authorisation is another look: who names a wrong one first must not spoil the right one.
        asked = (
            question.tags,
            question.authorisation,
            tuple((each.role, each.person.tags, each.authorisation) for each in question.related),
        )
        same = first.setdefault(asked, place)
        lines.append(Line(question, None, None if same == place else same))
    return lines


def check_shown(found: Sequence[Found]) -> None:
    """Refuse a bundle that nobody could take; raises `TooManySubjects`."""
    if sum(len(each.shown) for each in found) > MOST_SHOWN:
        raise TooManySubjects(f"one bundle shows at most {MOST_SHOWN} entries; ask about fewer at a time")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told about one subject: the findings as canonical JSON, the SM3 of the answer, the number of
    hits; and the findings themselves, where they were found in this process."""

    findings: Findings | None
    said: bytes
    digest: str
    hits: int


class Teller:
    """Tells findings under one frame, encoding each member once: as what is sent, and as what is digested."""

    def __init__(self, frame: Frame) -> None:
        self._framed = {name: canonical(value) for name, value in document_of(frame).items()}

    def tell(self, findings: Findings) -> Told:
        """Findings as they are answered and logged: `item_bytes` has the digest."""
        members = {name: _encoded(value) for name, value in document_of(findings).items()}
        digest = answer_digest(_object(self._framed | members))
        return Told(findings, _object(members), digest, len(findings.hits))


def _object(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join([b'"%b":%b' % (name.encode(), members[name]) for name in sorted(members)]) + b"}"


def _encoded(value: Any) -> bytes:
    # Most members of most findings are empty.
    return b"[]" if value == [] else canonical(value)


def refusal_of(error: LedgerError) -> Refusal:
    """An error as it stands beside the other subjects' findings."""
    return Refusal(error.code, error.zh, error.en, error.detail or error.en)


def item_of(found: Told, logged: Logged | None, same_as: int | None) -> BatchItem:
    """A line's item: its findings, and where the look was logged."""
    where = None if logged is None else _logged_at(logged)
    return BatchItem(found.findings, None, same_as, where, found.said)


def manifests_of(logged: Sequence[Logged]) -> tuple[LoggedBatch, ...]:
    """The manifests under which looks were logged, in order."""
    groups: dict[bytes, list[Logged]] = {}
    for each in logged:
        groups.setdefault(each.manifest, []).extend((each, *each.related))
    return tuple(
        LoggedBatch(group[0].origin, group[0].index, len(group), manifest, group[0].receipt)
        for manifest, group in groups.items()
    )


def _logged_at(logged: Logged) -> LoggedAt:
    related = tuple(_logged_at(each) for each in logged.related)
    return LoggedAt(logged.index, logged.id, logged.leaf_hash, related)

"""The verdict `conclusion`: the decision agrees with what the bundle shows of the keys asked.

Every hit is shown, and says what the answer says of it; the decision is the gravest of them; no list entry in
force is passed over; each entry of each key is shown, or named with the reason why it is set aside; and what
is set aside as ended names a statement of these keys that ended it. What remains the operator's word, bound
by the logged look: that reason, whether records that are no list entries bear on the matter, and which
measures follow.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.formats.bundle import Bundle
from ledger.formats.statement import Statement
from ledger.formats.tags import organisation_tag
from ledger.formats.words import SET_ASIDE
from ledger.verify.answer_document import DECISIONS, AnswerDocument, HitClaim
from ledger.verify.answer_keys import SUBJECT_INDEX, shown_statement
from ledger.verify.answer_words import CONCLUSION, AnswerFinding
from ledger.verify.question import CLOCK_SKEW_MS, china_day
from ledger.verify.shown import ShownEntry
from ledger.verify.tables import Tables
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN

LISTED = "credit.list.entered"
_ENDED = frozenset(("repaired", "withdrawn", "lifted", "replaced"))
"""Reasons for which a record is set aside that only a statement brings about."""
# A hit's member, and where a list entry's body says the same.
_REPEATED = (
    ("list", ("list",)),
    ("case", ("case",)),
    ("authority", ("authority", "uscc")),
    ("from_day", ("from",)),
    ("until", ("until",)),
)


def conclusion_findings(
    answer: AnswerDocument, bundle: Bundle, shown: Sequence[ShownEntry], tables: Tables | None, asked_at: int
) -> list[AnswerFinding]:
    """The `conclusion` findings; `tables` are the edition's rules, where they are at hand and proven, and
    `asked_at` the time of the look, or the present, in milliseconds."""
    found = [
        *_of_checkpoint(answer, bundle),
        *_of_hits(answer, shown),
        *_of_listings(answer, shown, tables),
        *_of_chains(answer, bundle),
        *_of_day(answer, asked_at),
    ]
    if not found:
        reasons = Counter(reason for _, reason in answer.no_longer)
        aside = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())) or "0"
        aside_zh = "、".join(
            f"{SET_ASIDE.get(reason, reason)} {reasons[reason]} 条" for reason in sorted(reasons)
        )
        counts: dict[str, int | str] = {
            "hits": len(answer.hits),
            "aside": aside,
            "aside_zh": aside_zh or "无",
        }
        found.append(AnswerFinding(CONCLUSION, PASS, "conclusion_agrees", counts))
    return found


def _of_checkpoint(answer: AnswerDocument, bundle: Bundle) -> Iterator[AnswerFinding]:
    checkpoint = bundle.note.checkpoint
    claimed = (answer.origin, answer.size, answer.root, answer.index_root)
    if claimed != (checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.index_root):
        yield AnswerFinding(CONCLUSION, FAIL, "checkpoint_differs")


def _of_hits(answer: AnswerDocument, shown: Sequence[ShownEntry]) -> Iterator[AnswerFinding]:
    """Each hit against its entry, and the decision against the hits."""
    missing, differing, foreign = [], [], []
    asked = {(key.name, key.tag) for key in answer.keys}
    for hit in answer.hits:
        index, statement = hit.entry.index, shown_statement(hit.entry, shown)
        if statement is None:
            missing.append(index)
            continue
        if not any((name, tag) in asked for name, tags in statement.keys.items() for tag in tags):
            foreign.append(index)
        if not _agrees(hit, statement):
            differing.append(index)
    for indexes, reason in (
        (missing, "hit_not_shown"),
        (foreign, "hit_of_nobody_asked"),
        (differing, "hit_differs"),
    ):
        if indexes:
            yield _about(FAIL, reason, indexes)
    if answer.decision != min((hit.decision for hit in answer.hits), key=DECISIONS.index, default="clear"):
        yield AnswerFinding(CONCLUSION, FAIL, "decision_differs")


def _agrees(hit: HitClaim, statement: Statement) -> bool:
    if statement.kind != LISTED:
        return hit.members.get("list") is None
    return all(
        hit.members[name] == _member(statement.body, path) for name, path in _REPEATED if name in hit.members
    )


def _member(body: Any, path: Sequence[str]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _of_listings(
    answer: AnswerDocument, shown: Sequence[ShownEntry], tables: Tables | None
) -> Iterator[AnswerFinding]:
    """List entries that are shown and in force: each is a hit, unless the edition's rules make it none.

    Judged are entries whose own subject was asked about; what is found under a person who stands behind the
    entry's subject follows from measures, not from rules.
    """
    hits = {hit.entry.index: hit.decision for hit in answer.hits}
    gone = {claimed.index for claimed, _ in answer.no_longer}
    roles: dict[str, list[str]] = {}
    for key in answer.keys:
        if key.name == SUBJECT_INDEX:
            roles.setdefault(key.tag, []).append(key.role)
    ignored, open_ = [], []
    for item in shown:
        statement, index = item.entry.content, item.entry.index
        if index in gone or not isinstance(statement, Statement) or not _in_force(statement, answer.day):
            continue
        stands_as, decision = roles.get(_own_tag(statement), ()), hits.get(index, "clear")
        if not stands_as:
            continue
        if tables is None:
            if decision == "clear":
                open_.append(index)
            continue
        # A person may stand behind an organisation in several roles: the gravest hit is told.
        allowed = [tables.allowed(statement.body, answer.matter, role) for role in stands_as]
        told = all if decision == "clear" else any
        if not told(decision in each for each in allowed):
            ignored.append(index)
    if ignored:
        yield _about(FAIL, "listing_ignored", ignored)
    if open_:
        yield _about(UNKNOWN, "listing_not_judged", open_)


def _own_tag(statement: Statement) -> str:
    """The tag of the statement's own subject."""
    subject = statement.body.get("subject")
    if not isinstance(subject, dict):
        return ""
    if subject.get("type") == "organisation":
        return organisation_tag(str(subject.get("uscc")))
    return str(subject.get("person_tag"))


def _in_force(statement: Statement, day: str) -> bool:
    start, until = statement.body.get("from"), statement.body.get("until")
    return (
        statement.kind == LISTED
        and isinstance(start, str)
        and start <= day
        and (not isinstance(until, str) or day <= until)
    )


def _of_chains(answer: AnswerDocument, bundle: Bundle) -> Iterator[AnswerFinding]:
    """Each entry of each key asked: shown, or named as one that no longer counts."""
    asked = {(key.name, key.tag) for key in answer.keys}
    chained = {
        link.index: link.leaf
        for section in bundle.completeness or ()
        if (section.name, section.tag) in asked
        for link in section.chain
    }
    gone = {claimed.index for claimed, _ in answer.no_longer}
    differing = [
        claimed.index for claimed, _ in answer.no_longer if chained.get(claimed.index) != claimed.leaf
    ]
    if differing:
        yield _about(FAIL, "no_longer_differs", differing)
    unended = [
        claimed.index
        for (claimed, reason), said in zip(answer.no_longer, answer.members["no_longer"], strict=True)
        if reason in _ENDED and not _names_another(said.get("changed_by"), claimed.index, chained)
    ]
    if unended:
        yield _about(FAIL, "end_not_named", unended)
    silent = chained.keys() - gone - {entry.proven.index for entry in bundle.entries}
    if silent:
        yield AnswerFinding(CONCLUSION, UNKNOWN, "entries_unaccounted", {"count": len(silent)})


def _names_another(reference: Any, index: int, chained: Mapping[int, bytes]) -> bool:
    """Whether a reference names another entry of the keys asked."""
    if not isinstance(reference, dict):
        return False
    other = reference.get("index")
    leaf = chained.get(other) if type(other) is int and other != index else None
    return leaf is not None and reference.get("leaf_hash") == leaf.hex()


def _of_day(answer: AnswerDocument, asked_at: int) -> Iterator[AnswerFinding]:
    """Nobody can say today what will be in force on a later day."""
    if answer.day > china_day(asked_at + CLOCK_SKEW_MS):
        yield AnswerFinding(CONCLUSION, FAIL, "day_to_come")


def _about(outcome: Any, reason: str, indexes: Sequence[int]) -> AnswerFinding:
    return AnswerFinding(CONCLUSION, outcome, reason, {"entries": ", ".join(str(index) for index in indexes)})

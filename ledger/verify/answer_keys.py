"""The verdict `keys`: what was asked is what the subject and the matter require, no less.

An organisation's tag is recomputed from its code. A person's tags need the person-tag key, which members
hold and a stranger does not: he sees that there is one key per epoch of the trust file, and takes the tags as
given; who has key and number recomputes them. Whom else a matter asks about (the legal representative, say)
stands in the published edition of the catalogue, whose entry the bundle shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import QuestionInvalid
from ledger.formats.statement import Statement
from ledger.formats.tags import organisation_tag, person_tag
from ledger.formats.trust import Trust
from ledger.identifiers import ResidentId
from ledger.verify.answer_document import ITSELF, AnswerDocument, Claimed
from ledger.verify.answer_words import KEYS, ROLE_NAMES, AnswerFinding
from ledger.verify.look import OPERATOR
from ledger.verify.shown import ShownEntry
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN

EDITION_KIND = "credit.catalogue.published"
SUBJECT_INDEX = "subject"


@dataclass(frozen=True)
class Persons:
    """What recomputes persons' tags: person-tag keys by epoch, and resident IDs by role; never printed."""

    tag_keys: Mapping[int, bytes]
    numbers: Mapping[str, tuple[str, ...]] = field(repr=False)

    def tags(self, role: str, epoch: int) -> set[str]:
        """The tags of an epoch that the numbers given for a role lead to."""
        key = self.tag_keys[epoch]
        return {person_tag(key, epoch, number) for number in self.numbers.get(role, ())}


def parse_persons(keys: bytes, lines: Sequence[str]) -> Persons:
    """Persons from a key file (64 hex digits a line, the line number being the epoch) and lines of
    `NUMBER` for the subject or `ROLE NUMBER`. Raises `QuestionInvalid` or an identifier's error, which never
    quote a key or a number."""
    try:
        found = [bytes.fromhex(line) for line in keys.decode("ascii").split()]
    except ValueError:
        found = []
    if not found or any(len(key) != 32 for key in found):
        raise QuestionInvalid("a person-tag key file has 64 hex digits a line, one line per epoch")
    numbers: dict[str, tuple[str, ...]] = {}
    for line in lines:
        role, _, number = line.strip().rpartition(" ")
        if number:
            role = role.strip() or ITSELF
            numbers[role] = (*numbers.get(role, ()), ResidentId.parse(number).number)
    return Persons(dict(enumerate(found)), numbers)


def key_findings(
    answer: AnswerDocument, shown: Sequence[ShownEntry], trust: Trust, persons: Persons | None
) -> list[AnswerFinding]:
    """The `keys` findings of an answer whose bundle shows these entries."""
    log = trust.logs.get(answer.origin)
    epochs = log.epochs if log is not None else 1
    found = list(_of_subject(answer, epochs, persons))
    edition, about_edition = edition_of(answer, shown, trust)
    found += about_edition
    if edition is not None and answer.subject_type == "organisation":
        found += _of_roles(answer, edition, epochs, persons)
    if log is None:
        found.append(AnswerFinding(KEYS, UNKNOWN, "log_not_trusted"))
    if all(finding.outcome == PASS for finding in found):
        reason = "role_left_out" if answer.not_asked else "keys_required"
        counts = _named(answer.not_asked) | {"keys": len(answer.keys)}
        found.append(AnswerFinding(KEYS, PASS, reason, counts))
    return found


def _named(roles: Sequence[str]) -> dict[str, int | str]:
    """Roles as sentences name them."""
    return {
        "roles": ", ".join(sorted(roles)),
        "roles_zh": "、".join(ROLE_NAMES.get(role, role) for role in sorted(roles)),
    }


def _of_subject(answer: AnswerDocument, epochs: int, persons: Persons | None) -> Iterator[AnswerFinding]:
    tags = {key.tag for key in answer.keys if key.role == ITSELF and key.name == SUBJECT_INDEX}
    if not tags:
        yield AnswerFinding(KEYS, FAIL, "subject_key_missing")
    if tags != set(answer.subject_tags):
        yield AnswerFinding(KEYS, FAIL, "subject_key_differs")
    if answer.subject_type == "organisation":
        if tags != {organisation_tag(answer.subject_code)}:
            yield AnswerFinding(KEYS, FAIL, "subject_key_differs")
        return
    yield from _of_person(answer, ITSELF, epochs, persons)


def _of_person(
    answer: AnswerDocument, role: str, epochs: int, persons: Persons | None
) -> Iterator[AnswerFinding]:
    """Whether the persons of a role were asked about once per epoch, and by their own tags."""
    by_epoch: dict[int, set[str]] = {}
    for key in answer.keys:
        if key.role == role and key.name == SUBJECT_INDEX:
            by_epoch.setdefault(key.epoch, set()).add(key.tag)
    missing = [epoch for epoch in range(epochs) if epoch not in by_epoch]
    if missing or len({len(tags) for tags in by_epoch.values()}) > 1:
        yield AnswerFinding(KEYS, FAIL, "epoch_key_missing", {"missing": max(1, len(missing))})
    if persons is None or role not in persons.numbers:
        yield AnswerFinding(KEYS, PASS, "person_tags_as_given")
        return
    known = [epoch for epoch in by_epoch if epoch in persons.tag_keys]
    if len(known) != len(by_epoch):
        yield AnswerFinding(KEYS, UNKNOWN, "epoch_tag_key_missing")
    masks = {ResidentId(number).mask() for number in persons.numbers[role]}
    if any(persons.tags(role, epoch) != by_epoch[epoch] for epoch in known) or (
        role == ITSELF and masks != {answer.subject_code}
    ):
        yield AnswerFinding(KEYS, FAIL, "person_key_differs")
    elif known:
        yield AnswerFinding(KEYS, PASS, "person_tags_recomputed")


def _of_roles(
    answer: AnswerDocument, edition: Mapping[str, Any], epochs: int, persons: Persons | None
) -> Iterator[AnswerFinding]:
    """Whether the persons that the matter asks about were asked about, or are said not to have been."""
    asks = edition.get("asks")
    roles = asks.get(answer.matter) if isinstance(asks, dict) else None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        yield AnswerFinding(KEYS, FAIL, "matter_unknown_to_edition")
        return
    asked = {key.role for key in answer.keys} - {ITSELF}
    silent = [role for role in roles if role not in asked and role not in answer.not_asked]
    if silent:
        yield AnswerFinding(KEYS, FAIL, "role_not_asked", _named(silent))
    for role in sorted(asked):
        yield from _of_person(answer, role, epochs, persons)


def edition_of(
    answer: AnswerDocument, shown: Sequence[ShownEntry], trust: Trust
) -> tuple[Mapping[str, Any] | None, list[AnswerFinding]]:
    """The body of the edition's publication, and what speaks against it; None where it is not shown."""
    claimed = answer.edition_entry
    statement = None if claimed is None else shown_statement(claimed, shown)
    if statement is None or statement.kind != EDITION_KIND:
        return None, [AnswerFinding(KEYS, UNKNOWN, "edition_not_shown")]
    body, found = statement.body, []
    if (body.get("edition"), body.get("sm3")) != (answer.edition, answer.edition_sm3):
        found.append(AnswerFinding(KEYS, FAIL, "edition_differs"))
    start = body.get("from")
    if not isinstance(start, str) or start > answer.day:
        found.append(AnswerFinding(KEYS, FAIL, "edition_not_in_force"))
    member = trust.members.get(statement.issuer)
    if member is None or OPERATOR not in member.roles:
        found.append(AnswerFinding(KEYS, FAIL, "edition_not_by_operator"))
    return body, found


def shown_statement(claimed: Claimed, shown: Sequence[ShownEntry]) -> Statement | None:
    """The statement that the answer names, if the bundle shows it at that place, with that leaf hash."""
    for item in shown:
        entry = item.entry
        if entry.index == claimed.index:
            content = entry.content
            same = (
                isinstance(content, Statement)
                and entry.leaf == claimed.leaf
                and (content.issuer, content.id) == (claimed.issuer, claimed.id)
            )
            return content if same and isinstance(content, Statement) else None
    return None

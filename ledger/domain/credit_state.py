"""What a subject's credit statements amount to: which list entries count on a day, and why others do not.

A fold over the statements of one subject in log order. An entry counts on day d when `from <= d`, `d` is not
after `until`, and neither a removal nor a replacement took it away. A removal takes away the one entry that
it refers to, if that stands earlier in the log, was issued by the same member, and is the same listing
(list, subject, case): anything else is `ineffective`, so that one member cannot undo another's listing. A
withdrawn entry never counted; any other removal takes effect on its `removed_on`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.domain.facts import Fact
from ledger.domain.fields import Body
from ledger.domain.records import ListEntered
from ledger.domain.steps import ListRemoved


@dataclass(frozen=True, slots=True)
class Standing:
    """How one statement about lists stands on the day asked about: `reason` is `in_force`, or why not:
    `not_yet`, `expired`, `repaired`, `lifted`, `withdrawn`, `replaced`; a removal's is `removal` or
    `ineffective`."""

    fact: Fact
    reason: str


@dataclass(frozen=True, slots=True)
class CreditState:
    """A subject on a day: statements about lists with how they stand, and the others, in log order."""

    in_force: tuple[Fact, ...]
    no_longer: tuple[Standing, ...]
    others: tuple[Fact, ...]


def fold_credit(facts: Iterable[Fact], day: str) -> CreditState:
    """The state on `day` (YYYY-MM-DD); the order of `facts` does not matter, their indexes do."""
    entered: dict[tuple[str, str], Fact] = {}
    reasons: dict[int, str] = {}
    lists: list[Fact] = []
    others: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact.index):
        body = fact.body
        if isinstance(body, ListEntered):
            lists.append(fact)
            reasons[fact.index] = _term_reason(body, day)
            for replaced in _targets(fact, entered):
                reasons[replaced.index] = "replaced"
            entered[fact.issuer, fact.id] = fact
        elif isinstance(body, ListRemoved):
            lists.append(fact)
            targets = _targets(fact, entered)
            reasons[fact.index] = "removal" if targets else "ineffective"
            for target in targets:
                _remove(reasons, target, body, day)
        else:
            others.append(fact)
    return CreditState(
        in_force=tuple(fact for fact in lists if reasons[fact.index] == "in_force"),
        no_longer=tuple(
            Standing(fact, reasons[fact.index]) for fact in lists if reasons[fact.index] != "in_force"
        ),
        others=tuple(others),
    )


def _term_reason(body: ListEntered, day: str) -> str:
    if day < body.from_day:
        return "not_yet"
    if body.until is not None and day > body.until:
        return "expired"
    return "in_force"


def _targets(fact: Fact, entered: dict[tuple[str, str], Fact]) -> list[Fact]:
    """The earlier entries that this statement refers to and may change."""
    found = (entered.get((reference.issuer, reference.id)) for reference in fact.refers)
    return [
        target
        for target in found
        if target is not None
        and target.issuer == fact.issuer
        and _listing(target.body) == _listing(fact.body)
    ]


def _listing(body: Body) -> tuple[object, ...]:
    assert isinstance(body, ListEntered | ListRemoved)
    subject = body.subject
    identity = getattr(subject, "uscc", None) or getattr(subject, "person_tag", None)
    return body.list_code, identity, body.case


def _remove(reasons: dict[int, str], target: Fact, removal: ListRemoved, day: str) -> None:
    if removal.reason == "withdrawn":
        reasons[target.index] = "withdrawn"
    elif removal.removed_on <= day and reasons[target.index] in ("in_force", "expired"):
        reasons[target.index] = removal.reason

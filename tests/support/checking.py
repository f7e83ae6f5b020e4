"""What the tests of the check state, ask and prove in the small city of the services' tests."""

from collections.abc import Sequence
from typing import Any

from bodies import BODIES

from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Statement, parse_statement
from ledger.formats.tags import person_tag
from ledger.services.answers import CheckAnswer, RelatedQuery, SubjectQuery

MATTER = "government-procurement"
REPRESENTATIVE = "legal-representative"
DUTY = "statutory-duty"
"""A legal basis of the shipped catalogue that covers every matter."""


def record(city: Any, kind: str, *, number: str | None = None, **changes: Any) -> Statement:
    """State a record about the company, or about a person, by the bureau; `...` takes a member away."""
    issuer = changes.pop("issuer", city.bureau)
    members = {
        **BODIES[f"credit.{kind}"],
        "subject": city.subject(number),
        "authority": {"uscc": issuer, "name": "云岭市市场监督管理局"},
        **changes,
    }
    body = {name: value for name, value in members.items() if value is not ...}
    return city.publish(f"credit.{kind}", body, issuer=issuer, number=number)


def step(city: Any, of: Statement, kind: str, **changes: Any) -> Statement:
    """Take a step on a record, by its issuer unless another is named."""
    issuer = changes.pop("issuer", of.issuer)
    members = {**BODIES[f"credit.{kind}"], "subject": of.body["subject"], "authority": of.body["authority"]}
    if "related" in of.body:
        members["related"] = of.body["related"]
    if "number" in members:
        members["number"] = of.body.get("document") or of.body["case"]
    members |= changes
    body = {name: value for name, value in members.items() if value is not ...}
    return city.publish(f"credit.{kind}", body, issuer=issuer, refers=of)


def repair(city: Any, of: Statement, applied_on: str = "2026-06-01", decided_on: str = "2026-06-05") -> None:
    """Repair a record, from its correction to the decision."""
    step(city, of, "correction.reported", on=applied_on)
    step(city, of, "repair.applied", applied_on=applied_on)
    step(city, of, "repair.accepted", accepted_on=applied_on)
    step(city, of, "repair.approved", decided_on=decided_on)


def open_case(
    city: Any, carrying: Sequence[Statement], *, reviewed: bool = True, **changes: Any
) -> Statement:
    """Initiate a joint punishment case about the company, approve it, and match it with records."""
    proposer = {"uscc": city.bureau, "name": "云岭市人社局"}
    common = {"subject": city.subject(), "proposer": proposer}
    case: Statement = city.publish(
        "credit.case.initiated", {**BODIES["credit.case.initiated"], **common, **changes}
    )
    if reviewed:
        records = [{"issuer": each.issuer, "id": each.id} for each in carrying]
        for kind, members in (("credit.case.reviewed", {}), ("credit.case.matched", {"records": records})):
            body = {**BODIES[kind], **common, **members}
            city.publish(kind, body, issuer=city.operator, refers=case)
    return case


def related(city: Any, number: str, role: str = REPRESENTATIVE, epoch: int = 1) -> dict[str, Any]:
    """A person behind an organisation, as a record names them."""
    return {"role": role, "person_tag": person_tag(city.tag_keys[epoch], epoch, number), "epoch": epoch}


def ask(
    city: Any,
    matter: str = MATTER,
    *,
    number: str | None = None,
    behind: tuple[tuple[str, str], ...] = (),
    name: str | None = None,
    roles: tuple[str, ...] = (),
    **members: Any,
) -> CheckAnswer:
    """Publish what was stated, and check the company, or the person of `number`, on a legal basis."""
    city.checkpoint()
    people = tuple(RelatedQuery(role, code) for role, code in behind)  # type: ignore[arg-type]
    query = (
        SubjectQuery("person", number, name)
        if number
        else SubjectQuery("organisation", city.company, name, people)
    )
    asked = city.asked(*roles, basis_code=DUTY if number or behind else None)
    answer: CheckAnswer = city.credit.check(query, matter, members.pop("asked", asked), **members)
    return answer


def proved(city: Any, answer: CheckAnswer) -> bool:
    """Whether the bundle proves every key that the answer says was asked for."""
    return bool(city.proves(answer.bundle, *((key.name, key.tag) for key in answer.keys)))


def looks(city: Any) -> list[Statement]:
    """The statements of the access log, in order."""
    store = city.logs["access"].store
    found = []
    for stored in store.entries(0, store.size()):
        envelope = parse_envelope(stored.entry)
        if "statement" in envelope.payload_type:
            found.append(parse_statement(envelope.payload))
    return found

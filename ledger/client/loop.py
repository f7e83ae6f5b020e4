"""The client's calls about lives of records, joint punishment cases, quality figures and subscriptions.

    client.take_step("credit.repair.applied", "11990100MB0000027F", "0199...", {"applied_on": "2026-09-21",
                     "commitment": "云岭信修〔2026〕1号"})
    client.case_step("credit.case.answered", "11990100MB0000027F:0199...", {"applied": "yes", ...})

A step repeats whom it is about and under which number, so it is composed from the statement that it
continues, as that stands in the service's answer; the caller gives only what is new. What is written about a
natural person is sealed, which needs the person's number and name, as the log compares them with the tag.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ledger.errors import ConfigurationError, NotFound, StatementInvalid
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import Reference, Statement, parse_statement

if TYPE_CHECKING:
    from ledger.client.client import Submitted
    from ledger.client.transport import Transport
    from ledger.gm import Signer

Json = Mapping[str, Any]
LIST_REMOVED = "credit.list.removed"
CASE_ANSWERED = "credit.case.answered"
_JSON = "application/json"
_SEALED_AS = {
    "grounds": "grounds",
    "reasons": "reasons",
    "reason": "reasons",
    "note": "note",
    "content": "content",
}
"""Free texts of steps, and what they are called in the sealed part."""
CODED = frozenset({"credit.record.withdrawn", LIST_REMOVED})
"""Steps whose `reason` is a code and no text."""
HANDLING = {"purpose": "信用信息和联合惩戒案件办理", "basis": "社会信用管理规定"}
"""Why who takes a step looks at what it continues."""


class _Owner(Protocol):
    """What the calls need of the client that they are a part of."""

    _transport: "Transport"

    def identity(self) -> "tuple[Signer, str]": ...

    def publish(
        self, kind: str, body: Json, *, personal: Json | None = None, refers: Sequence[Reference] = ()
    ) -> "Submitted": ...


class LoopCalls:
    """Part of `Client`."""

    # Lives of records

    def record(self: _Owner, issuer: str, id: str, **look: Any) -> Any:
        """The life of a record: state, steps by reference, open deadlines, and a bundle that proves it.

        `look`: `operator`, `purpose`, `basis` (logged; who handles the record may leave both out), `level`.
        """
        return self._transport.get(f"/v1/records/{issuer}/{id}", look).document

    def take_step(
        self: _Owner, kind: str, issuer: str, id: str, fields: Json, person: Json | None = None, **look: Any
    ) -> "Submitted":
        """Sign and submit a step in the life of a record, composed from the record and `fields`.

        `person` is {"name", "document_number"} where the record is about one and `fields` hold a text.
        Raises `NotFound` where the record is not shown, and what submitting raises: `StepRefused`,
        `NotEntitled`.
        """
        answer = self._transport.get(f"/v1/records/{issuer}/{id}", HANDLING | look).document
        record = statement_in(answer["bundle"], issuer, id)
        body, personal = compose_step(record.body, kind, fields, person)
        return self.publish(kind, body, personal=personal, refers=(Reference(issuer, id),))

    # Cases

    def cases(self: _Owner, **query: Any) -> Any:
        """A page of cases: `executor`, `todo` ("true"), `proposer`, `state`, `after`, `limit`; logged."""
        return self._transport.get("/v1/cases", query).document

    def case(self: _Owner, case: str, **look: Any) -> Any:
        """One case by its initiation, ISSUER:ID."""
        return self._transport.get(f"/v1/cases/{case}", look).document

    def case_figures(self: _Owner, department: str | None = None) -> Any:
        """Counts of cases received, handled, overdue, per department and in all."""
        return self._transport.get("/v1/cases/figures", {"department": department}).document

    def case_step(
        self: _Owner, kind: str, case: str, fields: Json, person: Json | None = None, **look: Any
    ) -> "Submitted":
        """Sign and submit a statement about a case, composed from its initiation and `fields`.

        As `take_step`. An answer is this member's: it stands under its name among the executors.
        """
        issuer, _, id = case.partition(":")
        answer = self._transport.get(f"/v1/cases/{case}", HANDLING | look).document
        initiated = statement_in(answer["bundle"], issuer, id)
        body, personal = compose_case_step(initiated.body, kind, self.identity()[1], fields, person)
        return self.publish(kind, body, personal=personal, refers=(Reference(issuer, id),))

    # Quality

    def quality(self: _Owner, **query: Any) -> Any:
        """Quality figures: `authority`, `month`, `after`, `limit`."""
        return self._transport.get("/v1/quality", query).document

    # Subscriptions

    def subscribe(self: _Owner, url: str, *, operator: str, purpose: str, basis: str, **wanted: Any) -> Any:
        """Begin a subscription: `kinds`, `lists`, `persons`, `basis_code`, `matter`."""
        body = {"url": url, "operator": operator, "purpose": purpose, "basis": basis, **wanted}
        given = {name: value for name, value in body.items() if value is not None}
        return _post(self, "/v1/subscriptions", given)

    def subscriptions(self: _Owner) -> Any:
        """This member's subscriptions, and how each does."""
        return self._transport.get("/v1/subscriptions").document

    def subscription(self: _Owner, id: str) -> Any:
        """One subscription."""
        return self._transport.get(f"/v1/subscriptions/{id}").document

    def unsubscribe(self: _Owner, id: str) -> Any:
        """End a subscription."""
        return self._transport.delete(f"/v1/subscriptions/{id}").document

    def dead_letters(self: _Owner, id: str, **page: Any) -> Any:
        """What could not be delivered: `after`, `limit`."""
        return self._transport.get(f"/v1/subscriptions/{id}/dead-letters", page).document

    def retry_dead_letters(self: _Owner, id: str, numbers: Sequence[int] | None = None) -> Any:
        """Have dead letters tried once more, all or those of these numbers."""
        body = {} if numbers is None else {"numbers": list(numbers)}
        return _post(self, f"/v1/subscriptions/{id}/dead-letters/retry", body)


def compose_step(
    record: Json, kind: str, fields: Json, person: Json | None = None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A step's body from the body of the record that it continues, and what is to be sealed beside it.

    Raises `ConfigurationError` where a text about a person is given without the person.
    """
    common = {name: record[name] for name in ("subject", "authority", "related") if name in record}
    if kind == LIST_REMOVED:
        common |= {name: record[name] for name in ("list", "case") if name in record}
    else:
        common["number"] = record["document"] if "document" in record else record["case"]
    return _sealed(kind, record["subject"], common, fields, person)


def compose_case_step(
    initiated: Json, kind: str, member: str, fields: Json, person: Json | None = None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The body of a statement about a case from the body of its initiation, and what is to be sealed.

    Raises `StatementInvalid` where `member` answers and is none of the executors, `ConfigurationError` as
    `compose_step`.
    """
    common = {name: initiated[name] for name in ("case", "subject")}
    if kind == CASE_ANSWERED:
        executors = {each["uscc"]: each for each in initiated["executors"]}
        if member not in executors:
            raise StatementInvalid("this member is none of the case's executors")
        common["executor"] = executors[member]
    else:
        common["proposer"] = initiated["proposer"]
    return _sealed(kind, initiated["subject"], common, fields, person)


def statement_in(bundle: Json, issuer: str, id: str) -> Statement:
    """The statement (issuer, id) that a bundle shows; raises `NotFound` where it shows none."""
    for entry in bundle.get("entries", ()):
        statement = parse_statement(parse_envelope(b64decode_strict(entry["entry"])).payload)
        if (statement.issuer, statement.id) == (issuer, id):
            return statement
    raise NotFound(
        "the statement is not shown to this member, or no more: give all it says to xinzheng submit"
    )


def _sealed(
    kind: str, subject: Json, common: dict[str, Any], fields: Json, person: Json | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    if subject["type"] != "person":
        return common | dict(fields), None
    texts = {
        name: value
        for name, value in fields.items()
        if name in _SEALED_AS and not (name == "reason" and kind in CODED)
    }
    clear = {name: value for name, value in fields.items() if name not in texts}
    if not texts:
        return common | clear, None
    if person is None:
        raise ConfigurationError("a text about a person is sealed, which needs the person's number and name")
    return common | clear, sealed_person(person) | {_SEALED_AS[name]: text for name, text in texts.items()}


def sealed_person(person: Json) -> dict[str, Any]:
    """Who a person is, as the sealed part says it: {"name", "document_number"} of a resident ID card."""
    details = {"name": person["name"], "document_type": "111", "document_number": person["document_number"]}
    return {"subject": details}


def _post(owner: _Owner, path: str, body: Json) -> Any:
    return owner._transport.post(path, strictjson.dumps(dict(body)), _JSON).document

"""Subscriptions (订阅): a member's webhooks, how their deliveries do, and what could not be delivered."""

from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import caller, deployment, json_answer
from api.cursors import format_cursor, parse_cursor
from api.loop_models import DeadLettersQuery, RetryBody, SubscriptionBody, SubscriptionPath
from api.models import Answer
from ledger.formats.times import format_time
from ledger.services.answers import Asked
from ledger.services.notices.book import DeadLetter, Wanted
from ledger.services.notices.subscriptions import Standing, Subscriptions

blueprint = APIBlueprint("subscriptions", __name__, url_prefix="/v1", abp_tags=[Tag(name="subscriptions")])

_CURSOR = {"after": int}


@blueprint.post("/subscriptions", summary="Subscribe to new and ended records", responses={201: Answer})
def subscribe(body: SubscriptionBody) -> Response:
    """Begins now; the first notice says so. For officers, partners and publishers."""
    made = _service().subscribe(
        Asked(caller(), body.operator, body.purpose, body.basis, body.authorisation, body.basis_code),
        body.url,
        Wanted(body.kinds, body.lists, body.persons),
        body.matter,
    )
    return json_answer(_document(Standing(made, 0)), 201)


@blueprint.get("/subscriptions", summary="The caller's subscriptions", responses={200: Answer})
def subscriptions() -> Response:
    """With how each does; the operator sees those of all members."""
    return json_answer({"subscriptions": [_document(each) for each in _service().list(caller())]})


@blueprint.get("/subscriptions/<subscription>", summary="One subscription", responses={200: Answer})
def subscription(path: SubscriptionPath) -> Response:
    """How far it is, what was delivered, and why the last delivery failed if it did."""
    return json_answer(_document(_service().find(caller(), path.subscription)))


@blueprint.delete("/subscriptions/<subscription>", summary="End a subscription", responses={200: Answer})
def unsubscribe(path: SubscriptionPath) -> Response:
    """What was not delivered is forgotten, dead letters too."""
    _service().remove(caller(), path.subscription)
    return json_answer({"subscription": path.subscription, "ended": True})


@blueprint.get(
    "/subscriptions/<subscription>/dead-letters", summary="What was given up", responses={200: Answer}
)
def dead_letters(path: SubscriptionPath, query: DeadLettersQuery) -> Response:
    """Notices that the receiver did not take however often they were tried, in the order of the log."""
    position = parse_cursor(query.after, _CURSOR)
    after = position["after"] if position else 0
    found = _service().dead_letters(caller(), path.subscription, after, query.limit + 1)
    shown = found[: query.limit]
    following = format_cursor({"after": shown[-1].notice.seq}) if len(found) > query.limit else None
    return json_answer({"dead_letters": [_letter(each) for each in shown], "next": following})


@blueprint.post(
    "/subscriptions/<subscription>/dead-letters/retry",
    summary="Have dead letters tried once more",
    responses={200: Answer},
)
def retry(path: SubscriptionPath, body: RetryBody) -> Response:
    """Those of the numbers given, or all; one that fails again stays a dead letter."""
    return json_answer({"retried": _service().retry(caller(), path.subscription, body.numbers)})


def _service() -> Subscriptions:
    return deployment().loop.subscriptions


def _document(standing: Standing) -> dict[str, Any]:
    made = standing.subscription
    return {
        "subscription": made.id,
        "member": made.member,
        "url": made.url,
        "kinds": list(made.wanted.kinds),
        "lists": list(made.wanted.lists),
        "persons": made.wanted.persons,
        "operator": made.desk,
        "purpose": made.purpose,
        "basis": made.basis,
        "basis_code": made.basis_code,
        "matter": made.matter,
        "created_at": format_time(made.created_at),
        "from_index": made.from_index,
        "delivered": made.delivered,
        "delivered_at": _time(made.delivered_at),
        "failure": made.failure,
        "failed_at": _time(made.failed_at),
        "tries": made.tries,
        "next_try_at": _time(made.next_at or None),
        "dead_letters": standing.dead,
    }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    notice = letter.notice
    return {
        "number": notice.seq,
        "event": notice.event,
        "index": notice.index,
        "kind": notice.kind or None,
        "list": notice.list_code,
        "failure": letter.reason,
        "tries": letter.tries,
        "given_up_at": format_time(letter.died_at),
        "waiting": letter.waiting,
    }


def _time(ms: int | None) -> str | None:
    return None if ms is None else format_time(ms)

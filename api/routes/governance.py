"""How the consortium decided and is deciding, as its registry on the chain tells it: reading only.

Proposals and approvals are transactions of a member's own chain account, sent by its own `xinzheng member`:
this service holds no member's account and takes none. What is read here is the history that the worker took
from the chain and replayed; it is there while the chain is away.
"""

from typing import Annotated, Literal

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from api.context import deployment, json_answer
from api.cursors import format_cursor, parse_cursor
from api.models import Answer, PageQuery, Size, Strict
from ledger.deployment.governance import (
    Governance,
    member_document,
    proposal_document,
    thresholds_document,
)
from ledger.errors import NotFound
from ledger.formats.history import MEDIA_TYPE, format_history, format_record
from ledger.formats.times import format_time

blueprint = APIBlueprint(
    "governance", __name__, url_prefix="/v1/governance", abp_tags=[Tag(name="governance")]
)

_CURSOR = {"at": int}


class ProposalsQuery(PageQuery):
    """Which proposals, oldest first."""

    state: Annotated[
        Literal["open", "executed", "cancelled", "expired"] | None, Field(description="all, if left out")
    ] = None


class ProposalPath(Strict):
    proposal: Size


@blueprint.get("", summary="Thresholds and the history's head", responses={200: Answer}, security=[])
def overview() -> Response:
    """How many must agree, and the hash over every decision so far, to compare with another member's."""
    governance = _governance()
    history, replayed = governance.history, governance.replay
    return json_answer(
        {
            "exported": {
                "at": format_time(history.exported.at, millis=False),
                "chain_id": history.exported.chain_id,
                "block": history.exported.block,
            },
            "consortium": history.consortium,
            "head": history.head.hex(),
            "records": len(history.records),
            "thresholds": thresholds_document(replayed.registry.thresholds),
            "active_members": replayed.registry.active_count,
            "proposals": len(replayed.proposals),
        }
    )


@blueprint.get(
    "/members", summary="Members with their accounts and keys", responses={200: Answer}, security=[]
)
def members(query: PageQuery) -> Response:
    """Suspended members too; in the order in which they were admitted."""
    all_members = _governance().replay.registry.members()
    start = _start(query)
    page = all_members[start : start + query.limit]
    return json_answer(
        {
            "members": [member_document(member) for member in page],
            "next": _next(start, query.limit, len(all_members)),
        }
    )


@blueprint.get("/proposals", summary="Proposals, oldest first", responses={200: Answer}, security=[])
def proposals(query: ProposalsQuery) -> Response:
    """With who approved, who is missing and what would change; one whose time is over is `expired`."""
    governance, now = _governance(), _now()
    found = [
        proposal
        for proposal in governance.replay.proposals
        if query.state is None or governance.state(proposal, now) == query.state
    ]
    start = _start(query)
    page = [each for each in found if each.id >= start][: query.limit]
    following = None
    if page and page[-1].id < found[-1].id:
        following = format_cursor({"at": page[-1].id + 1})
    return json_answer(
        {"proposals": [proposal_document(governance, each, now) for each in page], "next": following}
    )


@blueprint.get("/proposals/<proposal>", summary="One proposal", responses={200: Answer}, security=[])
def proposal(path: ProposalPath) -> Response:
    """As in the list."""
    governance = _governance()
    known = governance.replay.proposals
    if path.proposal >= len(known):
        raise NotFound("there is no such proposal")
    return json_answer(proposal_document(governance, known[path.proposal], _now()))


@blueprint.get(
    "/records", summary="The history's records, oldest first", responses={200: Answer}, security=[]
)
def records(query: PageQuery) -> Response:
    """Each as in the history file, with its number."""
    history = _governance().history
    start = _start(query)
    page = history.records[start : start + query.limit]
    return json_answer(
        {
            "records": [
                {"sequence": number, **format_record(record)} for number, record in enumerate(page, start)
            ],
            "next": _next(start, query.limit, len(history.records)),
        }
    )


@blueprint.get("/history", summary="The whole history file", responses={200: Answer}, security=[])
def history_file() -> Response:
    """For `xinzheng verify HISTORY --trust START`: from a trust file to the one that follows from it."""
    return Response(format_history(_governance().history), content_type=MEDIA_TYPE)


def _governance() -> Governance:
    return deployment().governance.read()


def _now() -> int:
    return deployment().clock() // 1000


def _start(query: PageQuery) -> int:
    position = parse_cursor(query.after, _CURSOR)
    return position["at"] if position else 0


def _next(start: int, limit: int, total: int) -> str | None:
    return format_cursor({"at": start + limit}) if start + limit < total else None

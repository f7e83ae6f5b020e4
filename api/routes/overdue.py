"""Overdue duties (逾期), counted for each authority and listed by reference."""

from typing import Annotated, Literal

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from api.answers import document_of
from api.context import caller, deployment, json_answer
from api.cursors import format_cursor, parse_cursor
from api.models import Answer, AskedDay, Limit, PageQuery, Uscc
from ledger.errors import CursorInvalid
from ledger.services.overdue import Position

blueprint = APIBlueprint("overdue", __name__, url_prefix="/v1", abp_tags=[Tag(name="overdue")])

_CURSOR = {"due": int, "index": int, "authority": str}


class OverdueQuery(PageQuery):
    """As of which day, and of which authority and kind of duty."""

    day: Annotated[AskedDay | None, Field(description="YYYY-MM-DD; today in China if left out")] = None
    authority: Annotated[Uscc | None, Field(description="all, if left out, for auditors")] = None
    kind: Literal["objection", "acceptance", "decision", "feedback"] | None = None
    limit: Annotated[Limit, Field(le=500)] = 100


@blueprint.get("/overdue", summary="Duties past their deadline and not done", responses={200: Answer})
def overdue(query: OverdueQuery) -> Response:
    """Counts of all, and a page of the duties, oldest first. A member sees its own, auditors and the operator
    everybody's."""
    answer = deployment().overdue.overdue(
        caller(),
        query.day.isoformat() if query.day else None,
        query.authority,
        query.kind,
        _position(query.after),
        query.limit,
    )
    document = document_of(answer)
    del document["after"]
    document["next"] = None if answer.after is None else _cursor(answer.after)
    return json_answer(document)


def _position(cursor: str | None) -> Position | None:
    position = parse_cursor(cursor, _CURSOR)
    if position is None:
        return None
    try:
        authority = bytes.fromhex(position["authority"]).rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise CursorInvalid from None
    day = f"{position['due']:08}"
    return f"{day[:4]}-{day[4:6]}-{day[6:]}", position["index"], authority


def _cursor(position: Position) -> str:
    due, index, authority = position
    # A cursor holds numbers and 32-byte values.
    padded = authority.encode("ascii").ljust(32, b"\0")
    return format_cursor({"due": int(due.replace("-", "")), "index": index, "authority": padded.hex()})

"""Quality of publication (双公示数据质量): reported figures beside what the log shows."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import caller, deployment
from api.cursors import format_cursor, parse_cursor
from api.loop_models import QualityQuery
from api.models import Answer
from ledger.errors import CursorInvalid

blueprint = APIBlueprint("quality", __name__, url_prefix="/v1", abp_tags=[Tag(name="quality")])

_CURSOR = {"month": int, "authority": str}


@blueprint.get("/quality", summary="Figures per authority and month", responses={200: Answer})
def quality(query: QualityQuery) -> Response:
    """Newest month first. A member sees its own figures, auditors and the operator those of all."""
    answer = deployment().loop.quality.figures(
        caller(), query.authority, query.month, _position(query.after), query.limit
    )
    document = document_of(answer)
    del document["after"]
    document["next"] = None if answer.after is None else _cursor(*answer.after)
    return bundled_answer(document, answer.bundle)


def _position(cursor: str | None) -> tuple[str, str] | None:
    position = parse_cursor(cursor, _CURSOR)
    if position is None:
        return None
    try:
        authority = bytes.fromhex(position["authority"]).rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise CursorInvalid from None
    return f"{position['month'] // 100:04}-{position['month'] % 100:02}", authority


def _cursor(month: str, authority: str) -> str:
    # A cursor holds numbers and 32-byte values.
    padded = authority.encode("ascii").ljust(32, b"\0")
    return format_cursor({"month": int(month.replace("-", "")), "authority": padded.hex()})

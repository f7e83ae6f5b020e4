"""Where checkpoints stand on the chain."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import json_answer, log_named
from api.cursors import format_cursor, parse_cursor
from api.models import AnchorsAnswer, LogPath, PageQuery
from ledger.store.port import StoredAnchor

blueprint = APIBlueprint("anchors", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="anchors")])


@blueprint.get("/anchors", summary="Anchors of the log, oldest first", responses={200: AnchorsAnswer})
def anchors(path: LogPath, query: PageQuery) -> Response:
    """`state` is pending, sent, mined or final."""
    position = parse_cursor(query.after, {"size": int})
    found = log_named(path.log).store.anchors(position["size"] if position else -1, query.limit)
    following = format_cursor({"size": found[-1].size}) if len(found) == query.limit else None
    return json_answer({"anchors": [_line(anchor) for anchor in found], "next": following})


def _line(anchor: StoredAnchor) -> dict[str, str | int | None]:
    return {
        "size": anchor.size,
        "note_hash": anchor.note_hash.hex(),
        "state": anchor.state,
        "tx_hash": anchor.tx_hash,
        "block_number": anchor.block_number,
        "block_hash": anchor.block_hash,
    }

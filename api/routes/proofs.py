"""Checkpoints and proofs by hash: what a verifier may ask without saying who he is."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import json_answer, log_named
from api.cursors import format_cursor, parse_cursor
from api.models import (
    CheckpointsAnswer,
    ConsistencyAnswer,
    ConsistencyQuery,
    InclusionAnswer,
    InclusionQuery,
    LogPath,
    PageQuery,
)

blueprint = APIBlueprint("proofs", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="proofs")])


@blueprint.get("/checkpoint", summary="The latest checkpoint, a signed note", security=[])
def checkpoint(path: LogPath) -> Response:
    """text/plain, in the form of C2SP signed notes with SM3 and SM2."""
    latest = log_named(path.log).reader.checkpoint("published")
    return Response(latest.note, content_type="text/plain; charset=utf-8")


@blueprint.get(
    "/checkpoints", summary="Published checkpoints, oldest first", responses={200: CheckpointsAnswer}
)
def checkpoints(path: LogPath, query: PageQuery) -> Response:
    """Paged by tree size."""
    position = parse_cursor(query.after, {"size": int})
    found = log_named(path.log).store.checkpoints(position["size"] if position else -1, query.limit)
    following = format_cursor({"size": found[-1].size}) if len(found) == query.limit else None
    lines = [{"size": each.size, "note": each.note.decode("utf-8")} for each in found]
    return json_answer({"checkpoints": lines, "next": following})


@blueprint.get(
    "/proofs/inclusion", summary="Inclusion proof by leaf hash", responses={200: InclusionAnswer}, security=[]
)
def inclusion(path: LogPath, query: InclusionQuery) -> Response:
    """Under a published checkpoint's size, the latest's unless told."""
    proof = log_named(path.log).reader.inclusion(bytes.fromhex(query.leaf_hash), query.size)
    return json_answer(
        {
            "leaf_index": proof.index,
            "size": proof.size,
            "root": proof.root.hex(),
            "proof": [node.hex() for node in proof.path],
        }
    )


@blueprint.get(
    "/proofs/consistency",
    summary="Consistency proof between two tree sizes",
    responses={200: ConsistencyAnswer},
    security=[],
)
def consistency(path: LogPath, query: ConsistencyQuery) -> Response:
    """`first` and `second` are tree sizes up to the latest checkpoint's."""
    nodes = log_named(path.log).reader.consistency(query.first, query.second)
    return json_answer(
        {"first": query.first, "second": query.second, "proof": [node.hex() for node in nodes]}
    )

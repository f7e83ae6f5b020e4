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
from ledger.errors import NotFound, NotYetPublished, ParameterInvalid
from ledger.log.reader import LogReader

blueprint = APIBlueprint("proofs", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="proofs")])


@blueprint.get("/checkpoint", summary="The latest checkpoint, a signed note", security=[])
def checkpoint(path: LogPath) -> Response:
    """text/plain, in the form of C2SP signed notes with SM3 and SM2."""
    latest = log_named(path.log).reader.checkpoint()
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
    reader = log_named(path.log).reader
    size = _published(reader, query.size)
    index = reader.find_leaf(bytes.fromhex(query.leaf_hash))
    if index is None:
        raise NotFound("the log has no integrated entry with this leaf hash")
    if index >= size:
        raise NotYetPublished(f"the entry is not in the tree of size {size}")
    proof = reader.inclusion(index, size)
    return json_answer({"leaf_index": index, "size": size, "proof": [node.hex() for node in proof]})


@blueprint.get(
    "/proofs/consistency",
    summary="Consistency proof between two tree sizes",
    responses={200: ConsistencyAnswer},
    security=[],
)
def consistency(path: LogPath, query: ConsistencyQuery) -> Response:
    """`first` and `second` are tree sizes up to the latest checkpoint's."""
    reader = log_named(path.log).reader
    if not query.first <= _published(reader, query.second):
        raise ParameterInvalid("first must not be larger than second")
    proof = reader.consistency(query.first, query.second)
    return json_answer(
        {"first": query.first, "second": query.second, "proof": [node.hex() for node in proof]}
    )


def _published(reader: LogReader, size: int | None) -> int:
    """A tree size that may be asked about: the latest checkpoint's, or a smaller one."""
    latest = reader.checkpoint().size
    if size is not None and size > latest:
        raise NotYetPublished(f"the latest checkpoint has size {latest}")
    return latest if size is None else size

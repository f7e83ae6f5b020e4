"""Index look-up with a completeness proof: all entries of a key, or provably none."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer
from api.context import log_named
from api.cursors import format_cursor, parse_cursor
from api.models import BundleAnswer, IndexPath, IndexQuery
from ledger.domain.kinds import INDEXES
from ledger.errors import CursorInvalid, NotFound
from ledger.formats.bundle import After, format_bundle

blueprint = APIBlueprint("index", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="index")])

_CURSOR = {"count": int, "head": str, "last": int}


@blueprint.get("/index/<name>/<tag>", summary="All entries of an index key", responses={200: BundleAnswer})
def lookup(path: IndexPath, query: IndexQuery) -> Response:
    """One page, as a bundle; the next page continues its chain (`after` in the bundle)."""
    position = parse_cursor(query.after, _CURSOR)
    after = None
    if position is not None:
        if position["count"] == 0:
            raise CursorInvalid
        after = After(position["count"], bytes.fromhex(position["head"]), position["last"])
    reader = log_named(path.log).reader
    if path.name not in INDEXES[path.log]:
        raise NotFound(f"this log has the indexes {', '.join(INDEXES[path.log])}")
    checkpoint = reader.answering(query.level, after.last if after is not None else -1)
    history = reader.lookup(checkpoint, path.name, path.tag, after, query.limit)
    bundle = reader.bundle(checkpoint, [entry.index for entry in history.entries], [history.completeness])
    following = None
    if history.next_after is not None:
        place = history.next_after
        following = format_cursor({"count": place.count, "head": place.head.hex(), "last": place.last})
    return bundled_answer({"total": history.count, "next": following}, format_bundle(bundle))

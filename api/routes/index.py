"""Index look-up with a completeness proof: all entries of a key, or provably none."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer
from api.context import log_named
from api.cursors import format_cursor, parse_cursor
from api.models import BundleAnswer, IndexPath, IndexQuery
from ledger.formats.bundle import After

blueprint = APIBlueprint("index", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="index")])

_CURSOR = {"count": int, "head": str, "last": int}


@blueprint.get("/index/<name>/<tag>", summary="All entries of an index key", responses={200: BundleAnswer})
def lookup(path: IndexPath, query: IndexQuery) -> Response:
    """One page, as a bundle; the next page continues its chain (`after` in the bundle)."""
    position = parse_cursor(query.after, _CURSOR)
    after = None
    if position is not None:
        after = After(position["count"], bytes.fromhex(position["head"]), position["last"])
    page = log_named(path.log).reader.page(path.name, path.tag, after, query.limit, query.level)
    following = None
    if page.after is not None:
        following = format_cursor(
            {"count": page.after.count, "head": page.after.head.hex(), "last": page.after.last}
        )
    return bundled_answer({"total": page.total, "next": following}, page.bundle)

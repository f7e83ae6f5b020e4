"""Bundles: everything needed to verify one answer offline."""

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import BUNDLE_MEDIA_TYPE, caller, log_named
from api.models import Answer, BundleQuery, StatementPath
from api.roles import may_see
from ledger.errors import NotFound
from ledger.formats.bundle import format_bundle

blueprint = APIBlueprint("bundles", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="bundles")])


@blueprint.get("/bundles/<issuer>/<id>", summary="The bundle of one statement", responses={200: Answer})
def bundle(path: StatementPath, query: BundleQuery) -> Response:
    """For its issuer, auditors and the operator; without the sealed content."""
    may_see(g.rule, caller(), path.issuer)
    reader = log_named(path.log).reader
    found = reader.find(path.issuer, path.id)
    if found is None:
        raise NotFound("this log holds no such statement")
    document = reader.bundle(reader.answering(query.level, found.index), [found.index])
    return Response(format_bundle(document), content_type=BUNDLE_MEDIA_TYPE)

"""The life of one record: its state, its steps by reference, and the deadlines that are open."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import caller, deployment
from api.loop_models import LookQuery, RecordPath
from api.models import Answer
from ledger.formats.statement import Reference
from ledger.services.answers import Asked

blueprint = APIBlueprint("records", __name__, url_prefix="/v1", abp_tags=[Tag(name="records")])


@blueprint.get("/records/<issuer>/<id>", summary="The life of a record", responses={200: Answer})
def record(path: RecordPath, query: LookQuery) -> Response:
    """Whole for its issuer, auditors and the operator; for others while it counts, and about no person."""
    asked = Asked(caller(), query.operator, query.purpose or "", query.basis or "")
    answer = deployment().loop.records.record(Reference(path.issuer, path.id), asked, query.level)
    return bundled_answer(document_of(answer), answer.bundle)

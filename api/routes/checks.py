"""Joint-punishment checks (联合奖惩核查)."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import caller, deployment
from api.models import Answer, CheckBody
from ledger.services.answers import Asked, SubjectQuery

blueprint = APIBlueprint("checks", __name__, url_prefix="/v1", abp_tags=[Tag(name="checks")])


@blueprint.post("/checks", summary="Check a subject for a matter", responses={200: Answer})
def check(body: CheckBody) -> Response:
    """Hits, measures, decision, and a bundle that proves the answer complete; the check itself is logged."""
    answer = deployment().credit.check(
        SubjectQuery(body.subject.type, body.subject.code),
        body.matter,
        Asked(caller(), body.operator, body.purpose, body.basis, body.authorisation),
        body.level,
        body.at,
    )
    return bundled_answer(document_of(answer), answer.bundle)

"""Joint-punishment checks (联合奖惩核查), of one subject or of many."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import batch_answer, check_answer
from api.context import caller, deployment
from api.models import Answer, BatchBody, CheckBody, CheckedSubject, Reason
from ledger.services.answers import Asked, RelatedQuery, SubjectQuery
from ledger.services.checking.batch import uncollected

blueprint = APIBlueprint("checks", __name__, url_prefix="/v1", abp_tags=[Tag(name="checks")])


@blueprint.post("/checks", summary="Check a subject for a matter", responses={200: Answer})
def check(body: CheckBody) -> Response:
    """Hits, measures, decision, and a bundle that proves the answer complete; the check itself is logged."""
    answer = deployment().credit.check(
        query_of(body.subject), body.matter, asked_of(body), body.level, body.at, body.view
    )
    return check_answer(answer)


@blueprint.post("/checks/batch", summary="Check many subjects for a matter", responses={200: Answer})
def check_many(body: BatchBody) -> Response:
    """Findings for each subject under one checkpoint, each look logged; what is wrong with one subject is
    said of it alone. With `proofs` a bundle proves all of them complete; without, the checkpoint and the keys
    of each item say what a check of it alone proves later.
    """
    with uncollected():
        answer = deployment().credit.check_many(
            [query_of(subject) for subject in body.subjects],
            body.matter,
            asked_of(body),
            body.level,
            body.at,
            body.view,
            proofs=body.proofs,
        )
        response = batch_answer(answer)
        # Freed before the next collection, which would else walk through all of it.
        del answer
    return response


def query_of(subject: CheckedSubject) -> SubjectQuery:
    """The subject of a check, as the service takes it."""
    related = tuple(RelatedQuery(each.role, each.code, each.authorisation) for each in subject.related)
    return SubjectQuery(subject.type, subject.code, subject.name, related, subject.authorisation)


def asked_of(reason: Reason) -> Asked:
    """Who asks, why and on what basis, as the service takes it."""
    return Asked(
        caller(), reason.operator, reason.purpose, reason.basis, reason.authorisation, reason.basis_code
    )

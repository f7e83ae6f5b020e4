"""Joint punishment cases (联合惩戒). Submitting goes as all statements go; here they are read."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import caller, deployment, json_answer
from api.cursors import format_cursor, parse_cursor
from api.loop_models import CasePath, CasesQuery, FiguresQuery, LookQuery
from api.models import Answer
from ledger.formats.statement import Reference
from ledger.services.answers import Asked
from ledger.services.case_register import CasesWanted

blueprint = APIBlueprint("cases", __name__, url_prefix="/v1", abp_tags=[Tag(name="cases")])

_CURSOR = {"before": int}


@blueprint.get("/cases", summary="Cases, or an executor's in-tray", responses={200: Answer})
def cases(query: CasesQuery) -> Response:
    """Newest first, with a bundle that proves each. Who is neither auditor nor operator names itself."""
    position = parse_cursor(query.after, _CURSOR)
    answer = deployment().loop.cases.list(
        CasesWanted(query.executor, query.todo == "true", query.proposer, query.state),
        _asked(query),
        position["before"] if position else 0,
        query.limit,
    )
    document = document_of(answer)
    del document["after"]
    document["next"] = None if answer.after is None else format_cursor({"before": answer.after})
    return bundled_answer(document, answer.bundle)


@blueprint.get("/cases/figures", summary="Received, handled, overdue", responses={200: Answer})
def figures(query: FiguresQuery) -> Response:
    """Per department and in all; a member sees its own counts, auditors and the operator those of all."""
    return json_answer(document_of(deployment().loop.cases.figures(caller(), query.department)))


@blueprint.get("/cases/<case>", summary="One case", responses={200: Answer})
def case(path: CasePath, query: LookQuery) -> Response:
    """Its state, its statements by reference, each executor's feedback, and a bundle that proves it whole."""
    issuer, _, id = path.case.partition(":")
    answer = deployment().loop.cases.case(Reference(issuer, id), _asked(query), query.level)
    return bundled_answer(document_of(answer), answer.bundle)


def _asked(query: LookQuery) -> Asked:
    return Asked(caller(), query.operator, query.purpose or "", query.basis or "")

"""Check receipts (核查回执): a check whose answer is a PDF that carries its own proof."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import deployment
from api.models import CheckBody
from api.routes.checks import asked_of, query_of
from ledger.errors import ParameterInvalid

PDF = "application/pdf"

blueprint = APIBlueprint("receipts", __name__, url_prefix="/v1", abp_tags=[Tag(name="checks")])


@blueprint.post(
    "/checks/receipt",
    summary="Check a subject for a matter, and issue the receipt",
    responses={200: {"description": "The receipt", "content": {PDF: {"schema": {"type": "string"}}}}},
)
def receipt(body: CheckBody) -> Response:
    """The check of `/v1/checks`, logged in the same way, as a PDF to hand out: with answer, bundle, the
    catalogue's tables and the proof of the logged look attached, and logged itself as an e-certificate."""
    if body.view == "whole":
        raise ParameterInvalid("view: a receipt shows what may be shared")
    issued = deployment().receipts.issue(
        query_of(body.subject), body.matter, asked_of(body), body.level, body.at
    )
    response = Response(issued.pdf, mimetype=PDF)
    response.headers["Content-Disposition"] = f'attachment; filename="{issued.file_name}"'
    return response

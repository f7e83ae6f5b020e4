"""The consortium's members, and the trust file that offline verifiers believe beforehand."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import deployment, json_answer
from api.models import Answer
from ledger.errors import NotFound
from ledger.formats import strictjson

blueprint = APIBlueprint("members", __name__, url_prefix="/v1", abp_tags=[Tag(name="members")])


@blueprint.get("/members", summary="Registered members, their roles and keys", responses={200: Answer})
def members() -> Response:
    """As in the trust file in force."""
    trust = strictjson.loads(_trust())
    return json_answer({"exported": trust["exported"], "members": trust["members"]})


@blueprint.get("/trust", summary="The trust file in force", responses={200: Answer}, security=[])
def trust() -> Response:
    """The registry as exported from the chain; a person compares it once with another member's copy."""
    document = _trust()
    return Response(document, content_type=strictjson.loads(document)["mediaType"])


def _trust() -> bytes:
    document = deployment().trust_document()
    if document is None:
        raise NotFound("the registry was not exported yet")
    return document

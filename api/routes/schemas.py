"""The kinds of statement and the JSON Schema of their bodies, for whoever writes or reads statements."""

from typing import Annotated

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field

from api.context import json_answer
from api.models import Answer
from ledger.domain.schemas import schema_of, summaries
from ledger.errors import KindUnknown, NotFound
from ledger.formats import strictjson

MEDIA_TYPE = "application/schema+json"

blueprint = APIBlueprint("schemas", __name__, url_prefix="/v1/schemas", abp_tags=[Tag(name="schemas")])


class KindPath(BaseModel):
    """A kind of statement."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$", max_length=64, description="a kind's name")
    ]


@blueprint.get("", summary="The kinds of statement", responses={200: Answer}, security=[])
def kinds() -> Response:
    """Each with its log, its names, what it seals, and where its schema is."""
    found = [{**each, "schema": f"/v1/schemas/{each['kind']}"} for each in summaries()]
    return json_answer({"schemas": found})


@blueprint.get("/<kind>", summary="The JSON Schema of a kind's body", responses={200: Answer}, security=[])
def schema(path: KindPath) -> Response:
    """Generated from the model that admission checks bodies with."""
    try:
        document = schema_of(path.kind)
    except KindUnknown as error:
        raise NotFound(error.detail) from None
    return Response(strictjson.dumps(document), content_type=MEDIA_TYPE)

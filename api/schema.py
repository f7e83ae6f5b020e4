"""What every operation has in common, put into the OpenAPI document once instead of on every handler.

Security: each operation that the rule table calls signed needs the scheme `signature`. Errors: every
operation answers any 4xx and 5xx with a problem document.
"""

from typing import TYPE_CHECKING, Any

from api.models import Problem
from api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI

_METHODS = ("get", "post", "put", "patch", "delete")


def amend_document(app: "OpenAPI") -> None:
    """Complete `app.spec_json`; call it when all operations are registered."""
    document: dict[str, Any] = app.api_doc
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    schemas.pop("ValidationErrorModel", None)
    problem = {
        "description": "A problem document (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for item in document["paths"].values():
        for method in _METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            operation.setdefault("security", [{"signature": []}])
            responses = operation.setdefault("responses", {})
            for status in ("400", "422", "500"):
                responses.pop(status, None)
            responses["4XX"] = problem
            responses["5XX"] = problem
            for answer in responses.values():
                answer.setdefault("description", "")

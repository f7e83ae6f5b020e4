"""What the handlers share: the deployment behind the application, one log of it, answers as JSON."""

from typing import TYPE_CHECKING, Any, cast

from flask import Response, current_app, g

from api.roles import Principal
from ledger.errors import NotFound
from ledger.formats import strictjson

if TYPE_CHECKING:
    from ledger.deployment import Deployment, LogHandle

RECEIPT_MEDIA_TYPE = "application/vnd.xinzheng.receipt+json"
BUNDLE_MEDIA_TYPE = "application/vnd.xinzheng.bundle+json;v=1"


def deployment() -> "Deployment":
    """The deployment that this application serves."""
    return cast("Deployment", current_app.extensions["xinzheng"])


def log_named(short: str) -> "LogHandle":
    """One log by its short name; raises `NotFound`."""
    log = deployment().logs.get(short)
    if log is None:
        raise NotFound(f"this deployment has the logs {', '.join(deployment().logs)}")
    return log


def caller() -> Principal:
    """The member whose key signed this request."""
    return cast(Principal, g.principal)


def json_answer(document: Any, status: int = 200) -> Response:
    """`document` as compact JSON."""
    return Response(strictjson.dumps(document), status, mimetype="application/json")

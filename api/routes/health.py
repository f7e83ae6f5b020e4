"""Is it alive, may it be sent requests, and how does it do."""

from flask import Response, current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import deployment, json_answer
from api.models import Answer, Health

blueprint = APIBlueprint("health", __name__, abp_tags=[Tag(name="health")])


@blueprint.get("/healthz", summary="The process is alive", responses={200: Health}, security=[])
def healthz() -> Response:
    """Says nothing about the logs or the chain."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz", summary="The logs can be written and read", responses={200: Answer}, security=[])
def readyz() -> Response:
    """503 when a log cannot be appended to. A lagging worker or chain is reported, and leaves it ready."""
    report = deployment().readiness()
    return json_answer(report, 200 if report["ready"] else 503)


@blueprint.get("/metrics", summary="Metrics for Prometheus", security=[])
def metrics() -> Response:
    """The text format of Prometheus."""
    text: bytes = current_app.extensions["xinzheng.metrics"].render()
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

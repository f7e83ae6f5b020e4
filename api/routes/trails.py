"""Access trails: who looked at what, about whom. A POST, so that no identity number stands in a URL."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import caller, deployment
from api.cursors import format_cursor, parse_cursor
from api.models import Answer, TrailBody
from ledger.errors import ParameterInvalid
from ledger.services.access import By
from ledger.services.answers import After, Asked, SubjectQuery

blueprint = APIBlueprint("trails", __name__, url_prefix="/v1", abp_tags=[Tag(name="trails")])

_CURSOR = {"epoch": int, "count": int, "head": str, "last": int}
_NO_EPOCH = 2**32
"""In a cursor: the trail has one chain, not one per epoch."""


@blueprint.post(
    "/trails", summary="The access trail of a subject, a resource or an actor", responses={200: Answer}
)
def trail(body: TrailBody) -> Response:
    """One page of the trail with a bundle that proves it complete; the look itself is logged first."""
    by, value = _asked_about(body)
    position = parse_cursor(body.after, _CURSOR)
    answer = deployment().access.trail(
        by,
        value,
        Asked(caller(), body.operator, body.purpose, body.basis, body.authorisation, body.basis_code),
        after=None if not position or not position["count"] else _after(position),
        epoch=None if position is None or position["epoch"] == _NO_EPOCH else position["epoch"],
        limit=body.limit,
        level=body.level,
    )
    document = document_of(answer)
    document["next"] = None
    if answer.after is not None:
        epoch = _NO_EPOCH if answer.epoch is None else answer.epoch
        document["next"] = format_cursor(
            {
                "epoch": epoch,
                "count": answer.after.count,
                "head": answer.after.head,
                "last": answer.after.last,
            }
        )
    return bundled_answer(document, answer.bundle)


def _after(position: dict[str, int | str]) -> After:
    return After(int(position["count"]), str(position["head"]), int(position["last"]))


def _asked_about(body: TrailBody) -> tuple[By, SubjectQuery | str]:
    asked: list[tuple[By, SubjectQuery | str]] = []
    if body.subject is not None:
        asked.append(("subject", SubjectQuery(body.subject.type, body.subject.code)))
    if body.resource is not None:
        asked.append(("resource", body.resource))
    if body.actor is not None:
        asked.append(("actor", body.actor))
    if len(asked) != 1:
        raise ParameterInvalid("exactly one of subject, resource and actor must be given")
    return asked[0]

"""What concerns subjects themselves: their own view (本人查询), and what became of an authorisation."""

from dataclasses import replace

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.context import caller, deployment, json_answer
from api.cursors import format_cursor, parse_cursor
from api.models import Answer
from api.subject_models import AuthorisationPath, OwnBody
from ledger.errors import ParameterInvalid
from ledger.formats import strictjson
from ledger.formats.statement import Reference
from ledger.services.answers import After, Asked, SubjectQuery
from ledger.services.documents import document_of
from ledger.services.own_answers import OwnAnswer, OwnPlace, OwnRecords, OwnTrail, Section

blueprint = APIBlueprint("subjects", __name__, url_prefix="/v1", abp_tags=[Tag(name="subjects")])

_RECORDS = {"log": int, "index": int}
_TRAIL = {"epoch": int, "count": int, "head": str, "last": int}
_NO_EPOCH = 2**32
"""In a cursor: the trail has one chain, not one per epoch."""


@blueprint.post("/subjects/own", summary="A subject's own view", responses={200: Answer})
def own(body: OwnBody) -> Response:
    """For the window that identified the subject: every record whatever its state, with what was sealed about
    it, and every look at it, each part with bundles that prove it complete; the view itself is logged."""
    records_after, trail_after = (
        parse_cursor(body.records_after, _RECORDS),
        parse_cursor(body.trail_after, _TRAIL),
    )
    if records_after is not None and trail_after is not None:
        raise ParameterInvalid("records_after and trail_after exclude each other")
    section: Section = "records" if records_after else "trail" if trail_after else "both"
    place, after, epoch = None, None, None
    if records_after is not None:
        place = OwnPlace(records_after["log"], records_after["index"])
    if trail_after is not None:
        # A count of 0 begins another epoch's chain.
        after = After(trail_after["count"], trail_after["head"], trail_after["last"])
        epoch = None if trail_after["epoch"] == _NO_EPOCH else trail_after["epoch"]
    answer = deployment().own.view(
        SubjectQuery(body.subject.type, body.subject.code),
        Asked(caller(), body.operator, body.purpose, body.basis, body.authorisation, body.basis_code),
        section=section,
        records_after=place,
        trail_after=after,
        trail_epoch=epoch,
        limit=body.limit,
        level=body.level,
    )
    return _with_bundles(answer)


@blueprint.get(
    "/authorisations/<issuer>/<id>", summary="An authorisation and its uses", responses={200: Answer}
)
def authorisation(path: AuthorisationPath) -> Response:
    """How far an authorisation goes and how often it was used: for its issuer, its grantee, auditors, the
    operator and subjects' desks."""
    found = deployment().authoriser.show(Reference(path.issuer, path.id), caller(), deployment().clock())
    return json_answer(document_of(found))


def _with_bundles(answer: OwnAnswer) -> Response:
    """The answer as JSON; bundles stand in it as the objects that they are, byte for byte."""
    # Bundles are bytes already; they need not become text first.
    bare = None if answer.records is None else replace(answer.records, bundles={})
    document = document_of(replace(answer, records=bare))
    pieces = [
        strictjson.dumps({name: document[name] for name in ("subject", "day", "logged")})[:-1],
        b',"records":',
        _records(answer.records, document["records"]),
        b',"trail":',
        _trail(answer.trail, document["trail"]),
        b"}",
    ]
    return Response(b"".join(pieces), mimetype="application/json")


def _records(records: OwnRecords | None, document: dict[str, object]) -> bytes:
    if records is None:
        return b"null"
    del document["bundles"], document["after"]
    place = records.after
    document["next"] = None if place is None else format_cursor({"log": place.log, "index": place.index})
    bundles = b",".join(b'"%s":%s' % (name.encode(), text) for name, text in records.bundles.items())
    return strictjson.dumps(document)[:-1] + b',"bundles":{' + bundles + b"}}"


def _trail(trail: OwnTrail | None, document: dict[str, object]) -> bytes:
    if trail is None:
        return b"null"
    document["next"] = None
    if trail.after is not None:
        document["next"] = format_cursor(
            {
                "epoch": _NO_EPOCH if trail.epoch is None else trail.epoch,
                "count": trail.after.count,
                "head": trail.after.head,
                "last": trail.after.last,
            }
        )
    return strictjson.dumps(document)[:-1] + b',"bundle":' + trail.bundle + b"}"

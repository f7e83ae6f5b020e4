"""Submitting, and reading back what was submitted.

The bodies here are signed bytes that must not change on their way: they are handed on as they came, and no
model is made of them.
"""

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag

from api.auth import digested_chunks
from api.context import RECEIPT_MEDIA_TYPE, caller, json_answer, log_named
from api.models import Answer, EntryAnswer, EntryPath, LogPath, StatementPath
from api.ndjson import split_lines
from api.roles import BATCH_MEDIA_TYPE, SUBMISSION_MEDIA_TYPES, may_see
from ledger.errors import NotFound
from ledger.formats.encoding import b64encode
from ledger.formats.times import format_time
from ledger.log.admission_batch import admit_batch

blueprint = APIBlueprint("entries", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="entries")])


class SubmissionBody(RawModel):
    """The envelope's exact bytes, or {"entry": base64, "disclosure": {"salt": hex, "content": base64}}."""

    mimetypes = list(SUBMISSION_MEDIA_TYPES)  # noqa: RUF012 - flask-openapi3 wants a list


class BatchBody(RawModel):
    """NDJSON: the manifest's line, then one line for each of its entries."""

    mimetypes = [BATCH_MEDIA_TYPE]  # noqa: RUF012 - flask-openapi3 wants a list


@blueprint.post("/entries", summary="Submit one signed statement", responses={201: Answer})
def submit(path: LogPath, raw: SubmissionBody) -> Response:
    """Answers with the log's receipt once the entry is durable; sent again, with the same receipt."""
    log = log_named(path.log)
    receipt, accepted = log.appender.append(log.admission.admit(request.get_data()))
    return Response(receipt, 200 if accepted.repeated else 201, content_type=RECEIPT_MEDIA_TYPE)


@blueprint.post("/batches", summary="Submit a signed batch", responses={201: Answer})
def submit_batch(path: LogPath, raw: BatchBody) -> Response:
    """All of the batch or nothing of it; the body is read in pieces and may be long."""
    log = log_named(path.log)
    lines = split_lines(digested_chunks(request.stream.read, g.digest, g.rule.body_limit))
    receipt, accepted = log.appender.append_batch(admit_batch(log.admission, lines))
    return Response(receipt, 200 if accepted.repeated else 201, content_type=RECEIPT_MEDIA_TYPE)


@blueprint.get("/receipts/<issuer>/<id>", summary="The receipt of a statement", responses={200: Answer})
def receipt(path: StatementPath) -> Response:
    """For its issuer, auditors and the operator."""
    may_see(g.rule, caller(), path.issuer)
    log = log_named(path.log)
    found = log.store.find(path.issuer, path.id)
    if found is None:
        raise NotFound("this log holds no such statement")
    return Response(log.appender.receipt(found), content_type=RECEIPT_MEDIA_TYPE)


@blueprint.get("/entries/<int:index>", summary="An entry by its leaf index", responses={200: EntryAnswer})
def entry(path: EntryPath) -> Response:
    """For its issuer, auditors and the operator."""
    found = log_named(path.log).store.entry(path.index)
    if found is None:
        raise NotFound("the log has no entry of this index yet")
    may_see(g.rule, caller(), found.issuer)
    return json_answer(
        {
            "index": found.index,
            "entry": b64encode(found.entry),
            "leaf_hash": found.leaf_hash.hex(),
            "accepted_at": format_time(found.accepted_at, True),
        }
    )

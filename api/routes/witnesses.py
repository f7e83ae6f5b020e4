"""What witnesses ask of a log, and what they hand in."""

from itertools import islice

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag

from api.context import caller, json_answer, log_named
from api.models import Answer, CheckpointPath, CosignedAnswer, EntriesQuery, LogPath, NoteQuery
from api.roles import may_follow
from ledger.errors import NoteMalformed, NotFound, NotYetPublished, ParameterInvalid
from ledger.formats.entries import MAX_PIECE, MEDIA_TYPE, format_entry

blueprint = APIBlueprint("witnesses", __name__, url_prefix="/v1/logs/<log>", abp_tags=[Tag(name="witnesses")])

NOTE_MEDIA_TYPE = "text/plain; charset=utf-8"
MOST_ENTRIES = 8_192


class CosignatureLines(RawModel):
    """Signature lines as they stand in a note, each ended by a newline."""

    mimetypes = ["text/plain"]  # noqa: RUF012 - flask-openapi3 wants a list


@blueprint.get(
    "/checkpoints/candidate", summary="The checkpoint that witnesses are asked to cosign", security=[]
)
def candidate(path: LogPath) -> Response:
    """A signed note with the cosignatures over it so far. It stays the same until it has its quorum, or has
    waited for one too long."""
    return Response(log_named(path.log).witnessing.candidate().note, content_type=NOTE_MEDIA_TYPE)


@blueprint.get("/checkpoints/<int:size>", summary="A published checkpoint of a size", security=[])
def published(path: CheckpointPath, query: NoteQuery) -> Response:
    """A signed note with the cosignatures over it."""
    log = log_named(path.log)
    found = log.store.checkpoint(path.size, _hash(query.note_hash))
    if found is None:
        raise NotFound("this log has published no such checkpoint")
    return Response(log.witnessing.cosigned(found).note, content_type=NOTE_MEDIA_TYPE)


@blueprint.post(
    "/checkpoints/<int:size>/cosignatures",
    summary="Hand in cosignatures over a published checkpoint",
    responses={200: CosignedAnswer},
    security=[],
)
def cosign(path: CheckpointPath, query: NoteQuery, raw: CosignatureLines) -> Response:
    """Each line must be by a witness that the consortium named for this log, and hold over the note; else
    nothing is kept. Handed in again, it does no harm."""
    try:
        lines = request.get_data().decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteMalformed("signature lines are UTF-8") from error
    taken = log_named(path.log).witnessing.accept(path.size, _hash(query.note_hash), lines)
    return json_answer(
        {
            "size": taken.size,
            "note_hash": taken.note_hash.hex(),
            "new": taken.new,
            "witnesses": taken.names,
            "threshold": taken.threshold,
        }
    )


@blueprint.get("/entries", summary="Entries by their leaf indexes, byte for byte", responses={200: Answer})
def entries(path: LogPath, query: EntriesQuery) -> Response:
    """For witnesses of the log, auditors and the operator; up to the published size, without sealed content.

    Each entry is its length as 4 bytes, big-endian, and its bytes. At least one comes, at most some 4 MB.
    """
    log = log_named(path.log)
    may_follow(g.rule, caller(), log.origin)
    if query.start >= query.stop:
        raise ParameterInvalid("start must be below stop")
    stop = min(query.stop, log.reader.checkpoint().size, query.start + MOST_ENTRIES)
    if query.start >= stop:
        raise NotYetPublished(f"the published size is {stop}")
    parts, total = [], 0
    for entry in islice(log.store.entry_bytes(query.start, stop), MOST_ENTRIES):
        parts.append(format_entry(entry))
        total += len(parts[-1])
        if total >= MAX_PIECE:
            break
    return Response(b"".join(parts), content_type=MEDIA_TYPE)


def _hash(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)

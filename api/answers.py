"""The frozen values of `ledger.services` as JSON documents; a bundle stands in one as the JSON object that
it is, byte for byte.
"""

from typing import Any

from flask import Response

from ledger.formats import strictjson
from ledger.services.answers import BatchAnswer, BatchItem, CheckAnswer, answer_bytes, document_of

__all__ = ["batch_answer", "bundled_answer", "check_answer", "document_of"]


def bundled_answer(document: dict[str, Any], bundle: bytes) -> Response:
    """`document` with the member `bundle` besides, whose bytes are not parsed again."""
    body = strictjson.dumps(document)[:-1] + b',"bundle":' + bundle + b"}"
    return Response(body, mimetype="application/json")


def check_answer(answer: CheckAnswer) -> Response:
    """The answer of a check: the very bytes whose digest was logged, and beside them bundle and look."""
    logged = strictjson.dumps(document_of(answer.logged))
    body = answer_bytes(answer)[:-1] + b',"bundle":' + answer.bundle + b',"logged":' + logged + b"}"
    return Response(body, mimetype="application/json")


def batch_answer(answer: BatchAnswer) -> Response:
    """The answers about many subjects, each item's findings as they were digested."""
    frame = strictjson.dumps(document_of(answer.frame))
    logged = strictjson.dumps(document_of(answer.logged))
    items = b",".join([_item(item) for item in answer.items])
    body = b'{"frame":' + frame + b',"items":[' + items + b'],"logged":' + logged + b',"bundle":'
    return Response(body + (answer.bundle or b"null") + b"}", mimetype="application/json")


def _item(item: BatchItem) -> bytes:
    findings = item.said or strictjson.canonical(document_of(item.findings))
    rest = {
        "refusal": document_of(item.refusal),
        "same_as": item.same_as,
        "logged": document_of(item.logged),
    }
    return b'{"findings":' + findings + b"," + strictjson.dumps(rest)[1:]

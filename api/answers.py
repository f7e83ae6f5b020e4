"""The frozen values of `ledger.services` as JSON documents; a bundle stands in one as the JSON object that
it is, byte for byte.
"""

from typing import Any

from flask import Response

from ledger.formats import strictjson
from ledger.services.answers import document_of

__all__ = ["bundled_answer", "document_of"]


def bundled_answer(document: dict[str, Any], bundle: bytes) -> Response:
    """`document` with the member `bundle` besides, whose bytes are not parsed again."""
    body = strictjson.dumps(document)[:-1] + b',"bundle":' + bundle + b"}"
    return Response(body, mimetype="application/json")

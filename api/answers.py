"""The frozen values of `ledger.services` as JSON documents.

Members keep their names. A bundle stands in the document as the JSON object that it is, byte for byte; the
other bytes (entries, receipts) are base64.
"""

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any, cast

from flask import Response

from ledger.formats import strictjson
from ledger.formats.encoding import b64encode


def document_of(value: Any) -> Any:
    """`value`, a tree of frozen dataclasses, as what `strictjson.dumps` takes; bundles are left out."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return b64encode(value)
    if isinstance(value, tuple | list):
        return [document_of(item) for item in value]
    if isinstance(value, dict):
        return {name: document_of(item) for name, item in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    assert is_dataclass(value)
    return {name: document_of(getattr(value, name)) for name in _members(cast(Hashable, type(value)))}


@cache
def _members(kind: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast(Any, kind)) if field.name != "bundle")


def bundled_answer(document: dict[str, Any], bundle: bytes) -> Response:
    """`document` with the member `bundle` besides, whose bytes are not parsed again."""
    body = strictjson.dumps(document)[:-1] + b',"bundle":' + bundle + b"}"
    return Response(body, mimetype="application/json")

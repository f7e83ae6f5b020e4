"""Answers as documents: trees of frozen dataclasses as what `strictjson.dumps` takes."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from operator import attrgetter
from typing import Any

from ledger.formats.encoding import b64encode

_BESIDE = frozenset({"bundle", "said"})
"""Members that stand beside a document as bytes of their own."""
_PLAIN = frozenset({type(None), str, int, bool})


def document_of(value: Any) -> Any:
    """`value`, a tree of frozen dataclasses, as JSON members under their own names; bundles are left out.

    Bytes (entries, receipts) become base64, days text.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    convert = _converters.get(kind)
    if convert is None:
        convert = _converters[kind] = _converter(kind)
    return convert(value)


def _list(value: Any) -> list[Any]:
    return [document_of(item) for item in value] if value else []


def _dict(value: Any) -> dict[str, Any]:
    return {name: document_of(item) for name, item in value.items()}


_converters: dict[type, Callable[[Any], Any]] = {
    bytes: b64encode,
    tuple: _list,
    list: _list,
    dict: _dict,
    date: date.isoformat,
}


def _converter(kind: type) -> Callable[[Any], Any]:
    """How a dataclass becomes an object: its members fetched at once, which is what most time goes into."""
    assert is_dataclass(kind), f"{kind.__name__} has no document"
    names = tuple(field.name for field in fields(kind) if field.name not in _BESIDE)
    if len(names) == 1:
        return lambda value: {names[0]: document_of(getattr(value, names[0]))}
    members = attrgetter(*names)
    return lambda value: dict(zip(names, map(document_of, members(value)), strict=True))

"""Reading what a contract encoded (the Ethereum contract ABI), with nothing but the standard library.

    >>> decode(("uint64", "bool"), bytes(31) + b"\\x07" + bytes(31) + b"\\x01")
    [7, True]

As the chain's own decoder does, it follows offsets within the bytes that are there, takes bytes after the
last value as nothing, and refuses padding that is not zero. A dynamic type may share bytes with another; the
items of one list together hold no more bytes than there are, or a small file would fill the memory.
"""

import re
from typing import Any

from ledger.errors import HistoryUnusable

WORD = 32
MAX_ITEMS = 65_536
"""Most items of one list; a longer one does not fit into a block."""

_is_fixed = re.compile(r"bytes([0-9]+)").fullmatch
_is_number = re.compile(r"uint([0-9]+)").fullmatch


def decode(types: tuple[str, ...], data: bytes) -> list[Any]:
    """The values of a tuple of these types: `uintN`, `bytesN`, `bool`, `address`, `string`, `bytes`, `T[]`,
    and `(T,T)` of static types.

    Raises `HistoryUnusable`.
    """
    values, at = [], 0
    for kind in types:
        values.append(_value(kind, data, 0, at))
        at += _width(kind) * WORD
    return values


def word(value: int) -> bytes:
    """A number as a word."""
    return value.to_bytes(WORD, "big")


def dynamic(value: bytes) -> bytes:
    """Bytes after their length, padded to whole words."""
    return word(len(value)) + value + bytes(-len(value) % WORD)


def _width(kind: str) -> int:
    return len(kind.split(",")) if kind.startswith("(") else 1


def _value(kind: str, data: bytes, base: int, at: int) -> Any:
    if kind.startswith("("):
        parts = kind.strip("()").split(",")
        return tuple(_value(part, data, base, at + i * WORD) for i, part in enumerate(parts))
    if kind in ("string", "bytes") or kind.endswith("[]"):
        return _dynamic(kind, data, base + _number(data, at))
    return _static(kind, _word(data, at))


def _dynamic(kind: str, data: bytes, at: int) -> Any:
    length, start = _number(data, at), at + WORD
    if kind.endswith("[]"):
        if length > MAX_ITEMS:
            raise HistoryUnusable(f"a list has more than {MAX_ITEMS} items")
        inner, items, held = kind.removesuffix("[]"), [], 0
        for i in range(length):
            items.append(_value(inner, data, start, start + i * WORD * _width(inner)))
            held += len(items[-1]) if inner == "bytes" else 0
            if held > len(data):
                raise HistoryUnusable("the items of a list share their bytes")
        return items
    if start + length > len(data):
        raise HistoryUnusable("an encoded text goes beyond the end")
    raw = data[start : start + length]
    return raw if kind == "bytes" else raw.decode("utf-8", "backslashreplace")


def _static(kind: str, raw: bytes) -> Any:
    number = int.from_bytes(raw, "big")
    if kind == "bool" and number <= 1:
        return bool(number)
    if kind == "address" and number >> 160 == 0:
        return "0x" + raw[12:].hex()
    if (fixed := _is_fixed(kind)) and not any(raw[int(fixed[1]) :]):
        return raw[: int(fixed[1])]
    if (width := _is_number(kind)) and number >> int(width[1]) == 0:
        return number
    raise HistoryUnusable(f"an encoded value is no {kind}")


def _number(data: bytes, at: int) -> int:
    number = int.from_bytes(_word(data, at), "big")
    if number > len(data):
        raise HistoryUnusable("an offset or a length goes beyond the end")
    return number


def _word(data: bytes, at: int) -> bytes:
    if at + WORD > len(data):
        raise HistoryUnusable("an encoded value goes beyond the end")
    return data[at : at + WORD]

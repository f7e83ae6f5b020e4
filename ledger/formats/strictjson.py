"""JSON as DESIGN.md section 4 allows it, and no other.

UTF-8 without BOM, no duplicate keys, no lone surrogates, integers from -(2^53-1) to 2^53-1 and no other
numbers (`-0` neither), nested at most 32 deep, the outermost object being 1.

    >>> from ledger.formats import strictjson
    >>> strictjson.loads(b'{"n": 1}')
    {'n': 1}
    >>> strictjson.dumps({"name": "信证", "n": [1, 2]}).decode()
    '{"name":"信证","n":[1,2]}'
"""

import json
import re
from itertools import accumulate
from typing import Any

from ledger.errors import JsonDuplicateKey, JsonMalformed, JsonNumber, JsonTooDeep

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32

# "-9007199254740991" has 17 characters; longer texts are out of range and costly to convert.
_MAX_INTEGER_TEXT = 17

# The closing quote is optional: a string without end is taken whole, not tried again from every quote in it.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OPENING = ord("[")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def loads(data: bytes) -> Any:
    """The value of a JSON text.

    Raises `JsonMalformed`, `JsonDuplicateKey`, `JsonNumber` or `JsonTooDeep`.
    """
    check_depth(data)
    try:
        value = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise JsonMalformed("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise JsonMalformed(f"{error.msg} at character {error.pos}") from error
    if b"\\u" in data:
        _check_surrogates(value)
    return value


def check_depth(data: bytes) -> None:
    """Refuse JSON that is nested too deep, before anything decodes it. Raises `JsonTooDeep`.

    Decoders recurse: what runs at the end of the stack fails, were it another object's finalizer, and some
    packages raise Python's recursion limit beyond what the C stack bears.
    """
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _peel(data)


def dumps(value: Any) -> bytes:
    """The compact JSON of a value, in UTF-8, members in the order given.

    Raises `JsonMalformed` for a lone surrogate. The caller passes only objects, lists, strings, booleans,
    None and integers in range.
    """
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise JsonMalformed("a string has a lone surrogate") from error


def canonical(value: Any) -> bytes:
    """`value` as the one JSON text that two parties make of the same members: names in the order of their
    code points, no spaces. Raises as `dumps` does."""
    try:
        return _CANONICAL.encode(value).encode()
    except UnicodeEncodeError as error:
        raise JsonMalformed("a string has a lone surrogate") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonDuplicateKey
    return members


def _integer(text: str) -> int:
    if len(text) <= _MAX_INTEGER_TEXT and text != "-0":
        value = int(text)
        if -MAX_INTEGER <= value <= MAX_INTEGER:
            return value
    raise JsonNumber


def _refuse_number(text: str) -> Any:
    raise JsonNumber(f"only integers are allowed, here is a number of {len(text)} characters that is none")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_refuse_number, parse_constant=_refuse_number
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def _peel(data: bytes) -> None:
    """Peel the innermost brackets off, one layer a round; count only where that does not use them up."""
    brackets = _STRING.sub(b"", data).translate(_TO_BRACKETS, _NOT_BRACKETS)
    peeled = brackets
    for _ in range(MAX_DEPTH):
        peeled = peeled.replace(b"[]", b"")
        if not peeled:
            return
    if max(accumulate(1 if bracket == _OPENING else -1 for bracket in brackets)) > MAX_DEPTH:
        raise JsonTooDeep


def _check_surrogates(value: Any) -> None:
    try:
        _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise JsonMalformed("a string has a lone surrogate") from error

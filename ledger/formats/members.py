"""Reading a JSON object's members: exact names, exact types, one error each.

Each function raises the `FormatError` class that it is given, with a sentence that names the member.
"""

import re
from typing import Any

from ledger.errors import FormatError
from ledger.formats.encoding import hex_decode, is_hash

Malformed = type[FormatError]

_is_address = re.compile(r"0x[0-9a-f]{40}").fullmatch
_is_chain_hash = re.compile(r"0x[0-9a-f]{64}").fullmatch
ORIGIN = r"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9][a-z0-9._-]*)*"
"""A log's name, as a pattern."""

_is_origin = re.compile(ORIGIN).fullmatch
_is_index_name = re.compile(r"[a-z][a-z0-9_.-]*").fullmatch


def is_origin(value: object) -> bool:
    """Whether this is a string of an origin's form."""
    return isinstance(value, str) and _is_origin(value) is not None


def read_object(
    value: Any, what: str, required: frozenset[str], optional: frozenset[str], error: Malformed
) -> dict[str, Any]:
    """The object, with all required members and none that is unknown."""
    if not isinstance(value, dict):
        raise error(f"{what} must be an object")
    missing = required - value.keys()
    if missing:
        raise error(f"{what} lacks the member {sorted(missing)[0]}")
    if len(value) > len(required) and not value.keys() <= required | optional:
        raise error(f"{what} has an unknown member")
    return value


def read_list(value: Any, what: str, error: Malformed) -> list[Any]:
    if not isinstance(value, list):
        raise error(f"{what} must be a list")
    return value


def read_text(value: Any, what: str, error: Malformed) -> str:
    if not isinstance(value, str):
        raise error(f"{what} must be a string")
    return value


def read_integer(value: Any, what: str, error: Malformed, minimum: int = 0) -> int:
    if type(value) is not int or value < minimum:
        raise error(f"{what} must be an integer of at least {minimum}")
    return value


def read_hash(value: Any, what: str, error: Malformed) -> bytes:
    """32 bytes from 64 lowercase hex digits."""
    if not is_hash(value):
        raise error(f"{what} must be 64 lowercase hex digits")
    return bytes.fromhex(value)


def read_hex(value: Any, what: str, size: int, error: Malformed) -> bytes:
    try:
        return hex_decode(value, size)
    except FormatError as reason:
        raise error(f"{what}: {reason}") from reason


def read_address(value: Any, what: str, error: Malformed) -> str:
    if not isinstance(value, str) or not _is_address(value):
        raise error(f"{what} must be 0x and 40 lowercase hex digits")
    return value


def read_chain_hash(value: Any, what: str, error: Malformed) -> str:
    if not isinstance(value, str) or not _is_chain_hash(value):
        raise error(f"{what} must be 0x and 64 lowercase hex digits")
    return value


def read_origin(value: Any, what: str, error: Malformed) -> str:
    if not is_origin(value):
        raise error(f"{what} must be an origin such as suzhou.example/credit")
    return str(value)


def read_index_name(value: Any, what: str, error: Malformed) -> str:
    if not isinstance(value, str) or not _is_index_name(value):
        raise error(f"{what} must be an index name such as subject")
    return value

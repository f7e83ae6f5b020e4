"""Recursive Length Prefix (Ethereum Yellow Paper, appendix B), strictly: `encode(decode(x)) == x`.

    b"dog"            83 64 6f 67
    [b"cat", b"dog"]  c8 83 63 61 74 83 64 6f 67
    0                 80       (an integer is its bytes without leading zeros)

Written here and not taken from the library `rlp`: that one brings a schema library with it, and the base
install is the offline verifier alone. The tests compare the two.
"""

from collections.abc import Sequence
from typing import TypeAlias

from ledger.errors import ProofInvalid

Item: TypeAlias = bytes | list["Item"]
"""A string of bytes, or a list of items."""

MAX_DEPTH = 12
"""How deep lists may nest; headers nest twice, receipts three times, trie nodes at most as deep as a path."""

_LONG = 55


def decode(data: bytes) -> Item:
    """The one item that `data` is. Raises `ProofInvalid` (`rlp_malformed`)."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise _malformed("bytes stand behind the item")
    return item


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end:
        raise _malformed("an item is missing")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, stop = _extent(data, at, end, first - (0xC0 if is_list else 0x80))
    if not is_list:
        if stop - start == 1 and data[start] < 0x80:
            raise _malformed("a small byte has a length")
        return data[start:stop], stop
    if depth >= MAX_DEPTH:
        raise _malformed(f"lists nest more than {MAX_DEPTH} deep")
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _extent(data: bytes, at: int, end: int, size: int) -> tuple[int, int]:
    """Where an item's content begins and ends; `size` is the first byte without its kind."""
    start = at + 1
    if size > _LONG:
        digits = data[start : start + size - _LONG]
        start += size - _LONG
        size = int.from_bytes(digits, "big")
        if start > end or digits[:1] == b"\0" or size <= _LONG:
            raise _malformed("a length is not in its shortest form")
    if size > end - start:
        raise _malformed("an item is cut off")
    return start, start + size


def encode(item: Item | Sequence[Item]) -> bytes:
    """An item's bytes."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    content = b"".join([encode(each) for each in item])
    return _prefix(len(content), 0xC0) + content


def _prefix(size: int, kind: int) -> bytes:
    if size <= _LONG:
        return bytes((kind + size,))
    digits = encode_integer(size)
    return bytes((kind + _LONG + len(digits),)) + digits


def encode_integer(value: int) -> bytes:
    """An integer's bytes, without leading zeros; to be encoded as an item."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def read_list(item: Item, what: str, least: int = 0, most: int | None = None) -> list[Item]:
    """The list, of that many items. Raises `ProofInvalid`."""
    if isinstance(item, bytes) or len(item) < least or (most is not None and len(item) > most):
        raise _malformed(f"{what} is not a list of that many items")
    return item


def read_bytes(item: Item, what: str, size: int | None = None) -> bytes:
    """The bytes, of that size. Raises `ProofInvalid`."""
    if not isinstance(item, bytes) or (size is not None and len(item) != size):
        raise _malformed(f"{what} is not {'bytes' if size is None else f'{size} bytes'}")
    return item


def read_integer(item: Item, what: str, size: int = 8) -> int:
    """The integer, of at most `size` bytes without leading zeros. Raises `ProofInvalid`."""
    digits = read_bytes(item, what)
    if len(digits) > size or digits[:1] == b"\0":
        raise _malformed(f"{what} is not an integer of at most {size} bytes")
    return int.from_bytes(digits, "big")


def _malformed(detail: str) -> ProofInvalid:
    return ProofInvalid("rlp_malformed", detail)

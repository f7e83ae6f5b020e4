"""The index against a naive recursive oracle of DESIGN.md 4.5, over sets of keys that hypothesis makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import ProofInvalid
from ledger.gm import sm3
from ledger.merkle import (
    EMPTY,
    Absent,
    End,
    OtherKey,
    Present,
    index_key,
    key_bit,
    verify_index_proof,
)

Items = dict[bytes, bytes]

# Few distinct leading bits, so that keys share long prefixes and proofs are deep.
deep_keys = st.builds(
    lambda prefix, rest: (prefix << 248 | rest).to_bytes(32, "big"),
    st.integers(0, 3),
    st.integers(0, 15).map(lambda low: low) | st.integers(0, 2**248 - 1),
)
hashes = st.binary(min_size=32, max_size=32)
item_sets = st.dictionaries(deep_keys, hashes, max_size=12)


def oracle_root(items: Items, depth: int = 0) -> bytes:
    if not items:
        return bytes(32)
    if len(items) == 1:
        ((key, value),) = items.items()
        return sm3(b"\x02" + key + value)
    left, right = _halves(items, depth)
    return sm3(b"\x03" + oracle_root(left, depth + 1) + oracle_root(right, depth + 1))


def _halves(items: Items, depth: int) -> tuple[Items, Items]:
    left = {key: value for key, value in items.items() if key[depth // 8] >> (7 - depth % 8) & 1 == 0}
    return left, {key: value for key, value in items.items() if key not in left}


def oracle_proof(items: Items, wanted: bytes) -> tuple[list[bytes], End]:
    siblings: list[bytes] = []
    while len(items) > 1:
        depth = len(siblings)
        left, right = _halves(items, depth)
        items, other = (right, left) if key_bit(wanted, depth) else (left, right)
        siblings.append(oracle_root(other, depth + 1))
    # The way ends at the last node that is not above two keys.
    if not items:
        return siblings, Absent()
    ((key, value),) = items.items()
    return siblings, Present(value) if key == wanted else OtherKey(key, value)


@given(item_sets, deep_keys)
@settings(max_examples=150, deadline=None)
def test_every_key_has_a_proof_and_no_other_end_passes(items: Items, absent: bytes) -> None:
    root = oracle_root(items)
    for key in [*items, absent]:
        siblings, end = oracle_proof(items, key)
        verify_index_proof(root, key, siblings, end)
        assert isinstance(end, Present) == (key in items)
        wrong: list[End] = [Present(sm3(b"")), OtherKey(key, items.get(key, bytes(32)))]
        if end != Absent():
            wrong.append(Absent())
        for other in wrong:
            with pytest.raises(ProofInvalid):
                verify_index_proof(root, key, siblings, other)
        with pytest.raises(ProofInvalid):
            verify_index_proof(root, key, [*siblings, EMPTY], end)
        if siblings:
            with pytest.raises(ProofInvalid):
                verify_index_proof(root, key, siblings[:-1], end)


def test_every_single_bit_corruption_of_an_index_proof_is_rejected() -> None:
    items = {index_key("subject", bytes([i]) * 32): sm3(bytes([i])) for i in range(20)}
    root = oracle_root(items)
    for key in [*items, index_key("subject", b"\xff" * 32)]:
        siblings, end = oracle_proof(items, key)
        for at in range(len(siblings)):
            for bit in range(256):
                changed = bytearray(siblings[at])
                changed[bit >> 3] ^= 1 << (bit & 7)
                with pytest.raises(ProofInvalid):
                    verify_index_proof(root, key, [*siblings[:at], bytes(changed), *siblings[at + 1 :]], end)


def test_the_reason_says_why_a_proof_is_refused() -> None:
    key, other = bytes(32), b"\x80" + bytes(31)
    cases = [
        ("proof_shape", [sm3(b"")] * 257, Absent()),
        ("proof_shape", [b"short"], Absent()),
        ("tree_not_compact", [sm3(b""), EMPTY], Absent()),
        ("other_key_is_the_key", [sm3(b"")], OtherKey(key, sm3(b""))),
        ("other_key_elsewhere", [sm3(b"")], OtherKey(other, sm3(b""))),
        ("index_root_differs", [sm3(b"")], Absent()),
    ]
    for reason, siblings, end in cases:
        with pytest.raises(ProofInvalid) as raised:
            verify_index_proof(bytes(32), key, siblings, end)
        assert raised.value.reason == reason


def test_an_empty_index_proves_the_absence_of_any_key() -> None:
    verify_index_proof(EMPTY, sm3(b"any"), [], Absent())

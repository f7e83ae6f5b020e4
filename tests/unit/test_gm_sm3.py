import hashlib

import pytest

from ledger.gm import Sm3, hmac_sm3, sm3, sm3_prefixed
from ledger.gm.sm3 import _PROVIDERS


def test_sm3_in_pieces_equals_sm3_at_once() -> None:
    data = bytes(range(256)) * 3
    for cut in (0, 1, 55, 56, 63, 64, 65, 700):
        hasher = Sm3(data[:cut])
        hasher.update(data[cut:])
        assert hasher.digest() == sm3(data)


def test_a_digest_may_be_asked_for_in_between() -> None:
    hasher = Sm3(b"ab")
    assert hasher.digest() == hasher.digest() == sm3(b"ab")
    hasher.update(b"c")
    assert hasher.digest() == sm3(b"abc")


def test_a_copy_goes_its_own_way() -> None:
    hasher = Sm3(b"a")
    other = hasher.copy()
    other.update(b"b")
    assert (hasher.digest(), other.digest()) == (sm3(b"a"), sm3(b"ab"))


def test_a_prefixed_hash_is_the_hash_of_prefix_and_data() -> None:
    leaf = sm3_prefixed(b"\x00")
    assert [leaf(b""), leaf(b"x"), leaf(b"")] == [sm3(b"\x00"), sm3(b"\x00x"), sm3(b"\x00")]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200])
def test_hmac_sm3_follows_rfc_2104_for_every_key_length(size: int) -> None:
    key, data = bytes(range(size)), b"some data"
    block = (sm3(key) if size > 64 else key).ljust(64, b"\0")
    inner = hashlib.new("sm3", bytes(b ^ 0x36 for b in block) + data).digest()
    assert hmac_sm3(key, data) == hashlib.new("sm3", bytes(b ^ 0x5C for b in block) + inner).digest()


def test_every_provider_hashes_alike_at_the_block_borders() -> None:
    for size in (0, 55, 56, 64, 119, 120, 128):
        digests = set()
        for make in _PROVIDERS.values():
            context = make()
            context.update(b"z" * size)
            digests.add(context.digest())
        assert len(digests) == 1

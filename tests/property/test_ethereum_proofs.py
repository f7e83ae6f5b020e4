"""RLP, keys behind signatures and tries against independent libraries; hostile bytes prove nothing."""

import random
from dataclasses import replace
from typing import Any

import pytest
import rlp as peer
from eth_hash.auto import keccak
from eth_keys import keys
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.exceptions import RLPException
from sealed_chain import Anchored, Block, event, receipt, validator_keys

from ledger.errors import ProofInvalid
from ledger.ethereum import rlp
from ledger.ethereum.headers import KINDS, parse_header
from ledger.ethereum.keccak import keccak256
from ledger.ethereum.receipts import check_published, parse_logs
from ledger.ethereum.secp256k1 import N, recover_address
from ledger.ethereum.trie import EMPTY_TRIE, make_proof, prove_value

FOUR = tuple(validator_keys(4))
items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=30)
digests = st.binary(min_size=32, max_size=32)


def _depth(item: Any) -> int:
    return 1 + max(map(_depth, item), default=0) if isinstance(item, list) else 0


@given(items)
def test_items_are_written_as_the_peer_writes_them_and_read_back(item: Any) -> None:
    data = rlp.encode(item)
    assert data == peer.encode(item)
    if _depth(item) <= rlp.MAX_DEPTH:
        assert rlp.decode(data) == item


@given(
    st.binary(max_size=60) | items.map(peer.encode).flatmap(lambda d: st.just(d[:-1]) | st.just(d + b"\0"))
)
@settings(max_examples=400)
def test_bytes_are_taken_or_refused_as_the_peer_does(data: bytes) -> None:
    try:
        expected = peer.decode(data, strict=True)
    except RLPException:
        with pytest.raises(ProofInvalid):
            rlp.decode(data)
        return
    if _depth(expected) <= rlp.MAX_DEPTH:
        assert rlp.decode(data) == expected
        assert rlp.encode(rlp.decode(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        "",
        "8100",  # a small byte with a length
        "817f",
        "b80102",  # a long length for a short string
        "b90001" + "02",  # a leading zero in a length
        "b838" + "00" * 55,  # cut off
        "bf" + "ff" * 8,  # longer than anything
        "f800",
        "c1",
        "c182",
        "c0" + "c0",
        "c0" * 1 + "00",
        "ff" + "ff" * 8,
    ],
)
def test_what_is_not_in_its_shortest_form_is_refused(data: str) -> None:
    with pytest.raises(ProofInvalid) as refused:
        rlp.decode(bytes.fromhex(data))
    assert refused.value.reason == "rlp_malformed"


def test_deep_lists_end_the_call_and_not_the_process() -> None:
    data = b""
    for _ in range(20_000):
        data = _listed(data)
    with pytest.raises(ProofInvalid):
        rlp.decode(data)


def _listed(content: bytes) -> bytes:
    size = len(content)
    if size < 56:
        return bytes((0xC0 + size,)) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(digits),)) + digits + content


@given(st.binary(max_size=300))
def test_keccak_is_the_peers(data: bytes) -> None:
    assert keccak256(data) == keccak(data)


@given(st.integers(1, N - 1), digests)
@settings(max_examples=25, deadline=None)
def test_the_key_behind_a_signature_is_the_one_that_the_peer_finds(secret: int, digest: bytes) -> None:
    key = keys.PrivateKey(secret.to_bytes(32, "big"))
    seal = key.sign_msg_hash(digest).to_bytes()
    assert recover_address(digest, seal) == key.public_key.to_address()


@given(st.binary(min_size=64, max_size=64), st.integers(0, 1), digests)
@settings(max_examples=25, deadline=None)
def test_any_numbers_lead_to_the_peers_key_or_to_none(numbers: bytes, parity: int, digest: bytes) -> None:
    seal = numbers + bytes((parity,))
    try:
        expected = keys.Signature(seal).recover_public_key_from_msg_hash(digest).to_address()
    except Exception:  # noqa: BLE001 - the peer has several
        with pytest.raises(ProofInvalid):
            recover_address(digest, seal)
        return
    assert recover_address(digest, seal) == expected


def test_edges_of_the_digest_lead_where_the_peer_goes() -> None:
    key = FOUR[0]
    for digest in (bytes(32), b"\xff" * 32, N.to_bytes(32, "big"), (N - 1).to_bytes(32, "big")):
        assert recover_address(digest, key.sign_msg_hash(digest).to_bytes()) == key.public_key.to_address()
    # s * R = e * G leads to infinity, which is no key: R = G, s = e.
    gx = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
    with pytest.raises(ProofInvalid, match="no key"):
        recover_address((5).to_bytes(32, "big"), gx.to_bytes(32, "big") + (5).to_bytes(32, "big") + b"\0")


@given(
    st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=90), min_size=1),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_a_trie_of_any_shape_proves_each_of_its_values(values: dict[bytes, bytes], random_: Any) -> None:
    key = random_.choice(sorted(values))
    root, proof = make_proof(values, key)
    assert prove_value(root, key, proof) == values[key]
    # The root is that of the values and of nothing else about how it was built.
    assert root == make_proof(dict(reversed(values.items())), sorted(values)[0])[0]
    other = next(iter(values)) + b"\xff\xff"
    if other not in values:
        with pytest.raises(ProofInvalid):
            prove_value(root, other, proof)


def test_tries_have_the_roots_of_ethereums_own_tests() -> None:
    """`trieanyorder.json` of ethereum/tests: dogs, puppy, foo, smallValues."""
    cases = [
        (
            {b"do": b"verb", b"horse": b"stallion", b"doge": b"coin", b"dog": b"puppy"},
            "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84",
        ),
        ({b"foo": b"bar", b"food": b"bass"},
         "17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"),
        ({b"be": b"e", b"dog": b"puppy", b"bed": b"d"},
         "3f67c7a47520f79faa29255d2d3c084a7a6df0453116ed7232ff10277a8be68b"),
        ({b"A": b"a" * 50}, "d23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab"),
    ]  # fmt: skip
    for values, expected in cases:
        root, _ = make_proof(values, next(iter(values)))
        assert root.hex() == expected
    assert EMPTY_TRIE.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def _changed(data: bytes, random_: random.Random) -> bytes:
    at = random_.randrange(len(data))
    to = min(len(data), at + random_.randrange(1, 40))
    return random_.choice(
        [
            data[:at] + bytes((random_.randrange(256),)) + data[at + 1 :],
            data[:at] + data[to:],
            data[:to] + data[at:],
            data[:at] + random_.randbytes(3) + data[at:],
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_header_with_the_same_hash_and_sealers_says_the_same(kind: str) -> None:
    sealers = FOUR[:1] if kind == "clique" else FOUR[:3]
    data = Block(kind=kind, named=FOUR, sealers=sealers).header
    genuine, random_ = parse_header(kind, data), random.Random(kind)
    for _ in range(400):
        changed = _changed(data, random_)
        try:
            header = parse_header(kind, changed)
            sealed = header.hash == genuine.hash and header.sealers() >= genuine.sealers()
        except ProofInvalid:
            continue
        assert not sealed or header == replace(genuine, seals=header.seals)


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_bytes_that_are_no_header_receipt_or_proof_are_refused(data: bytes) -> None:
    for kind in KINDS:
        with pytest.raises(ProofInvalid):
            parse_header(kind, data)
    with pytest.raises(ProofInvalid):
        parse_logs(data)
    with pytest.raises(ProofInvalid):
        prove_value(keccak256(data), b"\x80", [data])


def test_changed_proofs_and_receipts_prove_nothing() -> None:
    anchored = Anchored(Block(named=FOUR, sealers=FOUR), index=17, count=40, mine=receipt(event()))
    block, sealed = anchored.sealed()
    key, random_ = peer.encode(17), random.Random(4)
    for _ in range(300):
        proof = list(sealed.receipt_proof)
        place = random_.randrange(len(proof))
        proof[place] = _changed(proof[place], random_)
        if tuple(proof) == sealed.receipt_proof:
            continue
        with pytest.raises(ProofInvalid):
            check_published(prove_value(block.receipts_root, key, proof), None)  # type: ignore[arg-type]

"""`SM2.sol` on a real EVM: right on every input that a signature and a key can be.

A signature for chosen scalars needs no secret: for any key Q and any s and t there is exactly one digest
that makes (r, s) with r = t - s good, since R = sG + tQ can be computed. So the additions on the way can be
steered into every exception that there is.
"""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from evm_calls import call_data, call_many, verdicts

from ledger.chain.artifact import SM2
from ledger.chain.evm import EvmChain
from ledger.errors import ChainRefused, LedgerError, SignatureInvalid
from ledger.gm import PrivateKey, PublicKey, der_decode, signer, verify
from ledger.gm.curve import G, N, P, add_affine, is_on_curve, is_signature, multiply_and_add, to_affine

pytestmark = pytest.mark.chain
Case = tuple[tuple[int, int], int, int, int]
"""(key, digest, r, s)"""

SMALL = (
    *range(1, 18),
    31,
    32,
    33,
    2**32,
    2**32 + 1,
    2**64,
    2**96 - 1,
    2**127,
    2**128 - 1,
    2**128,
    2**128 + 1,
)
LARGE = (2**224, 2**252, 2**255, N // 2, N // 2 + 1, N // 15, N - N // 16, *(N - d for d in SMALL))
SCALARS = SMALL + LARGE


@pytest.fixture(scope="module")
def world(embedded_chain: Any, found: Any) -> Any:
    return found(embedded_chain.url)


def word(number: int) -> bytes:
    return int(number).to_bytes(32, "big")


def multiple(d: int) -> tuple[int, int]:
    point = multiply_and_add(d % N, 0, G)
    assert point is not None
    return point


def good_case(q: tuple[int, int], s: int, t: int) -> Case | None:
    """The signature with these scalars, or None if there is none (r = 0, or R is infinity)."""
    r = (t - s) % N
    point = multiply_and_add(s, t, q)
    if point is None or r == 0:
        return None
    return q, (r - int(point[0])) % N, r, s


def ask(url: str, world: Any, cases: Sequence[Case], function: str = "verify") -> list[bool]:
    calls = [call_data(SM2, function, *(word(v) for v in (*q, e, r, s))) for q, e, r, s in cases]
    return verdicts(url, world.deployment.sm2, calls)


def register(chain: EvmChain, q: tuple[int, int]) -> None:
    address = chain.deployment.sm2
    sent = chain._send(lambda n: n.contract(SM2, address).functions.register(word(q[0]), word(q[1])))
    chain._nodes.wait_mined(sent)


def test_every_signature_of_openssl(embedded_chain: Any, world: Any, shared_data: Path) -> None:
    cases, expected = [], []
    for line in (shared_data / "gm" / "sm2_openssl.jsonl").read_text("utf-8").splitlines():
        vector = json.loads(line)
        public, message = bytes.fromhex(vector["pub"]), bytes.fromhex(vector["msg"])
        try:
            raw = der_decode(bytes.fromhex(vector["sig"]))
            digest = PublicKey(public).digest(message)
        except LedgerError:
            # What is no DER, or no key, never reaches the contract as two numbers and a point.
            assert not vector["ok"]
            continue
        q = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        cases.append((q, int.from_bytes(digest, "big"), r, s))
        expected.append(vector["ok"])
    assert expected.count(True) == 24
    assert expected.count(False) >= 24
    assert ask(embedded_chain.url, world, cases) == expected


def signatures_and_corruptions(seed: int, count: int) -> Iterator[tuple[Case, bool]]:
    """Random signatures, each with one corruption, and what the off-chain verifier says."""
    source = random.Random(seed)
    keys = [signer(PrivateKey(word(source.randrange(1, N - 1)))) for _ in range(8)]
    for i in range(count):
        key = keys[i % len(keys)]
        message = source.randbytes(source.randrange(100))
        public, signature = bytearray(key.public.raw), bytearray(key.sign(message))
        digest = bytearray(key.public.digest(message))
        yield _case(public, digest, signature), _is_good(public, message, signature)
        match i % 4:
            case 0:
                signature[source.randrange(64)] ^= 1 << source.randrange(8)
            case 1:
                message += b"!"
                digest = bytearray(key.public.digest(message))
            case 2:
                public = bytearray(keys[(i + 1) % len(keys)].public.raw)
                digest = bytearray(PublicKey(bytes(public)).digest(message))
            case 3:
                signature = signature[32:] + signature[:32]
        yield _case(public, digest, signature), _is_good(public, message, signature)


def _case(public: bytes, digest: bytes, signature: bytes) -> Case:
    x, y, e, r, s = (
        int.from_bytes(part, "big")
        for part in (public[:32], public[32:], digest, signature[:32], signature[32:])
    )
    return (x, y), e, r, s


def _is_good(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        verify(PublicKey(bytes(public)), message, bytes(signature))
    except SignatureInvalid:
        return False
    return True


def check_random(url: str, world: Any, seed: int, count: int) -> None:
    cases = list(signatures_and_corruptions(seed, count))
    assert sum(good for _, good in cases) >= count
    assert ask(url, world, [case for case, _ in cases]) == [good for _, good in cases]


def test_random_signatures_and_their_corruptions(embedded_chain: Any, world: Any) -> None:
    check_random(embedded_chain.url, world, 918, 200)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_random_signatures_and_their_corruptions(embedded_chain: Any, world: Any) -> None:
    check_random(embedded_chain.url, world, 10_000, 10_000)


def related(keys: Sequence[int], scalars: Sequence[int]) -> tuple[list[Case], list[bool]]:
    """For keys dG: a good signature for each pair of scalars, and the same with the next digest."""
    cases: list[Case] = []
    expected = []
    for d, s, t in product(keys, scalars, scalars):
        made = good_case(multiple(d), s, t)
        if made is not None:
            q, e, r, _ = made
            cases += [made, (q, (e + 1) % N, r, s)]
            expected += [True, False]
    return cases, expected


def test_keys_that_are_known_multiples_of_the_generator(embedded_chain: Any, world: Any) -> None:
    cases, expected = related([1, 2, 3, 7, 15, 16, N - 1, N - 2, 2**128], SCALARS[::6])
    assert len(cases) > 600
    assert ask(embedded_chain.url, world, cases) == expected


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_more_known_multiples_of_the_generator_with_more_edge_scalars(
    embedded_chain: Any, world: Any
) -> None:
    for d in SCALARS:
        cases, expected = related([d], SCALARS[::3])
        assert ask(embedded_chain.url, world, cases) == expected, d


def test_a_sum_at_infinity_is_no_signature(embedded_chain: Any, world: Any) -> None:
    """s + td = 0 mod n: R has no x, whatever the digest is."""
    cases = []
    for d, t in product((1, 2, 3, 15, 2**128, N - 2, 0xABCDEF), (1, 2, 15, 16, N - 1, N // 2, 2**200)):
        s = -t * d % N
        r = (t - s) % N
        assert multiply_and_add(s, t, multiple(d)) is None
        if r:
            cases += [(multiple(d), e, r, s) for e in (0, r, (r - 1) % N, N - 1, 2**256 - 1)]
    assert len(cases) > 150
    assert not any(ask(embedded_chain.url, world, cases))


def test_opposite_and_equal_points_meet_on_the_way_to_a_good_signature(
    embedded_chain: Any, world: Any
) -> None:
    """The first digits lead to infinity or to the point that is added next; the rest goes on from there."""
    cases = []
    for d, high in product((1, 3, 5, 15, N - 1, N - 3), (1, 2, 7, 15, 240)):
        for low in (1, 9, 2**100):
            t = (high << 128) + low
            for s in ((-(t >> 4) * d << 4) % N, (-t * d + 1) % N, ((t >> 8) * d << 8) % N, t * d % N):
                made = good_case(multiple(d), s, t) if s else None
                if made is not None:
                    cases.append(made)
    assert len(cases) > 300
    assert all(ask(embedded_chain.url, world, cases))


def points_above_n() -> Iterator[tuple[int, int]]:
    x = N
    while True:
        y = pow(
            x**3 - 3 * x + 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93, (P + 1) // 4, P
        )
        if is_on_curve(x, int(y)):
            yield x, int(y)
        x += 1


def test_an_x_from_n_to_p_counts_modulo_n(embedded_chain: Any, world: Any) -> None:
    """Such an R comes by chance once in 2^128 signatures; a key can be made for it: Q = (R - sG) / t."""
    source = random.Random(1)
    cases: list[Case] = []
    for (x, y), _ in zip(points_above_n(), range(8), strict=False):
        assert N <= x < P
        s, t = source.randrange(1, N), source.randrange(1, N)
        minus = multiply_and_add(N - s, 0, G)
        assert minus is not None
        difference = to_affine(add_affine((minus[0], minus[1], type(minus[0])(1)), (x, y)))
        assert difference is not None
        q = multiply_and_add(0, pow(t, -1, N), difference)
        assert q is not None
        r = (t - s) % N
        cases.append((q, (r - x) % N, r, s))
    assert all(is_signature(e, r, s, q) for q, e, r, s in cases)
    assert ask(embedded_chain.url, world, cases) == [True] * 8
    assert ask(embedded_chain.url, world, [(q, e + 1, r, s) for q, e, r, s in cases]) == [False] * 8


def test_ranges_and_keys_that_are_no_points(embedded_chain: Any, world: Any) -> None:
    made = good_case(multiple(0x123456789), 2**200 + 1, N - 5)
    assert made is not None
    (x, y), e, r, s = made
    bad = [
        ((x, y), e, 0, s),
        ((x, y), e, r, 0),
        ((x, y), e, 0, 0),
        ((x, y), e, N, s),
        ((x, y), e, r, N),
        ((x, y), e, r + N if r + N < 2**256 else 2**256 - 1, s),
        ((x, y), e, r, N - r),
        ((x, y), e, 2**256 - 1, 2**256 - 1),
        ((x, P - y), e, r, s),
        ((y, x), e, r, s),
        ((0, 0), e, r, s),
        ((x, 0), e, r, s),
        ((x, y + 1), e, r, s),
        ((x + 1, y), e, r, s),
        ((P, y), e, r, s),
        ((2**256 - 1, 2**256 - 1), e, r, s),
    ]
    assert ask(embedded_chain.url, world, [made, *bad]) == [True] + [False] * len(bad)


def test_a_coordinate_of_p_or_more_is_refused_though_it_is_on_the_curve_modulo_p(
    embedded_chain: Any, world: Any
) -> None:
    made = None
    for x in range(1, 50):
        y = pow(
            x**3 - 3 * x + 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93, (P + 1) // 4, P
        )
        if is_on_curve(x, int(y)):
            made = good_case((x, int(y)), 12345, 67890)
            break
    assert made is not None
    q, e, r, s = made
    assert ask(embedded_chain.url, world, [made, ((q[0] + P, q[1]), e, r, s)]) == [True, False]


def test_a_digest_of_n_or_more_counts_modulo_n(embedded_chain: Any, world: Any) -> None:
    source = random.Random(7)
    cases = []
    while len(cases) < 4:
        s, t = source.randrange(1, N), source.randrange(1, N)
        point = multiply_and_add(s, t, G)
        assert point is not None
        # r is chosen so that e is small, and e + n is the same digest.
        r = (t - s) % N
        e = (r - int(point[0])) % N
        if e + N < 2**256:
            cases.append((G, e + N, r, s))
        else:
            # R = kG fixes x; move t and s together so that r follows.
            d = 5
            k = source.randrange(1, N)
            x = int(multiple(k)[0])
            e = source.randrange(2**256 - N)
            r = (x + e) % N
            s = (k - r * d) * pow(1 + d, -1, N) % N
            cases.append((multiple(d), e + N, r, s))
    assert all(ask(embedded_chain.url, world, cases))


@pytest.fixture(scope="module")
def registered(world: Any) -> list[int]:
    """The private keys of registered keys."""
    keys = [0xC0FFEE, 1 << 32, 3, N - 2]
    for d in keys:
        register(world.chains[0], multiple(d))
    return keys


class TestRegistered:
    def test_it_says_what_the_plain_way_says(
        self, embedded_chain: Any, world: Any, registered: list[int]
    ) -> None:
        cases, expected = related([1, *registered], SCALARS[::7])
        assert len(cases) > 300
        assert ask(embedded_chain.url, world, cases, "verifyRegistered") == expected

    def test_random_signatures(self, embedded_chain: Any, world: Any, registered: list[int]) -> None:
        source = random.Random(5)
        cases: list[Case] = []
        for d in registered:
            for _ in range(40):
                made = good_case(multiple(d), source.randrange(1, N), source.randrange(1, N))
                assert made is not None
                cases.append(made)
        assert all(ask(embedded_chain.url, world, cases, "verifyRegistered"))
        worse = [(q, e ^ 1, r, s) for q, e, r, s in cases]
        assert not any(ask(embedded_chain.url, world, worse, "verifyRegistered"))

    def test_infinity(self, embedded_chain: Any, world: Any, registered: list[int]) -> None:
        cases = []
        for d, t in product(registered, (1, 2, 2**32, N - 1, 2**200)):
            s = -t * d % N
            cases += [(multiple(d), e, (t - s) % N, s) for e in (0, 1, (t - s) % N) if t != s]
        assert not any(ask(embedded_chain.url, world, cases, "verifyRegistered"))

    def test_a_key_is_registered_once_and_only_if_it_is_a_point(
        self, world: Any, registered: list[int]
    ) -> None:
        chain = world.chains[1]
        for q, reason in (
            (multiple(registered[0]), "KeyAlreadyRegistered"),
            (G, "KeyAlreadyRegistered"),
            ((1, 1), "KeyNotOnCurve"),
        ):
            with pytest.raises(ChainRefused) as refused:
                register(chain, q)
            assert refused.value.reason == reason

    def test_a_key_without_a_table_is_refused(self, world: Any) -> None:
        address = world.deployment.sm2
        x, y = multiple(0xBAD)
        arguments = tuple(word(v) for v in (x, y, 1, 1, 1))
        with pytest.raises(ChainRefused) as refused:
            world.chains[0]._nodes.ask(
                lambda n: n.contract(SM2, address).functions.verifyRegistered(*arguments).call()
            )
        assert refused.value.reason == "KeyNotRegistered"

    def test_a_key_table_holds_the_sums_of_the_multiples(
        self, world: Any, embedded_chain: Any, registered: list[int]
    ) -> None:
        q = multiple(registered[0])
        (table,) = call_many(
            embedded_chain.url, world.deployment.sm2, [call_data(SM2, "tableOf", word(q[0]), word(q[1]))]
        )
        code = code_of(world, "0x" + table[12:].hex())
        assert code[0] == 0
        assert code[1:] == comb(registered[0], [32 * j for j in range(8)])


def code_of(world: Any, address: str) -> bytes:
    from web3 import Web3

    checked = Web3.to_checksum_address(address)
    return bytes(world.chains[0]._nodes.ask(lambda n: n.web3.eth.get_code(checked)))


def comb(d: int, exponents: list[int]) -> bytes:
    """The table as `SM2Curve.comb` says it is, by other means."""
    table = bytes(64)
    for i in range(1, 256):
        point = multiple(d * sum(1 << exponents[j] for j in range(8) if i >> j & 1))
        table += word(P - point[0]) + word(P - point[1])
    return table


def test_the_generators_table_ends_the_code_which_eip_170_allows(world: Any) -> None:
    code = code_of(world, world.deployment.sm2)
    assert len(code) <= 24_576
    assert code[-16_384:] == comb(1, [0, 1, 2, 3, 128, 129, 130, 131])

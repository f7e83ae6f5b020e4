"""Who sealed: the address behind an ECDSA signature on secp256k1 (SEC 1, section 4.1.6; SEC 2, 2.4.1).

Only public data goes in, so time may depend on it. Numbers are gmpy2's where it is installed. The library
`eth-keys` does the same in some 10 ms and with a schema library in tow; here it takes about one, and a bundle
bears a seal for most of the validators. The tests compare the two.
"""

from functools import cache, lru_cache

from ledger.errors import ProofInvalid
from ledger.ethereum.keccak import keccak256
from ledger.gm.curve import number
from ledger.gm.jacobian import Affine, Jacobian, add_affine, to_affine

P = number(2**256 - 2**32 - 977)
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    number(0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798),
    number(0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8),
)
SEAL_SIZE = 65
"""r, s and the parity of the point's y: 32 + 32 + 1 bytes."""

_KEPT = 4_096
_WIDTH_G, _WIDTH_R = 8, 5
_INFINITY: Jacobian = (number(1), number(1), number(0))


@lru_cache(maxsize=_KEPT)
def recover_address(digest: bytes, seal: bytes) -> str:
    """The address, 0x and 40 hex digits, whose key made `seal` over the 32-byte `digest`.

    `seal` is r || s || v with v 0 or 1, as Ethereum's engines write it. Raises `ProofInvalid`
    (`seal_malformed`) where no key could have made it.
    """
    if len(seal) != SEAL_SIZE or seal[64] > 1:
        raise ProofInvalid("seal_malformed", "a seal is 65 bytes, the last one 0 or 1")
    r, s = int.from_bytes(seal[:32], "big"), int.from_bytes(seal[32:64], "big")
    if not (0 < r < N and 0 < s < N):
        raise ProofInvalid("seal_malformed", "r or s of a seal is out of range")
    # r is x of the point: that it might be x - n, 2^128 to 1 against, no engine writes.
    y = _root(r, seal[64])
    inverse = pow(r, -1, N)
    u1 = -int.from_bytes(digest, "big") * inverse % N
    public = _sum(u1, s * inverse % N, (number(r), y))
    if public is None:
        raise ProofInvalid("seal_malformed", "a seal leads to no key")
    return "0x" + address_of(*public).hex()


def address_of(x: int, y: int) -> bytes:
    """The 20-byte address of a public key."""
    return keccak256(int(x).to_bytes(32, "big") + int(y).to_bytes(32, "big"))[12:]


def _root(x: int, odd: int) -> int:
    """y of the point with that x whose lowest bit is `odd`."""
    square = (number(x) ** 3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise ProofInvalid("seal_malformed", "r of a seal is no point of the curve")
    return y if y & 1 == odd else P - y


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * x * x % P
    doubled = (m * m - 2 * s) % P
    return doubled, (m * (s - doubled) - 8 * yy * yy) % P, 2 * y * z % P


def _odd_multiples(point: Affine, width: int) -> list[Affine]:
    """1, 3, 5, ... times the point: what a window of `width` bits may ask for."""
    twice = to_affine(_double((*point, number(1))), P)
    assert twice is not None, "the order is odd"
    found = [point]
    for _ in range(2 ** (width - 2) - 1):
        following = to_affine(add_affine((*found[-1], number(1)), twice, P, _double), P)
        assert following is not None, "small multiples are no infinity"
        found.append(following)
    return found


@cache
def _multiples_of_g() -> list[Affine]:
    return _odd_multiples(G, _WIDTH_G)


def _digits(scalar: int, width: int) -> dict[int, int]:
    """The scalar in non-adjacent form: place -> odd digit, below 2^(width-1) either way."""
    digits, place, window = {}, 0, 1 << width
    while scalar:
        if scalar & 1:
            digit = scalar % window
            if digit >= window // 2:
                digit -= window
            digits[place] = digit
            scalar -= digit
        scalar >>= 1
        place += 1
    return digits


def _sum(u1: int, u2: int, point: Affine) -> Affine | None:
    """u1 * G + u2 * point."""
    parts = (
        (_digits(u1, _WIDTH_G), _multiples_of_g()),
        (_digits(u2, _WIDTH_R), _odd_multiples(point, _WIDTH_R)),
    )
    result = _INFINITY
    for place in range(max((max(digits, default=0) for digits, _ in parts), default=0), -1, -1):
        result = _double(result)
        for digits, multiples in parts:
            digit = digits.get(place)
            if digit is not None:
                x, y = multiples[abs(digit) >> 1]
                result = add_affine(result, (x, y if digit > 0 else P - y), P, _double)
    return to_affine(result, P)

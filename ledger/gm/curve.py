"""The SM2 curve (GB/T 32918.5-2017) and complete point arithmetic on it: the plain path.

Every function is right for every input, infinity and equal points included; speed is the business of
`tables`. Time depends on the values, so only public data goes in, with one exception that hides its
secret: `multiply_base_secretly`.

Numbers are gmpy2's where it is installed and Python's otherwise; both behave as `int`.
"""

import secrets
from collections.abc import Callable

from ledger.gm import jacobian
from ledger.gm.jacobian import Affine, Jacobian

try:
    from gmpy2 import mpz as _mpz
except ImportError:  # the base install has no native packages
    _mpz = int
    NATIVE_NUMBERS = False
else:
    NATIVE_NUMBERS = True

number: Callable[[int], int] = _mpz

P = number(0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF)
"""The field's prime."""
A = P - 3
B = number(0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93)
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""The order of G, and of the curve: the cofactor is 1, so every point but infinity generates."""

G: Affine = (
    number(0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7),
    number(0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0),
)
INFINITY: Jacobian = (number(1), number(1), number(0))


def is_on_curve(x: int, y: int) -> bool:
    """Tell whether (x, y) is a point of the curve with both coordinates in [0, p)."""
    if not (0 <= x < P and 0 <= y < P):
        return False
    x = number(x)
    return (y * y - (x * x + A) * x - B) % P == 0


def double(point: Jacobian) -> Jacobian:
    """Return 2 * point. The curve's order is odd, so no point has y = 0."""
    x, y, z = point
    zz = z * z % P
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * (x - zz) * (x + zz) % P
    doubled_x = (m * m - 2 * s) % P
    return doubled_x, (m * (s - doubled_x) - 8 * yy * yy) % P, 2 * y * z % P


def add_affine(left: Jacobian, right: Affine) -> Jacobian:
    """Return left + right, whatever the two are."""
    return jacobian.add_affine(left, right, P, double)


def to_affine(point: Jacobian) -> Affine | None:
    """Return the affine form, or None for infinity."""
    return jacobian.to_affine(point, P)


def multiply_and_add(s: int, t: int, q: Affine) -> Affine | None:
    """Return s * G + t * q in affine form, None for infinity; s and t are not negative."""
    both = to_affine(add_affine((*G, number(1)), q))
    chosen: tuple[Affine | None, ...] = (None, G, q, both)
    result = INFINITY
    for position in range(max(s.bit_length(), t.bit_length()) - 1, -1, -1):
        result = double(result)
        addend = chosen[(s >> position & 1) | (t >> position & 1) << 1]
        if addend is not None:
            result = add_affine(result, addend)
    return to_affine(result)


def multiply_base_secretly(secret: int) -> Affine | None:
    """Return secret * G for 0 <= secret < n, or None for infinity.

    The secret is split into two random summands first, so that the time this takes, which depends on
    each summand, says nothing about the secret.
    """
    share = secrets.randbelow(N)
    return multiply_and_add(share, (secret - share) % N, G)


def is_signature(e: int, r: int, s: int, q: Affine) -> bool:
    """Tell whether (r, s) is q's SM2 signature of the digest e (GB/T 32918.2, section 7.1).

    The caller has checked 1 <= r, s < n and r + s != n, and that q is on the curve.
    """
    point = multiply_and_add(s, (r + s) % N, q)
    return point is not None and (e + point[0]) % N == r

"""Points of a short Weierstrass curve over a prime field in Jacobian coordinates, whatever the curve.

Only doubling knows the curve's coefficients; adding and leaving the coordinates are the same for all, and
stand here once. Time depends on the values.
"""

from collections.abc import Callable

Affine = tuple[int, int]
"""(x, y), both in [0, p)."""
Jacobian = tuple[int, int, int]
"""(X, Y, Z) for x = X / Z^2, y = Y / Z^3; Z = 0 is infinity."""


def add_affine(left: Jacobian, right: Affine, p: int, double: Callable[[Jacobian], Jacobian]) -> Jacobian:
    """left + right over the field of p elements, whatever the two are."""
    x1, y1, z1 = left
    x2, y2 = right
    if not z1:
        return x2, y2, 1
    zz = z1 * z1 % p
    h = (x2 * zz - x1) % p
    r = (y2 * zz % p * z1 - y1) % p
    if not h:
        # The two are opposite, and h is the Z of infinity; or they are one point.
        return (x1, y1, h) if r else double(left)
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p


def to_affine(point: Jacobian, p: int) -> Affine | None:
    """The affine form, or None for infinity."""
    x, y, z = point
    if not z:
        return None
    inverse = pow(z, -1, p)
    square = inverse * inverse % p
    return x * square % p, y * square % p * inverse % p

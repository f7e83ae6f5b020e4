"""Fast SM2 verification for a signer whose key is known: tables of multiples, summed in pairs.

A table of Q holds d * 2^(10 i) * Q in affine form for every 10-bit window i and digit d, so that
s * G + t * Q is a sum of at most 52 table entries. The entries are added two and two, level by level, and
the divisions of a level share one inversion (Montgomery's trick). Two summands of equal x have no quotient:
then the product of the differences is 0, and the plain path of `curve` answers instead. Related keys
(Q = d * G) get there; honest ones do not in practice.

A table takes about 8 MB and 0.05 s. Everything here is public, so the time may depend on it.
"""

import threading

from ledger.gm.curve import G, N, double, is_signature, number
from ledger.gm.curve import P as PRIME
from ledger.gm.jacobian import Affine

WINDOW_BITS = 10
"""Measured: 8 bits make more additions, 12 bits miss the processor's caches."""
_WINDOWS = -(-256 // WINDOW_BITS)
_DIGITS = 1 << WINDOW_BITS
_MASK = _DIGITS - 1

Table = list[list[Affine]]
"""table[i][d] = d * 2^(10 i) * Q; the entry for d = 0 is a placeholder and never read."""


def _invert_all(values: list[int]) -> list[int]:
    """Return the inverses modulo p of `values`; raises ZeroDivisionError or ValueError if one is 0."""
    p = PRIME
    product = number(1)
    before = []
    for value in values:
        before.append(product)
        product = product * value % p
    inverse = pow(product, -1, p)
    inverses = before
    for index in range(len(values) - 1, -1, -1):
        inverses[index] = inverse * before[index] % p
        inverse = inverse * values[index] % p
    return inverses


def _window_bases(point: Affine) -> list[Affine]:
    """Return 2^(10 i) * point for every window i."""
    x, y = number(point[0]), number(point[1])
    current = (x, y, number(1))
    bases = [current]
    for _ in range(_WINDOWS - 1):
        for _ in range(WINDOW_BITS):
            current = double(current)
        bases.append(current)
    p = PRIME
    inverses = _invert_all([base[2] for base in bases])
    return [(x * z * z % p, y * z % p * z % p * z % p) for (x, y, _), z in zip(bases, inverses, strict=True)]


def build_table(point: Affine) -> Table:
    """Return the table of a point of the curve, as `Table` says.

    Every digit d in (2^k, 2^(k+1)) is 2^k + rest, and all windows' additions of one k share an inversion.
    No two summands are equal or opposite here, for every multiple is below the curve's order.
    """
    p = PRIME
    table: Table = [[base] * _DIGITS for base in _window_bases(point)]
    half = 1
    while half < _DIGITS:
        if half > 1:
            sources = [row[half // 2] for row in table]
            for row, (x, y), inverse in zip(
                table, sources, _invert_all([2 * y % p for _, y in sources]), strict=True
            ):
                slope = 3 * (x - 1) * (x + 1) * inverse % p
                doubled = (slope * slope - 2 * x) % p
                row[half] = doubled, (slope * (x - doubled) - y) % p
        for row in table:
            _add_to_each(row, half)
        half *= 2
    return table


def _add_to_each(row: list[Affine], half: int) -> None:
    """Fill row[half + d] = row[half] + row[d] for 0 < d < half."""
    p = PRIME
    x1, y1 = row[half]
    inverses = _invert_all([x2 - x1 for x2, _ in row[1:half]])
    for digit, inverse in enumerate(inverses, 1):
        x2, y2 = row[digit]
        slope = (y2 - y1) * inverse % p
        x3 = (slope * slope - x1 - x2) % p
        row[half + digit] = x3, (slope * (x1 - x3) - y1) % p


def _select(scalar: int, table: Table, chosen: list[Affine]) -> None:
    """Append the table entries that sum to scalar * Q; a window of 0 adds nothing."""
    for row in table:
        digit = scalar & _MASK
        if digit:
            chosen.append(row[digit])
        scalar >>= WINDOW_BITS


def _sum_x(points: list[Affine]) -> int:
    """Return the x of the points' sum; raises ZeroDivisionError or ValueError on an equal x in a pair."""
    p = PRIME
    while len(points) > 2:
        product = number(1)
        pairs = []
        each = iter(points)
        for (x1, y1), (x2, y2) in zip(each, each, strict=False):
            difference = x2 - x1
            pairs.append((x1, y1, x2, y2, difference, product))
            product = product * difference % p
        inverse = pow(product, -1, p)
        points = points[-1:] if len(points) & 1 else []
        for x1, y1, x2, y2, difference, before in reversed(pairs):
            # Not reducing inverse * before first is faster: one operation on longer numbers instead of two.
            slope = (y2 - y1) * (inverse * before) % p
            inverse = inverse * difference % p
            x3 = (slope * slope - x1 - x2) % p
            points.append((x3, (slope * (x1 - x3) - y1) % p))
    if len(points) == 1:
        return points[0][0]
    (x1, y1), (x2, y2) = points
    slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
    return (slope * slope - x1 - x2) % p


_base_lock = threading.Lock()
_base_table: Table | None = None


def base_table() -> Table:
    """Return the table of G, built once per process."""
    global _base_table
    if _base_table is None:
        with _base_lock:
            if _base_table is None:
                _base_table = build_table(G)
    return _base_table


def is_signature_by_tables(e: int, r: int, s: int, q: Affine, table: Table) -> bool:
    """Tell whether (r, s) is q's SM2 signature of the digest e, `table` being q's.

    The caller has checked 1 <= r, s < n and r + s != n, so both scalars have a window that is not 0.
    """
    chosen: list[Affine] = []
    _select(s, base_table(), chosen)
    _select((r + s) % N, table, chosen)
    try:
        x = _sum_x(chosen)
    except (ZeroDivisionError, ValueError):
        return is_signature(e, r, s, q)
    return (e + x) % N == r

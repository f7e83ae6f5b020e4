"""The plain path and the tables against naive affine arithmetic, on the inputs where formulas break."""

import secrets

import pytest

from ledger.gm.curve import (
    INFINITY,
    A,
    Affine,
    B,
    G,
    N,
    add_affine,
    double,
    is_on_curve,
    is_signature,
    multiply_and_add,
    multiply_base_secretly,
    to_affine,
)
from ledger.gm.curve import P as PRIME
from ledger.gm.tables import Table, build_table, is_signature_by_tables

Point = tuple[int, int] | None


def naive_add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % PRIME == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, PRIME) % PRIME
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME) % PRIME
    x3 = (slope * slope - x1 - x2) % PRIME
    return x3, (slope * (x1 - x3) - y1) % PRIME


def naive_multiply(scalar: int, point: Point) -> Point:
    result: Point = None
    while scalar:
        if scalar & 1:
            result = naive_add(result, point)
        point = naive_add(point, point)
        scalar >>= 1
    return result


def must(point: Point) -> Affine:
    assert point is not None
    return point


def signed_digest(s: int, t: int, q: Affine) -> tuple[int, int] | None:
    """Return (e, r) so that (r, s) with r + s = t is a valid signature of e by q, None at infinity."""
    point = naive_add(naive_multiply(s, G), naive_multiply(t, q))
    if point is None:
        return None
    r = (t - s) % N
    return (r - int(point[0])) % N, r


SMALL_SCALARS = [1, 2, 3, 1 << 10, (1 << 10) + 1, 1 << 250, (1 << 250) - 1, (1 << 255) + 5, N - 1, N - 2]
RELATED = [1, 2, 3, 4, 5, 7, 8, 1024, 1 << 20, N - 1, N - 2, N - 3, (N + 1) // 2]


@pytest.fixture(scope="module")
def related() -> dict[int, tuple[Affine, Table]]:
    points = {d: must(naive_multiply(d, G)) for d in RELATED}
    return {d: (point, build_table(point)) for d, point in points.items()}


def test_the_base_point_is_on_the_curve_and_has_order_n() -> None:
    assert is_on_curve(*G)
    assert naive_multiply(N, G) is None
    assert naive_add(naive_multiply(N - 1, G), G) is None


def test_a_point_off_the_curve_or_out_of_range_is_refused() -> None:
    x, y = G
    assert not is_on_curve(x, y + 1)
    assert not is_on_curve(0, 0)
    assert not is_on_curve(x + PRIME, y)
    assert not is_on_curve(x, y + PRIME)
    assert not is_on_curve(x, y - PRIME)
    assert is_on_curve(x, PRIME - y)


def test_addition_is_complete() -> None:
    g2 = must(naive_multiply(2, G))
    one = (G[0], G[1], 1)
    scaled = double((G[0], G[1], 1))
    negated = (G[0], PRIME - G[1])
    assert to_affine(INFINITY) is None
    assert to_affine(double(INFINITY)) is None
    assert to_affine(add_affine(INFINITY, G)) == G
    assert to_affine(add_affine(one, G)) == g2
    assert to_affine(add_affine(one, negated)) is None
    assert to_affine(add_affine(scaled, g2)) == naive_multiply(4, G)
    assert to_affine(add_affine(scaled, (g2[0], PRIME - g2[1]))) is None
    assert to_affine(add_affine(scaled, G)) == naive_multiply(3, G)


@pytest.mark.parametrize("d", RELATED)
def test_multiply_and_add_agrees_with_naive_arithmetic_for_related_keys(d: int) -> None:
    q = must(naive_multiply(d, G))
    for s, t in [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (5, 7),
        (N - 1, 1),
        (1, N - 1),
        (d % N, N - 1),
        (7, 1 << 200),
    ]:
        assert multiply_and_add(s, t, q) == naive_multiply((s + t * d) % N, G)


def test_the_secret_multiplication_agrees_with_the_plain_one() -> None:
    for scalar in (1, 2, N - 2, N - 1, secrets.randbelow(N)):
        assert multiply_base_secretly(scalar) == naive_multiply(scalar, G)
    assert multiply_base_secretly(0) is None


def test_a_table_holds_every_multiple(related: dict[int, tuple[Affine, Table]]) -> None:
    point, table = related[3]
    assert len(table) == 26
    for window, digit in [(0, 1), (0, 2), (0, 3), (0, 512), (0, 1023), (13, 777), (25, 1), (25, 1023)]:
        assert table[window][digit] == naive_multiply(digit << 10 * window, point)


@pytest.mark.parametrize("d", RELATED)
def test_tables_and_plain_path_accept_what_is_right_for_related_keys(
    d: int, related: dict[int, tuple[Affine, Table]]
) -> None:
    q, table = related[d]
    pairs = [(s, t) for s in SMALL_SCALARS for t in SMALL_SCALARS if s != t]
    # Equal summands, sG = tQ, and opposite ones, sG = -tQ: the second sum is infinity.
    pairs += [(t * d % N, t) for t in (1, 5, 1 << 100)] + [(-t * d % N, t) for t in (1, 5, 1 << 100)]
    pairs += [(secrets.randbelow(N - 1) + 1, secrets.randbelow(N - 1) + 1) for _ in range(4)]
    for s, t in pairs:
        made = signed_digest(s, t, q)
        if made is None:
            r = (t - s) % N
            if r:
                assert not is_signature(0, r, s, q)
                assert not is_signature_by_tables(0, r, s, q, table)
            continue
        e, r = made
        if not r:
            continue
        assert is_signature(e, r, s, q)
        assert is_signature_by_tables(e, r, s, q, table)
        assert not is_signature((e + 1) % N, r, s, q)
        assert not is_signature_by_tables((e + 1) % N, r, s, q, table)


def test_infinity_accepts_no_digest(related: dict[int, tuple[Affine, Table]]) -> None:
    """sG + tQ = infinity for a related key: an x of 0, or of anything else, must not be read out of it."""
    q, table = related[5]
    t = 12345
    s = -t * 5 % N
    r = (t - s) % N
    for e in (0, r, (r - int(G[0])) % N, (r - 1) % N):
        assert not is_signature(e, r, s, q)
        assert not is_signature_by_tables(e, r, s, q, table)


def test_an_x_between_n_and_p_is_reduced() -> None:
    """x of the sum in [n, p): about one signature in 2^128, so it is built backwards from such a point."""
    x = N
    while True:
        square = (x * x * x + A * x + B) % PRIME
        y = pow(square, (PRIME + 1) // 4, PRIME)
        if y * y % PRIME == square:
            break
        x += 1
    assert N <= x < PRIME
    s, t = 987654321, 123456789 << 90
    negated = must(naive_multiply(s, G))
    q = must(
        naive_multiply(pow(t, -1, N), naive_add((int(x), int(y)), (negated[0], (PRIME - negated[1]) % PRIME)))
    )
    r = (t - s) % N
    e = (r - int(x)) % N
    assert is_signature(e, r, s, q)
    assert is_signature_by_tables(e, r, s, q, build_table(q))
    assert not is_signature_by_tables((e + 1) % N, r, s, q, build_table(q))

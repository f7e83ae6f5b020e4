import pytest

from ledger.errors import SignatureInvalid
from ledger.gm import der_decode, der_encode, split_raw
from ledger.gm.curve import N


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def integer(content: bytes) -> bytes:
    return b"\x02" + bytes((len(content),)) + content


def sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return b"\x30" + bytes((len(body),)) + body


ONE, TWO = integer(b"\x01"), integer(b"\x02")
ORDER = b"\x00" + N.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("r", "s", "der"),
    [
        (1, 2, "3006020101020102"),
        (127, 128, "300702017f02020080"),
        (1 << 248, 255, "3026022001" + "00" * 31 + "020200ff"),
        (N - 1, N - 2, None),
    ],
)
def test_a_signature_has_one_der_form(r: int, s: int, der: str | None) -> None:
    encoded = der_encode(raw(r, s))
    assert der is None or encoded.hex() == der
    assert der_decode(encoded) == raw(r, s)


@pytest.mark.parametrize(
    ("why", "der"),
    [
        ("empty", b""),
        ("raw", raw(5, 6)),
        ("one integer", sequence(ONE)),
        ("three integers", sequence(ONE, TWO, ONE)),
        ("trailing byte", sequence(ONE, TWO) + b"\0"),
        ("trailing byte inside", sequence(ONE, TWO, b"\0")),
        ("truncated", sequence(ONE, TWO)[:-1]),
        ("long length", b"\x30\x81\x06" + ONE + TWO),
        ("long integer length", sequence(b"\x02\x81\x01\x01", TWO)),
        ("indefinite length", b"\x30\x80" + ONE + TWO + b"\0\0"),
        ("set", b"\x31" + sequence(ONE, TWO)[1:]),
        ("octet string", sequence(b"\x04\x01\x01", TWO)),
        ("empty integer", sequence(b"\x02\x00", TWO)),
        ("padded", sequence(integer(b"\0\x01"), TWO)),
        ("padded zero", sequence(integer(b"\0\0"), TWO)),
        ("padded s", sequence(ONE, integer(b"\0\x02"))),
        ("negative", sequence(integer(b"\x81"), TWO)),
        ("negative s", sequence(ONE, integer(b"\xff"))),
        ("33 digits", sequence(integer(b"\x01" + bytes(32)), TWO)),
        ("34 bytes", sequence(integer(b"\0\xff" + bytes(32)), TWO)),
        ("integer beyond the end", sequence(b"\x02\x20\x01", TWO)),
        ("r = 0", sequence(integer(b"\0"), TWO)),
        ("s = 0", sequence(ONE, integer(b"\0"))),
        ("r = n", sequence(integer(ORDER), TWO)),
        ("s = n", sequence(ONE, integer(ORDER))),
        ("r = 2^256 - 1", sequence(integer(b"\0" + b"\xff" * 32), TWO)),
        ("r + s = n", sequence(ONE, integer(b"\0" + (N - 1).to_bytes(32, "big")))),
    ],
)
def test_any_other_der_is_refused(why: str, der: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        der_decode(der)


@pytest.mark.parametrize("size", [0, 63, 65, 72])
def test_a_raw_signature_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(SignatureInvalid):
        split_raw(b"\x01" * size)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (N, 1), (1, N), (N + 1, 1), (1, N - 1), (N - 5, 5)])
def test_a_raw_signature_out_of_range_is_refused(r: int, s: int) -> None:
    with pytest.raises(SignatureInvalid):
        split_raw(raw(r, s))
    with pytest.raises(SignatureInvalid):
        der_encode(raw(r, s))

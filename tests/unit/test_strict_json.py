"""JSON in the one form of DESIGN.md section 4: every refusal has its case."""

import pytest

from ledger.errors import FormatError, JsonDuplicateKey, JsonMalformed, JsonNumber, JsonTooDeep
from ledger.formats import strictjson

MALFORMED = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"{'a':1}",
    b'{"a":1,}',
    b'{"a" 1}',
    b'{"a":1} x',
    b'"\x01"',
    b'"\n"',
    b'"\\x"',
    b'"\\u12"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'{"\\ud83d":1}',
    b'["\\ud83d","\\ude00"]',
    b"\xef\xbb\xbf{}",
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b"01",
    b"+1",
    b"0x1",
    b"tru",
    b"\xa01",
    "１".encode(),
    b"\x00",
]
NUMBERS = [
    b"1.0",
    b"1e3",
    b"1E3",
    b"-0",
    b"-0.0",
    b"9007199254740992",
    b"-9007199254740992",
    b"NaN",
    b"Infinity",
]
NUMBERS += [b"-Infinity", b"1" * 5000, b"-" + b"9" * 20]


@pytest.mark.parametrize("data", MALFORMED)
def test_what_is_not_json_in_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(JsonMalformed):
        strictjson.loads(data)


@pytest.mark.parametrize("number", NUMBERS)
def test_only_integers_in_range_are_numbers(number: bytes) -> None:
    with pytest.raises(JsonNumber):
        strictjson.loads(b'{"n":[' + number + b"]}")


@pytest.mark.parametrize("data", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"x":{"b":[],"b":[]}}]'])
def test_no_member_name_stands_twice(data: bytes) -> None:
    with pytest.raises(JsonDuplicateKey):
        strictjson.loads(data)


@pytest.mark.parametrize("opening", [b'{"a":', b"[", b'[{"b":'])
def test_32_levels_are_allowed_and_33_are_not(opening: bytes) -> None:
    levels = opening.count(b"{") + opening.count(b"[")
    for depth in (32 // levels, 32 // levels + 1):
        closing = opening.replace(b'"b":', b"")[::-1].replace(b"[", b"]").replace(b"{", b"}")
        closing = closing.replace(b':"a"', b"")
        data = opening * depth + b"1" + closing * depth
        if depth * levels <= 32:
            strictjson.loads(data)
        else:
            with pytest.raises(JsonTooDeep):
                strictjson.loads(data)


def test_brackets_in_strings_and_side_by_side_are_no_depth() -> None:
    strictjson.loads(b'["' + b"[{" * 100 + b'\\"[[[\\\\"]')
    strictjson.loads(b"[" + b",".join([b'[{},{"a":[]}]'] * 100) + b"]")


@pytest.mark.parametrize(
    "nested",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 2_000 + b"]" * 2_000,
        # A string that never ends, with a quote at every place from which it could be tried again.
        b"[" * 40 + b'"' + b'\\"' * 1_000_000,
        b"[" * 40 + b'"' + b"\\" * 999_999,
    ],
)
def test_hostile_nesting_is_refused_without_harm(nested: bytes) -> None:
    with pytest.raises(FormatError):
        strictjson.loads(nested)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b' {"a" : [ 1 , null , true ] }\n', {"a": [1, None, True]}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", 1 - 2**53),
        (b"0", 0),
        (b'"\xe4\xbf\xa1"', "信"),
    ],
)
def test_what_is_allowed_is_read(data: bytes, value: object) -> None:
    assert strictjson.loads(data) == value


def test_a_lone_surrogate_is_not_written() -> None:
    with pytest.raises(JsonMalformed):
        strictjson.dumps({"a": "\ud800"})

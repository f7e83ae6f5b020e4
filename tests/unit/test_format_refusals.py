"""Envelopes, statements, times, notes and vkeys: every refusal has a case."""

import json
from typing import Any

import pytest

from ledger.errors import (
    Base64Invalid,
    EntryTooLarge,
    EnvelopeMalformed,
    FormatError,
    JsonDuplicateKey,
    JsonMalformed,
    SignatureCount,
    StatementMalformed,
    TimeInvalid,
)
from ledger.formats.encoding import b64decode_strict, hex_decode
from ledger.formats.envelope import (
    MAX_ENTRY,
    STATEMENT_TYPE,
    BatchPlace,
    Envelope,
    format_envelope,
    parse_envelope,
)
from ledger.formats.note import parse_signature_lines, parse_vkey
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import parse_manifest, parse_statement
from ledger.formats.times import parse_time

KEYID = "ab" * 32
SINGLE = format_envelope(Envelope(STATEMENT_TYPE, b'{"a":1}', KEYID, b"\x01" * 64, None))
BATCHED = format_envelope(Envelope(STATEMENT_TYPE, b'{"a":1}', KEYID, None, BatchPlace(b"\x01" * 32, 6, 7)))
STATEMENT: dict[str, Any] = {
    "id": "01a2020d-f980-7789-ba29-4c2496847af7",
    "kind": "credit.penalty.published",
    "log": "yunling.example/credit",
    "issuer": "11320500MB0000001A",
    "at": "2026-11-22T07:00:00.000Z",
    "keys": {"subject": ["ab" * 32]},
    "body": {},
}
MANIFEST: dict[str, Any] = {
    **{name: STATEMENT[name] for name in ("log", "issuer", "id", "at")},
    "root": "cd" * 32,
    "size": 7,
}


def _swap(old: bytes, new: bytes, data: bytes = SINGLE) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


ENVELOPES: list[tuple[bytes, type[Exception]]] = [
    (b"", JsonMalformed),
    (b"[]", EnvelopeMalformed),
    (SINGLE[:-1], JsonMalformed),
    (SINGLE + b"\n", EnvelopeMalformed),
    (b" " + SINGLE, EnvelopeMalformed),
    (_swap(b'":"', b'": "'), EnvelopeMalformed),
    (_swap(b'{"payloadType"', b'{"payload":"","payloadType"'), JsonDuplicateKey),
    (_swap(b"statement+json", b"other+json"), EnvelopeMalformed),
    (_swap(b"statement+json", b"batch+json", BATCHED), EnvelopeMalformed),
    (_swap(b"application/", b"application\\/"), EnvelopeMalformed),
    (_swap(KEYID.encode(), KEYID.upper().encode()), EnvelopeMalformed),
    (_swap(b'"signatures":[', b'"signatures":[],"x":['), SignatureCount),
    (_swap(b'"keyid"', b'"x":1,"keyid"'), EnvelopeMalformed),
    (_swap(b"eyJhIjoxfQ==", b"eyJhIjoxfR=="), Base64Invalid),
    (_swap(b"eyJhIjoxfQ==", b"eyJhIjoxfQ"), Base64Invalid),
    (_swap(b"eyJhIjoxfQ==", b"eyJh\\nIjoxfQ=="), Base64Invalid),
    (_swap(b'"sig":"', b'"sig":"AAAA'), EnvelopeMalformed),
    (_swap(b'"index":6', b'"index":7', BATCHED), EnvelopeMalformed),
    (_swap(b'"index":6', b'"index":06', BATCHED), JsonMalformed),
    (_swap(b'"size":7', b'"size":65536', BATCHED), EnvelopeMalformed),
    (_swap(b'"size":7', b'"size":0', BATCHED), EnvelopeMalformed),
    (b"{" + b" " * MAX_ENTRY, EntryTooLarge),
]


@pytest.mark.parametrize(("data", "error"), ENVELOPES)
def test_an_envelope_in_any_other_form_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_envelope(data)


def test_a_second_signature_is_refused_as_such() -> None:
    value = json.loads(SINGLE)
    value["signatures"] *= 2
    with pytest.raises(SignatureCount):
        parse_envelope(json.dumps(value, separators=(",", ":")).encode())


def test_an_entry_of_48_kib_is_the_largest() -> None:
    room = MAX_ENTRY - len(SINGLE) + len("eyJhIjoxfQ==")
    payload = b"x" * (room // 4 * 3)
    largest = format_envelope(Envelope(STATEMENT_TYPE, payload, KEYID, b"\x01" * 64, None))
    assert MAX_ENTRY - 4 < len(largest) <= MAX_ENTRY
    assert parse_envelope(largest).payload == payload
    with pytest.raises(EntryTooLarge):
        parse_envelope(largest.ljust(MAX_ENTRY + 1))


STATEMENTS: list[tuple[str, Any]] = [
    ("id", "01A2020D-F980-7789-BA29-4C2496847AF7"),
    ("id", "01a2020d-f980-4789-ba29-4c2496847af7"),
    ("id", "01a2020d-f980-7789-7a29-4c2496847af7"),
    ("id", "01a2020d-f980-7789-ba29-4c2496847af7\n"),
    ("id", 7),
    ("kind", "credit"),
    ("kind", "credit."),
    ("kind", "Credit.penalty"),
    ("kind", "credit..x"),
    ("kind", "1credit.x"),
    ("kind", "credit.penalty\n"),
    ("kind", None),
    ("log", "Yunling.example/credit"),
    ("log", "yunling.example//credit"),
    ("log", "yunling.example/"),
    ("log", ""),
    ("issuer", "11320500MB0000001B"),
    ("issuer", "11320500mb0000001a"),
    ("issuer", ["11320500MB0000001A"]),
    ("at", "2026-11-22T07:00:00Z"),
    ("at", "2026-11-22T07:00:00.000+00:00"),
    ("at", 0),
    ("keys", []),
    ("keys", {"subject": []}),
    ("keys", {"subject": "ab" * 32}),
    ("keys", {"subject": ["AB" * 32]}),
    ("keys", {"subject": ["ab" * 31]}),
    ("keys", {"subject": ["ab" * 32, "ab" * 32]}),
    ("keys", {"subject": [1]}),
    ("body", None),
    ("body", []),
    ("sealed", None),
    ("sealed", {"digest": "AB" * 32}),
    ("sealed", {"digest": "ab" * 32, "salt": ""}),
    ("sealed", {}),
    ("refers", {}),
    ("refers", ["x"]),
    ("refers", [{"issuer": "11320500MB0000001A"}]),
    ("refers", [{"issuer": "11320500MB0000001A", "id": "x"}]),
    ("refers", [{"issuer": "x", "id": "01a2020d-f980-7789-ba29-4c2496847af7"}]),
    ("other", 1),
]


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(("member", "value"), STATEMENTS)
def test_a_statement_with_a_wrong_member_is_refused(member: str, value: Any) -> None:
    parse_statement(_encode(STATEMENT))
    with pytest.raises(StatementMalformed):
        parse_statement(_encode({**STATEMENT, member: value}))


@pytest.mark.parametrize("member", sorted(STATEMENT))
def test_a_statement_without_a_required_member_is_refused(member: str) -> None:
    with pytest.raises(StatementMalformed):
        parse_statement(_encode({name: value for name, value in STATEMENT.items() if name != member}))


@pytest.mark.parametrize(
    ("member", "value"),
    [("size", 0), ("size", 65_536), ("size", True), ("size", "7"), ("root", "CD" * 32), ("kind", "credit.x")],
)
def test_a_manifest_with_a_wrong_member_is_refused(member: str, value: Any) -> None:
    parse_manifest(_encode(MANIFEST))
    with pytest.raises(StatementMalformed):
        parse_manifest(_encode({**MANIFEST, member: value}))


def test_a_statement_is_an_object_of_at_most_32_kib() -> None:
    exact = _encode({**STATEMENT, "body": {"text": ""}})
    fill = "x" * (32 * 1024 - len(exact))
    parse_statement(_encode({**STATEMENT, "body": {"text": fill}}))
    with pytest.raises(EntryTooLarge):
        parse_statement(_encode({**STATEMENT, "body": {"text": fill + "x"}}))
    with pytest.raises(StatementMalformed):
        parse_statement(b"[]")


TIMES = [
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "12026-11-22T00:00:00Z",
    "２026-11-22T00:00:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T23:60:00Z",
    "2026-12-31T23:59:60Z",
    "2026-11-22t00:00:00Z",
    "2026-11-22T00:00:00z",
    "2026-11-22T00:00:00",
    "2026-11-22T00:00:00+00:00",
    "2026-11-22T00:00:00.0Z",
    "2026-11-22T00:00:00.000000Z",
    "2026-11-22T00:00:00,000Z",
]


@pytest.mark.parametrize("text", [*TIMES, "2026-11-22 00:00:00Z", "2026-11-22T00:00:00Z\n", "", None, 5])
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(TimeInvalid):
        parse_time(text)


def test_the_fraction_is_as_the_member_demands() -> None:
    assert parse_time("2024-02-29T23:59:59.999Z", millis=True) == 1_709_251_199_999
    assert parse_time("1969-12-31T23:59:59Z", millis=False) == -1000
    with pytest.raises(TimeInvalid):
        parse_time("2024-02-29T23:59:59Z", millis=True)
    with pytest.raises(TimeInvalid):
        parse_time("2024-02-29T23:59:59.000Z", millis=False)


@pytest.mark.parametrize(
    "text", ["QR==", "QUI", "QUJ=", "QQ=", "Q", "=", "QQ==QQ==", "Q Q=", "QQ-_", "QQ==\n", "信"]
)
def test_base64_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(Base64Invalid):
        b64decode_strict(text)


@pytest.mark.parametrize("text", ["AB", "a", "0x00", " ab", "ab\n", None])
def test_hex_in_any_other_form_is_refused(text: object) -> None:
    with pytest.raises(FormatError):
        hex_decode(text)


LINE = "— witness.example AAAAAAA=\n"


@pytest.mark.parametrize(
    "text",
    [
        LINE[:-1],
        LINE + LINE,
        LINE + "\n",
        LINE.replace("—", "-"),
        LINE.replace(" AAAA", "  AAAA"),
        LINE.replace("witness", "wit+ness"),
        LINE.replace("witness", "wit\u00a0ness"),
        LINE.replace("witness.example", ""),
        LINE.replace("AAAAAAA=", "AAAAAAB="),
        LINE.replace("AAAAAAA=", "AAAAAA=="),
        LINE.replace("\n", "\r\n"),
    ],
)
def test_a_signature_line_in_any_other_form_is_refused(text: str) -> None:
    assert len(parse_signature_lines(LINE)) == 1
    with pytest.raises(FormatError):
        parse_signature_lines(text)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", "na me+00000000+AAAA", "+00000000+AAAA"])
def test_a_vkey_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_vkey(text)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_has_32_bytes(size: int) -> None:
    with pytest.raises(FormatError):
        sealed_digest(bytes(size), "11320500MB0000001A", STATEMENT["id"], b"")

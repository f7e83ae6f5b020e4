"""Checkpoints as signed notes, and verification keys as text (DESIGN.md 4.4).

    suzhou.example/credit
    1048576
    <base64 root hash>
    index <base64 index root>
    time 2026-11-22T08:00:00Z
    <blank>
    — suzhou.example/credit <base64(4-byte key hash || 64-byte r||s)>
    — witness.example <base64(4-byte key hash || u64be(unix seconds) || 64-byte r||s)>

The note text is everything up to and including the newline before the blank line. The log's line comes
first. Lines of unknown keys must be well formed and are otherwise ignored; the same (name, key hash) twice
is an error. `format_note(parse_note(x)) == x` and `format_vkey(parse_vkey(x)) == x`.
"""

import re
from dataclasses import dataclass

from ledger.errors import FormatError, KeyUnusable, NoteMalformed, SignatureInvalid
from ledger.formats.encoding import BASE64, b64decode_strict, b64encode, decode_matched
from ledger.formats.members import ORIGIN
from ledger.formats.strictjson import MAX_INTEGER
from ledger.formats.times import format_time, parse_time
from ledger.gm import PublicKey, Signer, sm3, verify

LOG_IDENTIFIER = "sm2-sm3"
WITNESS_IDENTIFIER = "sm2-sm3-cosign"

_KEY_HASH_SIZE = 4
_RAW_SIZE = 64
_SECONDS_SIZE = 8
_KEY_TYPE = b"\xff"
_NAME = r"[!-*,-~]+"

_match_text = re.compile(
    rf"({ORIGIN})\n(0|[1-9][0-9]{{0,15}})\n([A-Za-z0-9+/]{{43}}=)\n"
    r"index ([A-Za-z0-9+/]{43}=)\ntime ([^\n]+)\n"
).fullmatch
_match_line = re.compile(rf"— ({_NAME}) ({BASE64})").fullmatch
_match_vkey = re.compile(rf"({_NAME})\+([0-9a-f]{{8}})\+({BASE64})").fullmatch


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: size, root and index root (32 bytes each), `time` in seconds since 1970."""

    origin: str
    size: int
    root: bytes
    index_root: bytes
    time: int


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line: a name, the first 4 bytes of a key's hash, and what follows them."""

    name: str
    key_hash: bytes
    signature: bytes

    def format(self) -> str:
        """The line, newline included."""
        return f"— {self.name} {b64encode(self.key_hash + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A checkpoint with its note text and signature lines, none of them verified."""

    checkpoint: Checkpoint
    text: bytes
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A named public key in one role; `identifier` is `sm2-sm3` (log) or `sm2-sm3-cosign` (witness)."""

    name: str
    identifier: str
    public: PublicKey
    key_hash: bytes


def checkpoint_text(checkpoint: Checkpoint) -> bytes:
    """The note text of a checkpoint."""
    return (
        f"{checkpoint.origin}\n{checkpoint.size}\n{b64encode(checkpoint.root)}\n"
        f"index {b64encode(checkpoint.index_root)}\n"
        f"time {format_time(checkpoint.time * 1000, millis=False)}\n"
    ).encode("ascii")


def note_hash(text: bytes) -> bytes:
    """SM3 of the note text, 32 bytes."""
    return sm3(text)


def parse_note(data: str | bytes) -> SignedNote:
    """A signed note. Raises `NoteMalformed` for anything but the one form."""
    try:
        note = data.decode() if isinstance(data, bytes) else data
        body, blank, lines = note.partition("\n\n")
        checkpoint = _parse_text(body + "\n")
        signatures = parse_signature_lines(lines)
    except NoteMalformed:
        raise
    except (FormatError, UnicodeError) as error:
        raise NoteMalformed(str(error)) from error
    if not blank or not signatures:
        raise NoteMalformed("a note has a blank line and at least one signature line after it")
    if signatures[0].name != checkpoint.origin:
        raise NoteMalformed("the first signature line bears another name than the origin's")
    return SignedNote(checkpoint, (body + "\n").encode(), signatures)


def _parse_text(text: str) -> Checkpoint:
    matched = _match_text(text)
    if matched is None:
        raise NoteMalformed("a note text is five lines: origin, size, root, index root, time")
    origin, size, root, index_root, time = matched.groups()
    if int(size) > MAX_INTEGER:
        raise NoteMalformed("the size is above 2^53-1")
    seconds = parse_time(time, millis=False) // 1000
    return Checkpoint(origin, int(size), b64decode_strict(root), b64decode_strict(index_root), seconds)


def format_note(note: SignedNote) -> bytes:
    """The note's exact bytes."""
    return note.text + b"\n" + "".join(line.format() for line in note.signatures).encode()


def parse_signature_lines(text: str) -> tuple[SignatureLine, ...]:
    """Signature lines, each ended by a newline; none for the empty text.

    Raises `NoteMalformed` for a malformed line or the same (name, key hash) twice.
    """
    if not text:
        return ()
    if not text.endswith("\n"):
        raise NoteMalformed("a signature line ends with a newline")
    lines = []
    seen = set()
    for line in text[:-1].split("\n"):
        matched = _match_line(line)
        if matched is None:
            raise NoteMalformed("a signature line is an em dash, a name and base64")
        name, encoded = matched.groups()
        blob = decode_matched(encoded.encode())
        if len(blob) <= _KEY_HASH_SIZE:
            raise NoteMalformed("a signature line holds a key hash and a signature")
        parsed = SignatureLine(name, blob[:_KEY_HASH_SIZE], blob[_KEY_HASH_SIZE:])
        if (name, parsed.key_hash) in seen:
            raise NoteMalformed("two signature lines have the same name and key hash")
        seen.add((name, parsed.key_hash))
        lines.append(parsed)
    return tuple(lines)


def sign_note(text: bytes, name: str, signer: Signer) -> str:
    """The log's signature line over a note text, newline included."""
    key = verification_key(name, LOG_IDENTIFIER, signer.public)
    return SignatureLine(name, key.key_hash, signer.sign(text)).format()


def cosigned_text(text: bytes, seconds: int) -> bytes:
    """What a witness signs at `seconds` since 1970."""
    return b"xinzheng/cosignature/v1\ntime %d\n%b" % (seconds, text)


def cosign(text: bytes, name: str, signer: Signer, seconds: int) -> str:
    """A witness's signature line over a note text, newline included."""
    return timed_line(cosigned_text(text, seconds), name, signer, seconds)


def timed_line(message: bytes, name: str, signer: Signer, seconds: int) -> str:
    """A witness's line over any message that holds the seconds itself: u64be(seconds) || r||s."""
    key = verification_key(name, WITNESS_IDENTIFIER, signer.public)
    signature = seconds.to_bytes(_SECONDS_SIZE, "big") + signer.sign(message)
    return SignatureLine(name, key.key_hash, signature).format()


def verify_log_line(text: bytes, line: SignatureLine, key: VerificationKey) -> None:
    """Check a log's line over the note text; returns nothing or raises `SignatureInvalid`."""
    verify(key.public, text, line.signature)


def line_seconds(line: SignatureLine) -> int:
    """The seconds that a witness's line carries. Raises `SignatureInvalid` for another length."""
    if len(line.signature) != _SECONDS_SIZE + _RAW_SIZE:
        raise SignatureInvalid("a witness's line carries 8 bytes of time and 64 of signature")
    return int.from_bytes(line.signature[:_SECONDS_SIZE], "big")


def verify_timed_line(message: bytes, line: SignatureLine, key: VerificationKey) -> None:
    """Check a witness's line over `message`; returns nothing or raises `SignatureInvalid`."""
    line_seconds(line)
    verify(key.public, message, line.signature[_SECONDS_SIZE:])


def verification_key(name: str, identifier: str, public: PublicKey) -> VerificationKey:
    """A public key under a name in a role (`LOG_IDENTIFIER` or `WITNESS_IDENTIFIER`)."""
    hashed = sm3(name.encode() + b"\n" + _KEY_TYPE + identifier.encode() + public.raw)
    return VerificationKey(name, identifier, public, hashed[:_KEY_HASH_SIZE])


def format_vkey(key: VerificationKey) -> str:
    """`<name>+<8 hex of key hash>+<base64(ff || identifier || x || y)>`."""
    material = _KEY_TYPE + key.identifier.encode() + key.public.raw
    return f"{key.name}+{key.key_hash.hex()}+{b64encode(material)}"


def parse_vkey(text: str) -> VerificationKey:
    """A verification key from its text. Raises a `FormatError` for anything but the one form."""
    matched = _match_vkey(text)
    if matched is None:
        raise FormatError("a vkey is a name, 8 hex digits and base64, joined by plus signs")
    name, key_hash, encoded = matched.groups()
    material = decode_matched(encoded.encode())
    for identifier in (LOG_IDENTIFIER, WITNESS_IDENTIFIER):
        start = _KEY_TYPE + identifier.encode()
        if material.startswith(start) and len(material) == len(start) + _RAW_SIZE:
            break
    else:
        raise FormatError("a vkey holds ff, sm2-sm3 or sm2-sm3-cosign, and 64 bytes of key")
    try:
        key = verification_key(name, identifier, PublicKey(material[len(start) :]))
    except KeyUnusable as error:
        raise FormatError("the key of a vkey is not a point of the curve") from error
    if key.key_hash.hex() != key_hash:
        raise FormatError("the key hash of a vkey does not match its key")
    return key

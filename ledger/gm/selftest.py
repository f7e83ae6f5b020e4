"""Judge a file of SM2 signature vectors: `python -m ledger.gm.selftest FILE.jsonl`.

One JSON object a line, values in hex: `pub` (x || y), `msg`, `sig` (DER, or whatever it is), and `ok`, the
right judgement; other members are ignored. Each line is judged by every installed backend, by the table
verifier and by the plain path, all behind the same strict reading of key and signature, as the ledger
itself does it.

Exit status 0: every line was judged right by all; 1: not so, the lines and judges are named; 2: the file
cannot be read, or holds no vector.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import click

from ledger.errors import FormatError, KeyUnusable, LedgerError, SignatureInvalid
from ledger.gm.backends import installed
from ledger.gm.der import der_decode
from ledger.gm.keys import PublicKey
from ledger.gm.known_answers import Verify, by_table, self_test, verify_plainly
from ledger.gm.tables import Table, build_table

_MAX_NAMED = 20
_TABLES_KEPT = 8
_MAX_BRACKETS = 1000


@dataclass(frozen=True, slots=True)
class Vector:
    """One line of the file; `line` is 1-based."""

    line: int
    description: str
    public: bytes
    message: bytes
    signature: bytes
    valid: bool


@lru_cache(maxsize=_TABLES_KEPT)
def _table(public: PublicKey) -> Table:
    return build_table(public.point)


def _verify_by_table(public: PublicKey, message: bytes, signature: bytes) -> bool:
    return by_table(_table(public))(public, message, signature)


def judges() -> dict[str, Verify]:
    """Return every way of verifying that there is here, by name."""
    found: dict[str, Verify] = {backend.name: backend.verify for backend in installed()}
    return found | {"table": _verify_by_table, "plain": verify_plainly}


def judge(verify: Verify, vector: Vector) -> bool:
    """Tell whether the vector's signature is valid, by `verify` behind the strict reading."""
    try:
        public = PublicKey(vector.public)
        signature = der_decode(vector.signature)
    except (KeyUnusable, SignatureInvalid):
        return False
    return verify(public, vector.message, signature)


def _bytes_of(member: Mapping[str, object], name: str) -> bytes:
    value = member.get(name)
    if not isinstance(value, str):
        raise FormatError(f"{name} must be a string of hex digits")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise FormatError(f"{name} is not hex") from None


def read_vectors(text: str) -> Iterator[Vector]:
    """Yield the vectors of a file's text, skipping blank lines; raises FormatError naming the line."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            # Some packages raise Python's recursion limit beyond what the C stack bears.
            if line.count("[") + line.count("{") > _MAX_BRACKETS:
                raise FormatError("a flat object is expected")
            member = json.loads(line)
            if not isinstance(member, dict) or not isinstance(member.get("ok"), bool):
                raise FormatError("an object with a boolean `ok` is expected")
            yield Vector(
                line=number,
                description=str(member.get("desc", "")),
                public=_bytes_of(member, "pub"),
                message=_bytes_of(member, "msg"),
                signature=_bytes_of(member, "sig"),
                valid=member["ok"],
            )
        except (ValueError, RecursionError) as error:
            raise FormatError(f"line {number}: not JSON ({type(error).__name__})") from error
        except FormatError as error:
            raise FormatError(f"line {number}: {error.detail}") from error


def _judge_all(vectors: list[Vector], name: str, verify: Verify) -> list[str]:
    """Return a sentence for each vector that this judge gets wrong."""
    wrong = []
    for vector in vectors:
        try:
            verdict = judge(verify, vector)
        except Exception as error:  # noqa: BLE001 a judge that fails is a finding, not the end of the run
            wrong.append(
                f"line {vector.line}: {name} failed with {type(error).__name__} ({vector.description})"
            )
            continue
        if verdict != vector.valid:
            said, right = ("valid", "invalid") if verdict else ("invalid", "valid")
            wrong.append(f"line {vector.line}: {name} says {said}, {right} is right ({vector.description})")
    return wrong


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit status."""
    if len(arguments) != 1:
        click.echo("usage: python -m ledger.gm.selftest FILE.jsonl", err=True)
        return 2
    try:
        vectors = list(read_vectors(Path(arguments[0]).read_text(encoding="utf-8")))
        if not vectors:
            raise FormatError("the file holds no vector")
    except (OSError, UnicodeDecodeError, FormatError) as error:
        reason = error.detail if isinstance(error, FormatError) else str(error)
        click.echo(f"unreadable: {reason}", err=True)
        return 2
    try:
        self_test()
    except LedgerError as error:
        click.echo(error.detail, err=True)
        return 1
    right = True
    for name, verify in judges().items():
        started = time.perf_counter()
        wrong = _judge_all(vectors, name, verify)
        seconds = time.perf_counter() - started
        click.echo(f"{name}: {len(vectors) - len(wrong)} of {len(vectors)} judged right in {seconds:.1f} s")
        for sentence in wrong[:_MAX_NAMED]:
            click.echo(f"  {sentence}")
        if len(wrong) > _MAX_NAMED:
            click.echo(f"  and {len(wrong) - _MAX_NAMED} more")
        right = right and not wrong
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

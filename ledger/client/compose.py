"""From a kind and a body to a signed submission, with its tags and its sealed part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain.kinds import kind_of, parse_body
from ledger.formats import strictjson
from ledger.formats.encoding import b64encode
from ledger.formats.sealed import sealed_digest
from ledger.formats.statement import Reference, Statement, format_statement, new_id

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Composed:
    """A statement ready to be signed: its exact bytes, and the sealed part that travels beside it."""

    log: str
    issuer: str
    id: str
    payload: bytes
    disclosure: Mapping[str, str] | None


def compose(
    kind_name: str,
    body: Mapping[str, Any],
    *,
    domain: str,
    issuer: str,
    now: int,
    randomness: Callable[[int], bytes],
    personal: Mapping[str, Any] | None = None,
    refers: Sequence[Reference] = (),
    id: str | None = None,
) -> Composed:
    """Make a statement of a kind; `now` in milliseconds, `personal` is what will be sealed.

    Raises `KindUnknown`, `StatementInvalid` (or the field's own error), `EntryTooLarge`.
    """
    kind = kind_of(kind_name)
    model = parse_body(kind, dict(body))
    log = f"{domain}/{kind.log}"
    id = id or new_id(now, randomness(10))
    sealed, disclosure = None, None
    if personal is not None:
        content = strictjson.dumps(dict(personal))
        salt = randomness(SALT_BYTES)
        sealed = sealed_digest(salt, issuer, id, content)
        disclosure = {"salt": salt.hex(), "content": b64encode(content)}
    keys = kind.keys_of(issuer, model)
    statement = Statement(id, kind.name, log, issuer, now, keys, dict(body), sealed, tuple(refers))
    return Composed(log, issuer, id, format_statement(statement), disclosure)


def with_disclosure(entry: bytes, disclosure: Mapping[str, str] | None) -> bytes:
    """A submission's bytes from an envelope and perhaps its sealed part."""
    if disclosure is None:
        return entry
    return strictjson.dumps({"entry": b64encode(entry), "disclosure": dict(disclosure)})

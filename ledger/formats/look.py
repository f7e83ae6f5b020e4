"""The proof that a look was logged: what a check receipt brings along from the access log.

    {"mediaType": "application/vnd.xinzheng.look+json;v=1", "origin": "yunling.example/access", "index": 12,
     "entry": "<base64>", "manifest": "<base64>", "path": ["<hex>", ...], "receipt": "<base64>"}

`entry` is the access event's envelope at log index `index`; `manifest` the envelope of the batch that it was
logged in and `path` the way from the entry to the batch's root (both are left out where the entry has a
signature of its own); `receipt` is the log's signed promise for the manifest, or for the entry.
"""

from dataclasses import dataclass
from typing import Any

from ledger.errors import AnswerUnusable
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.members import (
    read_hash,
    read_integer,
    read_list,
    read_object,
    read_origin,
    read_text,
)

MEDIA_TYPE = "application/vnd.xinzheng.look+json;v=1"
MAX_LOOK = 256 * 1024
"""Most bytes of a look's proof: three envelopes of at most 48 KiB in base64, and a path."""

_REQUIRED = frozenset(("mediaType", "origin", "index", "entry", "receipt"))
_BATCHED = frozenset(("manifest", "path"))
_MOST_STEPS = 16


@dataclass(frozen=True, slots=True)
class LookProof:
    """See the module; none of it is verified. `manifest` and `path` are None for an entry signed alone."""

    origin: str
    index: int
    entry: bytes
    receipt: bytes
    manifest: bytes | None = None
    path: tuple[bytes, ...] | None = None


def parse_look(data: bytes) -> LookProof:
    """A look's proof. Raises `AnswerUnusable` or another `FormatError`."""
    if len(data) > MAX_LOOK:
        raise AnswerUnusable(f"the proof of a look has at most {MAX_LOOK} bytes")
    members = read_object(strictjson.loads(data), "a look", _REQUIRED, _BATCHED, AnswerUnusable)
    if members["mediaType"] != MEDIA_TYPE:
        raise AnswerUnusable(f"mediaType must be {MEDIA_TYPE}")
    given = members.keys() & _BATCHED
    if given and given != _BATCHED:
        raise AnswerUnusable("manifest and path of a look come together")
    return LookProof(
        read_origin(members["origin"], "origin", AnswerUnusable),
        read_integer(members["index"], "index", AnswerUnusable),
        _bytes(members, "entry"),
        _bytes(members, "receipt"),
        _bytes(members, "manifest") if given else None,
        _path(members["path"]) if given else None,
    )


def format_look(look: LookProof) -> bytes:
    """A look's compact JSON."""
    members: dict[str, Any] = {
        "mediaType": MEDIA_TYPE,
        "origin": look.origin,
        "index": look.index,
        "entry": b64encode(look.entry),
    }
    if look.manifest is not None and look.path is not None:
        members["manifest"] = b64encode(look.manifest)
        members["path"] = [step.hex() for step in look.path]
    members["receipt"] = b64encode(look.receipt)
    return strictjson.dumps(members)


def _bytes(members: dict[str, Any], name: str) -> bytes:
    return b64decode_strict(read_text(members[name], name, AnswerUnusable))


def _path(value: Any) -> tuple[bytes, ...]:
    steps = read_list(value, "path", AnswerUnusable)
    if len(steps) > _MOST_STEPS:
        raise AnswerUnusable(f"a path in a batch has at most {_MOST_STEPS} steps")
    return tuple(read_hash(step, "path", AnswerUnusable) for step in steps)

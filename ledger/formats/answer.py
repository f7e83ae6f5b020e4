"""The answer document of a check: what was answered, in one canonical form.

The JSON object of a check's answer without `bundle` (it may be replaced by a newer one) and without `logged`
(which names this document's digest): members sorted by name, compact, UTF-8.

    SM3(canonical_answer(document)) == body.answer of the logged look (`access.event.recorded`)

So whoever holds an answer, sorted and spaced as may be, computes the same digest.
"""

from collections.abc import Mapping
from typing import Any

from ledger.formats import strictjson
from ledger.gm import sm3

BESIDE = frozenset(("bundle", "logged"))
"""Members that travel beside the answer document and are no part of it."""


def canonical_answer(document: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an answer; `document` may have `bundle` and `logged`, which are left out.

    Raises `JsonMalformed` for a lone surrogate.
    """
    kept = {name: value for name, value in document.items() if name not in BESIDE}
    return strictjson.canonical(kept)


def answer_digest(answer: bytes) -> str:
    """The SM3 of canonical bytes, as an access event names it."""
    return sm3(answer).hex()

"""Access events: who looked at what, about whom, for what purpose and on what legal basis.

A body holds codes and tags only. The operator is named by an id within the member (a post or account, not
a personal name): who sat there is for the member to answer.
"""

from functools import lru_cache
from typing import Literal

from ledger.domain.fields import Body, Code, Count, Digest, Instant, ShortText, Token, Uscc
from ledger.domain.subjects import Subject, subject_tag
from ledger.formats.tags import resource_tag, tag_of

resource_tag_of = lru_cache(maxsize=65_536)(resource_tag)

Action = Literal[
    "query", "check", "exchange", "download", "verify", "export", "push", "trail", "own", "erase"
]
"""`own` is the subject's own view (本人查询), `erase` the destruction of the keys of its sealed content."""
Outcome = Literal["done", "none", "refused", "failed"]


class Actor(Body):
    """A desk of a member: the member's code and the operator's id within it."""

    member: Uscc
    operator: Token


class AccessEvent(Body):
    """`access.event.recorded`: one look, or one exchange of a gateway.

    `rows` and `bytes` are what left the source; `authorisation` names the proof that the person agreed,
    where a third party asks (the event then refers to that statement), `basis_code` the catalogue's code of
    the legal basis that replaces it, `reason` why a look was refused, as an error code. `answer` is the SM3
    of the canonical answer document that was given, so that the signed look binds what was said.
    `happened_at` is a time with milliseconds.
    """

    action: Action
    resource: Token
    actor: Actor
    exchange: Token
    subject: Subject | None = None
    purpose: ShortText
    basis: ShortText
    authorisation: ShortText | None = None
    basis_code: Code | None = None
    outcome: Outcome
    reason: Token | None = None
    rows: Count | None = None
    bytes: Count | None = None
    answer: Digest | None = None
    happened_at: Instant


@lru_cache(maxsize=65_536)
def actor_tag(member: str, operator: str) -> str:
    """The tag of an operator: `SM3("actor:" || member || "/" || operator)`."""
    return tag_of("actor", f"{member}/{operator}")


def exchange_tag(exchange: str) -> str:
    """The tag of an exchange id."""
    return tag_of("exchange", exchange)


def keys_of_event(issuer: str, body: AccessEvent) -> dict[str, tuple[str, ...]]:
    """subject (where the exchange is about one), resource, actor, exchange."""
    keys: dict[str, tuple[str, ...]] = {
        "resource": (resource_tag_of(body.resource),),
        "actor": (actor_tag(body.actor.member, body.actor.operator),),
        "exchange": (exchange_tag(body.exchange),),
    }
    if body.subject is not None:
        keys["subject"] = (subject_tag(body.subject),)
    return keys

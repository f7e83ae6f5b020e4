"""Who may call what, as data: one row per operation, read by the authentication before each request.

An operation that is not in this table is refused, so a new route cannot be open by oversight (a test compares
the table with the routes). `OPEN` needs no signature. `MEMBER` is any registered member. Otherwise the member
needs one of the roles named; `own` says that a member without them still sees what it issued itself, which
the handler decides by `may_see`. The role `operator` sees everything that can be read.

Open are health and metrics (no personal data in them), the checkpoint and the proofs by hash (who holds a
hash already holds what it proves), what witnesses are asked to cosign and what they hand in, the verification
of a certificate by its identifier (a partner city needs no account), the API's own description, and the trust
file: it is the public registry, a copy of what stands on the chain, and whoever checks an answer offline
needs it before he can have anything else.
"""

from dataclasses import dataclass

from ledger.errors import RoleMissing
from ledger.log.submission import BATCH_BYTES_LIMIT, SUBMISSION_LIMIT
from ledger.merkle import MAX_BATCH
from ledger.services.notices.subscriptions import ROLES as SUBSCRIBERS

OPERATOR = "operator"
AUDITOR = "auditor"
OFFICER = "officer"
SUBJECT_DESK = "subject-desk"


JSON_MEDIA_TYPE = "application/json"
BATCH_MEDIA_TYPE = "application/x-ndjson"
SUBMISSION_MEDIA_TYPES = (
    "application/vnd.dsse.envelope.v1+json",
    JSON_MEDIA_TYPE,
    "application/octet-stream",
)
SHEET_MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: whether a signature is needed, and which roles are enough (none: any member)."""

    signed: bool = True
    roles: frozenset[str] = frozenset()
    own: bool = False
    streamed: bool = False
    """The body is hashed by the handler while it reads it, instead of before."""
    witness: bool = False
    """A key of a witness may sign it as well; of which log, the handler decides by `may_follow`."""
    body_limit: int = 0
    """Bytes; 0 where there is no body."""
    media_types: tuple[str, ...] = (JSON_MEDIA_TYPE,)
    """What a body may be."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The member whose key signed the request; or a witness, `member` being empty, and whose it is."""

    member: str
    roles: frozenset[str]
    keyid: str
    witness_of: frozenset[str] = frozenset()
    """Origins of the logs that this key is a witness's key of."""


KIB = 1 << 10
BATCH_LIMIT = BATCH_BYTES_LIMIT + MAX_BATCH + 1
"""The lines and their newlines."""
SHEET_LIMIT = 64 << 20
SHEET_ROWS_LIMIT = 8 << 20
"""Bytes of the rows that are asked about at once."""
QUESTION_LIMIT = 64 * KIB
COSIGNATURES_LIMIT = 4 * KIB
QUESTIONS_LIMIT = 16 << 20
"""Ten thousand subjects with their names and persons."""

OPEN = Rule(signed=False)
MEMBER = Rule()
_READERS = frozenset({AUDITOR, OPERATOR})
_CHECKERS = frozenset({AUDITOR, OFFICER, OPERATOR})

_PUBLISHERS = frozenset({"publisher:credit", OPERATOR})

RULES: dict[str, Rule] = {
    "health.healthz": OPEN,
    "health.readyz": OPEN,
    "health.metrics": OPEN,
    "docs.page": OPEN,
    "openapi.document": OPEN,
    "proofs.checkpoint": OPEN,
    "proofs.inclusion": OPEN,
    "proofs.consistency": OPEN,
    "members.trust": OPEN,
    # What stands on the chain anyway. Decisions are sent to the chain from a member's own account, never from
    # here: the service holds no member's keys.
    "governance.overview": OPEN,
    "governance.members": OPEN,
    "governance.proposals": OPEN,
    "governance.proposal": OPEN,
    "governance.records": OPEN,
    "governance.history_file": OPEN,
    "witnesses.candidate": OPEN,
    "witnesses.published": OPEN,
    # A cosignature speaks for itself: a line by a key that the consortium did not name is refused.
    "witnesses.cosign": Rule(signed=False, body_limit=COSIGNATURES_LIMIT, media_types=("text/plain",)),
    # Every entry of the log: what a witness must have to vouch for the index.
    "witnesses.entries": Rule(roles=_READERS, witness=True),
    "schemas.kinds": OPEN,
    "schemas.schema": OPEN,
    "certificates.verify": Rule(signed=False, body_limit=QUESTION_LIMIT),
    "members.members": MEMBER,
    "proofs.checkpoints": MEMBER,
    "anchors.anchors": MEMBER,
    # Which kinds a member may publish is decided by the admission, statement by statement.
    "entries.submit": Rule(body_limit=SUBMISSION_LIMIT, media_types=SUBMISSION_MEDIA_TYPES),
    "entries.submit_batch": Rule(streamed=True, body_limit=BATCH_LIMIT, media_types=(BATCH_MEDIA_TYPE,)),
    "sheets.check_sheet": Rule(
        roles=_PUBLISHERS, streamed=True, body_limit=SHEET_LIMIT, media_types=SHEET_MEDIA_TYPES
    ),
    "sheets.codes": Rule(roles=_PUBLISHERS),
    "sheets.rows": Rule(roles=_PUBLISHERS, body_limit=SHEET_ROWS_LIMIT),
    "sheets.records": Rule(roles=_PUBLISHERS, body_limit=SHEET_ROWS_LIMIT),
    "entries.receipt": Rule(roles=_READERS, own=True),
    "entries.entry": Rule(roles=_READERS, own=True),
    "index.lookup": Rule(roles=_READERS),
    # Not for officers, to whom an answer names what no longer counts by reference only.
    "bundles.bundle": Rule(roles=_READERS, own=True),
    "checks.check": Rule(roles=_CHECKERS, body_limit=QUESTION_LIMIT),
    "receipts.receipt": Rule(roles=frozenset({OFFICER, OPERATOR}), body_limit=QUESTION_LIMIT),
    "checks.check_many": Rule(roles=_CHECKERS, body_limit=QUESTIONS_LIMIT),
    # What a member sees beyond its own is decided by the services.
    "quality.quality": MEMBER,
    "overdue.overdue": MEMBER,
    "cases.cases": MEMBER,
    "cases.case": MEMBER,
    "cases.figures": MEMBER,
    "records.record": Rule(roles=frozenset({AUDITOR, OFFICER, OPERATOR, "publisher:credit"})),
    "subscriptions.subscribe": Rule(roles=SUBSCRIBERS, body_limit=QUESTION_LIMIT),
    "subscriptions.subscriptions": Rule(roles=SUBSCRIBERS | {OPERATOR}),
    "subscriptions.subscription": Rule(roles=SUBSCRIBERS | {OPERATOR}),
    "subscriptions.unsubscribe": Rule(roles=SUBSCRIBERS | {OPERATOR}),
    "subscriptions.dead_letters": Rule(roles=SUBSCRIBERS | {OPERATOR}),
    "subscriptions.retry": Rule(roles=SUBSCRIBERS | {OPERATOR}, body_limit=QUESTION_LIMIT),
    # Not even the operator: what is sealed about a subject is opened for the subject alone.
    "subjects.own": Rule(roles=frozenset({SUBJECT_DESK}), body_limit=QUESTION_LIMIT),
    # For whom it is to see is decided by the service.
    "subjects.authorisation": MEMBER,
    "trails.trail": Rule(roles=frozenset({AUDITOR, OPERATOR}), body_limit=QUESTION_LIMIT),
}


def check_role(rule: Rule, principal: Principal) -> None:
    """Raise `RoleMissing` unless `principal` may call an operation of `rule` at all."""
    if rule.witness and principal.witness_of:
        return
    if rule.roles and not rule.own and rule.roles.isdisjoint(principal.roles):
        raise RoleMissing(f"this needs one of the roles {', '.join(sorted(rule.roles))}")


def may_see(rule: Rule, principal: Principal, issuer: str) -> None:
    """Raise `RoleMissing` unless `principal` has a role of `rule` or issued the thing itself."""
    if rule.roles.isdisjoint(principal.roles) and principal.member != issuer:
        raise RoleMissing(f"this is for its issuer and for the roles {', '.join(sorted(rule.roles))} to see")


def may_follow(rule: Rule, principal: Principal, origin: str) -> None:
    """Raise `RoleMissing` unless `principal` has a role of `rule` or is a witness of this log."""
    if rule.roles.isdisjoint(principal.roles) and origin not in principal.witness_of:
        raise RoleMissing("this is for witnesses of this log, auditors and the operator to see")

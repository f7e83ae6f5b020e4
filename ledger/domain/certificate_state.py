"""The life of a certificate: a fold of the statements about it, in log order.

    (nothing) --issued--> 01 --revoked 02--> 02 --restored--> 01
                          01, 02 --revoked 03..07, 99--> final

The first `certificate.issued` founds the certificate; only its issuer (the member, not the authority named)
may change it afterwards, with statements that refer to it. Whatever does not fit (a second issue, a
restoration of what is not suspended, anything after a final state, another member's statement) is
`ineffective` and listed, not applied. A newer certificate of the same member that `replaces` this one ends
it: 05.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.domain.certificate import (
    IN_FORCE,
    SUPERSEDED,
    SUSPENDED,
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
)
from ledger.domain.facts import Fact
from ledger.formats.statement import Reference

EXPIRED = "expired"
NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """A certificate on a day. `state` is the code that the log gives; `in_force` says whether it counts on
    that day; `why` is the state, or `expired` or `not_yet` where the dates decide. `changed_by` is the index
    of the statement that set the state."""

    issued: Fact
    state: str
    in_force: bool
    why: str
    changed_by: int
    replaced_by: str | None
    ineffective: tuple[int, ...]


def fold_certificate(identifier: str, facts: Iterable[Fact], day: str) -> CertificateStatus | None:
    """The status of `identifier` on `day` (YYYY-MM-DD); None when it was never issued. The order of `facts`
    does not matter, their indexes do."""
    issued: Fact | None = None
    state, changed_by = IN_FORCE, 0
    replaced_by: str | None = None
    ineffective: list[int] = []
    for fact in sorted(facts, key=lambda fact: fact.index):
        if issued is None:
            if isinstance(fact.body, CertificateIssued) and fact.body.identifier == identifier:
                issued, changed_by = fact, fact.index
            else:
                ineffective.append(fact.index)
            continue
        following = _next_state(identifier, issued, state, fact)
        if following is None:
            ineffective.append(fact.index)
            continue
        state, changed_by = following, fact.index
        if isinstance(fact.body, CertificateIssued):
            replaced_by = fact.body.identifier
    if issued is None:
        return None
    why = _why(issued, state, day)
    return CertificateStatus(issued, state, why == IN_FORCE, why, changed_by, replaced_by, tuple(ineffective))


def _next_state(identifier: str, issued: Fact, state: str, fact: Fact) -> str | None:
    """The state after `fact`; None where it does not apply."""
    body = fact.body
    if fact.issuer != issued.issuer or state not in (IN_FORCE, SUSPENDED):
        return None
    if isinstance(body, CertificateIssued):
        return SUPERSEDED if body.replaces == identifier else None
    if not isinstance(body, CertificateRevoked | CertificateRestored) or body.identifier != identifier:
        return None
    if Reference(issued.issuer, issued.id) not in fact.refers:
        return None
    if isinstance(body, CertificateRestored):
        return IN_FORCE if state == SUSPENDED else None
    return None if body.state == state else body.state


def _why(issued: Fact, state: str, day: str) -> str:
    assert isinstance(issued.body, CertificateIssued)
    if state != IN_FORCE:
        return state
    if day < issued.body.valid_from:
        return NOT_YET
    if issued.body.valid_until is not None and day > issued.body.valid_until:
        return EXPIRED
    return IN_FORCE

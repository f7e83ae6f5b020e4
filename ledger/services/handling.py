"""Looks at records and cases by their name: who must say why, and that an attempt about a person is logged.

Who handles a record or a case (the issuer, the authority, the subject itself, a proposer, an executor, the
operator) looks at it all day for one purpose, which need not be said each time. Whoever else looks says why,
as with every look.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ledger.domain import Organisation, Person
from ledger.errors import AccessError, InputError
from ledger.services.answers import Asked, Principal
from ledger.services.authorisation import refused_look
from ledger.services.evidence import check_asked
from ledger.services.recorder import AccessRecorder

PURPOSE, BASIS = "信用信息和联合惩戒案件办理", "社会信用管理规定"
"""Why a member looks at what it handles, where it does not say otherwise."""
_OPERATOR = "operator"


def handles(principal: Principal, *members: str) -> bool:
    """Whether the caller is one of the members that handle it, or the operator."""
    return principal.member in members or _OPERATOR in principal.roles


def stated(asked: Asked, handling: bool) -> Asked:
    """The question with a purpose and a legal basis, those of handling where who handles it gives none.

    Raises `PurposeMissing`.
    """
    if handling and not asked.purpose.strip() and not asked.basis.strip():
        return replace(asked, purpose=PURPOSE, basis=BASIS)
    check_asked(asked)
    return asked


@contextmanager
def refusals_logged(
    recorder: AccessRecorder, asked: Asked, subject: Organisation | Person, now: int, resource: str
) -> Iterator[None]:
    """Log what the block refuses about a natural person as a look at that person that was refused."""
    try:
        yield
    except (InputError, AccessError) as error:
        if isinstance(subject, Person):
            recorder.record(
                refused_look(
                    asked,
                    subject,
                    error,
                    now,
                    action="query",
                    resource=resource,
                    randomness=recorder.randomness,
                )
            )
        raise

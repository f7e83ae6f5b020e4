"""The requests about subjects themselves, as pydantic models."""

from typing import Annotated

from pydantic import Field

from api.models import PAGE_DEFAULT, Limit, Reason, StatementId, Strict, Subject, Uscc


class OwnBody(Reason):
    """All that is recorded about a subject and every look at it, for the subject itself.

    Without a cursor the first page of both parts is answered, with one the next page of its part alone.
    """

    subject: Subject
    records_after: Annotated[str | None, Field(description="the cursor `next` of `records`")] = None
    trail_after: Annotated[str | None, Field(description="the cursor `next` of `trail`")] = None
    limit: Annotated[Limit, Field(description="statements, and events, on a page")] = PAGE_DEFAULT


class AuthorisationPath(Strict):
    """An authorisation by its name `ISSUER:ID`."""

    issuer: Uscc
    id: StatementId

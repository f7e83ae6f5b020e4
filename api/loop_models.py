"""The requests about cases, lives of records, quality figures and subscriptions, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field

from api.models import Limit, PageQuery, Reason, Size, StatementId, Strict, Uscc

Code = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]
Month = Annotated[str, Field(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")]
RecordKind = Annotated[str, Field(pattern=r"^credit\.[a-z]{1,32}\.[a-z]{1,32}$")]


class QualityQuery(PageQuery):
    """Which authority (its code) and month; a member that is no auditor asks about itself."""

    authority: Annotated[Uscc | None, Field(description="all, if left out, for auditors")] = None
    month: Annotated[Month | None, Field(description="YYYY-MM; all if left out")] = None
    limit: Annotated[Limit, Field(le=200)] = 50


class CasesQuery(PageQuery):
    """Which cases: those in which `executor` has something to do (its in-tray) or `proposer` initiated."""

    executor: Annotated[Uscc | None, Field(description="cases open for this executor")] = None
    proposer: Annotated[Uscc | None, Field(description="cases that this authority initiated")] = None
    state: Annotated[
        Literal["initiated", "returned", "approved", "matched", "lifted", "ended"] | None,
        Field(description="only cases in this state"),
    ] = None
    limit: Annotated[Limit, Field(le=50)] = 20


class CaseNamePath(Strict):
    issuer: Uscc
    id: StatementId


class FiguresQuery(Strict):
    department: Annotated[Uscc | None, Field(description="of one executor; of all if left out")] = None


class SubscriptionBody(Reason):
    """A webhook, what it is told of, and why; purpose and basis are logged with every notice."""

    url: Annotated[str, Field(min_length=1, max_length=1024, description="https")]
    kinds: Annotated[
        tuple[RecordKind, ...], Field(max_length=16, description="kinds of record; list entries if left out")
    ] = ()
    lists: Annotated[tuple[Code, ...], Field(max_length=200, description="all if left out")] = ()
    persons: Annotated[
        bool, Field(strict=True, description="records of natural persons too; needs basis_code and matter")
    ] = False
    matter: Annotated[Code | None, Field(description="what persons' records are wanted for")] = None


class SubscriptionPath(Strict):
    subscription: StatementId


class DeadLettersQuery(PageQuery):
    limit: Annotated[Limit, Field(le=500)] = 100


class RetryBody(Strict):
    """Which dead letters are tried once more: those of these numbers, or all."""

    numbers: Annotated[tuple[Size, ...] | None, Field(max_length=1000)] = None

"""The requests about cases, lives of records, quality figures and subscriptions, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field

from api.models import Level, Limit, Line, PageQuery, Reason, Size, StatementId, Strict, Token, Uscc

Code = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]
Month = Annotated[str, Field(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")]
RecordKind = Annotated[str, Field(pattern=r"^credit\.[a-z]{1,32}\.[a-z]{1,32}$")]


class QualityQuery(PageQuery):
    """Which authority (its code) and month; a member that is no auditor asks about itself."""

    authority: Annotated[Uscc | None, Field(description="all, if left out, for auditors")] = None
    month: Annotated[Month | None, Field(description="YYYY-MM; all if left out")] = None
    limit: Annotated[Limit, Field(le=200)] = 50


class LookQuery(Strict):
    """Who looks, and why; logged with every look. Who handles a record or case may leave out why."""

    operator: Annotated[Token, Field(description="id of the operator (a desk) within the member")] = "service"
    purpose: Annotated[Line | None, Field(description="purpose of the look")] = None
    basis: Annotated[Line | None, Field(description="its legal basis")] = None
    level: Annotated[Level, Field(description="how far the answer must be proved")] = "published"


class CasesQuery(LookQuery):
    """Which cases: those that name `executor`, with `todo` its in-tray, or that `proposer` proposed."""

    executor: Annotated[Uscc | None, Field(description="approved cases that name this executor")] = None
    todo: Annotated[
        Literal["true", "false"], Field(description="only those whose feedback the executor owes")
    ] = "false"
    proposer: Annotated[Uscc | None, Field(description="cases that this authority proposed")] = None
    state: Annotated[
        Literal["proposed", "returned", "approved", "matched", "lifted", "ended"] | None,
        Field(description="only cases in this state; matched ones are approved too"),
    ] = None
    after: Annotated[str | None, Field(description="the cursor `next` of the page before")] = None
    limit: Annotated[Limit, Field(le=50)] = 20


class CasePath(Strict):
    case: Annotated[
        str,
        Field(
            pattern="^[0-9A-HJ-NP-RTUW-Y]{18}:[0-9a-f-]{36}$",
            description="the case's initiation, as ISSUER:ID",
        ),
    ]


class RecordPath(Strict):
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

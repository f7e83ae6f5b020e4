"""What is refused at the door whatever the log holds: dates, lists, measures, and whose statement it is.

    check_statement(statement, body, rules, roles, today)

Pure; `roles` are those of the issuer, `today` is `YYYY-MM-DD` in China. A statement that passes may still be
refused by the state of what it refers to (`credit_state.check_step`).

Whose statement: red and serious lists are entered by a member with the role `lister`, or `lister:<list>`
for one list alone. An objection is raised, and repair applied for, by the subject itself, by the record's
issuer or authority, by the operator, or by a desk that speaks for subjects (`subject-desk`). Expiry,
editions, and the review and matching of cases are the operator's; a case is initiated by its proposer,
answered by the executor named; figures are reported by the authority that they are about.
"""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from ledger.domain.access import AccessEvent
from ledger.domain.authorisation import AuthorisationGranted
from ledger.domain.cases import CaseAnswered, CaseInitiated, CaseLifted, CaseMatched, CaseReviewed, CaseStep
from ledger.domain.fields import Body
from ledger.domain.records import (
    CommitmentMade,
    ContractReported,
    EnforcementPublished,
    EvaluationPublished,
    LicencePublished,
    ListEntered,
    PenaltyPublished,
    identity_of,
)
from ledger.domain.refusals import NOT_ENTITLED, after_today, refusal, unknown_matter
from ledger.domain.reports import CataloguePublished, QualityReported
from ledger.domain.rules import Rules
from ledger.domain.steps import RecordExpired, RecordObjected, RepairApplied, Step
from ledger.errors import (
    DecisionDateRefused,
    ListAuthorityMissing,
    ListUnknown,
    MeasureUnknown,
    NotEntitled,
    StatementInvalid,
)
from ledger.formats.statement import Statement

LISTER, SUBJECT_DESK = "lister", "subject-desk"
MOST_DAYS_AHEAD = 366
"""How far ahead a listing or a case may begin."""
_AUTHORISED_LISTS = ("red", "serious")

_CONTINUE_NOTHING = (CaseInitiated, CataloguePublished, QualityReported, AuthorisationGranted)

Roles = Collection[str]
_Check = Callable[[Statement, Any, Rules, Roles, str], None]


def check_statement(statement: Statement, body: Body, rules: Rules, roles: Roles, today: str) -> None:
    """Refuse what a statement may not say, or its issuer may not say, today.

    Raises `DecisionDateRefused`, `ListUnknown`, `ListAuthorityMissing`, `MeasureUnknown`, `MatterUnknown`,
    `NotEntitled`, `StatementInvalid` (a statement that refers to what its kind does not continue).
    """
    if statement.refers:
        _check_continued(statement, body)
    check = _CHECKS.get(type(body))
    if check is not None:
        check(statement, body, rules, roles, today)
    elif isinstance(body, Step):
        _check_step_day(body.day, today)


def may_list(roles: Roles, list_code: str, rules: Rules) -> bool:
    """Whether a member with these roles may enter subjects in a list that the catalogue knows."""
    if rules.catalogue.lists[list_code].kind not in _AUTHORISED_LISTS:
        return True
    return LISTER in roles or f"{LISTER}:{list_code}" in roles


def _check_continued(statement: Statement, body: Body) -> None:
    """What refers to a record is read whenever a step to it is checked: so that nobody can pile up there what
    belongs nowhere, and keep another's record from ever being repaired."""
    if isinstance(body, _CONTINUE_NOTHING):
        raise StatementInvalid("a statement of this kind continues no other, so it must refer to none")
    if isinstance(body, AccessEvent) and len(statement.refers) > 1:
        raise StatementInvalid("a look is made under one authorisation at most, and refers to nothing else")


def _penalty(statement: Statement, body: PenaltyPublished, rules: Rules, roles: Roles, today: str) -> None:
    _check_reference(statement)
    _check_decided(body.decided_on, today)
    publication = rules.publication(body)
    if publication.start is not None:
        # One that is not published has no term that could be over.
        _check_term(publication.until, today)
    if body.publish_from is not None and publication.until and body.publish_from > publication.until:
        raise DecisionDateRefused(
            "publish_from is after the end of the publication term", zh="公示开始日期晚于公示期满之日。"
        )


def _licence(statement: Statement, body: LicencePublished, rules: Rules, roles: Roles, today: str) -> None:
    _check_reference(statement)
    _check_decided(body.decided_on, today)


def _listing(statement: Statement, body: ListEntered, rules: Rules, roles: Roles, today: str) -> None:
    _check_reference(statement)
    _check_list(body.list_code, rules)
    if not may_list(roles, body.list_code, rules):
        raise ListAuthorityMissing(
            f"the list {body.list_code} needs the role lister or lister:{body.list_code}",
            zh=f"该单位没有认定“{rules.catalogue.lists[body.list_code].name}”的职权。",
        )
    _check_measures(body.measures or (), rules)
    _check_span(body.from_day, body.until, today)


def _commitment(statement: Statement, body: CommitmentMade, rules: Rules, roles: Roles, today: str) -> None:
    _check_reference(statement)
    _check_decided(body.made_on, today)
    if body.matter is not None:
        _check_matter(body.matter, rules)


def _evaluation(
    statement: Statement, body: EvaluationPublished, rules: Rules, roles: Roles, today: str
) -> None:
    _check_reference(statement)
    _check_decided(body.evaluated_on, today)
    _check_term(body.valid_until, today)


def _contract(statement: Statement, body: ContractReported, rules: Rules, roles: Roles, today: str) -> None:
    _check_reference(statement)
    _check_decided(body.reported_on, today)
    _check_term(rules.publication(body).until, today)


def _enforcement(
    statement: Statement, body: EnforcementPublished, rules: Rules, roles: Roles, today: str
) -> None:
    # One that is not performed stays published, however old: its term is never over.
    _check_reference(statement)
    _check_decided(body.filed_on, today)


def _on_behalf(
    statement: Statement, body: RecordObjected | RepairApplied, rules: Rules, roles: Roles, today: str
) -> None:
    _check_step_day(body.day, today)
    issuer = statement.issuer
    if issuer in (rules.operator, identity_of(body.subject), body.authority.uscc) or SUBJECT_DESK in roles:
        return
    if not any(reference.issuer == issuer for reference in statement.refers):
        raise NotEntitled(
            "for a subject act the subject itself, the record's issuer or authority, the operator, "
            "and members with the role subject-desk",
            zh="异议和修复申请由主体本人、报送单位、决定机关、运营方或受理窗口提出，该单位不在其列。",
        )


def _expired(statement: Statement, body: RecordExpired, rules: Rules, roles: Roles, today: str) -> None:
    _check_operator(statement, rules)
    _check_step_day(body.day, today)


def _case(statement: Statement, body: CaseInitiated, rules: Rules, roles: Roles, today: str) -> None:
    if statement.issuer not in (body.proposer.uscc, rules.operator):
        raise NotEntitled(
            "a case is initiated by its proposer, or by the operator on its behalf",
            zh="案件由提请单位提请，或由运营方代为提请。",
        )
    if body.list_code is not None:
        _check_list(body.list_code, rules)
    _check_measures(body.measures, rules)
    _check_span(body.from_day, body.until, today)


def _operators_case_step(
    statement: Statement, body: CaseStep, rules: Rules, roles: Roles, today: str
) -> None:
    _check_operator(statement, rules)
    _check_step_day(body.on, today)


def _answered(statement: Statement, body: CaseAnswered, rules: Rules, roles: Roles, today: str) -> None:
    if statement.issuer != body.executor.uscc:
        raise NotEntitled("an executor answers for itself", zh="反馈须由执行单位自行作出。")
    _check_step_day(body.on, today)
    if body.matter is not None:
        _check_matter(body.matter, rules)


def _lifted(statement: Statement, body: CaseStep, rules: Rules, roles: Roles, today: str) -> None:
    _check_step_day(body.on, today)


def _catalogue(
    statement: Statement, body: CataloguePublished, rules: Rules, roles: Roles, today: str
) -> None:
    _check_operator(statement, rules)


def _quality(statement: Statement, body: QualityReported, rules: Rules, roles: Roles, today: str) -> None:
    if statement.issuer != body.authority.uscc:
        raise NotEntitled("an authority reports its own figures", zh="数据质量由各机关自行上报。")
    if body.month > today[:7]:
        raise DecisionDateRefused("the month has not begun", zh="上报的月份尚未开始。")


def _authorisation(
    statement: Statement, body: AuthorisationGranted, rules: Rules, roles: Roles, today: str
) -> None:
    for matter in body.matters:
        _check_matter(matter, rules)
    if body.until < today:
        raise DecisionDateRefused("the authorisation is over already", zh="授权的截止日期已过。")


def _check_reference(statement: Statement) -> None:
    if len(statement.refers) > 1:
        raise StatementInvalid("a record replaces one other at most")


def _check_decided(day: str, today: str) -> None:
    if day > today:
        raise DecisionDateRefused(
            f"the decision is dated after today, {today}", zh=f"决定日期不得晚于今天（{today}）。"
        )


def _check_step_day(day: str, today: str) -> None:
    if day > today:
        raise after_today(today)


def _check_term(until: str | None, today: str) -> None:
    if until is not None and until < today:
        raise DecisionDateRefused(
            f"the term of publication was over on {until}", zh=f"公示期已于 {until} 届满，不再公示。"
        )


def _check_span(start: str, until: str | None, today: str) -> None:
    if start > _latest_start(today):
        raise DecisionDateRefused(
            f"it begins more than {MOST_DAYS_AHEAD} days from today",
            zh=f"起始日期距今超过 {MOST_DAYS_AHEAD} 天。",
        )
    _check_term(until, today)


@lru_cache(maxsize=16)
def _latest_start(today: str) -> str:
    return (date.fromisoformat(today) + timedelta(days=MOST_DAYS_AHEAD)).isoformat()


def _check_list(code: str, rules: Rules) -> None:
    if code not in rules.catalogue.lists:
        edition = rules.catalogue.edition
        raise ListUnknown(
            f"the edition {edition} has no list {code}", zh=f"现行目录（{edition}）中没有名单 {code}。"
        )


def _check_measures(codes: Collection[str], rules: Rules) -> None:
    unknown = [code for code in codes if code not in rules.catalogue.measures]
    if unknown:
        edition, named = rules.catalogue.edition, ", ".join(unknown)
        raise MeasureUnknown(
            f"the edition {edition} has no measure {named}", zh=f"现行目录（{edition}）中没有措施 {named}。"
        )


def _check_matter(code: str, rules: Rules) -> None:
    if code not in rules.catalogue.matters:
        raise unknown_matter(rules.catalogue)


def _check_operator(statement: Statement, rules: Rules) -> None:
    if statement.issuer != rules.operator:
        raise refusal(NOT_ENTITLED, "", "the operator's", "由运营方办理")


_CHECKS: dict[type[Body], _Check] = {
    PenaltyPublished: _penalty,
    LicencePublished: _licence,
    ListEntered: _listing,
    CommitmentMade: _commitment,
    EvaluationPublished: _evaluation,
    ContractReported: _contract,
    EnforcementPublished: _enforcement,
    RecordObjected: _on_behalf,
    RepairApplied: _on_behalf,
    RecordExpired: _expired,
    CaseInitiated: _case,
    CaseReviewed: _operators_case_step,
    CaseMatched: _operators_case_step,
    CaseAnswered: _answered,
    CaseLifted: _lifted,
    CataloguePublished: _catalogue,
    QualityReported: _quality,
    AuthorisationGranted: _authorisation,
}

"""Why a step is refused: a stable code, a sentence, and the rule with its source, in both languages."""

from typing import NamedTuple

from ledger.catalog import Catalogue
from ledger.errors import (
    AccessError,
    Conflict,
    DecisionDateRefused,
    MatterUnknown,
    NotEntitled,
    StepRefused,
)
from ledger.formats.words import CASE_STATES, RECORD_STATES

NOT_ENTITLED = "not_entitled"


class Refused(NamedTuple):
    """A sentence and its rule in English, then both in Chinese."""

    sentence: str
    rule: str
    zh: str
    rule_zh: str


_REPAIR = "信用信息修复管理办法 (NDRC Order 36)"
_REPAIR_ZH = "《信用信息修复管理办法》（国家发展改革委令第36号）"
_STEPS = f"{_REPAIR}: applied, accepted, decided"
_STEPS_ZH = f"{_REPAIR_ZH}：先申请、再受理、后决定"
_OBJECTION = "异议处理: local rules on social credit (Shenzhen, Shanghai, Zhejiang)"
_OBJECTION_ZH = "异议处理：地方社会信用条例（深圳、上海、浙江）"
_LOG = "a step refers to the record that it continues, and repeats it"
_LOG_ZH = "后续步骤须引用并重复其所接续的记录"
_CASE = "联合惩戒: initiate, review, match, apply, feedback, lift"
_CASE_ZH = "联合惩戒流程：提请、审核、匹配、执行、反馈、解除"
_CONSENT = "个人信息保护法 15: a withdrawal that is acknowledged takes effect"
_CONSENT_ZH = "《个人信息保护法》第十五条：受理的撤回须能生效"

REFUSALS: dict[str, Refused] = {
    "record_unknown": Refused(
        "the step refers to no record that stands before it in the log",
        _LOG,
        "日志中没有所引用的记录",
        _LOG_ZH,
    ),
    "other_record": Refused(
        "the step does not repeat the record's subject, related persons, authority and number",
        _LOG,
        "主体、关联人员、机关或文号与所引用的记录不一致",
        _LOG_ZH,
    ),
    "wrong_kind": Refused("a record of this kind has no such step", _LOG, "此类记录没有这一步骤", _LOG_ZH),
    NOT_ENTITLED: Refused(
        "the step is another member's to take",
        "the issuer answers, reports, decides and withdraws; the operator expires, reviews and matches",
        "这一步骤应由其他单位办理",
        "答复、报告、决定、撤回由报送单位办理；期满、审核、匹配由运营方办理",
    ),
    "before_record": Refused(
        "the step is dated before the record itself",
        "a step follows what it changes",
        "步骤的日期早于记录本身",
        "步骤须在其所变更的记录之后",
    ),
    "back_dated": Refused(
        "the step is dated before the last step that was taken",
        "steps are taken in order",
        "步骤的日期早于上一步骤",
        "步骤须依次办理",
    ),
    "record_ended": Refused(
        "the record's life has ended",
        "what was repaired, withdrawn, lifted, replaced or has expired is not changed any more",
        "该记录已经终结",
        "已修复、撤回、移出、更正或期满的记录不再变更",
    ),
    "not_published": Refused(
        "the record is not published",
        f"{_REPAIR}: repair ends a publication",
        "该记录尚未公示",
        f"{_REPAIR_ZH}：修复是终止公示",
    ),
    "already_objected": Refused(
        "an objection against the record is open already", _OBJECTION, "该记录已有异议在处理中", _OBJECTION_ZH
    ),
    "not_objected": Refused(
        "no objection against the record is open", _OBJECTION, "该记录没有待答复的异议", _OBJECTION_ZH
    ),
    "not_repairable": Refused(
        "the record is not one of dishonesty, so there is nothing to repair",
        _REPAIR,
        "该记录不是失信记录，无须修复",
        _REPAIR_ZH,
    ),
    "minimum_not_passed": Refused(
        "the minimum publication has not passed",
        f"{_REPAIR}: minimum publication by class",
        "最短公示期未满",
        f"{_REPAIR_ZH}：最短公示期按失信程度确定",
    ),
    "not_corrected": Refused(
        "the violation is not reported as corrected and the duties as performed",
        f"{_REPAIR}: repair needs correction and performance",
        "尚未报告已纠正违法行为、履行义务",
        f"{_REPAIR_ZH}：申请修复须已纠正违法行为、履行义务",
    ),
    "repair_pending": Refused(
        "an application for repair is under way already", _REPAIR, "已有修复申请在办理中", _REPAIR_ZH
    ),
    "repair_not_applied": Refused(
        "no application for repair waits for this", _STEPS, "没有待办理的修复申请", _STEPS_ZH
    ),
    "repair_not_accepted": Refused(
        "no application for repair was accepted", _STEPS, "没有已受理的修复申请", _STEPS_ZH
    ),
    "not_over": Refused(
        "the term of publication is not over",
        f"{_REPAIR}: publication ends with its term, and not while the violation is reported as uncorrected",
        "公示期未满",
        f"{_REPAIR_ZH}：公示期满即止，未整改的除外",
    ),
    "already_performed": Refused(
        "what became of the commitment was reported before",
        "信用承诺: performance is reported once",
        "该承诺的履约情况已报告过",
        "信用承诺：履约情况只报告一次",
    ),
    "related_missing": Refused(
        "a record that replaces another names at least its related persons",
        "else those left out would not see that the record was replaced; withdraw it instead",
        "更正后的记录缺少原记录的关联人员",
        "更正须包含原记录的全部关联人员，否则应撤回原记录",
    ),
    "case_not_open": Refused(
        "the case is not waiting for a review",
        "联合惩戒: a case is reviewed once",
        "该案件不在待审核状态",
        "联合惩戒：案件只审核一次",
    ),
    "case_not_approved": Refused("the case was not approved", _CASE, "该案件未经审核同意", _CASE_ZH),
    "case_not_matched": Refused("the case was not matched yet", _CASE, "该案件尚未匹配对象", _CASE_ZH),
    "case_ended": Refused(
        "the case was returned, lifted or has ended",
        "联合惩戒: what was lifted is not taken up again",
        "该案件已退回、解除或期满",
        "联合惩戒：已解除的案件不再办理",
    ),
    "no_authorisation": Refused(
        "what the withdrawal refers to is no authorisation", _CONSENT, "所引用的不是查询授权", _CONSENT_ZH
    ),
    "other_number": Refused(
        "the authorisation bears another number", _CONSENT, "授权书编号与所引用的授权不一致", _CONSENT_ZH
    ),
    "other_person": Refused(
        "the authorisation was given by another person", _CONSENT, "所引用的授权不是此人所作", _CONSENT_ZH
    ),
}


def refusal(code: str, state: str, more: str = "", more_zh: str = "") -> Conflict | AccessError:
    """The error of a refusal: `NotEntitled` or `StepRefused`; `state` is that of the record or case, where it
    has one, `more` says dates and numbers."""
    refused = REFUSALS[code]
    standing = f"; it is {state}" if state else ""
    detail = f"{refused.sentence}{f' ({more})' if more else ''}{standing}; rule: {refused.rule}"
    named = RECORD_STATES.get(state) or CASE_STATES.get(state)
    standing_zh = f"当前状态：{named}；" if named else ""
    more_zh = f"（{more_zh}）" if more_zh else ""
    zh = f"{refused.zh}{more_zh}。{standing_zh}规则：{refused.rule_zh}。"
    if code == NOT_ENTITLED:
        return NotEntitled(detail, zh=f"该单位无权办理：{zh}")
    return StepRefused(detail, reason=code, rule=refused.rule, zh=f"不能办理此步骤：{zh}")


def after_today(today: str) -> DecisionDateRefused:
    """The error of a step that is dated ahead."""
    return DecisionDateRefused(
        f"the step is dated after today, {today}", zh=f"步骤的日期不得晚于今天（{today}）。"
    )


def unknown_matter(catalogue: Catalogue) -> MatterUnknown:
    """The error of a matter that an edition does not have; says which it has."""
    named = "、".join(f"{row.name}（{code}）" for code, row in catalogue.matters.items())
    return MatterUnknown(
        f"known matters are {', '.join(catalogue.matters)}", zh=f"目录中没有这一事项。现有事项：{named}。"
    )

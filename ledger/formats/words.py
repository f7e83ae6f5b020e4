"""What the codes in answers are called in Chinese: decisions, states, reasons, duties, terms.

One table for commands, refusals, sheets, receipts and the verifier, so that one thing has one name.
"""

from collections.abc import Mapping

RECORD_STATES = {
    "pending": "待公示",
    "published": "公示中",
    "repaired": "已修复",
    "withdrawn": "已撤回",
    "expired": "已期满",
    "lifted": "已移出",
    "replaced": "已更正",
}
CASE_STATES = {
    "proposed": "已提请",
    "returned": "已退回",
    "approved": "执行中",
    "lifted": "已解除",
    "ended": "已期满",
}
REPAIRS = {"applied": "修复已申请", "accepted": "修复已受理", "rejected": "不予修复", "approved": "同意修复"}
SET_ASIDE = {
    "repaired": "已修复",
    "lifted": "已移出",
    "withdrawn": "已撤回",
    "expired": "已期满",
    "replaced": "已更正",
    "not_yet": "未到期日",
    "pending": "待公示",
    "removal": "移出条目",
    "step": "流程条目",
    "ineffective": "未生效条目",
    "not_shown": "未逐条出示",
    "not_followed": "不及于该主体",
    "not_bearing": "与本事项无关",
    "case_proposed": "案件待审核",
    "case_returned": "案件已退回",
    "case_approved": "案件未施行",
    "case_lifted": "案件已解除",
    "case_ended": "案件已期满",
}
"""Why an entry is not shown in an answer."""
DUTIES = {
    "objection": "答复异议",
    "acceptance": "受理修复申请",
    "decision": "作出修复决定",
    "feedback": "联合惩戒反馈",
}
SEVERITIES = {"minor": "轻微", "general": "一般", "serious": "严重"}
ROLES = {
    "legal-representative": "法定代表人",
    "responsible-person": "主要负责人",
    "actual-controller": "实际控制人",
}
DECISIONS = {
    "prohibit": "禁止",
    "restrict": "限制",
    "caution": "提示",
    "clear": "未命中",
    "incentive": "激励",
}
TERMS = {"while listed": "在册期间 while listed", "life": "终身 for life"}
ACTIONS = {
    "query": "查询",
    "check": "核查",
    "exchange": "交换",
    "download": "下载",
    "verify": "核验",
    "export": "导出",
    "push": "推送",
    "trail": "查轨迹",
    "own": "本人查询",
    "erase": "删除",
}
OUTCOMES = {"done": "已答复", "none": "无记录", "refused": "已拒绝", "failed": "未成功"}
"""What came of a look."""
STANDINGS = {
    "in_force": "有效",
    "not_yet": "尚未生效",
    "ended": "已到期",
    "withdrawn": "已撤回",
    "used_up": "次数已用完",
}
"""How an authorisation stands."""


def term_text(term: str) -> str:
    """A measure's term for people: `1-3 y` is 1 to 3 years."""
    return TERMS.get(term) or term.replace(" y", " 年 years")


def counted(reasons: Mapping[str, int]) -> str:
    """Entries set aside, by reason: `已修复 repaired 1, 流程条目 step 6`."""
    return ", ".join(
        f"{SET_ASIDE.get(reason, '')} {reason} {count}".strip() for reason, count in sorted(reasons.items())
    )

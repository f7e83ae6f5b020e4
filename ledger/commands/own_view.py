"""A subject's own view, and the trail of looks, as a clerk reads them out at a window."""

from collections.abc import Iterator
from typing import Any

from ledger.domain.schemas import TITLES
from ledger.formats.words import ACTIONS, OUTCOMES, RECORD_STATES, REPAIRS, ROLES

_STANDING = {
    "erased": "已删除 erased",
    "unreadable": "无法读取 unreadable",
    "of_another": "属于他人 of another",
}
_OF_STEPS = {"applied": "已生效", "upcoming": "未到生效日", "ineffective": "未生效"}
_PERSONS = {"subject": "本人 subject", "legal_representative": "法定代表人 legal representative"}
_TEXTS = {
    "violation": "违法行为",
    "facts": "事实",
    "content": "内容",
    "grounds": "事由",
    "reasons": "理由",
    "duty": "义务",
    "project": "项目",
    "note": "说明",
    "remark": "备注",
}
_NUMBERS = ("document", "case", "number", "identifier")


def statement_lines(statement: Any) -> Iterator[str]:
    """One statement about the subject: what it is, how it stands, what it says, and what was sealed."""
    body = statement["body"]
    kind = statement["kind"]
    yield f"  {TITLES[kind][0]} {kind}  {_stands(statement['state'])}"
    number = next((str(body[name]) for name in _NUMBERS if body.get(name)), "")
    by = body.get("authority") or body.get("executor") or body.get("proposer") or {}
    if number or by:
        yield f"    文号 number {number}  {by.get('name', '')}".rstrip()
    if statement["role"] != "itself":
        about = (body.get("subject") or {}).get("name") or ""
        yield f"    身份 as {ROLES.get(statement['role'], '')} {statement['role']}  {about}".rstrip()
    state = statement["state"] or {}
    if state.get("publish_from"):
        until = state["publish_until"] or "无截止日期 without an end"
        yield f"    公示 published {state['publish_from']} – {until}"
    if state.get("repair_from") and state.get("counts"):
        yield f"    可申请修复 repair may be applied for from {state['repair_from']}"
    yield from _texts(body)
    content = statement["content"]
    if content["standing"] == "open":
        yield from _personal(content["personal"])
    elif content["standing"] != "none":
        yield f"    密封内容 · sealed content: {_STANDING[content['standing']]}"
    entry = statement["entry"]
    yield f"    条目 entry {entry['index']}  {entry['issuer']}:{entry['id']}"


def event_line(event: Any) -> str:
    """One look: when, who, what, with what outcome, why."""
    refused = f" ({event['reason']})" if event.get("reason") else ""
    action, outcome = event["action"], event["outcome"]
    return (
        f"{event['happened_at']}  {event['member']}/{event['operator'] or '-'}  "
        f"{ACTIONS.get(action, '')} {action} {event['resource']}  "
        f"{OUTCOMES.get(outcome, '')} {outcome}{refused}  {event['purpose']} ({event['basis']})"
    )


def _stands(state: Any) -> str:
    if state is None:
        return ""
    named = RECORD_STATES.get(state["state"]) or _OF_STEPS.get(state["state"]) or "状态"
    marks = ["异议中 objected"] if state.get("objected") else []
    if state.get("repair"):
        marks.append(f"{REPAIRS[state['repair']]} repair {state['repair']}")
    if state.get("corrected") is not None:
        marks.append("已整改 corrected" if state["corrected"] else "未整改 uncorrected")
    return f"{named} {state['state']}" + (f"  [{', '.join(marks)}]" if marks else "")


def _personal(personal: Any) -> Iterator[str]:
    for name, zh in _PERSONS.items():
        if personal.get(name):
            yield f"    {zh}: {_details(personal[name])}"
    for each in personal.get("related") or ():
        yield f"    关联人员 related: {_details(each)}"
    yield from _texts(personal)


def _details(person: Any) -> str:
    return f"{person['name']}  {person.get('document_number') or ''}".rstrip()


def _texts(members: Any) -> Iterator[str]:
    for name, zh in _TEXTS.items():
        if isinstance(members.get(name), str):
            yield f"    {zh} {name}: {members[name]}"

"""A body of every kind, of the city that does not exist, for tests of the domain."""

from typing import Any

from ledger.identifiers import CertificateIdentifier, resident_check_character, uscc_check_character


def uscc(number: int) -> str:
    first = f"91990001{number:09d}"
    return first + uscc_check_character(first)


def resident(number: int) -> str:
    first = f"99000119800101{number:03d}"
    return first + resident_check_character(first)


ISSUER, AUTHORITY, COMPANY, EXECUTOR = uscc(1), uscc(2), uscc(3), uscc(4)
TAG = "ab" * 32
PERSON = {"type": "person", "person_tag": TAG, "epoch": 0}
ORGANISATION = {"type": "organisation", "uscc": COMPANY, "name": "云岭测试公司"}
BY = {"uscc": AUTHORITY, "name": "云岭市市场监督管理局"}
CERTIFICATE = CertificateIdentifier.make("11990000000013338W011", AUTHORITY, "20260000001", 1)
EARLIER = CertificateIdentifier.make("11990000000013338W011", AUTHORITY, "20250000001", 1)

PENALTY: dict[str, Any] = {
    "document": "云市监罚〔2026〕12号",
    "subject": ORGANISATION,
    "subject_class": "organisation",
    "violation": "无证经营",
    "facts": "未取得许可从事经营活动",
    "basis": "行政许可法 81",
    "penalty_kinds": ["fine"],
    "content": "罚款五千元",
    "fine_fen": 500_000,
    "decided_on": "2026-01-05",
    "authority": BY,
}
LICENCE: dict[str, Any] = {
    "document": "云岭许〔2026〕1号",
    "subject": ORGANISATION,
    "subject_class": "organisation",
    "licence_kind": "general",
    "content": "准予从事食品销售",
    "decided_on": "2026-01-05",
    "valid_from": "2026-01-05",
    "valid_until": "2029-01-05",
    "authority": BY,
    "state": "valid",
}
ENTERED: dict[str, Any] = {
    "list": "wage-arrears",
    "subject": ORGANISATION,
    "case": "云岭列〔2026〕1号",
    "authority": BY,
    "basis": "保障农民工工资支付条例 48",
    "grounds": "拖欠工资数额较大",
    "from": "2026-01-05",
    "until": None,
}
REMOVED: dict[str, Any] = {
    "list": "wage-arrears",
    "subject": ORGANISATION,
    "case": "云岭列〔2026〕1号",
    "authority": BY,
    "reason": "repaired",
    "basis": "信用信息修复管理办法",
    "removed_on": "2026-06-01",
}
EVENT: dict[str, Any] = {
    "action": "query",
    "resource": "yunling/household",
    "actor": {"member": ISSUER, "operator": "desk-1"},
    "exchange": "ex-1",
    "subject": {"type": "organisation", "uscc": COMPANY},
    "purpose": "行政许可审批",
    "basis": "行政许可法 34",
    "outcome": "done",
    "rows": 1,
    "happened_at": "2026-09-21T14:13:20.000Z",
}
ISSUED: dict[str, Any] = {
    "identifier": str(CERTIFICATE),
    "type_code": CERTIFICATE.type_code,
    "issuer": AUTHORITY,
    "version": "001",
    "files": [{"format": "ofd", "sm3": "cd" * 32, "bytes": 3419}],
    "issued_on": "2026-01-05",
    "valid_from": "2026-01-05",
    "valid_until": "2031-01-05",
    "state": "01",
    "holder": {"type": "organisation", "uscc": COMPANY},
}
REVOKED: dict[str, Any] = {
    "identifier": str(CERTIFICATE),
    "issuer": AUTHORITY,
    "holder": {"type": "organisation", "uscc": COMPANY},
    "state": "03",
    "reason": "提交虚假材料",
    "decided_on": "2026-05-01",
}
RESTORED = {name: value for name, value in REVOKED.items() if name != "state"}
STEP: dict[str, Any] = {"subject": ORGANISATION, "authority": BY, "number": PENALTY["document"]}
CASE: dict[str, Any] = {"case": "云岭联惩〔2026〕1号", "subject": ORGANISATION}
RECORD_ID = "01a2020d-0000-7000-8000-000000000001"
COMMITMENT: dict[str, Any] = {
    "subject": ORGANISATION,
    "authority": BY,
    "document": "云岭诺〔2026〕1号",
    "commitment_kind": "approval",
    "content": "承诺具备许可条件并按期补交材料",
    "matter": "administrative-licence",
    "made_on": "2026-01-05",
    "until": "2026-04-05",
}
EVALUATION: dict[str, Any] = {
    "subject": ORGANISATION,
    "authority": BY,
    "document": "云岭评〔2026〕1号",
    "scheme": "public-credit",
    "grade": "B",
    "evaluated_on": "2026-01-05",
    "valid_until": "2027-01-04",
    "basis": "公共信用综合评价办法",
}
CONTRACT: dict[str, Any] = {
    "subject": ORGANISATION,
    "authority": BY,
    "document": "云岭合〔2026〕1号",
    "project": "城东泵站改造工程",
    "performance": "breached",
    "signed_on": "2025-06-01",
    "reported_on": "2026-01-05",
}
ENFORCEMENT: dict[str, Any] = {
    "subject": ORGANISATION,
    "authority": BY,
    "document": "（2026）云执1号",
    "duty": "支付货款一百万元",
    "performance": "none",
    "amount_fen": 100_000_000,
    "filed_on": "2026-01-05",
    "basis": "民事诉讼法",
}
INITIATED: dict[str, Any] = {
    **CASE,
    "field": "政府采购",
    "reason": "拖欠工资数额较大",
    "list": "wage-arrears",
    "measures": ["wage-procurement", "wage-bidding"],
    "basis": "保障农民工工资支付条例 48",
    "from": "2026-03-01",
    "until": "2027-02-28",
    "proposer": BY,
    "executors": [{"uscc": EXECUTOR, "name": "云岭市财政局"}],
}
CATALOGUE: dict[str, Any] = {
    "edition": "2026.2",
    "from": "2026-04-01",
    "sm3": "ab" * 32,
    "files": [{"name": "lists.json", "sm3": "cd" * 32, "bytes": 3419}],
    "asks": {"bidding": ["legal-representative"], "awards": []},
    "previous": "2026.1",
}
QUALITY: dict[str, Any] = {
    "authority": BY,
    "month": "2026-05",
    "decided": 120,
    "published": 110,
    "conforming": 100,
    "late": 7,
    "withheld": 3,
}
GRANTED: dict[str, Any] = {
    "number": "sq-2026-1",
    "subject": PERSON,
    "grantee": ISSUER,
    "matters": ["loan"],
    "purposes": "贷款审批",
    "from": "2026-03-01",
    "until": "2026-12-31",
    "uses": 3,
    "evidence": "ef" * 32,
    "checked_by": "window-3",
}
BODIES: dict[str, dict[str, Any]] = {
    "credit.penalty.published": PENALTY,
    "credit.licence.published": LICENCE,
    "credit.list.entered": ENTERED,
    "credit.commitment.made": COMMITMENT,
    "credit.evaluation.published": EVALUATION,
    "credit.contract.reported": CONTRACT,
    "credit.enforcement.published": ENFORCEMENT,
    "credit.list.removed": REMOVED,
    "credit.commitment.performed": {
        **STEP,
        "number": COMMITMENT["document"],
        "outcome": "kept",
        "on": "2026-03-01",
        "note": "按期补交",
    },
    "credit.record.objected": {**STEP, "raised_on": "2026-02-02", "grounds": "主体有误"},
    "credit.objection.answered": {
        **STEP,
        "outcome": "rejected",
        "answered_on": "2026-02-09",
        "reasons": "经核实无误",
    },
    "credit.correction.reported": {**STEP, "corrected": "yes", "on": "2026-03-02"},
    "credit.repair.applied": {**STEP, "applied_on": "2026-05-06", "commitment": "云岭修诺〔2026〕1号"},
    "credit.repair.accepted": {**STEP, "accepted_on": "2026-05-11"},
    "credit.repair.approved": {**STEP, "decided_on": "2026-05-13", "basis": "信用信息修复管理办法"},
    "credit.repair.rejected": {**STEP, "decided_on": "2026-05-13", "reason": "整改不到位"},
    "credit.record.withdrawn": {
        **STEP,
        "reason": "revoked",
        "decided_on": "2026-02-10",
        "basis": "行政复议决定书",
    },
    "credit.record.expired": {**STEP, "expired_on": "2027-01-06"},
    "credit.case.initiated": INITIATED,
    "credit.case.reviewed": {**CASE, "proposer": BY, "outcome": "approved", "on": "2026-03-03"},
    "credit.case.matched": {
        **CASE,
        "proposer": BY,
        "records": [{"issuer": ISSUER, "id": RECORD_ID}],
        "on": "2026-03-04",
    },
    "credit.case.answered": {
        **CASE,
        "executor": {"uscc": EXECUTOR, "name": "云岭市财政局"},
        "desk": "desk-4",
        "applied": "yes",
        "content": "已取消供应商资格",
        "on": "2026-03-09",
        "matter": "government-procurement",
    },
    "credit.case.lifted": {**CASE, "proposer": BY, "reason": "已履行", "on": "2026-08-03"},
    "credit.catalogue.published": CATALOGUE,
    "credit.quality.reported": QUALITY,
    "access.event.recorded": EVENT,
    "access.authorisation.granted": GRANTED,
    "access.authorisation.revoked": {"number": "sq-2026-1", "subject": PERSON, "on": "2026-06-01"},
    "certificate.issued": ISSUED,
    "certificate.revoked": REVOKED,
    "certificate.restored": RESTORED,
}

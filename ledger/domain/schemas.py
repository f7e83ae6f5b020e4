"""The JSON Schema of every kind's body, generated from its model, so that it says what is checked.

What a schema cannot say stands in the descriptions: check digits, real dates, which texts are sealed. The
member `x-statement` says what holds for the statement round the body.
"""

from functools import cache
from typing import Any

from ledger.domain.kinds import KINDS, Kind, kind_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLES: dict[str, tuple[str, str]] = {
    "credit.penalty.published": ("行政处罚", "Administrative penalty"),
    "credit.licence.published": ("行政许可", "Administrative licence"),
    "credit.list.entered": ("列入名单", "Entry in a list"),
    "credit.commitment.made": ("信用承诺", "Credit commitment"),
    "credit.evaluation.published": ("信用评价", "Credit evaluation"),
    "credit.contract.reported": ("合同履约", "Performance of a contract"),
    "credit.enforcement.published": ("法院执行", "Court enforcement"),
    "credit.list.removed": ("移出名单", "Removal from a list"),
    "credit.commitment.performed": ("履约践诺", "Performance of a commitment"),
    "credit.record.objected": ("提出异议", "Objection to a record"),
    "credit.objection.answered": ("答复异议", "Answer to an objection"),
    "credit.correction.reported": ("整改情况", "Correction of the violation"),
    "credit.repair.applied": ("申请信用修复", "Application for repair"),
    "credit.repair.accepted": ("受理信用修复", "Acceptance of an application for repair"),
    "credit.repair.approved": ("同意信用修复", "Approval of a repair"),
    "credit.repair.rejected": ("不予信用修复", "Rejection of a repair"),
    "credit.record.withdrawn": ("撤回公示", "Withdrawal of a record"),
    "credit.record.expired": ("公示期满", "End of a record's publication"),
    "credit.case.initiated": ("提请联合惩戒", "Initiation of a joint punishment case"),
    "credit.case.reviewed": ("审核联合惩戒", "Review of a case"),
    "credit.case.matched": ("匹配联合惩戒对象", "Match of a case with records in force"),
    "credit.case.answered": ("反馈联合惩戒", "Feedback of an executor on a case"),
    "credit.case.lifted": ("解除联合惩戒", "Lifting of a case"),
    "credit.catalogue.published": ("目录版本", "Edition of the catalogue"),
    "credit.quality.reported": ("数据质量月报", "Monthly figures of an authority"),
    "access.event.recorded": ("访问记录", "Access event"),
    "access.authorisation.granted": ("查询授权", "Authorisation of queries"),
    "access.authorisation.revoked": ("撤回查询授权", "Revocation of an authorisation"),
    "certificate.issued": ("签发电子证照", "Issue of an e-certificate"),
    "certificate.revoked": ("停用电子证照", "Suspension or revocation of an e-certificate"),
    "certificate.restored": ("恢复电子证照", "Restoration of an e-certificate"),
}


def summary_of(kind: Kind) -> dict[str, Any]:
    """What holds for statements of a kind: log, titles, sealing, whether they refer to another."""
    zh, en = TITLES[kind.name]
    return {
        "kind": kind.name,
        "log": kind.log,
        "zh": zh,
        "en": en,
        "record": kind.record,
        "step": kind.step,
        "refers": "one" if kind.refers else "optional",
        "sealed": {"organisation": kind.sealed, "person": kind.person_sealed},
    }


@cache
def schema_of(name: str) -> dict[str, Any]:
    """The schema of a kind's body; raises `KindUnknown`."""
    kind = kind_of(name)
    zh, en = TITLES[name]
    schema = kind.model.model_json_schema(by_alias=True)
    schema["title"] = f"{zh} · {en}"
    return {"$schema": DIALECT, "$id": f"/v1/schemas/{name}", "x-statement": summary_of(kind), **schema}


def summaries() -> list[dict[str, Any]]:
    """All kinds, as `summary_of`."""
    return [summary_of(kind) for kind in KINDS.values()]

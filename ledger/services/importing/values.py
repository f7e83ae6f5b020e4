"""What cells with a closed list of values may hold, and what each becomes in a body."""

from collections.abc import Mapping

SUBJECT_CLASSES = {
    "法人及非法人组织": "organisation",
    "法人": "organisation",
    "非法人组织": "organisation",
    "法人和非法人组织": "organisation",
    "个体工商户": "sole-trader",
    "自然人": "natural-person",
}
PENALTY_KINDS = {
    "警告": "warning",
    "通报批评": "criticism",
    "罚款": "fine",
    "没收违法所得": "confiscation",
    "没收非法财物": "confiscation",
    "没收违法所得、没收非法财物": "confiscation",
    "暂扣许可证件": "permit-suspended",
    "降低资质等级": "qualification-lowered",
    "吊销许可证件": "permit-revoked",
    "限制开展生产经营活动": "business-restricted",
    "责令停产停业": "closure",
    "责令关闭": "closure",
    "限制从业": "employment-restricted",
    "行政拘留": "detention",
    "其他": "other",
}
LICENCE_KINDS = {
    "普通": "general",
    "特许": "special",
    "认可": "recognition",
    "核准": "verification",
    "登记": "registration",
    "其他": "other",
}
LICENCE_STATES = {"有效": "valid", "无效": "invalid", "1": "valid", "2": "invalid"}
DOCUMENT_TYPES = {"身份证": "111", "居民身份证": "111", "公民身份号码": "111", "111": "111"}
FOREIGN_DOCUMENTS = {
    "护照": "other",
    "港澳居民来往内地通行证": "other",
    "台湾居民来往大陆通行证": "other",
    "港澳台居民居住证": "other",
    "外国人永久居留身份证": "other",
}
"""Documents of representatives that are sealed with the name and make no tag."""
SEVERITIES = {
    "轻微": "minor",
    "一般": "general",
    "严重": "serious",
    "轻微失信": "minor",
    "一般失信": "general",
    "严重失信": "serious",
}
COMMITMENT_KINDS = {
    "审批替代型": "approval",
    "证明事项型": "approval",
    "容缺受理型": "tolerance",
    "主动公示型": "proactive",
    "主动型": "proactive",
    "行业自律型": "self-discipline",
    "信用修复型": "repair",
    "其他": "other",
}
OUTCOMES = {
    "已履行": "kept",
    "履约": "kept",
    "未履行": "broken",
    "违约": "broken",
    "免于履行": "waived",
    "免除": "waived",
}
SCHEMES = {"公共信用综合评价": "public-credit", "行业信用评价": "industry-credit"}
GRADES = {grade: grade for grade in "ABCDE"}
CONTRACT_STATES = {
    "已履约": "performed",
    "履约完毕": "performed",
    "履约中": "performing",
    "正在履约": "performing",
    "违约": "breached",
}
ENFORCEMENT_STATES = {
    "全部未履行": "none",
    "部分未履行": "partial",
    "部分履行": "partial",
    "全部履行": "full",
    "已履行": "full",
}
REMOVAL_REASONS = {
    "信用修复": "repaired",
    "修复": "repaired",
    "移出": "lifted",
    "解除": "lifted",
    "期满": "expired",
    "到期": "expired",
    "撤销": "withdrawn",
}


def choices(table: Mapping[str, str]) -> str:
    """The values of a table for whoever fills them in: of several that mean the same, the first."""
    first: dict[str, str] = {}
    for text, code in table.items():
        first.setdefault(code, text)
    return "、".join(first.values())

"""The words of a receipt: Chinese first, English beside it."""

from reportlab.lib.colors import Color, HexColor

TITLE = ("联合奖惩核查回执", "Receipt of a joint-punishment check")

DECISIONS: dict[str, tuple[str, str, str, str, Color]] = {
    "prohibit": (
        "禁止",
        "prohibited",
        "该主体在本事项上应予禁止，依据见下。",
        "The subject is barred from this matter; the measures below say on what basis.",
        HexColor(0x9E1B1E),
    ),
    "restrict": (
        "限制",
        "restricted",
        "该主体在本事项上应予限制，依据见下。",
        "The subject is restricted in this matter; the measures below say on what basis.",
        HexColor(0xB4501E),
    ),
    "caution": (
        "提示",
        "caution",
        "该主体有须审慎对待的记录，本事项未规定禁止或限制措施。",
        "There are records to be weighed; no rule bars or restricts the subject in this matter.",
        HexColor(0x96700A),
    ),
    "clear": (
        "未命中",
        "clear",
        "未发现影响本事项的有效记录，并可证明没有遗漏。",
        "No record in force bears on this matter, and it can be proved that none was left out.",
        HexColor(0x2C6B4A),
    ),
    "incentive": (
        "激励",
        "incentive",
        "该主体在本事项上可享受激励措施，依据见下。",
        "The subject may be given the incentives below in this matter.",
        HexColor(0x1F5A96),
    ),
}
"""Decision: Chinese, English, a sentence in each, and the colour of its band."""

LEVELS = {"published": "已发布 published", "anchored": "已上链 anchored", "final": "链上终局 final"}
ROLES = {
    "itself": ("主体自身", "the subject itself"),
    "legal-representative": ("法定代表人", "legal representative"),
    "responsible-person": ("主要负责人", "responsible person"),
    "actual-controller": ("实际控制人", "actual controller"),
}
NAME_MATCHES = {
    "yes": ("名称与记录一致", "the name agrees with the records"),
    "no": ("名称与记录不一致", "the name given differs from the one in the records"),
    "unknown": ("无记录可供比对名称", "no record to compare the name with"),
}
RECORDS = (
    "严重失信、关注及守信名单；行政处罚、行政许可、信用承诺、信用评价、合同履约、法院执行；联合惩戒案件",
    "lists; penalties, licences, commitments, evaluations, contracts, enforcement; joint punishment",
)

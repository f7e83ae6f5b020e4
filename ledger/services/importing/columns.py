"""The columns of the sheets that departments send, and what each becomes in a body.

Penalties (`CF_*`) and licences (`XK_*`) are the official 双公示 templates; list sheets (`MD_*`) are ours,
kept in the same style. A header cell may hold the code, the code followed by anything, or the Chinese title.
A template is official, so every column of it must be there except the remark: a column that is missing is
not the same as one that is blank.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its code, Chinese title, whether the sheet must have it and whether a cell may be blank."""

    code: str
    title: str
    needed: bool = True
    filled: bool = False


@dataclass(frozen=True)
class Form:
    """One form of sheet: `name` is `penalty`, `licence` or `list`."""

    name: str
    zh: str
    kind: str
    prefix: str
    columns: tuple[Column, ...]
    by_header: dict[str, Column] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        headers = {column.code: column for column in self.columns}
        headers |= {column.title: column for column in self.columns}
        object.__setattr__(self, "by_header", headers)

    @property
    def codes(self) -> tuple[str, ...]:
        """The column codes in the order of the template: a generator's header row."""
        return tuple(column.code for column in self.columns)


def _subject(prefix: str, class_needed: bool) -> tuple[Column, ...]:
    return (
        Column(f"{prefix}_XDR_MC", "行政相对人名称", filled=True),
        Column(f"{prefix}_XDR_LB", "行政相对人类别", needed=class_needed),
        Column(f"{prefix}_XDR_SHXYM", "行政相对人代码_1(统一社会信用代码)"),
        Column(f"{prefix}_XDR_GSZC", "行政相对人代码_2(工商注册号)"),
        Column(f"{prefix}_XDR_ZZJG", "行政相对人代码_3(组织机构代码)"),
        Column(f"{prefix}_XDR_SWDJ", "行政相对人代码_4(税务登记号)"),
        Column(f"{prefix}_XDR_SYDW", "行政相对人代码_5(事业单位证书号)"),
        Column(f"{prefix}_XDR_SHZZ", "行政相对人代码_6(社会组织登记证号)"),
    )


PENALTY = Form(
    "penalty",
    "行政处罚",
    "credit.penalty.published",
    "CF",
    (
        *_subject("CF", class_needed=True),
        Column("CF_FRDB", "法定代表人"),
        Column("CF_FR_ZJLX", "法定代表人证件类型"),
        Column("CF_FR_ZJHM", "法定代表人证件号码"),
        Column("CF_XDR_ZJLX", "证件类型"),
        Column("CF_XDR_ZJHM", "证件号码"),
        Column("CF_WSH", "行政处罚决定文书号", filled=True),
        Column("CF_WFXW", "违法行为类型", filled=True),
        Column("CF_SY", "违法事实", filled=True),
        Column("CF_YJ", "处罚依据", filled=True),
        Column("CF_CFLB", "处罚类别", filled=True),
        Column("CF_NR", "处罚内容", filled=True),
        Column("CF_NR_FK", "罚款金额(万元)"),
        Column("CF_NR_WFFF", "没收违法所得、没收非法财物的金额(万元)"),
        Column("CF_NR_ZKDX", "暂扣或吊销证照名称及编号"),
        Column("CF_JDRQ", "处罚决定日期", filled=True),
        Column("CF_YXQ", "处罚有效期"),
        Column("CF_GSJZQ", "公示截止期"),
        Column("CF_CFJG", "处罚机关", filled=True),
        Column("CF_CFJGDM", "处罚机关统一社会信用代码", filled=True),
        Column("CF_SJLY", "数据来源单位"),
        Column("CF_SJLYDM", "数据来源单位统一社会信用代码"),
        Column("BZ", "备注", needed=False),
    ),
)
LICENCE = Form(
    "licence",
    "行政许可",
    "credit.licence.published",
    "XK",
    (
        *_subject("XK", class_needed=False),
        Column("XK_FRDB", "法定代表人"),
        Column("XK_FR_SFZH", "法定代表人身份证号"),
        Column("XK_XDR_ZJLX", "证件类型"),
        Column("XK_XDR_ZJHM", "证件号码"),
        Column("XK_XKWS", "行政许可决定文书名称"),
        Column("XK_WSH", "行政许可决定文书号", filled=True),
        Column("XK_XKLB", "许可类别", filled=True),
        Column("XK_XKZS", "许可证书名称"),
        Column("XK_XKBH", "许可编号"),
        Column("XK_NR", "许可内容", filled=True),
        Column("XK_JDRQ", "许可决定日期", filled=True),
        Column("XK_YXQZ", "有效期自", filled=True),
        Column("XK_YXQZI", "有效期至"),
        Column("XK_XKJG", "许可机关", filled=True),
        Column("XK_XKJGDM", "许可机关统一社会信用代码", filled=True),
        Column("XK_ZT", "当前状态", filled=True),
        Column("XK_LYDW", "数据来源单位"),
        Column("XK_LYDWDM", "数据来源单位统一社会信用代码"),
        Column("BZ", "备注", needed=False),
    ),
)
LIST = Form(
    "list",
    "名单",
    "credit.list.entered",
    "MD",
    (
        Column("MD_LB", "名单", filled=True),
        Column("MD_XDR_MC", "主体名称", filled=True),
        Column("MD_XDR_LB", "主体类别", needed=False),
        Column("MD_XDR_SHXYM", "统一社会信用代码"),
        Column("MD_XDR_ZJLX", "证件类型"),
        Column("MD_XDR_ZJHM", "证件号码"),
        Column("MD_WSH", "列入决定文号", filled=True),
        Column("MD_LRJG", "列入机关", filled=True),
        Column("MD_LRJGDM", "列入机关统一社会信用代码", filled=True),
        Column("MD_YJ", "列入依据", filled=True),
        Column("MD_SY", "列入事由", filled=True),
        Column("MD_LRRQ", "列入日期", filled=True),
        Column("MD_YXQ", "有效期至"),
        Column("MD_CS", "措施", needed=False),
    ),
)
FORMS = {form.name: form for form in (PENALTY, LICENCE, LIST)}

SUBJECT_CLASSES = {
    "法人及非法人组织": "organisation",
    "法人": "organisation",
    "非法人组织": "organisation",
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
LICENCE_STATES = {"1": "valid", "有效": "valid", "2": "invalid", "无效": "invalid"}
DOCUMENT_TYPES = {"身份证": "111", "居民身份证": "111", "111": "111"}

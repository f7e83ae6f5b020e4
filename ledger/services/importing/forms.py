"""The forms of sheets: official 双公示 templates, and our own in the same style for what has none.

Penalties (`CF_*`) and licences (`XK_*`) have the official columns. A template is official, so every column of
it must be there except those that came later: a column that is missing is not the same as one that is blank.
Of forms of our own only those columns are needed that a row cannot do without.
"""

from ledger.services.importing import values as v
from ledger.services.importing.columns import Column, Form
from ledger.services.importing.parts import (
    ENTRY,
    LONG,
    SEALED,
    SHORT,
    WAN,
    authority,
    day,
    end,
    number,
    official_document,
    official_subject,
    representative,
    source,
    subject,
)

PENALTY = Form(
    "penalty",
    "行政处罚",
    "credit.penalty.published",
    "CF",
    (
        *official_subject("CF", class_needed=True),
        Column("CF_FRDB", "法定代表人", other_titles=("法定代表人(负责人)", "法定代表人姓名"), says=SEALED),
        Column("CF_FR_ZJLX", "法定代表人证件类型", values=v.DOCUMENT_TYPES | v.FOREIGN_DOCUMENTS),
        Column("CF_FR_ZJHM", "法定代表人证件号码", says=f"公民身份号码；{SEALED}"),
        *official_document("CF"),
        number(
            "CF_WSH",
            "行政处罚决定文书号",
            "document",
            "行政处罚决定书文号",
            "处罚决定书文号",
            "决定书文号",
            says="如 云市监罚〔2026〕12号",
        ),
        Column("CF_WFXW", "违法行为类型", filled=True, says=SHORT, member="violation"),
        Column("CF_SY", "违法事实", filled=True, says=LONG, member="facts"),
        Column("CF_YJ", "处罚依据", filled=True, says=LONG, member="basis"),
        Column(
            "CF_CFLB", "处罚类别", filled=True, member="penalty_kinds", values=v.PENALTY_KINDS, several=True
        ),
        Column("CF_NR", "处罚内容", filled=True, says=LONG, member="content"),
        Column("CF_NR_FK", "罚款金额(万元)", unit="万元", says=WAN, member="fine_fen"),
        Column(
            "CF_NR_WFFF",
            "没收违法所得、没收非法财物的金额(万元)",
            unit="万元",
            says=WAN,
            member="confiscated_fen",
        ),
        Column("CF_NR_ZKDX", "暂扣或吊销证照名称及编号", says=SHORT, member="licence_revoked"),
        day("CF_JDRQ", "处罚决定日期", "decided_on"),
        end("CF_YXQ", "处罚有效期", "valid_until"),
        end("CF_GSJZQ", "公示截止期", "published_until"),
        *authority("CF_CFJG", "处罚机关"),
        *source("CF_SJLY"),
        Column("BZ", "备注", needed=False, says=SHORT, member="remark"),
        Column(
            "CF_YZCD",
            "严重程度",
            needed=False,
            other_titles=("失信程度", "失信严重程度", "违法失信程度"),
            says="留空则按目录中的处罚类别确定",
            member="severity",
            values=v.SEVERITIES,
        ),
        day("CF_GSKSQ", "公示开始日期", "publish_from", "公示起始日期", "公示起始期", filled=False),
    ),
)
LICENCE = Form(
    "licence",
    "行政许可",
    "credit.licence.published",
    "XK",
    (
        *official_subject("XK", class_needed=False),
        Column("XK_FRDB", "法定代表人", other_titles=("法定代表人(负责人)", "法定代表人姓名"), says=SEALED),
        Column(
            "XK_FR_SFZH",
            "法定代表人身份证号",
            other_titles=("法定代表人身份证号码", "法定代表人证件号码"),
            says=f"公民身份号码；{SEALED}",
        ),
        *official_document("XK"),
        Column("XK_XKWS", "行政许可决定文书名称", other_titles=("许可决定文书名称",), member="document_name"),
        number(
            "XK_WSH", "行政许可决定文书号", "document", "行政许可决定书文号", "许可决定书文号", "决定书文号"
        ),
        Column("XK_XKLB", "许可类别", filled=True, member="licence_kind", values=v.LICENCE_KINDS),
        Column("XK_XKZS", "许可证书名称", other_titles=("许可证名称",), member="licence_name"),
        Column("XK_XKBH", "许可编号", other_titles=("许可证书编号", "许可证编号"), member="licence_number"),
        Column("XK_NR", "许可内容", filled=True, says=LONG, member="content"),
        day("XK_JDRQ", "许可决定日期", "decided_on"),
        day("XK_YXQZ", "有效期自", "valid_from"),
        end("XK_YXQZI", "有效期至", "valid_until"),
        *authority("XK_XKJG", "许可机关"),
        Column("XK_ZT", "当前状态", filled=True, member="state", values=v.LICENCE_STATES),
        *source("XK_LYDW"),
        Column("BZ", "备注", needed=False, says=SHORT, member="remark"),
    ),
)
LIST = Form(
    "list",
    "名单",
    "credit.list.entered",
    "MD",
    (
        Column("MD_LB", "名单", filled=True, says="目录中名单的名称或代码", member="list"),
        *subject("MD", needed=True),
        number("MD_WSH", "列入决定文号", "case", says="如 云岭列〔2026〕1号"),
        *authority("MD_LRJG", "列入机关"),
        Column("MD_YJ", "列入依据", filled=True, says=LONG, member="basis"),
        Column("MD_SY", "列入事由", filled=True, says=f"{LONG}，不写个人姓名", member="grounds"),
        day("MD_LRRQ", "列入日期", "from"),
        end("MD_YXQ", "有效期至", "until"),
        Column("MD_CS", "措施", needed=False, says="目录中的措施代码，多项以分号隔开", member="measures"),
        Column("MD_YZCD", "严重程度", needed=False, member="severity", values=v.SEVERITIES),
        *representative("MD"),
    ),
)
REMOVAL = Form(
    "removal",
    "名单移出",
    "credit.list.removed",
    "YC",
    (
        Column("YC_LB", "名单", filled=True, says="目录中名单的名称或代码", member="list"),
        *subject("YC"),
        number("YC_WSH", "列入决定文号", "case", says="列入时的文号"),
        Column("YC_YY", "移出原因", filled=True, member="reason", values=v.REMOVAL_REASONS),
        Column("YC_YJ", "移出依据", filled=True, says=LONG, member="basis"),
        day("YC_RQ", "移出日期", "removed_on"),
        Column("YC_TMBH", "条目编号", needed=False, says=ENTRY),
    ),
)
_COMMITMENT_NUMBERS = ("承诺编码", "承诺编号", "承诺书编码")
COMMITMENT = Form(
    "commitment",
    "信用承诺",
    "credit.commitment.made",
    "CN",
    (
        *subject("CN"),
        *representative("CN"),
        number("CN_WSH", "承诺书编号", "document", *_COMMITMENT_NUMBERS),
        Column("CN_LX", "承诺类型", filled=True, member="commitment_kind", values=v.COMMITMENT_KINDS),
        Column("CN_NR", "承诺内容", filled=True, says=LONG, member="content"),
        Column("CN_SX", "承诺事项", needed=False, says="目录中事项的名称或代码", member="matter"),
        day("CN_RQ", "作出承诺日期", "made_on", "做出承诺日期", "承诺日期"),
        end("CN_YXQ", "承诺有效期", "until", "承诺有效期至", needed=False),
        *authority("CN_SLDW", "承诺受理单位"),
    ),
)
PERFORMANCE = Form(
    "performance",
    "承诺履行",
    "credit.commitment.performed",
    "LX",
    (
        *subject("LX"),
        number("LX_WSH", "承诺书编号", "number", *_COMMITMENT_NUMBERS),
        Column(
            "LX_ZT",
            "履约情况",
            filled=True,
            other_titles=("履行情况", "履约状态"),
            member="outcome",
            values=v.OUTCOMES,
        ),
        day("LX_RQ", "认定日期", "on"),
        Column("LX_SM", "说明", needed=False, says=LONG, member="note"),
        Column("LX_TMBH", "条目编号", needed=False, says=ENTRY),
    ),
)
EVALUATION = Form(
    "evaluation",
    "信用评价",
    "credit.evaluation.published",
    "PJ",
    (
        *subject("PJ"),
        number("PJ_WSH", "评价文号", "document", "评价编号"),
        Column(
            "PJ_FA",
            "评价方案",
            filled=True,
            says=f"{'、'.join(v.SCHEMES)}，或方案代码（小写字母、数字和连字符）",
            member="scheme",
        ),
        Column("PJ_DJ", "评价等级", filled=True, other_titles=("评价结果",), member="grade", values=v.GRADES),
        day("PJ_RQ", "评价日期", "evaluated_on"),
        end("PJ_YXQ", "有效期至", "valid_until", needed=False),
        Column("PJ_YJ", "评价依据", filled=True, says=LONG, member="basis"),
        *authority("PJ_JG", "评价机关", "评价单位"),
    ),
)
CONTRACT = Form(
    "contract",
    "合同履约",
    "credit.contract.reported",
    "HT",
    (
        *subject("HT"),
        *representative("HT"),
        number("HT_BH", "合同编号", "document"),
        Column("HT_XM", "项目名称", filled=True, other_titles=("合同名称",), says=SHORT, member="project"),
        Column(
            "HT_LYZT",
            "履约状态",
            filled=True,
            other_titles=("履约情况",),
            member="performance",
            values=v.CONTRACT_STATES,
        ),
        day("HT_QDRQ", "签订日期", "signed_on", "合同签订日期"),
        day("HT_BSRQ", "报送日期", "reported_on"),
        *authority("HT_BSDW", "报送单位"),
    ),
)
ENFORCEMENT = Form(
    "enforcement",
    "法院执行",
    "credit.enforcement.published",
    "ZX",
    (
        *subject("ZX"),
        *representative("ZX"),
        number("ZX_AH", "案号", "document", says="如 （2026）云01执12号"),
        Column(
            "ZX_YW",
            "生效法律文书确定的义务",
            filled=True,
            other_titles=("法律文书确定的义务",),
            says=LONG,
            member="duty",
        ),
        Column(
            "ZX_LXQK",
            "履行情况",
            filled=True,
            other_titles=("被执行人的履行情况",),
            member="performance",
            values=v.ENFORCEMENT_STATES,
        ),
        Column(
            "ZX_BD", "执行标的(元)", needed=False, unit="元", says="元，最多两位小数", member="amount_fen"
        ),
        day("ZX_LARQ", "立案日期", "filed_on"),
        *authority("ZX_FY", "执行法院"),
        Column("ZX_YJ", "执行依据", filled=True, other_titles=("执行依据文号",), says=LONG, member="basis"),
    ),
)
FORMS = {
    form.name: form
    for form in (
        PENALTY,
        LICENCE,
        LIST,
        REMOVAL,
        COMMITMENT,
        PERFORMANCE,
        EVALUATION,
        CONTRACT,
        ENFORCEMENT,
    )
}

"""Columns that several forms have, and what is said about cells of a kind."""

from ledger.services.importing.columns import Column
from ledger.services.importing.values import DOCUMENT_TYPES, SUBJECT_CLASSES

DAY = "日期，如 2026-01-05、2026/1/5、20260105、2026年1月5日"
END = f"{DAY}；没有期限的留空或填“长期”"
USCC = "18 位统一社会信用代码，文本格式"
RESIDENT = "自然人填写 18 位公民身份号码，文本格式；加密保存"
SEALED = "加密保存，不进入公开内容"
WAN = "万元，最多六位小数"
SHORT = "不超过 200 字"
LONG = "不超过 4000 字"
AGENCY = "机关全称"
WHO = "单位全称或姓名"
ENTRY = "日志条目编号（签发单位:编号）；留空则按文号和主体查找"


def day(code: str, title: str, member: str, *others: str, filled: bool = True) -> Column:
    """A day that must be given, or may be left out."""
    return Column(code, title, filled, filled, others, says=DAY, member=member)


def end(code: str, title: str, member: str, *others: str, needed: bool = True) -> Column:
    """A day until which something lasts, or none."""
    return Column(code, title, needed, other_titles=others, says=END, member=member)


def number(code: str, title: str, member: str, *others: str, says: str = "") -> Column:
    """A document's number, by which the record is known."""
    return Column(code, title, filled=True, other_titles=others, says=says, member=member)


def official_subject(prefix: str, class_needed: bool) -> tuple[Column, ...]:
    """The subject of a 双公示 template: name, class, and six codes."""
    older = (
        ("GSZC", "2", "工商注册号", "registration"),
        ("ZZJG", "3", "组织机构代码", "organisation"),
        ("SWDJ", "4", "税务登记号", "tax"),
        ("SYDW", "5", "事业单位证书号", "institution"),
        ("SHZZ", "6", "社会组织登记证号", "association"),
    )
    uscc = "统一社会信用代码"
    return (
        Column(
            f"{prefix}_XDR_MC",
            "行政相对人名称",
            filled=True,
            other_titles=("行政相对人名称姓名", "行政相对人名称或姓名"),
            says=WHO,
            member="subject.name",
        ),
        Column(
            f"{prefix}_XDR_LB",
            "行政相对人类别",
            needed=class_needed,
            member="subject_class",
            values=SUBJECT_CLASSES,
        ),
        Column(
            f"{prefix}_XDR_SHXYM",
            f"行政相对人代码_1({uscc})",
            other_titles=(f"行政相对人代码({uscc})", f"行政相对人{uscc}", uscc),
            says=f"{USCC}；自然人留空",
            member="subject.uscc",
        ),
        *(
            Column(
                f"{prefix}_XDR_{code}",
                f"行政相对人代码_{place}({title})",
                other_titles=(f"行政相对人代码({title})", f"行政相对人{title}", title),
                says="自然人留空",
                member=f"other_codes.{member}",
            )
            for code, place, title, member in older
        ),
    )


def official_document(prefix: str) -> tuple[Column, ...]:
    """The document of a natural person in a 双公示 template."""
    return (
        Column(
            f"{prefix}_XDR_ZJLX",
            "证件类型",
            other_titles=("行政相对人证件类型",),
            says="自然人填写",
            values=DOCUMENT_TYPES,
        ),
        Column(f"{prefix}_XDR_ZJHM", "证件号码", other_titles=("行政相对人证件号码",), says=RESIDENT),
    )


def subject(prefix: str, needed: bool = False) -> tuple[Column, ...]:
    """The subject of a form of our own; `needed`: also the columns that only persons fill."""
    return (
        Column(
            f"{prefix}_XDR_MC",
            "主体名称",
            filled=True,
            other_titles=("名称", "单位名称", "姓名或名称"),
            says=WHO,
            member="subject.name",
        ),
        Column(f"{prefix}_XDR_LB", "主体类别", needed=False, values=SUBJECT_CLASSES),
        Column(
            f"{prefix}_XDR_SHXYM",
            "统一社会信用代码",
            other_titles=("主体统一社会信用代码",),
            says=f"{USCC}；自然人留空",
            member="subject.uscc",
        ),
        Column(f"{prefix}_XDR_ZJLX", "证件类型", needed, says="自然人填写", values=DOCUMENT_TYPES),
        Column(f"{prefix}_XDR_ZJHM", "证件号码", needed, says=RESIDENT),
    )


def representative(prefix: str) -> tuple[Column, ...]:
    """The person behind an organisation, in a form of our own."""
    return (
        Column(f"{prefix}_FRDB", "法定代表人", needed=False, says=SEALED),
        Column(f"{prefix}_FR_ZJHM", "法定代表人证件号码", needed=False, says=f"公民身份号码；{SEALED}"),
    )


def authority(code: str, title: str, *others: str) -> tuple[Column, ...]:
    """The authority that decided: name and code."""
    titles = (title, *others)
    uscc = "统一社会信用代码"
    return (
        Column(
            code,
            title,
            filled=True,
            other_titles=(*others, *(f"{each}名称" for each in titles)),
            says=AGENCY,
            member="authority.name",
        ),
        Column(
            f"{code}DM",
            f"{title}{uscc}",
            filled=True,
            other_titles=(*(f"{each}代码" for each in titles), *(f"{each}{uscc}" for each in others)),
            says=USCC,
            member="authority.uscc",
        ),
    )


def source(code: str) -> tuple[Column, ...]:
    """Which unit the data comes from, in a 双公示 template."""
    return (
        Column(code, "数据来源单位", says=AGENCY, member="source.name"),
        Column(f"{code}DM", "数据来源单位统一社会信用代码", says=USCC, member="source.uscc"),
    )

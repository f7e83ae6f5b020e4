"""Sheets of credit records: penalties and licences in the official 双公示 columns, and lists."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scripts.samples.mess import Cell, code_cell, date_cell, text_cell
from scripts.samples.world import Organisation, Person, World

PENALTY_COLUMNS = (
    "CF_XDR_MC", "CF_XDR_LB", "CF_XDR_SHXYM", "CF_XDR_GSZC", "CF_XDR_ZZJG", "CF_XDR_SWDJ", "CF_XDR_SYDW",
    "CF_XDR_SHZZ", "CF_FRDB", "CF_FR_ZJLX", "CF_FR_ZJHM", "CF_XDR_ZJLX", "CF_XDR_ZJHM", "CF_WSH", "CF_WFXW",
    "CF_SY", "CF_YJ", "CF_CFLB", "CF_NR", "CF_NR_FK", "CF_NR_WFFF", "CF_NR_ZKDX", "CF_JDRQ", "CF_YXQ",
    "CF_GSJZQ", "CF_CFJG", "CF_CFJGDM", "CF_SJLY", "CF_SJLYDM", "BZ", "CF_YZCD",
)  # fmt: skip
LICENCE_COLUMNS = (
    "XK_XDR_MC", "XK_XDR_LB", "XK_XDR_SHXYM", "XK_XDR_GSZC", "XK_XDR_ZZJG", "XK_XDR_SWDJ", "XK_XDR_SYDW",
    "XK_XDR_SHZZ", "XK_FRDB", "XK_FR_SFZH", "XK_XDR_ZJLX", "XK_XDR_ZJHM", "XK_XKWS", "XK_WSH", "XK_XKLB",
    "XK_XKZS", "XK_XKBH", "XK_NR", "XK_JDRQ", "XK_YXQZ", "XK_YXQZI", "XK_XKJG", "XK_XKJGDM", "XK_ZT",
    "XK_LYDW", "XK_LYDWDM",
)  # fmt: skip
LIST_COLUMNS = (
    "名单", "主体名称", "主体类别", "统一社会信用代码", "证件类型", "证件号码", "列入决定文号", "列入机关",
    "列入机关统一社会信用代码", "列入依据", "列入事由", "列入日期", "有效期至", "严重程度", "法定代表人",
    "法定代表人证件号码",
)  # fmt: skip

_VIOLATIONS = (
    ("未按规定公示年度报告", "企业信息公示暂行条例第十八条", "警告"),
    ("销售不符合强制性标准的产品", "产品质量法第四十九条", "没收违法所得;罚款"),
    ("未取得许可从事食品经营", "食品安全法第一百二十二条", "罚款"),
    ("虚假宣传", "反不正当竞争法第二十条", "罚款"),
    ("超标准排放水污染物", "水污染防治法第八十三条", "罚款"),
    ("未为从业人员提供符合标准的劳动防护用品", "安全生产法第九十九条", "警告;罚款"),
    ("擅自改变规划许可内容", "城乡规划法第六十四条", "罚款"),
    ("未按规定携带营运证件", "道路运输条例第六十九条", "警告"),
)
_LICENCES = (
    ("食品经营许可证", "食品销售", "普通"),
    ("道路运输经营许可证", "普通货物运输", "普通"),
    ("建筑业企业资质证书", "建筑工程施工总承包三级", "认可"),
    ("排污许可证", "化学需氧量、氨氮排放", "普通"),
    ("特种设备使用登记证", "承压类特种设备使用", "登记"),
    ("人力资源服务许可证", "职业中介活动", "普通"),
    ("消防验收意见书", "建设工程消防验收合格", "核准"),
)


@dataclass(frozen=True, slots=True)
class ListOf:
    """One list to be filled: its code in the catalogue, the authority's place in the world, the grounds."""

    code: str
    authority: int
    basis: str
    grounds: tuple[str, ...]
    days: int | None
    with_people: bool = False


TAX_A = ListOf("tax-a", 3, "纳税信用管理办法", ("上年度纳税信用评价为A级",), 730)
JUDGMENT = ListOf(
    "dishonest-debtor",
    9,
    "最高人民法院关于公布失信被执行人名单信息的若干规定",
    ("有履行能力而拒不履行生效法律文书确定义务", "违反财产报告制度", "以虚假诉讼规避执行"),
    730,
    with_people=True,
)
WAGES = ListOf(
    "wage-arrears",
    4,
    "拖欠农民工工资失信联合惩戒对象名单管理暂行办法",
    ("克扣、无故拖欠农民工工资，数额较大",),
    1095,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file to be written: header and rows, the kind that `xinzheng import` is told, and the form.

    `encoding` None means XLSX; otherwise CSV in that encoding.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    encoding: str | None


def credit_sheets(
    world: World,
    *,
    penalties: int = 2400,
    licences: int = 2400,
    listed: tuple[int, int, int] = (320, 220, 160),
) -> list[Sheet]:
    """The five sheets of the demo, 5,500 rows in all unless told otherwise."""
    red, judgments, wages = listed
    return [
        Sheet("penalties.xlsx", "penalty", PENALTY_COLUMNS, penalty_rows(world, penalties), None),
        Sheet("licences.csv", "licence", LICENCE_COLUMNS, _licences(world, licences), "gb18030"),
        Sheet("red_list_tax.xlsx", "list", LIST_COLUMNS, _list(world, TAX_A, red, excel=True), None),
        Sheet(
            "dishonesty_judgments.xlsx",
            "list",
            LIST_COLUMNS,
            _list(world, JUDGMENT, judgments, excel=True),
            None,
        ),
        Sheet(
            "dishonesty_wages.csv", "list", LIST_COLUMNS, _list(world, WAGES, wages, excel=False), "utf-8-sig"
        ),
    ]


def penalty_rows(world: World, count: int) -> list[tuple[Cell, ...]]:
    """`count` penalties, in the order of `PENALTY_COLUMNS`."""
    random_, severities = world.draws("penalties"), world.draws("penalties/severity")
    rows = []
    for index in range(count):
        subject = _subject(world, random_)
        authority = random_.choice(world.authorities[2:])
        violation, basis, kinds = random_.choice(_VIOLATIONS)
        decided = world.day(random_, 300)
        fine = (
            round(random_.choice((0.1, 0.5, 1, 2, 5)) * random_.randint(1, 9), 2) if "罚款" in kinds else None
        )
        gains = round(random_.randint(1, 400) / 100, 2) if "没收" in kinds else None
        row: dict[str, Cell] = {
            "CF_WSH": f"云岭罚〔{decided.year}〕{index + 1:05d}号",
            "CF_WFXW": text_cell(random_, violation),
            "CF_SY": text_cell(random_, f"经查，当事人{violation}，事实清楚，证据确凿。"),
            "CF_YJ": f"《{basis[: basis.index('第')]}》{basis[basis.index('第') :]}",
            "CF_CFLB": kinds,
            "CF_NR": f"责令改正，{kinds.replace(';', '、')}"
            + (f"，罚款{fine}万元" if fine is not None else ""),
            "CF_NR_FK": fine,
            "CF_NR_WFFF": gains,
            "CF_JDRQ": date_cell(random_, decided, excel=True),
            "CF_YXQ": date_cell(random_, decided + timedelta(days=3 * 365), excel=True),
            "CF_GSJZQ": date_cell(random_, decided + timedelta(days=365), excel=True),
            "CF_CFJG": authority.name,
            "CF_CFJGDM": code_cell(random_, authority.uscc),
            "CF_SJLY": authority.name,
            "CF_SJLYDM": authority.uscc,
            "BZ": "已电话告知" if random_.random() < 0.02 else None,
            "CF_YZCD": _severity(severities, kinds),
        }
        row |= _subject_cells(random_, subject, "CF")
        rows.append(tuple(row.get(column) for column in PENALTY_COLUMNS))
    return rows


def _severity(random_: random.Random, kinds: str) -> str | None:
    """How grave: a warning alone is minor; some departments leave it to the catalogue."""
    if kinds == "警告":
        return "轻微"
    return random_.choices(("一般", "严重", None), weights=(7, 1, 2))[0]


def _licences(world: World, count: int) -> list[tuple[Cell, ...]]:
    random_ = world.draws("licences")
    rows = []
    for index in range(count):
        subject = _subject(world, random_)
        authority = random_.choice(world.authorities[1:9])
        paper, content, kind = random_.choice(_LICENCES)
        decided = world.day(random_, 500)
        until = decided + timedelta(days=random_.choice((1, 3, 5)) * 365) if random_.random() < 0.9 else None
        row: dict[str, Cell] = {
            "XK_XKWS": f"准予行政许可决定书（{paper}）",
            "XK_WSH": f"云岭许〔{decided.year}〕{index + 1:05d}号",
            "XK_XKLB": kind,
            "XK_XKZS": paper,
            "XK_XKBH": f"YL{decided:%Y%m}{index + 1:06d}",
            "XK_NR": text_cell(random_, f"准予从事{content}。"),
            "XK_JDRQ": date_cell(random_, decided, excel=False),
            "XK_YXQZ": date_cell(random_, decided, excel=False),
            "XK_YXQZI": date_cell(random_, until, excel=False),
            "XK_XKJG": authority.name,
            "XK_XKJGDM": code_cell(random_, authority.uscc),
            "XK_ZT": "1",
            "XK_LYDW": authority.name,
            "XK_LYDWDM": authority.uscc,
        }
        row |= _subject_cells(random_, subject, "XK")
        rows.append(tuple(row.get(column) for column in LICENCE_COLUMNS))
    return rows


def _list(world: World, which: ListOf, count: int, *, excel: bool) -> list[tuple[Cell, ...]]:
    random_ = world.draws(f"list/{which.code}")
    authority = world.authorities[which.authority]
    # A subject stands once in a list; red and dishonesty lists draw from different halves of the city.
    half = len(world.organisations) // 2
    pool = world.organisations[:half] if which is TAX_A else world.organisations[half:]
    people = world.people[: count // 10] if which.with_people else []
    subjects: Sequence[Organisation | Person] = [*random_.sample(pool, count - len(people)), *people]
    rows = []
    for index, subject in enumerate(subjects):
        entered = world.day(random_, 200)
        until: date | None = None if which.days is None else entered + timedelta(days=which.days)
        person = isinstance(subject, Person)
        row: dict[str, Cell] = {
            "名单": which.code,
            "主体名称": text_cell(random_, subject.name),
            "主体类别": _subject_class(subject),
            "统一社会信用代码": None if isinstance(subject, Person) else code_cell(random_, subject.uscc),
            "证件类型": "身份证" if person else None,
            "证件号码": code_cell(random_, subject.number) if isinstance(subject, Person) else None,
            "列入机关": authority.name,
            "列入机关统一社会信用代码": authority.uscc,
            "列入依据": f"《{which.basis}》",
            "列入决定文号": f"云岭列〔{entered.year}〕{which.authority:02d}-{index + 1:04d}号",
            "列入日期": date_cell(random_, entered, excel=excel),
            "有效期至": date_cell(random_, until, excel=excel),
            "列入事由": random_.choice(which.grounds),
        }
        if which is not TAX_A:
            row["严重程度"] = "严重"
            if isinstance(subject, Organisation) and subject.representative is not None:
                row["法定代表人"] = subject.representative.name
                row["法定代表人证件号码"] = subject.representative.number
        rows.append(tuple(row.get(column) for column in LIST_COLUMNS))
    return rows


def _subject(world: World, random_: random.Random) -> Organisation | Person:
    return random_.choice(world.people) if random_.random() < 0.12 else random_.choice(world.organisations)


def _subject_cells(random_: random.Random, subject: Organisation | Person, prefix: str) -> dict[str, Cell]:
    """Name and codes: an organisation's, with its representative; or a natural person's document."""
    cells: dict[str, Cell] = {f"{prefix}_XDR_MC": text_cell(random_, subject.name)}
    cells[f"{prefix}_XDR_LB"] = _subject_class(subject)
    if isinstance(subject, Person):
        cells[f"{prefix}_XDR_ZJLX"] = "身份证"
        cells[f"{prefix}_XDR_ZJHM"] = code_cell(random_, subject.number)
        return cells
    cells[f"{prefix}_XDR_SHXYM"] = code_cell(random_, subject.uscc)
    if random_.random() < 0.1:
        cells[f"{prefix}_XDR_ZZJG"] = f"{subject.uscc[8:16]}-{subject.uscc[16]}"
    if subject.representative is not None:
        cells[f"{prefix}_FRDB"] = subject.representative.name
        if random_.random() < 0.5:
            if prefix == "CF":
                cells["CF_FR_ZJLX"] = "身份证"
            cells["CF_FR_ZJHM" if prefix == "CF" else "XK_FR_SFZH"] = subject.representative.number
    return cells


def _subject_class(subject: Organisation | Person) -> str:
    if isinstance(subject, Person):
        return "自然人"
    return "个体工商户" if subject.uscc.startswith("92") else "法人及非法人组织"

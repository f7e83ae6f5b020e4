"""Sheets of the further kinds: commitments, evaluations, contracts and court enforcement."""

import random
from collections.abc import Callable
from datetime import timedelta

from scripts.samples.credit import Sheet
from scripts.samples.mess import Cell, code_cell, date_cell, text_cell
from scripts.samples.world import Organisation, World

_SUBJECT = ("主体名称", "主体类别", "统一社会信用代码")
_BEHIND = ("法定代表人", "法定代表人证件号码")
COMMITMENT_COLUMNS = (
    *_SUBJECT, *_BEHIND, "承诺书编号", "承诺类型", "承诺内容", "承诺事项", "作出承诺日期", "承诺有效期",
    "承诺受理单位", "承诺受理单位统一社会信用代码",
)  # fmt: skip
EVALUATION_COLUMNS = (
    *_SUBJECT, "评价文号", "评价方案", "评价等级", "评价日期", "有效期至", "评价依据", "评价机关",
    "评价机关统一社会信用代码",
)  # fmt: skip
CONTRACT_COLUMNS = (
    *_SUBJECT, *_BEHIND, "合同编号", "项目名称", "履约状态", "签订日期", "报送日期", "报送单位",
    "报送单位统一社会信用代码",
)  # fmt: skip
ENFORCEMENT_COLUMNS = (
    *_SUBJECT, *_BEHIND, "案号", "生效法律文书确定的义务", "履行情况", "执行标的(元)", "立案日期", "执行法院",
    "执行法院统一社会信用代码", "执行依据",
)  # fmt: skip

_APPROVAL, _TRANSPORT, _COURT = 1, 6, 9
_Fill = Callable[[World, random.Random, int], dict[str, Cell]]


def further_sheets(world: World, count: int = 60) -> list[Sheet]:
    """One sheet for each kind, of `count` rows."""
    forms: tuple[tuple[str, str, tuple[str, ...], _Fill, str | None], ...] = (
        ("commitments.xlsx", "commitment", COMMITMENT_COLUMNS, _commitment, None),
        ("evaluations.csv", "evaluation", EVALUATION_COLUMNS, _evaluation, "utf-8-sig"),
        ("contracts.csv", "contract", CONTRACT_COLUMNS, _contract, "gb18030"),
        ("enforcements.xlsx", "enforcement", ENFORCEMENT_COLUMNS, _enforcement, None),
    )
    sheets = []
    for name, kind, columns, fill, encoding in forms:
        random_ = world.draws(f"further/{kind}")
        rows = []
        for index, subject in enumerate(random_.sample(world.organisations, count)):
            row = _subject(random_, subject) | fill(world, random_, index)
            rows.append(tuple(row.get(column) for column in columns))
        sheets.append(Sheet(name, kind, columns, rows, encoding))
    return sheets


def _subject(random_: random.Random, subject: Organisation) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "主体名称": text_cell(random_, subject.name),
        "主体类别": "个体工商户" if subject.uscc.startswith("92") else "法人及非法人组织",
        "统一社会信用代码": code_cell(random_, subject.uscc),
    }
    if subject.representative is not None and random_.random() < 0.6:
        row["法定代表人"] = subject.representative.name
        row["法定代表人证件号码"] = subject.representative.number
    return row


def _commitment(world: World, random_: random.Random, index: int) -> dict[str, Cell]:
    made = world.day(random_, 300)
    office = world.authorities[_APPROVAL]
    return {
        "承诺书编号": f"云岭诺〔{made.year}〕{index + 1:04d}号",
        "承诺类型": random_.choice(("审批替代型", "容缺受理型", "主动公示型")),
        "承诺内容": "承诺所填信息真实，已知晓并满足许可条件，愿意承担违反承诺的法律责任。",
        "承诺事项": "行政许可",
        "作出承诺日期": date_cell(random_, made, excel=True),
        "承诺有效期": date_cell(random_, made + timedelta(days=365), excel=True),
        "承诺受理单位": office.name,
        "承诺受理单位统一社会信用代码": office.uscc,
    }


def _evaluation(world: World, random_: random.Random, index: int) -> dict[str, Cell]:
    office = world.authorities[0]
    day = world.day(random_, 200)
    return {
        "评价文号": f"云岭评〔{day.year}〕{index + 1:04d}号",
        "评价方案": "公共信用综合评价",
        "评价等级": random_.choices("ABCDE", weights=(3, 4, 2, 1, 1))[0],
        "评价日期": date_cell(random_, day, excel=False),
        "有效期至": date_cell(random_, day + timedelta(days=365), excel=False),
        "评价依据": "公共信用综合评价办法",
        "评价机关": office.name,
        "评价机关统一社会信用代码": office.uscc,
    }


def _contract(world: World, random_: random.Random, index: int) -> dict[str, Cell]:
    office = world.authorities[_TRANSPORT]
    signed = world.day(random_, 700, 320)
    return {
        "合同编号": f"YL-HT-{signed.year}-{index + 1:04d}",
        "项目名称": random_.choice(("云岭大桥养护工程", "城区公交站台改造", "农村公路灾毁恢复")),
        "履约状态": random_.choices(("已履约", "履约中", "违约"), weights=(5, 3, 1))[0],
        "签订日期": date_cell(random_, signed, excel=False),
        "报送日期": date_cell(random_, world.day(random_, 300), excel=False),
        "报送单位": office.name,
        "报送单位统一社会信用代码": office.uscc,
    }


def _enforcement(world: World, random_: random.Random, index: int) -> dict[str, Cell]:
    court = world.authorities[_COURT]
    filed = world.day(random_, 500)
    return {
        "案号": f"（{filed.year}）云01执{index + 1}号",
        "生效法律文书确定的义务": "支付货款及逾期付款违约金",
        "履行情况": random_.choices(("全部未履行", "部分履行", "全部履行"), weights=(4, 3, 3))[0],
        "执行标的(元)": round(random_.uniform(5_000, 3_000_000), 2),
        "立案日期": date_cell(random_, filed, excel=True),
        "执行法院": court.name,
        "执行法院统一社会信用代码": court.uscc,
        "执行依据": f"（{filed.year - 1}）云01民初{random_.randint(1, 900)}号",
    }

"""Every form of sheet: what a row of it becomes, and what it must name."""

from pathlib import Path
from typing import Any

import pytest
from made_sheets import (
    KEY,
    LIST_ROW,
    PENALTY_ROW,
    body,
    built,
    good,
    problem,
    problems,
    resident,
    uscc,
    write_sheet,
)

from ledger.formats.strictjson import loads
from ledger.formats.tags import person_tag
from ledger.services.importing import FORMS, LICENCE, LIST, PENALTY, HalfRow

SUBJECT = {"XDR_MC": "云岭某公司", "XDR_SHXYM": uscc(100)}
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "penalty": (PENALTY_ROW, {"decided_on": "2026-01-05"}),
    "licence": (
        {
            "XK_XDR_MC": "云岭某公司",
            "XK_XDR_SHXYM": uscc(100),
            "XK_FRDB": "李四",
            "XK_FR_SFZH": resident(2),
            "XK_WSH": "云岭许〔2026〕1号",
            "XK_XKLB": "普通",
            "XK_NR": "准予从事食品销售",
            "XK_JDRQ": "20260105",
            "XK_YXQZ": "20260105",
            "XK_YXQZI": "长期",
            "XK_XKJG": "云岭市行政审批局",
            "XK_XKJGDM": uscc(2),
            "XK_ZT": 1,
        },
        {"state": "valid", "document": "云岭许〔2026〕1号"},
    ),
    "list": (LIST_ROW, {"list": "wage-arrears", "until": None, "from": "2026-01-05"}),
    "commitment": (
        {
            "CN_XDR_MC": "云岭某公司",
            "CN_XDR_SHXYM": uscc(100),
            "CN_WSH": "云诺〔2026〕3号",
            "CN_LX": "审批替代型",
            "CN_NR": "承诺符合许可条件",
            "CN_SX": "行政许可",
            "CN_RQ": "2026-01-05",
            "CN_SLDW": "云岭市行政审批局",
            "CN_SLDWDM": uscc(2),
        },
        {"commitment_kind": "approval", "matter": "administrative-licence"},
    ),
    "evaluation": (
        {
            "PJ_XDR_MC": "云岭某公司",
            "PJ_XDR_SHXYM": uscc(100),
            "PJ_WSH": "评2026-1",
            "PJ_FA": "公共信用综合评价",
            "PJ_DJ": "a",
            "PJ_RQ": "2026-01-05",
            "PJ_YJ": "公共信用评价办法",
            "PJ_JG": "云岭市发展和改革委员会",
            "PJ_JGDM": uscc(2),
        },
        {"scheme": "public-credit", "grade": "A"},
    ),
    "contract": (
        {
            "HT_XDR_MC": "云岭某公司",
            "HT_XDR_SHXYM": uscc(100),
            "HT_BH": "HT-2026-1",
            "HT_XM": "云岭大桥维修",
            "HT_LYZT": "违约",
            "HT_QDRQ": "2025-01-05",
            "HT_BSRQ": "2026-01-05",
            "HT_BSDW": "云岭市交通运输局",
            "HT_BSDWDM": uscc(2),
        },
        {"performance": "breached", "project": "云岭大桥维修"},
    ),
    "enforcement": (
        {
            "ZX_XDR_MC": "云岭某公司",
            "ZX_XDR_SHXYM": uscc(100),
            "ZX_AH": "（2026）云01执12号",
            "ZX_YW": "支付货款",
            "ZX_LXQK": "全部未履行",
            "ZX_BD": "1234.56",
            "ZX_LARQ": "2026-01-05",
            "ZX_FY": "云岭市中级人民法院",
            "ZX_FYDM": uscc(3),
            "ZX_YJ": "（2025）云01民初3号",
        },
        {"performance": "none", "amount_fen": 123_456, "document": "（2026）云01执12号"},
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_every_form_makes_a_statement_of_its_kind(tmp_path: Path, name: str) -> None:
    members, expected = ROWS[name]
    for encoding in ("gb18030", None):
        [row] = good(write_sheet(tmp_path, [members], FORMS[name], encoding))
        assert row.kind == FORMS[name].kind
        assert {key: body(row).get(key) for key in expected} == expected


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("penalty", "licence")])
def test_a_person_in_any_form_stands_by_tag_and_texts_are_sealed(tmp_path: Path, name: str) -> None:
    prefix = FORMS[name].prefix
    changes = {
        f"{prefix}_XDR_MC": "张三",
        f"{prefix}_XDR_SHXYM": "",
        f"{prefix}_XDR_ZJLX": "身份证",
        f"{prefix}_XDR_ZJHM": resident(1),
    }
    [row] = good(write_sheet(tmp_path, [ROWS[name][0] | changes], FORMS[name]))
    assert row.personal is not None
    assert "张三" not in row.body.decode()
    sealed = loads(row.personal)
    assert sealed["subject"]["name"] == "张三"
    for text in ("project", "duty", "content"):
        assert text not in body(row)


@pytest.mark.parametrize("name", ["list", "commitment", "contract", "enforcement"])
def test_a_representative_of_any_form_is_related(tmp_path: Path, name: str) -> None:
    prefix = FORMS[name].prefix
    changes = {f"{prefix}_FRDB": "李四", f"{prefix}_FR_ZJHM": resident(2)}
    [row] = good(write_sheet(tmp_path, [ROWS[name][0] | changes], FORMS[name]))
    assert body(row)["related"][0]["person_tag"] == person_tag(KEY, 1, resident(2))


@pytest.mark.parametrize("name", FORMS)
def test_every_cell_that_must_be_filled_is_asked_for(tmp_path: Path, name: str) -> None:
    form = FORMS[name]
    header_only = {form.columns[-1].code: "x"}
    found = {each.column for each in problems(write_sheet(tmp_path, [header_only], form))}
    assert {column.code for column in form.columns[:-1] if column.filled} <= found


def test_lists_measures_and_matters_must_be_of_the_catalogue(tmp_path: Path) -> None:
    [row] = good(write_sheet(tmp_path, [LIST_ROW | {"MD_CS": "wage-bidding，WAGE-finance"}], LIST))
    assert body(row)["measures"] == ["wage-bidding", "wage-finance"]
    assert problem(write_sheet(tmp_path, [LIST_ROW | {"MD_LB": "月亮名单"}], LIST)) == (
        "MD_LB",
        "list_unknown",
    )
    assert problem(write_sheet(tmp_path, [LIST_ROW | {"MD_CS": "fly"}], LIST)) == ("MD_CS", "measure_unknown")
    commitment = ROWS["commitment"][0] | {"CN_SX": "飞行"}
    assert problem(write_sheet(tmp_path, [commitment], FORMS["commitment"])) == ("CN_SX", "matter_unknown")


def test_steps_wait_for_the_record_that_they_are_about(tmp_path: Path) -> None:
    removal = {
        "YC_LB": "wage-arrears",
        "YC_XDR_MC": "云岭某公司",
        "YC_XDR_SHXYM": uscc(100),
        "YC_WSH": "云岭列〔2026〕1号",
        "YC_YY": "信用修复",
        "YC_YJ": "信用信息修复管理办法",
        "YC_RQ": "2026-06-01",
    }
    [half] = built(write_sheet(tmp_path, [removal], FORMS["removal"]))
    assert isinstance(half, HalfRow)
    assert (half.wanted.kind, half.wanted.number) == ("credit.list.entered", "云岭列〔2026〕1号")
    assert half.wanted.subject == uscc(100)
    assert half.wanted.fits({"list": "wage-arrears"})
    assert not half.wanted.fits({"list": "tax-a"})
    wrong = write_sheet(tmp_path, [removal | {"YC_TMBH": "12"}], FORMS["removal"])
    assert problem(wrong)[0] == "YC_TMBH"


def test_no_title_belongs_to_two_columns_of_a_form() -> None:
    for form in FORMS.values():
        for column in form.columns:
            for title in (column.code, column.title, *column.other_titles):
                assert form.column(title) is column, (form.name, title)


def test_templates_keep_the_official_columns() -> None:
    assert PENALTY.codes[:2] == ("CF_XDR_MC", "CF_XDR_LB")
    assert len([column for column in PENALTY.columns if column.needed]) == 29
    assert len([column for column in LICENCE.columns if column.needed]) == 25

"""Rows of sheets: every form of cell, every refusal, and what a row becomes."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from made_sheets import (
    KEY,
    PENALTY_ROW,
    PERSON_ROW,
    body,
    builder,
    built,
    good,
    problem,
    problems,
    resident,
    write_sheet,
)

from ledger.formats.strictjson import loads
from ledger.formats.tags import person_tag
from ledger.services.importing import PreparedRow, mask_name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", None])
def test_a_sheet_says_the_same_in_every_encoding(tmp_path: Path, encoding: str | None) -> None:
    [expected] = good(write_sheet(tmp_path, [PENALTY_ROW]))
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW], encoding=encoding))
    assert row == expected
    assert body(row)["fine_fen"] == 500_000
    assert body(row)["penalty_kinds"] == ["warning", "fine"]
    assert "valid_until" not in body(row)


@pytest.mark.parametrize(
    "day",
    [
        "2026/1/5",
        "2026-01-05",
        "20260105",
        "2026.1.5",
        "2026年1月5日",
        "2026年01月05号",
        "2026 年 1 月 5 日",
        " 2026-1-5　",
        "２０２６/１/５",
        "2026-01-05 00:00:00",
        "2026-01-05 13:45",
        "2026/1/5 9:00:00.0",
        "\u200b2026-01-05\ufeff",
        date(2026, 1, 5),
        datetime(2026, 1, 5, 13, 45),
        46027,
        46027.5,
        20260105,
    ],
)
def test_every_form_of_a_date_is_the_same_day(tmp_path: Path, day: Any) -> None:
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_JDRQ": day}], encoding=None))
    assert body(row)["decided_on"] == "2026-01-05"


@pytest.mark.parametrize(
    "day",
    [
        "2026-02-30",
        "2026/13/1",
        "2026-1/5",
        "5.1.2026",
        "01/05/2026",
        "1900-01-01",
        "昨天",
        "2026-01",
        "2026-01-05 25:00",
        5,
        3.7,
        "2026-09-22",
        "长期",
    ],
)
def test_an_impossible_or_future_day_is_refused(tmp_path: Path, day: Any) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_JDRQ": day}], encoding=None)
    assert problem(path) == ("CF_JDRQ", "date_invalid")


def test_an_end_before_its_beginning_is_named_by_its_column(tmp_path: Path) -> None:
    for column in ("CF_YXQ", "CF_GSJZQ", "CF_GSKSQ"):
        path = write_sheet(tmp_path, [PENALTY_ROW | {column: "2026-01-04"}])
        assert problem(path) == (column, "statement_invalid")
        [found] = problems(path)
        assert "处罚决定日期" in found.zh


def test_what_cannot_be_seen_does_not_matter(tmp_path: Path) -> None:
    [plain] = good(write_sheet(tmp_path, [PENALTY_ROW]))
    code = PENALTY_ROW["CF_XDR_SHXYM"]
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    messy = PENALTY_ROW | {
        "CF_XDR_SHXYM": f"　{wide[:8]} {wide[8:]}\u200b ",
        "CF_CFJGDM": PENALTY_ROW["CF_CFJGDM"].lower(),
        "CF_XDR_MC": "\u3000云岭\u200b某\u2009公司\u00a0\ufeff",
        "CF_WSH": "云市监罚〔２０２６〕 12号",
        "CF_WFXW": "无证\u00ad经营\u2060",
        "CF_SY": "\ufeff未取得许可从事经营活动\r\n",
        "CF_NR_FK": " ０.５０ ",
        "CF_CFLB": "警告；罚款",
    }
    for encoding in ("utf-8", None):
        [row] = good(write_sheet(tmp_path, [messy], encoding=encoding))
        assert row == plain


@pytest.mark.parametrize(
    ("amount", "fen"), [("1,234.5", 1_234_500_000), (0.1 + 0.2, 300_000), (2, 2_000_000), (0, 0)]
)
def test_amounts_in_wan_are_whole_fen(tmp_path: Path, amount: Any, fen: int) -> None:
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_NR_FK": amount}], encoding=None))
    assert body(row)["fine_fen"] == fen


@pytest.mark.parametrize("amount", ["-1", "NaN", "1e99", "half", "0.0000001", "5000元", "5万"])
def test_amounts_that_are_none_are_refused(tmp_path: Path, amount: str) -> None:
    assert problem(write_sheet(tmp_path, [PENALTY_ROW | {"CF_NR_FK": amount}]))[0] == "CF_NR_FK"


def test_an_organisations_right_check_character_is_named(tmp_path: Path) -> None:
    code = PENALTY_ROW["CF_XDR_SHXYM"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    [found] = problems(write_sheet(tmp_path, [PENALTY_ROW | {"CF_XDR_SHXYM": wrong}]))
    assert (found.row, found.column, found.code) == (2, "CF_XDR_SHXYM", "check_digit_wrong")
    assert f"should be {code[-1]}" in found.en


def test_a_persons_right_check_digit_is_not_named_and_no_cell_is_quoted(tmp_path: Path) -> None:
    number = PERSON_ROW["CF_XDR_ZJHM"]
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    [found] = problems(write_sheet(tmp_path, [PERSON_ROW | {"CF_XDR_ZJHM": wrong}]))
    assert (found.column, found.code) == ("CF_XDR_ZJHM", "check_digit_wrong")
    assert "should be" not in found.en
    assert wrong[:6] not in repr(found)
    assert "张三" not in repr(found)


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("CF_XDR_SHXYM", 119901000000101234, "cell_mangled"),
        ("CF_XDR_SHXYM", 1.19901000000101e17, "cell_mangled"),
        ("CF_XDR_SHXYM", "1.19901E+17", "cell_mangled"),
        ("CF_WSH", date(2026, 1, 5), "cell_mangled"),
        ("CF_WSH", 20260000000000012, "cell_mangled"),
        ("CF_SY", "#N/A", "cell_error"),
        ("CF_JDRQ", "#VALUE!", "cell_error"),
        ("CF_CFJGDM", "#REF!", "cell_error"),
    ],
)
def test_what_a_spreadsheet_damaged_is_refused_in_its_row(
    tmp_path: Path, column: str, cell: Any, code: str
) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW, PENALTY_ROW | {column: cell}], encoding=None)
    rows = built(path)
    assert isinstance(rows[0], PreparedRow)
    assert problem(path) == (column, code)


def test_a_persons_number_stored_as_a_figure_is_refused(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PERSON_ROW | {"CF_XDR_ZJHM": 990001198001010010}], encoding=None)
    assert problem(path) == ("CF_XDR_ZJHM", "identifier_invalid")


def test_numbers_stored_as_text_and_text_stored_as_numbers_are_read(tmp_path: Path) -> None:
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_WSH": 20260012.0}], encoding=None))
    assert body(row)["document"] == "20260012"
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_NR_FK": "2"}], encoding=None))
    assert body(row)["fine_fen"] == 2_000_000


def test_a_person_is_sealed_and_stands_by_tag(tmp_path: Path) -> None:
    [row] = good(write_sheet(tmp_path, [PERSON_ROW | {"CF_XDR_MC": "张　三"}]))
    number = PERSON_ROW["CF_XDR_ZJHM"]
    assert body(row)["subject"] == {
        "type": "person",
        "person_tag": person_tag(KEY, 1, number),
        "epoch": 1,
    }
    assert "facts" not in body(row)
    assert row.personal is not None
    sealed = loads(row.personal)
    assert sealed["subject"] == {"name": "张三", "document_type": "111", "document_number": number}
    assert sealed["facts"] == "未取得许可从事经营活动"


REPRESENTED = PENALTY_ROW | {"CF_FRDB": "李四", "CF_FR_ZJLX": "身份证", "CF_FR_ZJHM": resident(2)}


def test_a_legal_representative_is_sealed_and_related_by_tag(tmp_path: Path) -> None:
    [row] = good(write_sheet(tmp_path, [REPRESENTED]))
    tag = person_tag(KEY, 1, resident(2))
    assert body(row)["related"] == [{"role": "legal-representative", "person_tag": tag, "epoch": 1}]
    assert tag in loads(row.keys)["subject"]
    assert "李四" not in row.body.decode()
    assert resident(2).encode() not in row.body
    assert row.personal is not None
    assert loads(row.personal)["legal_representative"] == {
        "name": "李四",
        "document_type": "111",
        "document_number": resident(2),
    }


@pytest.mark.parametrize(
    "changes",
    [{"CF_FR_ZJHM": "", "CF_FR_ZJLX": ""}, {"CF_FR_ZJLX": "护照", "CF_FR_ZJHM": "E12345678"}],
    ids=["no-number", "passport"],
)
def test_a_representative_without_a_resident_id_is_sealed_and_makes_no_tag(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    [row] = good(write_sheet(tmp_path, [REPRESENTED | changes]))
    assert "related" not in body(row)
    assert row.personal is not None
    assert loads(row.personal)["legal_representative"]["name"] == "李四"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"CF_FRDB": ""}, "CF_FRDB"),
        ({"CF_FR_ZJHM": resident(2)[:-1] + "Y"}, "CF_FR_ZJHM"),
        ({"CF_FR_ZJLX": "学生证"}, "CF_FR_ZJLX"),
    ],
    ids=["no-name", "wrong-number", "unknown-document"],
)
def test_a_representative_that_is_not_told_rightly_is_refused(
    tmp_path: Path, changes: dict[str, Any], column: str
) -> None:
    assert problem(write_sheet(tmp_path, [REPRESENTED | changes]))[0] == column


@pytest.mark.parametrize(
    ("text", "severity"), [("轻微", "minor"), ("一般失信", "general"), (" 严重 ", "serious"), ("", None)]
)
def test_a_penalty_may_name_its_severity(tmp_path: Path, text: str, severity: str | None) -> None:
    [row] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_YZCD": text}]))
    assert body(row).get("severity") == severity
    assert problem(write_sheet(tmp_path, [PENALTY_ROW | {"CF_YZCD": "非常严重"}]))[0] == "CF_YZCD"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"CF_XDR_SHXYM": ""}, "CF_XDR_SHXYM"),
        ({"CF_XDR_ZJHM": "1"}, "CF_XDR_ZJHM"),
        ({"CF_XDR_LB": "外星人"}, "CF_XDR_LB"),
        ({"CF_CFLB": "罚站"}, "CF_CFLB"),
        ({"CF_WSH": ""}, "CF_WSH"),
        ({"CF_WSH": "\u200b"}, "CF_WSH"),
        ({"CF_CFJGDM": "X"}, "CF_CFJGDM"),
        ({"CF_SY": "长" * 5000}, "CF_SY"),
        ({"CF_WFXW": "长" * 201}, "CF_WFXW"),
        ({"CF_XDR_MC": "a\x01b"}, "CF_XDR_MC"),
        ({"CF_SY": "长" * 4000, "CF_YJ": "长" * 4000, "CF_NR": "长" * 4000}, ""),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_row_and_column(
    tmp_path: Path, changes: dict[str, Any], column: str
) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW, PENALTY_ROW | changes])
    assert len([row for row in built(path) if isinstance(row, PreparedRow)]) == 1
    found = problems(path)
    assert {each.row for each in found} == {3}
    assert found[0].column == column
    assert all("\u4e00" <= each.zh[0] <= "\u9fff" for each in found)


@pytest.mark.parametrize(
    ("changes", "column"),
    [({"CF_XDR_SHXYM": "9"}, "CF_XDR_SHXYM"), ({"CF_XDR_ZJLX": "护照"}, "CF_XDR_ZJLX")],
)
def test_a_person_row_that_does_not_fit(tmp_path: Path, changes: dict[str, Any], column: str) -> None:
    assert problem(write_sheet(tmp_path, [PERSON_ROW | changes]))[0] == column


def test_a_persons_number_in_a_free_text_is_refused(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": f"当事人{resident(3)}无证经营"}])
    [found] = problems(path)
    assert found.column == "CF_SY"
    assert "公民身份号码" in found.zh
    assert resident(3) not in repr(found)


def test_ids_follow_from_the_row_and_hold_its_day(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, PENALTY_ROW | {"CF_WSH": "13号"}])
    first, again = good(path), good(path)
    assert [row.id for row in first] == [row.id for row in again]
    assert len({row.id for row in first}) == 3
    milliseconds = int(first[0].id.replace("-", "")[:12], 16)
    assert milliseconds == 1_767_542_400_000
    changed = good(path, builder(key=b"x" * 32))
    # The plain row's id is public; the person's depends on the key, so that nobody can guess the number.
    assert changed[0].id == first[0].id
    assert changed[1].id != first[1].id


def test_a_name_is_masked_to_its_first_character() -> None:
    assert [mask_name(name) for name in ("张三", "欧阳小明", "李", "")] == ["张**", "欧**", "李**", ""]

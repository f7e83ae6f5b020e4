"""Headers as departments have them: codes, titles, both, below titles, merged, and said twice."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from made_sheets import LIST_ROW, PENALTY_ROW, good, lines_of, write_csv, write_sheet, write_xlsx

from ledger.errors import ColumnMissing, SheetInvalid
from ledger.services.importing import FORMS, LICENCE, LIST, PENALTY, Form, open_sheet

TITLES = [column.title for column in PENALTY.columns]


def same(path: Path, expected: Path) -> None:
    assert [row.id for row in good(path)] == [row.id for row in good(expected)]


@pytest.mark.parametrize(
    "header",
    [
        TITLES,
        [f" {column.code}（{column.title}）" for column in PENALTY.columns],
        [f"{column.code}\n{column.title}" for column in PENALTY.columns],
        [column.code.lower() for column in PENALTY.columns],
        [f"*{title}" for title in TITLES],
        [title.replace("(", "（").replace(")", "）") for title in TITLES],
        ["　".join(title) for title in TITLES],
    ],
    ids=["titles", "code-and-title", "two-lines", "lower-case", "stars", "wide-brackets", "wide-spaces"],
)
def test_a_header_may_hold_codes_titles_or_both(tmp_path: Path, header: list[str]) -> None:
    plain = write_csv(tmp_path / "plain.csv", lines_of([PENALTY_ROW]))
    same(write_sheet(tmp_path, [PENALTY_ROW], header=header), plain)
    same(write_sheet(tmp_path, [PENALTY_ROW], header=header, encoding=None), plain)


def test_columns_may_stand_in_any_order_with_others_between(tmp_path: Path) -> None:
    lines = [["序号", *reversed(line), "填报人"] for line in lines_of([PENALTY_ROW])]
    lines[1][0], lines[1][-1] = 1, "某某"
    same(write_csv(tmp_path / "x.csv", lines), write_sheet(tmp_path, [PENALTY_ROW]))


def test_title_rows_above_the_header_are_passed_over(tmp_path: Path) -> None:
    above: list[list[Any]] = [
        ["云岭市行政处罚信息公示表（2026年1月）"],
        [],
        ["填报单位：云岭市市场监督管理局"],
    ]
    plain = write_csv(tmp_path / "plain.csv", lines_of([PENALTY_ROW]))
    for lines in (above + lines_of([PENALTY_ROW]), above + lines_of([PENALTY_ROW], header=TITLES)):
        same(write_xlsx(tmp_path / "a.xlsx", lines), plain)
        same(write_csv(tmp_path / "a.csv", lines), plain)


def test_a_header_said_again_in_the_other_language_is_no_row(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", lines_of([PENALTY_ROW]))
    codes, row = lines_of([PENALTY_ROW])
    for first, second in ((codes, TITLES), (TITLES, codes)):
        same(write_xlsx(tmp_path / "a.xlsx", [first, second, row]), plain)


def test_a_header_of_two_rows_with_merged_cells_is_read(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", lines_of([PENALTY_ROW | {"CF_FRDB": "李四"}]))
    groups = {
        "CF_XDR_MC": ("行政相对人", "名称"),
        "CF_XDR_LB": ("行政相对人", "类别"),
        "CF_XDR_SHXYM": ("行政相对人代码", "统一社会信用代码"),
        "CF_XDR_GSZC": ("行政相对人代码", "工商注册号"),
        "CF_XDR_ZZJG": ("行政相对人代码", "组织机构代码"),
        "CF_XDR_SWDJ": ("行政相对人代码", "税务登记号"),
        "CF_XDR_SYDW": ("行政相对人代码", "事业单位证书号"),
        "CF_XDR_SHZZ": ("行政相对人代码", "社会组织登记证号"),
        "CF_FRDB": ("法定代表人", "姓名"),
        "CF_FR_ZJLX": ("法定代表人", "证件类型"),
        "CF_FR_ZJHM": ("法定代表人", "证件号码"),
        "CF_CFJG": ("处罚机关", "名称"),
        "CF_CFJGDM": ("处罚机关", "统一社会信用代码"),
    }
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["云岭市行政处罚信息公示表"])
    sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(TITLES))
    upper = [groups.get(column.code, (column.title, ""))[0] for column in PENALTY.columns]
    lower = [groups.get(column.code, ("", None))[1] for column in PENALTY.columns]
    sheet.append(upper)
    sheet.append(lower)
    start = 0
    for at in range(1, len(upper) + 1):
        if at == len(upper) or upper[at] != upper[start]:
            if at - start > 1:
                sheet.merge_cells(start_row=2, end_row=2, start_column=start + 1, end_column=at)
            elif lower[start] is None:
                sheet.merge_cells(start_row=2, end_row=3, start_column=start + 1, end_column=start + 1)
            start = at
    sheet.append(lines_of([PENALTY_ROW | {"CF_FRDB": "李四"}])[1])
    book.save(tmp_path / "merged.xlsx")
    same(tmp_path / "merged.xlsx", plain)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_needed_column_of_a_form_must_be_there(tmp_path: Path, form: Form) -> None:
    for column in form.columns:
        header = [code if code != column.code else "其他列" for code in form.codes]
        path = write_sheet(tmp_path, [], form, header=header)
        if column.needed:
            with pytest.raises(ColumnMissing, match=column.code), open_sheet(path):
                pass
        else:
            with open_sheet(path) as sheet:
                assert sheet.form is form


def test_forms_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    for form in FORMS.values():
        for header in (form.codes, [column.title for column in form.columns]):
            with open_sheet(write_sheet(tmp_path, [], form, header=list(header))) as sheet:
                assert sheet.form is form


def test_a_form_that_was_named_is_kept_to(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing), open_sheet(write_sheet(tmp_path, [LIST_ROW], LIST), LICENCE):
        pass


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [], header=["CF_WSH" if code == "BZ" else code for code in PENALTY.codes])
    with pytest.raises(SheetInvalid, match="twice"), open_sheet(path):
        pass


@pytest.mark.parametrize("title", ["罚款金额(元)", "CF_NR_FK（元）", "罚款金额（元）"])
def test_an_amount_in_another_unit_is_not_taken_for_one_in_wan(tmp_path: Path, title: str) -> None:
    header = [title if code == "CF_NR_FK" else code for code in PENALTY.codes]
    with pytest.raises(ColumnMissing, match="CF_NR_FK"), open_sheet(write_sheet(tmp_path, [], header=header)):
        pass


def test_a_formula_in_the_header_names_no_column(tmp_path: Path) -> None:
    header = ['="CF_WSH"' if code == "CF_WSH" else code for code in PENALTY.codes]
    for encoding in ("utf-8", None):
        path = write_sheet(tmp_path, [], header=header, encoding=encoding)
        with pytest.raises(ColumnMissing, match="CF_WSH"), open_sheet(path):
            pass


def test_a_sheet_without_a_header_in_its_first_rows_is_refused(tmp_path: Path) -> None:
    far = [[f"说明{n}"] for n in range(40)] + lines_of([PENALTY_ROW])
    with pytest.raises(ColumnMissing), open_sheet(write_xlsx(tmp_path / "far.xlsx", far)):
        pass

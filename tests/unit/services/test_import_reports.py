"""What a clerk gets back: the sheet with what is wrong in it, and the templates to begin with."""

import stat
import warnings
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from made_sheets import (
    PENALTY_ROW,
    PERSON_ROW,
    built,
    good,
    lines_of,
    problem,
    write_csv,
    write_sheet,
    write_xlsx,
)

from ledger.services.importing import (
    FORMS,
    PENALTY,
    Form,
    ImportReport,
    PreparedRow,
    described,
    forms_described,
    open_sheet,
    write_problem_sheet,
    write_template,
)

TITLES = [column.title for column in PENALTY.columns]
WRONG = PENALTY_ROW | {"CF_JDRQ": "下周", "CF_XDR_SHXYM": "X", "CF_WSH": "2号"}


def report_of(path: Path) -> ImportReport:
    report = ImportReport()
    for row in built(path):
        if isinstance(row, list):
            report.refuse(row)
    return report


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    return list(sheet.iter_rows(values_only=True))


@pytest.mark.parametrize("encoding", ["gb18030", None])
def test_the_sheet_comes_back_with_what_is_wrong_in_each_bad_row(
    tmp_path: Path, encoding: str | None
) -> None:
    lines = [["云岭市行政处罚公示表"], *lines_of([PENALTY_ROW, WRONG, PERSON_ROW], header=TITLES)]
    source = (
        write_csv(tmp_path / "a.csv", lines, encoding) if encoding else write_xlsx(tmp_path / "a.xlsx", lines)
    )
    target = tmp_path / "report.xlsx"
    assert write_problem_sheet(source, target, report_of(source)) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    title, header, first, second, third = rows_of(target)
    width = len(TITLES)
    assert title[0] == "云岭市行政处罚公示表"
    assert list(header) == [*TITLES, "错误说明"]
    assert [cell or None for cell in first[:width]] == [cell or None for cell in lines[2]]
    assert (first[width], third[width]) == (None, None)
    one, other = second[width].split("\n")
    assert one.startswith("【行政相对人代码_1(统一社会信用代码)】")
    assert other.startswith("【处罚决定日期】日期无法识别")
    assert "[date_invalid]" in other


def test_only_the_bad_rows_if_asked(tmp_path: Path) -> None:
    source = write_sheet(tmp_path, [PENALTY_ROW, WRONG])
    target = tmp_path / "report.xlsx"
    assert write_problem_sheet(source, target, report_of(source), bad_only=True) == 1
    assert [row[PENALTY.codes.index("CF_WSH")] for row in rows_of(target)] == ["CF_WSH", "2号"]


def test_a_corrected_report_is_imported_like_any_sheet_and_explained_in_the_same_column(
    tmp_path: Path,
) -> None:
    source = write_sheet(tmp_path, [PENALTY_ROW, WRONG], encoding=None)
    target, again = tmp_path / "report.xlsx", tmp_path / "again.xlsx"
    write_problem_sheet(source, target, report_of(source), bad_only=True)
    assert len(report_of(target).problems) == 2
    write_problem_sheet(target, again, report_of(target))
    assert list(rows_of(again)[0]).count("错误说明") == 1
    book = openpyxl.load_workbook(target)
    sheet = book.active
    assert sheet is not None
    for code in ("CF_JDRQ", "CF_XDR_SHXYM"):
        sheet.cell(2, PENALTY.codes.index(code) + 1).value = PENALTY_ROW[code]
    book.save(target)
    [row] = good(target)
    [expected] = good(write_sheet(tmp_path, [PENALTY_ROW | {"CF_WSH": "2号"}]))
    assert row.id == expected.id


INJECTED = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", INJECTED)
def test_nothing_in_a_report_is_computed(tmp_path: Path, text: str) -> None:
    rows = [WRONG | {"CF_XDR_MC": text, "BZ": text}]
    source = write_sheet(tmp_path, rows, encoding="utf-8" if text[0] != "=" else None)
    if text[0] == "=":
        book = openpyxl.load_workbook(source)
        sheet = book.active
        assert sheet is not None
        for code in ("CF_XDR_MC", "BZ"):
            cell = sheet.cell(2, PENALTY.codes.index(code) + 1)
            cell.value, cell.data_type = text, "s"
        book.save(source)
    target = tmp_path / "report.xlsx"
    write_problem_sheet(source, target, report_of(source))
    written = openpyxl.load_workbook(target).active
    assert written is not None
    for code in ("CF_XDR_MC", "BZ"):
        cell = written.cell(2, PENALTY.codes.index(code) + 1)
        assert cell.data_type in ("s", "inlineStr")
        assert cell.quotePrefix
        assert cell.value == text
    # What is read from it is what was read before.
    assert problem_codes(target) == problem_codes(source)


def problem_codes(path: Path) -> list[tuple[str, str]]:
    return [(each.column, each.code) for each in report_of(path).problems]


def test_a_formula_comes_back_as_an_error_that_is_refused_again(tmp_path: Path) -> None:
    source = write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": "=1+1"}], encoding=None)
    target = tmp_path / "report.xlsx"
    write_problem_sheet(source, target, report_of(source))
    assert "公式" in rows_of(target)[1][-1]
    assert problem(target) == ("CF_SY", "cell_error")


def test_cells_that_xml_cannot_hold_come_back_as_they_were(tmp_path: Path) -> None:
    text = "a\x01b_x0041_<&>\"'\r\n\u2028末"
    source = write_sheet(tmp_path, [PENALTY_ROW | {"CF_SY": text}])
    target = tmp_path / "report.xlsx"
    write_problem_sheet(source, target, report_of(source))
    with open_sheet(source) as one, open_sheet(target) as other:
        assert [row.cells["CF_SY"] for row in other.rows] == [row.cells["CF_SY"] for row in one.rows]


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    source = write_sheet(tmp_path, [PENALTY_ROW])
    with pytest.raises(OSError, match="No such file"):
        write_problem_sheet(source, tmp_path / "absent" / "r.xlsx", ImportReport())
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_problem_sheet(source, tmp_path / "folder", ImportReport())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "sheet.csv"]


def test_a_link_in_the_reports_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    source = write_sheet(tmp_path, [PENALTY_ROW])
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "r.xlsx").symlink_to(precious)
    write_problem_sheet(source, tmp_path / "r.xlsx", ImportReport())
    assert precious.read_text() == "kept"


# Templates


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_empty_template_is_a_sheet_of_its_form_and_can_be_filled(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "template.xlsx"
    write_template(form, path)
    with open_sheet(path) as sheet:
        assert sheet.form is form
        assert sheet.seen.name == form.zh
        assert list(sheet.rows) == []


def test_a_filled_template_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    write_template(PENALTY, path)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    # Typed into cells of the format text, as a clerk does.
    assert sheet.column_dimensions["C"].number_format == "@"
    sheet.append([PENALTY_ROW.get(code) for code in PENALTY.codes])
    book.save(path)
    [row] = built(path)
    assert isinstance(row, PreparedRow)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_column_is_explained(form: Form) -> None:
    first, *lines = described(form)
    assert form.name in first
    assert len(lines) == len(form.columns)
    for column, line in zip(form.columns, lines, strict=True):
        assert column.code in line
        assert column.title in line


def test_every_form_is_listed() -> None:
    assert [line.split()[0] for line in forms_described()] == list(FORMS)

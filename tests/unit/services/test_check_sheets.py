"""Lists of subjects as spreadsheets: read as people send them, written without formulas or numbers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ledger.errors import ColumnMissing, SheetInvalid, TooManyRows
from ledger.services.checking.sheets import SheetQuestion, read_questions, write_results
from ledger.services.importing.reading import SheetLimits

Uscc = Callable[[int], str]
HEADER = ("序号", "投标人名称", "统一社会信用代码")


def xlsx(path: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(list(row))
    book.save(path)
    return path


def csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("投标人名称", "统一社会信用代码"),
        ("供应商名称", "社会信用代码"),
        ("企业名称", "统一社会信用代码（18位）"),
        ("名称", "代码"),
    ],
)
def test_names_and_codes_are_found_under_the_titles_people_use(
    tmp_path: Path, uscc: Uscc, name: str, code: str
) -> None:
    sheet = xlsx(tmp_path / "a.xlsx", [(1, "云岭某公司", uscc(5))], ("序号", name, code))
    [question] = read_questions(sheet)
    assert question.subject == {"type": "organisation", "code": uscc(5), "name": "云岭某公司"}
    assert (question.row, question.shown, question.error) == (2, uscc(5), None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_every_encoding_with_full_width_and_stray_spaces(
    tmp_path: Path, uscc: Uscc, encoding: str
) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) for c in uscc(5))
    sheet = csv(
        tmp_path / "a.csv", f"主体名称,统一社会信用代码\n　云岭某公司 , {wide} \n,{uscc(6)}\n", encoding
    )
    first, second = read_questions(sheet)
    assert first.subject == {"type": "organisation", "code": uscc(5), "name": "云岭某公司"}
    assert second.subject == {"type": "organisation", "code": uscc(6)}


def test_persons_are_masked_and_named_by_their_own_column(
    tmp_path: Path, resident: Callable[[int], str]
) -> None:
    number = resident(5)
    sheet = xlsx(tmp_path / "a.xlsx", [("张三", number, "sq-1")], ("姓名", "公民身份号码", "授权编号"))
    [question] = read_questions(sheet)
    assert question.subject == {"type": "person", "code": number, "name": "张三", "authorisation": "sq-1"}
    assert question.shown == number[:4] + "*" * 10 + number[-4:]
    assert number not in repr(question)


def test_a_code_of_either_sort_is_told_by_its_check_character(
    tmp_path: Path, uscc: Uscc, resident: Callable[[int], str]
) -> None:
    rows = [("甲", uscc(5)), ("乙", resident(5)), ("丙", "91990001000000000X")]
    questions = read_questions(xlsx(tmp_path / "a.xlsx", rows, ("名称", "证件号码")))
    assert [question.subject and question.subject["type"] for question in questions] == [
        "organisation",
        "person",
        None,
    ]
    assert questions[2].error is not None
    assert questions[2].error.code == "identifier_invalid"


def test_a_representative_is_asked_about_with_the_company(
    tmp_path: Path, uscc: Uscc, resident: Callable[[int], str]
) -> None:
    header = ("企业名称", "统一社会信用代码", "法定代表人身份证号", "授权编号")
    rows = [("甲", uscc(5), resident(1), "sq-1"), ("乙", uscc(6), None, None)]
    first, second = read_questions(xlsx(tmp_path / "a.xlsx", rows, header))
    assert first.subject is not None
    assert first.subject["related"] == [
        {"role": "legal-representative", "code": resident(1), "authorisation": "sq-1"}
    ]
    assert "authorisation" not in first.subject
    assert second.subject == {"type": "organisation", "code": uscc(6), "name": "乙"}


def test_bad_rows_are_named_and_block_nothing(
    tmp_path: Path, uscc: Uscc, resident: Callable[[int], str]
) -> None:
    number = resident(1)
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    header = ("名称", "统一社会信用代码", "公民身份号码")
    rows = [
        ("甲", uscc(5), None),
        ("乙", uscc(5)[:-1] + "!", None),
        ("丙", None, None),
        ("丁", uscc(6), number),
        ("戊", None, wrong),
        ("名" * 201, uscc(7), None),
        ("己", uscc(8), None),
    ]
    questions = read_questions(xlsx(tmp_path / "a.xlsx", rows, header))
    assert [question.error and question.error.code for question in questions] == [
        None,
        "identifier_invalid",
        "identifier_invalid",
        "identifier_invalid",
        "check_digit_wrong",
        "statement_invalid",
        None,
    ]
    assert [question.row for question in questions] == [2, 3, 4, 5, 6, 7, 8]
    assert not any(wrong in str(question.error) or number in str(question.error) for question in questions)


@pytest.mark.parametrize("spoilt", [("=1+1", 0), ("甲", "=A1"), ("甲", 919901222350874460.0)])
def test_formulas_and_mangled_codes_are_named_by_their_row(
    tmp_path: Path, uscc: Uscc, spoilt: tuple[str, Any]
) -> None:
    name, code = spoilt
    rows = [(1, name, code or uscc(5)), (2, "乙", uscc(6))]
    first, second = read_questions(xlsx(tmp_path / "a.xlsx", rows))
    assert first.error is not None
    assert first.error.code in ("formula_forbidden", "cell_mangled")
    assert (first.subject, second.error) == (None, None)


def test_a_row_that_is_cut_or_has_too_much_is_named(tmp_path: Path, uscc: Uscc) -> None:
    text = f"名称,统一社会信用代码\n甲,{uscc(5)}\n乙,{uscc(6)},丙,丁\n戊,{uscc(7)[:9]}"
    questions = read_questions(csv(tmp_path / "a.csv", text))
    assert [question.error and question.error.code for question in questions] == [
        None,
        "row_too_wide",
        "identifier_invalid",
    ]


def test_a_million_blank_rows_are_none(tmp_path: Path, uscc: Uscc) -> None:
    sheet = csv(tmp_path / "a.csv", f"名称,统一社会信用代码\n甲,{uscc(5)}\n" + ",\n" * 1_000_000)
    assert len(read_questions(sheet)) == 1


def test_sheets_that_are_none_are_refused(tmp_path: Path, uscc: Uscc) -> None:
    with pytest.raises(ColumnMissing):
        read_questions(xlsx(tmp_path / "a.xlsx", [("甲", "乙")], ("颜色", "大小")))
    with pytest.raises(ColumnMissing):
        read_questions(xlsx(tmp_path / "b.xlsx", [("甲", "乙")], ("名称", "大小")))
    with pytest.raises(SheetInvalid):
        read_questions(csv(tmp_path / "c.csv", ""))
    rows = [(n, "甲", uscc(5)) for n in range(4)]
    with pytest.raises(TooManyRows):
        read_questions(xlsx(tmp_path / "e.xlsx", rows), SheetLimits(rows=3))


# Results

FINDINGS: dict[str, Any] = {
    "decision": "restrict",
    "hits": [
        {
            "title": "拖欠农民工工资失信联合惩戒对象名单",
            "case": "云岭列〔2026〕1号",
            "authority_name": "云岭市人社局",
            "roles": ["legal-representative"],
            "of": {"type": "person", "code": "9900**********0011", "name": None},
            "measures": [
                {
                    "name": "限制政府采购",
                    "basis": "保障农民工工资支付条例 48",
                    "until": None,
                    "term": "while listed",
                }
            ],
        }
    ],
    "name_matches": "no",
    "not_asked": ["actual-controller"],
}


def results(tmp_path: Path, questions: list[SheetQuestion], items: dict[int, Any]) -> list[tuple[Any, ...]]:
    path = tmp_path / "result.xlsx"
    write_results(path, questions, items, [("事项", "政府采购")])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["核查结果", "核查说明"]
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row), "no cell is a formula"
    return list(book.worksheets[0].iter_rows(values_only=True))


def test_each_row_has_its_result_beside_it(tmp_path: Path, uscc: Uscc) -> None:
    questions = read_questions(
        xlsx(
            tmp_path / "a.xlsx", [(1, "甲", uscc(5)), (2, "乙", "X"), (3, "丙", uscc(6)), (4, "甲", uscc(5))]
        )
    )
    logged = {"index": 7, "id": "01a2020d"}
    refusal = {"code": "authorisation_missing", "zh": "须有授权。", "en": "...", "detail": "name one"}
    nothing = {**FINDINGS, "decision": "clear", "hits": [], "name_matches": None, "not_asked": []}
    items = {
        2: {"findings": FINDINGS, "refusal": None, "same_as": None, "logged": logged},
        4: {"findings": None, "refusal": refusal, "same_as": None, "logged": None},
        5: {"findings": nothing, "refusal": None, "same_as": 2, "logged": None},
    }
    header, *rows = results(tmp_path, questions, items)
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["结论"] for row in found] == ["限制", None, None, "未命中"]
    assert found[0]["命中"] == (
        "法定代表人 9900**********0011 拖欠农民工工资失信联合惩戒对象名单（云岭列〔2026〕1号，云岭市人社局）"
    )
    assert (found[0]["措施"], found[0]["措施截止"]) == ("限制政府采购", "在册期间 while listed")
    assert (found[0]["名称核对"], found[0]["未查角色"]) == ("不一致", "实际控制人")
    assert found[0]["核查留痕"] == "7 01a2020d"
    assert (found[1]["问题代码"], found[2]["问题代码"]) == ("identifier_invalid", "authorisation_missing")
    assert found[3]["相同于行"] == "2"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "甲\x01乙"])
def test_what_looks_like_a_formula_is_written_as_the_text_that_it_is(
    tmp_path: Path, uscc: Uscc, name: str
) -> None:
    question = SheetQuestion(2, name, uscc(5), {"type": "organisation", "code": uscc(5)})
    _, row = results(tmp_path, [question], {})
    assert row[1] == name.replace("\x01", " ")

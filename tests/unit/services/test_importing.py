"""Sheets: every form of cell, every refusal, and an import that can be repeated."""

import csv
import os
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from ledger.catalog import load_catalogue
from ledger.errors import (
    BatchLineInvalid,
    ColumnMissing,
    FormulaForbidden,
    IdReused,
    SheetInvalid,
    StoreBusy,
    TooLarge,
    TooManyRows,
)
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.formats.strictjson import loads
from ledger.formats.tags import person_tag
from ledger.services.importing import (
    LICENCE,
    LIST,
    PENALTY,
    Form,
    ImportReport,
    ImportTarget,
    PreparedRow,
    RowBuilder,
    SheetLimits,
    import_sheet,
    mask_name,
    open_sheet,
    prepare_sheet,
)

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

Write = Callable[..., Path]
KEY = b"1" * 32


@pytest.fixture
def builder(uscc: Callable[[int], str]) -> RowBuilder:
    return RowBuilder(uscc(2), KEY, 1, load_catalogue(), date(2026, 9, 21))


@pytest.fixture
def penalty(uscc: Callable[[int], str]) -> dict[str, Any]:
    return {
        "CF_XDR_MC": "云岭某公司",
        "CF_XDR_LB": "法人及非法人组织",
        "CF_XDR_SHXYM": uscc(100),
        "CF_WSH": "云市监罚〔2026〕12号",
        "CF_WFXW": "无证经营",
        "CF_SY": "未取得许可从事经营活动",
        "CF_YJ": "行政许可法 第八十一条",
        "CF_CFLB": "警告;罚款",
        "CF_NR": "罚款五千元",
        "CF_NR_FK": "0.5",
        "CF_JDRQ": "2026/1/5",
        "CF_CFJG": "云岭市市场监督管理局",
        "CF_CFJGDM": uscc(2),
    }


@pytest.fixture
def person(penalty: dict[str, Any], resident: Callable[[int], str]) -> dict[str, Any]:
    changes = {
        "CF_XDR_MC": "张三",
        "CF_XDR_LB": "自然人",
        "CF_XDR_SHXYM": "",
        "CF_XDR_ZJLX": "身份证",
        "CF_XDR_ZJHM": resident(1),
    }
    return penalty | changes


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows (dicts by column code) as a sheet: XLSX, or CSV in an encoding."""

    def written(
        rows: list[dict[str, Any]],
        form: Form = PENALTY,
        encoding: str | None = "utf-8",
        header: list[str] | None = None,
    ) -> Path:
        header = header or list(form.codes)
        values = [[row.get(code) for code in form.codes] for row in rows]
        if encoding is None:
            path = tmp_path / "sheet.xlsx"
            book = openpyxl.Workbook()
            sheet = book.active
            assert sheet is not None
            for line in (header, *values):
                sheet.append(line)
            book.save(path)
            return path
        path = tmp_path / "sheet.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([header, *values])
        return path

    return written


def prepared(path: Path, builder: RowBuilder, **members: Any) -> tuple[list[PreparedRow], ImportReport]:
    report = ImportReport()
    return prepare_sheet(path, builder, report, **members), report


def body(row: PreparedRow) -> dict[str, Any]:
    return dict(loads(row.body))


def problem(path: Path, builder: RowBuilder) -> tuple[str, str]:
    rows, report = prepared(path, builder)
    assert not rows
    [found] = report.problems
    return found.column, found.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", None])
def test_a_sheet_says_the_same_in_every_encoding(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], encoding: str | None
) -> None:
    [expected], _ = prepared(write([penalty]), builder)
    [row], report = prepared(write([penalty], encoding=encoding), builder)
    assert (row, report.problems) == (expected, [])
    assert body(row)["fine_fen"] == 500_000
    assert body(row)["penalty_kinds"] == ["warning", "fine"]
    assert "valid_until" not in body(row)


def test_a_header_may_hold_codes_titles_or_both(
    write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    for header in (
        [column.title for column in PENALTY.columns],
        [f" {column.code}（{column.title}）" for column in PENALTY.columns],
        [column.code.lower() for column in PENALTY.columns],
    ):
        rows, report = prepared(write([penalty], header=header), builder)
        assert len(rows) == 1, report.problems


@pytest.mark.parametrize(
    "day",
    [
        "2026/1/5",
        "2026-01-05",
        "20260105",
        "2026.1.5",
        "2026年1月5日",
        " 2026-1-5　",
        "２０２６/１/５",
        "2026-01-05 00:00:00",
        date(2026, 1, 5),
        datetime(2026, 1, 5),
        46027,
        20260105,
    ],
)
def test_every_form_of_a_date_is_the_same_day(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], day: Any
) -> None:
    [row], _ = prepared(write([penalty | {"CF_JDRQ": day}], encoding=None), builder)
    assert body(row)["decided_on"] == "2026-01-05"


@pytest.mark.parametrize(
    "day", ["2026-02-30", "2026/13/1", "2026-1/5", "5.1.2026", "1900-01-01", "昨天", 5, 3.7, "2026-09-22"]
)
def test_an_impossible_or_future_day_is_refused(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], day: Any
) -> None:
    assert problem(write([penalty | {"CF_JDRQ": day}], encoding=None), builder) == ("CF_JDRQ", "date_invalid")


def test_full_width_digits_and_stray_spaces_do_not_matter(
    write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    [plain], _ = prepared(write([penalty]), builder)
    code = penalty["CF_XDR_SHXYM"]
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    messy = penalty | {
        "CF_XDR_SHXYM": f"　{wide[:8]} {wide[8:]} ",
        "CF_CFJGDM": penalty["CF_CFJGDM"].lower(),
        "CF_XDR_MC": "\u3000云岭某公司\u00a0",
        "CF_NR_FK": " ０.５０ ",
    }
    [row], _ = prepared(write([messy]), builder)
    assert row == plain


@pytest.mark.parametrize(
    ("amount", "fen"), [("1,234.5", 1_234_500_000), (0.1 + 0.2, 300_000), (2, 2_000_000)]
)
def test_amounts_in_wan_are_whole_fen(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], amount: Any, fen: int
) -> None:
    [row], _ = prepared(write([penalty | {"CF_NR_FK": amount}], encoding=None), builder)
    assert body(row)["fine_fen"] == fen


@pytest.mark.parametrize("amount", ["-1", "NaN", "1e99", "half", "0.0000001"])
def test_amounts_that_are_none_are_refused(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], amount: str
) -> None:
    assert problem(write([penalty | {"CF_NR_FK": amount}]), builder)[0] == "CF_NR_FK"


@pytest.mark.parametrize("form", [PENALTY, LICENCE, LIST])
def test_every_column_of_a_template_must_be_there(write: Write, form: Form) -> None:
    for column in form.columns:
        header = [code if code != column.code else "其他列" for code in form.codes]
        path = write([], form, header=header)
        if column.needed:
            with pytest.raises(ColumnMissing, match=column.code), open_sheet(path):
                pass
        else:
            with open_sheet(path) as sheet:
                assert sheet.form is form


def test_a_sheet_without_header_or_of_no_form_is_refused(tmp_path: Path) -> None:
    for text in ("", "a,b\n1,2\n"):
        path = tmp_path / "sheet.csv"
        path.write_text(text)
        with pytest.raises(ColumnMissing), open_sheet(path):
            pass


def test_a_column_named_twice_is_refused(write: Write) -> None:
    path = write([], header=["CF_WSH" if code == "BZ" else code for code in PENALTY.codes])
    with pytest.raises(SheetInvalid, match="twice"), open_sheet(path):
        pass


@pytest.mark.parametrize("encoding", ["utf-8", None])
def test_a_formula_is_refused_by_the_name_of_its_cell(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], encoding: str | None
) -> None:
    path = write([penalty, penalty | {"CF_XDR_MC": "=HYPERLINK(A1)"}], encoding=encoding)
    with pytest.raises(FormulaForbidden, match="A3"):
        prepared(path, builder)


def test_more_rows_than_allowed_are_refused_and_blank_ones_do_not_count(
    write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    rows = [penalty | {"CF_WSH": f"{n}号"} for n in range(3)]
    path = write([rows[0], {}, rows[1], {}, {}, rows[2]], encoding=None)
    assert len(prepared(path, builder, limits=SheetLimits(rows=3))[0]) == 3
    with pytest.raises(TooManyRows):
        prepared(path, builder, limits=SheetLimits(rows=2))


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (8 << 20))
    started = time.monotonic()
    with pytest.raises(TooLarge), open_sheet(path, limits=SheetLimits(unpacked_bytes=1 << 20)):
        pass
    with pytest.raises(TooLarge), open_sheet(path, limits=SheetLimits(file_bytes=100)):
        pass
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0old", b"\xff\xfea\0", b"a\0b", b"\x80\x81\xff\xff", b'"a\n'],
)
def test_files_that_are_no_sheet_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    with pytest.raises(SheetInvalid), open_sheet(path):
        pass
    with pytest.raises(SheetInvalid), open_sheet(tmp_path / "absent.csv"):
        pass


def test_an_organisations_right_check_character_is_named(
    write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    code = penalty["CF_XDR_SHXYM"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    _, report = prepared(write([penalty | {"CF_XDR_SHXYM": wrong}]), builder)
    [found] = report.problems
    assert (found.row, found.column, found.code) == (2, "CF_XDR_SHXYM", "check_digit_wrong")
    assert f"should be {code[-1]}" in found.en


def test_a_persons_right_check_digit_is_not_named_and_no_cell_is_quoted(
    write: Write, builder: RowBuilder, person: dict[str, Any]
) -> None:
    number = person["CF_XDR_ZJHM"]
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    _, report = prepared(write([person | {"CF_XDR_ZJHM": wrong}]), builder)
    [found] = report.problems
    assert (found.column, found.code) == ("CF_XDR_ZJHM", "check_digit_wrong")
    assert "should be" not in found.en
    assert wrong[:6] not in repr(found)
    assert "张三" not in repr(found)


def test_a_number_stored_as_a_figure_is_refused(
    write: Write, builder: RowBuilder, person: dict[str, Any]
) -> None:
    path = write([person | {"CF_XDR_ZJHM": 990001198001010010}], encoding=None)
    assert problem(path, builder) == ("CF_XDR_ZJHM", "identifier_invalid")


def test_a_person_is_sealed_and_stands_by_tag(
    write: Write, builder: RowBuilder, person: dict[str, Any]
) -> None:
    [row], _ = prepared(write([person]), builder)
    number = person["CF_XDR_ZJHM"]
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


def test_a_legal_representative_is_sealed(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], resident: Callable[[int], str]
) -> None:
    row = penalty | {"CF_FRDB": "李四", "CF_FR_ZJLX": "身份证", "CF_FR_ZJHM": resident(2)}
    [built], _ = prepared(write([row]), builder)
    assert "李四" not in built.body.decode()
    assert resident(2).encode() not in built.body
    assert built.personal is not None
    assert loads(built.personal)["legal_representative"]["name"] == "李四"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"CF_XDR_SHXYM": ""}, "CF_XDR_SHXYM"),
        ({"CF_XDR_ZJHM": "1"}, "CF_XDR_ZJHM"),
        ({"CF_XDR_LB": "外星人"}, "CF_XDR_LB"),
        ({"CF_CFLB": "罚站"}, "CF_CFLB"),
        ({"CF_WSH": ""}, "CF_WSH"),
        ({"CF_CFJGDM": "X"}, "CF_CFJGDM"),
        ({"CF_YXQ": "2025-01-01"}, ""),
        ({"CF_SY": "长" * 5000}, ""),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_row_and_column(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], changes: dict[str, Any], column: str
) -> None:
    rows, report = prepared(write([penalty, penalty | changes]), builder)
    assert len(rows) == 1
    assert (report.refused, {found.row for found in report.problems}) == (1, {3})
    assert report.problems[0].column == column


@pytest.mark.parametrize(
    ("changes", "column"),
    [({"CF_XDR_SHXYM": "9"}, "CF_XDR_SHXYM"), ({"CF_XDR_ZJLX": "护照"}, "CF_XDR_ZJLX")],
)
def test_a_person_row_that_does_not_fit(
    write: Write, builder: RowBuilder, person: dict[str, Any], changes: dict[str, Any], column: str
) -> None:
    _, report = prepared(write([person | changes]), builder)
    assert column in {found.column for found in report.problems}


def test_a_number_in_a_free_text_is_refused(
    write: Write, builder: RowBuilder, penalty: dict[str, Any], resident: Callable[[int], str]
) -> None:
    rows, report = prepared(write([penalty | {"CF_SY": f"当事人{resident(3)}无证经营"}]), builder)
    assert not rows
    assert resident(3) not in repr(report)


def test_licences_and_lists_are_read_too(
    write: Write, builder: RowBuilder, uscc: Callable[[int], str], resident: Callable[[int], str]
) -> None:
    licence = {
        "XK_XDR_MC": "云岭某公司",
        "XK_XDR_SHXYM": uscc(100),
        "XK_WSH": "云岭许〔2026〕1号",
        "XK_XKLB": "普通",
        "XK_NR": "准予从事食品销售",
        "XK_JDRQ": "20260105",
        "XK_YXQZ": "20260105",
        "XK_YXQZI": "长期",
        "XK_XKJG": "云岭市行政审批局",
        "XK_XKJGDM": uscc(2),
        "XK_ZT": 1,
    }
    [row], _ = prepared(write([licence], LICENCE, encoding=None), builder)
    assert (row.kind, body(row)["state"]) == ("credit.licence.published", "valid")
    assert "valid_until" not in body(row)
    listed = {
        "MD_LB": "拖欠农民工工资失信联合惩戒对象名单",
        "MD_XDR_MC": "张三",
        "MD_XDR_LB": "自然人",
        "MD_XDR_ZJLX": "身份证",
        "MD_XDR_ZJHM": resident(1).lower(),
        "MD_WSH": "云岭列〔2026〕1号",
        "MD_LRJG": "云岭市人社局",
        "MD_LRJGDM": uscc(2),
        "MD_YJ": "保障农民工工资支付条例 48",
        "MD_SY": "数额较大",
        "MD_LRRQ": "2026-01-05",
        "MD_CS": "wage-bidding，wage-finance",
    }
    [row], _ = prepared(write([listed], LIST), builder)
    assert (body(row)["list"], body(row)["until"]) == ("wage-arrears", None)
    assert body(row)["measures"] == ["wage-bidding", "wage-finance"]
    assert problem(write([listed | {"MD_LB": "月亮名单"}], LIST), builder)[0] == "MD_LB"
    assert problem(write([listed | {"MD_CS": "fly"}], LIST), builder)[0] == "MD_CS"


def test_ids_follow_from_the_row_and_hold_its_day(
    write: Write,
    builder: RowBuilder,
    penalty: dict[str, Any],
    person: dict[str, Any],
    uscc: Callable[[int], str],
) -> None:
    path = write([penalty, person, penalty | {"CF_WSH": "13号"}])
    first, _ = prepared(path, builder)
    again, _ = prepared(path, builder)
    assert [row.id for row in first] == [row.id for row in again]
    assert len({row.id for row in first}) == 3
    milliseconds = int(first[0].id.replace("-", "")[:12], 16)
    assert milliseconds == 1_767_542_400_000
    other_key = RowBuilder(uscc(2), b"x" * 32, 1, load_catalogue(), date(2026, 9, 21))
    changed, _ = prepared(path, other_key)
    # The plain row's id is public; the person's depends on the key, so that nobody can guess the number.
    assert changed[0].id == first[0].id
    assert changed[1].id != first[1].id


def test_a_row_that_stands_twice_is_taken_once(
    write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    rows, report = prepared(write([penalty, penalty]), builder)
    assert len(rows) == 1
    assert [(found.row, found.code) for found in report.problems] == [(3, "row_repeated")]


def test_a_name_is_masked_to_its_first_character() -> None:
    assert [mask_name(name) for name in ("张三", "欧阳小明", "李", "")] == ["张**", "欧**", "李**", ""]


# The whole way into the log


def target(city: City, submit: Any = None) -> ImportTarget:
    log = city.logs["credit"]

    def lookup(id: str) -> bytes | None:
        found = log.store.find(city.bureau, id)
        return found.entry if found else None

    return ImportTarget(
        log.origin,
        city.bureau,
        city.signers[city.bureau],
        submit or city.appender("credit").submit_batch,
        lookup,
    )


def run(city: City, path: Path, builder: RowBuilder, submit: Any = None, **members: Any) -> ImportReport:
    return import_sheet(path, builder, target(city, submit), city.clock, os.urandom, **members)


@pytest.fixture
def sheet(write: Write, penalty: dict[str, Any], person: dict[str, Any]) -> Path:
    return write([penalty, person, penalty | {"CF_JDRQ": "never"}, penalty | {"CF_WSH": "13号"}])


def test_good_rows_are_logged_and_bad_ones_reported(city: City, sheet: Path, builder: RowBuilder) -> None:
    report = run(city, sheet, builder, batch_rows=2)
    assert (report.rows, report.accepted, report.already, report.refused) == (4, 3, 0, 1)
    assert len(report.receipts) == 2
    store = city.logs["credit"].store
    payloads = [parse_envelope(stored.entry).payload for stored in store.entries(0, store.size())]
    assert len(payloads) == 3 + 2
    assert parse_statement(payloads[1]).kind == "credit.penalty.published"
    assert store.sealed(2) is not None


def test_nothing_is_sent_of_a_sheet_with_a_bad_row_if_asked(
    city: City, sheet: Path, builder: RowBuilder
) -> None:
    report = run(city, sheet, builder, all_or_nothing=True)
    assert (report.accepted, report.refused) == (0, 1)
    assert city.logs["credit"].store.size() == 0


def test_nothing_is_sent_of_a_sheet_that_is_refused(
    city: City, write: Write, builder: RowBuilder, penalty: dict[str, Any]
) -> None:
    path = write([penalty | {"CF_WSH": f"{n}号"} for n in range(4)])
    with pytest.raises(TooManyRows):
        run(city, path, builder, batch_rows=1, limits=SheetLimits(rows=3))
    assert city.logs["credit"].store.size() == 0


@pytest.mark.parametrize("with_journal", [True, False])
def test_importing_again_adds_nothing(
    city: City, sheet: Path, builder: RowBuilder, tmp_path: Path, with_journal: bool
) -> None:
    journal = tmp_path / "journal" if with_journal else None
    run(city, sheet, builder, journal=journal)
    size = city.logs["credit"].store.size()
    city.now += 2 * 24 * 3600 * 1000
    report = run(city, sheet, builder, journal=journal)
    assert (report.accepted, report.already, report.refused) == (0, 3, 1)
    assert city.logs["credit"].store.size() == size


def test_rows_added_to_a_sheet_are_added_to_the_log(
    city: City, write: Write, builder: RowBuilder, penalty: dict[str, Any], tmp_path: Path
) -> None:
    for with_journal in (tmp_path / "journal", None):
        numbers = ["1号", "2号"] if with_journal else ["2号", "3号"]
        rows = [penalty | {"CF_WSH": number} for number in numbers]
        run(city, write(rows[:1]), builder, journal=with_journal)
        report = run(city, write(rows), builder, journal=with_journal)
        assert (report.accepted, report.already) == (1, 1)


@pytest.mark.parametrize("answered", [True, False])
def test_an_interrupted_import_goes_on_where_it_stopped(
    city: City, sheet: Path, builder: RowBuilder, tmp_path: Path, answered: bool
) -> None:
    """The connection breaks after the log accepted the batch, or before it did."""
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        if answered:
            city.appender("credit").submit_batch(lines)
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, builder, broken, journal=journal)
    report = run(city, sheet, builder, journal=journal)
    assert report.already + report.accepted == 3
    assert city.logs["credit"].store.size() == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in (journal, *journal.iterdir()))


def test_an_unanswered_batch_that_became_too_old_is_signed_anew(
    city: City, sheet: Path, builder: RowBuilder, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, builder, broken, journal=journal)
    city.now += 2 * 24 * 3600 * 1000
    assert run(city, sheet, builder, journal=journal).accepted == 3


def test_an_id_that_the_log_has_for_other_content_is_a_conflict(
    city: City, sheet: Path, builder: RowBuilder
) -> None:
    run(city, sheet, builder)
    entries = [stored.entry for stored in city.logs["credit"].store.entries(1, 4)]

    def refuse(lines: Any) -> bytes:
        raise BatchLineInvalid(2, IdReused())

    other = ImportTarget(
        "yunling.example/credit", city.bureau, city.signers[city.bureau], refuse, lambda id: entries[1]
    )
    report = import_sheet(sheet, builder, other, city.clock, os.urandom)
    assert (report.accepted, report.already) == (0, 1)
    assert [found.code for found in report.problems if found.column == ""] == ["id_reused", "id_reused"]

"""Every bad sheet gets a problem document or a report of its bad rows, and leaves nothing behind."""

import fcntl
import io
import json
from pathlib import Path
from typing import Any

import openpyxl

from api.app import create_app
from ledger.services.importing import PENALTY

PERSON_NUMBER = "11010519491231002X"


def sheet_of(columns: list[str], rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(columns)
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = [column.code for column in PENALTY.columns]


def check_sheet(city: Any, content: bytes, media_type: str = XLSX) -> tuple[int, dict[str, Any]]:
    response = city.request(
        "POST", "/v1/sheets/check", member=city.PUBLISHER, body=content, media_type=media_type
    )
    assert not list((city.deployment.folder / "run").glob("sheet-*"))
    assert city.sizes() == {"credit": 0, "access": 0, "certificate": 0}
    return response.status_code, response.get_json()


def test_a_sheet_without_rows_is_looked_over(city: Any) -> None:
    assert check_sheet(city, sheet_of(COLUMNS, []))[0] == 200
    assert check_sheet(city, ",".join(COLUMNS).encode("gb18030"), "text/csv")[0] == 200


def test_a_bad_row_is_named_without_its_cells(city: Any) -> None:
    row = ["x"] * len(COLUMNS)
    row[COLUMNS.index("CF_XDR_ZJHM")] = PERSON_NUMBER
    status, report = check_sheet(city, sheet_of(COLUMNS, [row]))
    assert (status, report["rows"], report["good"], report["refused"]) == (200, 1, 0, 1)
    assert report["problems"][0]["row"] == 2
    assert PERSON_NUMBER not in json.dumps(report)


def test_what_a_kill_left_of_a_sheet_is_deleted_at_the_next_start(city: Any) -> None:
    left = city.deployment.folder / "run" / "sheet-left"
    left.write_text(PERSON_NUMBER)
    kept = sorted(path.name for path in left.parent.iterdir() if path != left)
    create_app(city.deployment)
    assert sorted(path.name for path in left.parent.iterdir()) == kept


def test_what_another_process_is_looking_over_is_left_to_it(city: Any) -> None:
    with (city.deployment.folder / "run" / "sheet-live").open("wb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        create_app(city.deployment)
        assert Path(live.name).exists()
    create_app(city.deployment)
    assert not Path(live.name).exists()


def test_a_sheet_with_a_missing_column(city: Any) -> None:
    status, problem = check_sheet(city, sheet_of([c for c in COLUMNS if c != "CF_WSH"], []))
    assert (status, problem["code"]) == (400, "column_missing")


def test_a_sheet_with_a_formula(city: Any) -> None:
    row = ["=1+1", *["x"] * (len(COLUMNS) - 1)]
    status, report = check_sheet(city, sheet_of(COLUMNS, [row]))
    assert (status, report["refused"]) == (200, 1)
    assert "formula_forbidden" in {each["code"] for each in report["problems"]}


def test_a_sheet_with_200_000_rows(city: Any) -> None:
    text = ",".join(COLUMNS) + "\n" + ("," * (len(COLUMNS) - 1) + "\n").replace(",", "x,", 1) * 200_000
    status, problem = check_sheet(city, text.encode(), "text/csv")
    assert (status, problem["code"]) == (413, "too_many_rows")


def test_a_file_that_is_no_sheet(city: Any) -> None:
    status, problem = check_sheet(city, b"PK\x03\x04" + bytes(100))
    assert (status, problem["code"]) == (400, "sheet_damaged")

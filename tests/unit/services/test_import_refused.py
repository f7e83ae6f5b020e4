"""Rows that contradict a record, that the rules refuse, or that are about a record: said of each row."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from import_runs import BAD, counts, desk, kinds, run, target
from made_sheets import LIST_ROW, PENALTY_ROW, PERSON_ROW, builder, good, resident, uscc, write_sheet

from ledger.errors import (
    BatchLineInvalid,
    IdReused,
    ListAuthorityMissing,
    RoleMissing,
    StoreBusy,
)
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.services.importing import (
    FORMS,
    LIST,
    import_sheet,
)
from ledger.services.importing.desk import offered

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, BAD, PENALTY_ROW | {"CF_WSH": "13号"}])


# Records that say something else

CHANGED = PENALTY_ROW | {"CF_NR": "罚款六千元"}


def test_a_row_that_contradicts_a_record_in_the_log_is_reported(city: City, tmp_path: Path) -> None:
    run(city, write_sheet(tmp_path, [PENALTY_ROW]))
    city.checkpoint()
    path = write_sheet(tmp_path, [CHANGED, PENALTY_ROW | {"CF_XDR_SHXYM": uscc(101)}])
    for options in ({"dry_run": True}, {}):
        report = run(city, path, **options)
        assert counts(report) == (1, 0, 0, 1)
        assert [(each.row, each.code) for each in report.problems] == [(2, "record_conflicts")]


def test_a_row_may_correct_the_record_that_it_contradicts(city: City, tmp_path: Path) -> None:
    run(city, write_sheet(tmp_path, [PENALTY_ROW]))
    city.checkpoint()
    report = run(city, write_sheet(tmp_path, [CHANGED]), on_conflict="correct")
    assert (counts(report), report.corrected) == ((1, 0, 0, 0), 1)
    store = city.logs["credit"].store
    first, last = (
        parse_statement(parse_envelope(stored.entry).payload)
        for stored in (store.entry(1), store.entry(3))
        if stored is not None
    )
    assert [(each.issuer, each.id) for each in last.refers] == [(first.issuer, first.id)]
    city.checkpoint()
    assert counts(run(city, write_sheet(tmp_path, [CHANGED]), on_conflict="correct")) == (0, 1, 0, 0)
    # Against the correction, which stands now, and not against what it replaced.
    again = run(city, write_sheet(tmp_path, [CHANGED | {"CF_NR": "罚款七千元"}]), on_conflict="correct")
    assert counts(again) == (1, 0, 0, 0)
    stored = store.entry(store.size() - 1)
    assert stored is not None
    assert parse_statement(parse_envelope(stored.entry).payload).refers[0].id == last.id


def test_two_rows_of_one_sheet_may_contradict_each_other(city: City, tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW, CHANGED])
    report = run(city, path)
    assert counts(report) == (1, 0, 0, 1)
    assert "第 2 行" in report.problems[0].zh
    assert counts(run(city, path, on_conflict="add")) == (1, 1, 0, 0)


def test_of_several_records_the_latest_is_the_one_contradicted(city: City, tmp_path: Path) -> None:
    for grounds in ("甲", "乙", "丙"):
        path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_NR": grounds}])
        assert run(city, path, on_conflict="add").accepted == 1
        city.checkpoint()
    log = city.logs["credit"]
    [row] = good(write_sheet(tmp_path, [CHANGED]), builder(city.bureau))
    [outcome] = desk(city).preview([offered(row)])
    last = log.store.entry(log.store.size() - 1)
    assert last is not None
    assert outcome.record is not None
    assert outcome.record.id == last.id


def test_a_log_that_cannot_be_asked_refuses_no_row(city: City, tmp_path: Path) -> None:
    city.logs["credit"].store.close()
    with pytest.raises(StoreBusy):
        run(city, write_sheet(tmp_path, [PENALTY_ROW]))


def test_licences_of_one_document_do_not_contradict_each_other(city: City, tmp_path: Path) -> None:
    licence = {
        "XK_XDR_MC": "云岭某公司",
        "XK_XDR_SHXYM": uscc(100),
        "XK_WSH": "云岭许〔2026〕1号",
        "XK_XKLB": "普通",
        "XK_XKBH": "A1",
        "XK_NR": "准予从事食品销售",
        "XK_JDRQ": "20260105",
        "XK_YXQZ": "20260105",
        "XK_XKJG": "云岭市行政审批局",
        "XK_XKJGDM": uscc(2),
        "XK_ZT": 1,
    }
    rows = [licence, licence | {"XK_XKBH": "A2"}]
    assert counts(run(city, write_sheet(tmp_path, rows, FORMS["licence"]))) == (2, 0, 0, 0)


# What the rules refuse


def test_what_the_log_would_refuse_is_reported_row_by_row_before_anything_is_sent(
    city: City, tmp_path: Path
) -> None:
    rows = [
        LIST_ROW,
        LIST_ROW | {"MD_LB": "tax-a", "MD_WSH": "2号"},
        LIST_ROW | {"MD_LB": "key-attention", "MD_WSH": "3号"},
    ]
    path = write_sheet(tmp_path, rows, LIST)
    limited = target(city, desk=desk(city, ["publisher:credit", "lister:tax-a"]))
    sent: list[int] = []

    def submit(lines: Any) -> bytes:
        sent.append(len(list(lines)))
        return b"{}"

    report = import_sheet(path, builder(city.bureau), replace(limited, submit=submit), city.clock, os.urandom)
    assert [(each.row, each.code) for each in report.problems] == [(2, "list_authority_missing")]
    assert sent == [3]


def test_a_decision_whose_term_is_long_over_is_reported(city: City, tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_JDRQ": "2019-01-05"}, PENALTY_ROW])
    report = run(city, path)
    assert [(each.row, each.code) for each in report.problems] == [(2, "decision_date_refused")]
    assert report.accepted == 1


def test_a_line_that_the_log_refuses_after_all_is_taken_out_and_the_rest_goes_on(
    city: City, tmp_path: Path
) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(20)])
    refused = {"3号", "4号", "11号", "19号"}
    append = city.appender("credit").submit_batch

    def submit(lines: Any) -> bytes:
        lines = list(lines)
        for place, line in enumerate(lines[1:], 2):
            statement = parse_statement(parse_envelope(line).payload)
            if statement.body["document"] in refused:
                raise BatchLineInvalid(place, ListAuthorityMissing())
        return append(lines)

    report = run(city, path, submit, journal=tmp_path / "journal", batch_rows=8)
    assert counts(report) == (16, 0, 4, 0)
    assert {each.row for each in report.problems} == {5, 6, 13, 21}
    assert len(kinds(city)) == 16
    assert not list((tmp_path / "journal").glob("*.ndjson"))
    store = city.logs["credit"].store
    documents = [
        parse_statement(parse_envelope(stored.entry).payload).body["document"]
        for stored in store.entries(0, store.size())
        if b"statement+json" in stored.entry[:80]
    ]
    assert set(documents) == {f"{n}号" for n in range(20)} - refused


def test_what_refuses_every_line_stops_the_import(city: City, sheet: Path) -> None:
    sent = []

    def submit(lines: Any) -> bytes:
        sent.append(len(list(lines)))
        raise BatchLineInvalid(2, RoleMissing("publisher:credit"))

    with pytest.raises(BatchLineInvalid, match="role_missing"):
        run(city, sheet, submit)
    assert len(sent) == 1


def test_what_another_import_was_faster_with_counts_as_there(city: City, sheet: Path, tmp_path: Path) -> None:
    ahead = write_sheet(tmp_path / "..", [PENALTY_ROW, PERSON_ROW])
    append = city.appender("credit").submit_batch
    overtaken = []

    def submit(lines: Any) -> bytes:
        if not overtaken:
            overtaken.append(True)
            run(city, ahead)
        return append(lines)

    report = run(city, sheet, submit)
    assert counts(report) == (1, 2, 1, 0)
    assert len(kinds(city)) == 3


def test_an_id_that_the_log_has_for_other_content_is_refused(city: City, sheet: Path) -> None:
    def submit(lines: Any) -> bytes:
        raise BatchLineInvalid(2, IdReused())

    report = run(city, sheet, submit)
    assert counts(report) == (0, 0, 4, 0)
    assert {each.code for each in report.problems} == {"id_reused", "date_invalid"}


# Steps


def removal(**changes: Any) -> dict[str, Any]:
    return {
        "YC_LB": "拖欠农民工工资失信联合惩戒对象名单",
        "YC_XDR_MC": "云岭某公司",
        "YC_XDR_SHXYM": uscc(100),
        "YC_WSH": "云岭列〔2026〕1号",
        "YC_YY": "解除",
        "YC_YJ": "保障农民工工资支付条例",
        "YC_RQ": "2026-06-01",
    } | changes


def test_a_removal_refers_to_the_entry_that_it_takes_off(city: City, tmp_path: Path) -> None:
    listed = LIST_ROW | {"MD_FRDB": "李四", "MD_FR_ZJHM": resident(2)}
    run(city, write_sheet(tmp_path, [listed], LIST))
    city.checkpoint()
    path = write_sheet(tmp_path, [removal(), removal(YC_WSH="9号")], FORMS["removal"])
    report = run(city, path)
    assert counts(report) == (1, 0, 1, 0)
    assert [(each.row, each.code) for each in report.problems] == [(3, "record_unknown")]
    store = city.logs["credit"].store
    entered, removed = (
        parse_statement(parse_envelope(stored.entry).payload)
        for stored in (store.entry(1), store.entry(3))
        if stored is not None
    )
    assert removed.kind == "credit.list.removed"
    assert [(each.issuer, each.id) for each in removed.refers] == [(entered.issuer, entered.id)]
    assert removed.keys == entered.keys
    city.checkpoint()
    assert counts(run(city, path)) == (0, 1, 1, 0)
    # Once off the list, the state allows no other removal.
    again = run(city, write_sheet(tmp_path, [removal(YC_RQ="2026-07-01")], FORMS["removal"]))
    assert counts(again) == (0, 0, 1, 0)
    assert again.problems[0].code == "step_refused"


def test_a_step_with_another_name_than_the_records_is_reported(city: City, tmp_path: Path) -> None:
    run(city, write_sheet(tmp_path, [LIST_ROW], LIST))
    city.checkpoint()
    report = run(city, write_sheet(tmp_path, [removal(YC_XDR_MC="别的公司")], FORMS["removal"]))
    assert [(each.row, each.column) for each in report.problems] == [(2, "YC_XDR_MC")]


def test_a_step_may_name_its_entry_where_several_fit(city: City, tmp_path: Path) -> None:
    rows = [LIST_ROW, LIST_ROW | {"MD_SY": "数额巨大"}]
    run(city, write_sheet(tmp_path, rows, LIST), on_conflict="add")
    city.checkpoint()
    report = run(city, write_sheet(tmp_path, [removal()], FORMS["removal"]))
    assert [each.code for each in report.problems] == ["record_ambiguous"]
    stored = city.logs["credit"].store.entry(2)
    assert stored is not None
    named = removal(YC_TMBH=f"{city.bureau}:{stored.id}")
    assert counts(run(city, write_sheet(tmp_path, [named], FORMS["removal"]))) == (1, 0, 0, 0)


def test_a_persons_record_is_found_under_the_tag_of_an_earlier_epoch(city: City, tmp_path: Path) -> None:
    person = {"XDR_MC": "张三", "XDR_SHXYM": "", "XDR_ZJLX": "身份证", "XDR_ZJHM": resident(1)}
    listed = LIST_ROW | {f"MD_{code}": cell for code, cell in person.items()}
    taken_off = removal(**{f"YC_{code}": cell for code, cell in person.items()})
    before, after = builder(city.bureau, b"0" * 32, 0), builder(city.bureau)
    paths = [
        write_sheet(tmp_path, [listed], LIST),
        write_sheet(tmp_path, [taken_off], FORMS["removal"], encoding=None),
    ]
    for path, using in zip(paths, (before, after), strict=True):
        report = import_sheet(path, using, target(city), city.clock, os.urandom)
        assert counts(report) == (1, 0, 0, 0), report.problems
        city.checkpoint()
    entered, removed = (
        parse_statement(parse_envelope(stored.entry).payload)
        for stored in (city.logs["credit"].store.entry(index) for index in (1, 3))
        if stored is not None
    )
    assert removed.body["subject"] == entered.body["subject"]
    assert entered.body["subject"]["epoch"] == 0


def test_a_commitments_performance_refers_to_it(city: City, tmp_path: Path) -> None:
    commitment = {
        "CN_XDR_MC": "张三",
        "CN_XDR_ZJLX": "身份证",
        "CN_XDR_ZJHM": resident(1),
        "CN_WSH": "云诺〔2026〕3号",
        "CN_LX": "审批替代型",
        "CN_NR": "承诺符合许可条件",
        "CN_RQ": "2026-01-05",
        "CN_SLDW": "云岭市行政审批局",
        "CN_SLDWDM": uscc(2),
    }
    performance = {
        "LX_XDR_MC": "张三",
        "LX_XDR_ZJLX": "身份证",
        "LX_XDR_ZJHM": resident(1),
        "LX_WSH": "云诺〔2026〕 3号",
        "LX_ZT": "未履行",
        "LX_RQ": "2026-06-01",
        "LX_SM": "经核查不符合条件",
    }
    assert counts(run(city, write_sheet(tmp_path, [commitment], FORMS["commitment"]))) == (1, 0, 0, 0)
    city.checkpoint()
    path = write_sheet(tmp_path, [performance], FORMS["performance"])
    assert counts(run(city, path)) == (1, 0, 0, 0)
    assert kinds(city) == ["credit.commitment.made", "credit.commitment.performed"]
    store = city.logs["credit"].store
    assert store.sealed(store.size() - 1) is not None
    assert "经核查".encode() not in b"".join(stored.entry for stored in store.entries(0, store.size()))

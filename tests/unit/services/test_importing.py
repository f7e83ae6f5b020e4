"""The whole way into the log: what is sent, what is not, and an import that can be repeated."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made_sheets import LIST_ROW, PENALTY_ROW, PERSON_ROW, builder, resident, uscc, write_sheet

from ledger.errors import (
    AlreadyRunning,
    BatchLineInvalid,
    IdReused,
    ListAuthorityMissing,
    RoleMissing,
    StoreBusy,
    TooManyRows,
)
from ledger.formats.envelope import parse_envelope
from ledger.formats.statement import parse_statement
from ledger.log.credit_rules import CreditRulebook
from ledger.services.importing import (
    FORMS,
    LIST,
    ImportJournal,
    ImportOptions,
    ImportReport,
    ImportTarget,
    LogDesk,
    SheetLimits,
    import_sheet,
)

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

BAD = PENALTY_ROW | {"CF_JDRQ": "never"}


def desk(city: City, roles: Iterable[str] = ("publisher:credit", "lister")) -> LogDesk:
    log = city.logs["credit"]
    rules = CreditRulebook(city.editions, city.operator)
    return LogDesk(log.store, log.reader, rules, city.bureau, frozenset(roles), city.clock)


def target(city: City, submit: Any = None, **members: Any) -> ImportTarget:
    made = ImportTarget(
        city.logs["credit"].origin,
        city.bureau,
        city.signers[city.bureau],
        submit or city.appender("credit").submit_batch,
        desk(city),
    )
    return replace(made, **members)


def run(
    city: City, path: Path, submit: Any = None, journal: Path | None = None, **options: Any
) -> ImportReport:
    to = target(city, submit)
    return import_sheet(
        path,
        builder(city.bureau),
        to,
        city.clock,
        os.urandom,
        journal=journal,
        options=ImportOptions(**options),
    )


def kinds(city: City) -> list[str]:
    """The kinds of the log's statements, in order; manifests left out."""
    store = city.logs["credit"].store
    payloads = [parse_envelope(stored.entry) for stored in store.entries(0, store.size())]
    return [parse_statement(each.payload).kind for each in payloads if "statement" in each.payload_type]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.accepted, report.already, report.refused, report.conflicting


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, BAD, PENALTY_ROW | {"CF_WSH": "13号"}])


def test_good_rows_are_logged_and_bad_ones_reported(city: City, sheet: Path) -> None:
    report = run(city, sheet, batch_rows=2)
    assert (report.rows, counts(report), report.sent) == (4, (3, 0, 1, 0), True)
    assert len(report.receipts) == 2
    assert kinds(city) == ["credit.penalty.published"] * 3
    store = city.logs["credit"].store
    assert len([index for index in range(store.size()) if store.sealed(index) is not None]) == 1


def test_a_dry_run_says_what_would_happen_and_sends_nothing(city: City, sheet: Path, tmp_path: Path) -> None:
    report = run(city, sheet, journal=tmp_path / "journal", dry_run=True)
    assert (counts(report), report.sent) == ((3, 0, 1, 0), False)
    assert kinds(city) == []
    assert not (tmp_path / "journal").exists()
    run(city, sheet)
    assert counts(run(city, sheet, dry_run=True)) == (0, 3, 1, 0)


def test_nothing_is_sent_of_a_sheet_with_a_bad_row_if_asked(city: City, sheet: Path, tmp_path: Path) -> None:
    report = run(city, sheet, all_or_nothing=True)
    assert (counts(report), report.sent) == ((0, 0, 1, 0), False)
    assert kinds(city) == []
    whole = write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW])
    assert counts(run(city, whole, all_or_nothing=True)) == (2, 0, 0, 0)


def test_nothing_is_sent_of_a_sheet_that_is_refused(city: City, tmp_path: Path) -> None:
    path = write_sheet(tmp_path, [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(4)])
    with pytest.raises(TooManyRows):
        run(city, path, batch_rows=1, limits=SheetLimits(rows=3))
    assert kinds(city) == []


@pytest.mark.parametrize("with_journal", [True, False])
def test_importing_again_adds_nothing(city: City, sheet: Path, tmp_path: Path, with_journal: bool) -> None:
    journal = tmp_path / "journal" if with_journal else None
    run(city, sheet, journal=journal)
    city.checkpoint()
    size = city.logs["credit"].store.size()
    city.now += 2 * 24 * 3600 * 1000
    report = run(city, sheet, journal=journal)
    assert counts(report) == (0, 3, 1, 0)
    assert city.logs["credit"].store.size() == size


def test_the_journal_of_one_log_does_not_speak_for_another(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    run(city, sheet, journal=journal)
    other = type(city)(tmp_path / "other")
    try:
        assert counts(run(other, sheet, journal=journal)) == (3, 0, 1, 0)
    finally:
        other.close()


@pytest.mark.parametrize("with_journal", [True, False])
def test_rows_added_or_corrected_are_added_and_the_others_are_not(
    city: City, tmp_path: Path, with_journal: bool
) -> None:
    journal = tmp_path / "journal" if with_journal else None
    rows = [PENALTY_ROW | {"CF_WSH": f"{n}号"} for n in range(3)]
    assert counts(run(city, write_sheet(tmp_path, [*rows[:2], BAD]), journal=journal)) == (2, 0, 1, 0)
    assert counts(run(city, write_sheet(tmp_path, [*rows, PENALTY_ROW]), journal=journal)) == (2, 2, 0, 0)


def test_a_row_that_stands_twice_is_taken_once(city: City, tmp_path: Path) -> None:
    report = run(city, write_sheet(tmp_path, [PENALTY_ROW, PERSON_ROW, PENALTY_ROW]))
    assert counts(report) == (2, 0, 1, 0)
    assert [(found.row, found.code) for found in report.problems] == [(4, "row_repeated")]
    assert "第 2 行" in report.problems[0].zh


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


# Interrupted


@pytest.mark.parametrize("answered", [True, False])
def test_an_interrupted_import_goes_on_where_it_stopped(
    city: City, sheet: Path, tmp_path: Path, answered: bool
) -> None:
    """The connection breaks after the log accepted the batch, or before it did."""
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        if answered:
            city.appender("credit").submit_batch(lines)
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, broken, journal)
    assert len(list(journal.glob("*.ndjson"))) == 1
    report = run(city, sheet, journal=journal)
    assert report.already + report.accepted == 3
    assert city.logs["credit"].store.size() == 4
    assert not list(journal.glob("*.ndjson"))
    assert len(list(journal.glob("*.receipt"))) == 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in (journal, *journal.iterdir()))


def test_an_unanswered_batch_that_became_too_old_is_signed_anew(
    city: City, sheet: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"

    def broken(lines: Any) -> bytes:
        raise StoreBusy

    with pytest.raises(StoreBusy):
        run(city, sheet, broken, journal)
    city.now += 2 * 24 * 3600 * 1000
    assert counts(run(city, sheet, journal=journal)) == (3, 0, 1, 0)


def test_what_a_killed_import_had_begun_to_write_is_deleted(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    (journal / ".000001.ndjson.4711").write_text("张三")
    run(city, sheet, journal=journal)
    assert sorted(path.name for path in journal.iterdir()) == ["000001.receipt", "lock"]


def test_a_journal_is_used_by_one_import_at_a_time(city: City, sheet: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with ImportJournal(journal), pytest.raises(AlreadyRunning):
        run(city, sheet, journal=journal)
    assert run(city, sheet, journal=journal).accepted == 3


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

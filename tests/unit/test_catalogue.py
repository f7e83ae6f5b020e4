"""The catalogue: what ships is whole, and an edition with a mistake is refused by file and row."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import ledger.catalog
from ledger.catalog import Editions, load_catalogue
from ledger.catalog.loader import FILES
from ledger.domain.records import PenaltyKind
from ledger.errors import ConfigurationError

Change = Callable[[str, Callable[[Any], Any]], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """Copies the edition that ships with one file changed; returns its folder."""
    source = Path(ledger.catalog.__file__).parent

    def change(name: str, edit: Callable[[Any], Any]) -> Path:
        copy = tmp_path / "edition"
        copy.mkdir()
        for file in FILES:
            shutil.copy(source / file, copy / file)
        path = copy / name
        path.write_text(json.dumps(edit(json.loads(path.read_text("utf-8"))), ensure_ascii=False), "utf-8")
        return copy

    return change


def test_the_edition_that_ships_has_the_matters_and_the_verified_measures() -> None:
    catalogue = load_catalogue()
    assert {row.name for row in catalogue.matters.values()} == {
        "政府采购",
        "招标投标",
        "行政许可",
        "财政资金补贴",
        "公务员录用",
        "评优评先",
        "贷款授信",
        "土地出让",
        "高管任职",
    }
    verified = [row for row in catalogue.measures.values() if row.mark == "V"]
    assert len(verified) == 19
    assert catalogue.measures["procurement-ban"].basis == "政府采购法 77"
    assert str(catalogue.measures["bid-ban-breach"].term) == "2-5 y"
    assert str(catalogue.measures["food-ban"].term) == "5 y"
    assert str(catalogue.measures["drug-ban"].term) == "life"


def test_every_row_has_a_source_and_a_mark() -> None:
    catalogue = load_catalogue()
    by_code = (
        catalogue.lists,
        catalogue.measures,
        catalogue.matters,
        catalogue.certificate_types,
        catalogue.roles,
        catalogue.terms,
        catalogue.deadlines,
        catalogue.bases,
        catalogue.calendar.years,
    )
    rows: list[Any] = [row for table in by_code for row in table.values()]
    for row in [*rows, *catalogue.rules, *catalogue.classes]:
        assert row.source
        assert row.mark in ("V", "v", "M")


def test_what_a_rule_of_verified_law_prohibits_has_a_verified_measure() -> None:
    catalogue = load_catalogue()
    for rule in catalogue.rules:
        if rule.mark == "V":
            assert all(catalogue.measures[code].mark == "V" for code in rule.measures)
            assert rule.measures


def test_the_digest_changes_with_any_row(changed: Change) -> None:
    def renamed(rows: Any) -> Any:
        rows[0]["en"] = "Other"
        return rows

    folder = changed("matters.json", renamed)
    assert load_catalogue(folder).sm3 != load_catalogue().sm3
    assert load_catalogue().sm3 == load_catalogue().sm3


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("edition.json", lambda header: {}),
        ("lists.json", lambda rows: [*rows, rows[0]]),
        ("lists.json", lambda rows: [{**rows[0], "kind": "grey"}, *rows[1:]]),
        ("lists.json", lambda rows: rows[1:]),
        ("matters.json", lambda rows: [{**rows[0], "mark": "x"}, *rows[1:]]),
        ("matters.json", lambda rows: [{**rows[0], "more": 1}, *rows[1:]]),
        ("measures.json", lambda rows: [{**rows[0], "term": {"type": "years"}}, *rows[1:]]),
        ("measures.json", lambda rows: [{**rows[0], "term": {"type": "listed", "max": 1}}, *rows[1:]]),
        ("measures.json", lambda rows: [{**rows[0], "term": {"type": "ages"}}, *rows[1:]]),
        ("rules.json", lambda rows: [{**rows[0], "measures": ["fly"]}, *rows[1:]]),
        ("rules.json", lambda rows: [{**rows[0], "decision": "maybe"}, *rows[1:]]),
        ("rules.json", lambda rows: [*rows, rows[0]]),
        ("rules.json", lambda rows: [{**rows[0], "record": "credit.penalty.published"}, *rows[1:]]),
        ("rules.json", lambda rows: [{**rows[0], "list": None}, *rows[1:]]),
        ("rules.json", lambda rows: [{**rows[0], "role": "cousin"}, *rows[1:]]),
        ("rules.json", lambda rows: [{**rows[0], "severity": "grave"}, *rows[1:]]),
        ("edition.json", lambda header: {"edition": "latest", "from": "2026-04-01"}),
        ("edition.json", lambda header: {"edition": "2026.2", "from": "2026-4-1"}),
        ("lists.json", lambda rows: [{**rows[0], "severity": "grave"}, *rows[1:]]),
        ("matters.json", lambda rows: [{**rows[0], "asks": ["cousin"]}, *rows[1:]]),
        ("measures.json", lambda rows: [{**rows[0], "follows": ["itself"]}, *rows[1:]]),
        ("terms.json", lambda rows: rows[1:]),
        ("terms.json", lambda rows: [{**rows[0], "min_months": 4}, *rows[1:]]),
        ("terms.json", lambda rows: [{**rows[0], "max_months": 0}, *rows[1:]]),
        ("terms.json", lambda rows: [*rows, {**rows[0], "code": "grave"}]),
        ("classes.json", lambda rows: [{**rows[0], "severity": "grave"}, *rows[1:]]),
        ("classes.json", lambda rows: [*rows, rows[0]]),
        ("deadlines.json", lambda rows: rows[1:]),
        ("deadlines.json", lambda rows: [{**rows[0], "days": 0}, *rows[1:]]),
        ("bases.json", lambda rows: [{**rows[0], "matters": ["flying"]}, *rows[1:]]),
        ("calendar.json", lambda rows: [*rows, rows[0]]),
        ("calendar.json", lambda rows: [{**rows[0], "workdays": ["2025-02-04"]}, *rows[1:]]),
        ("calendar.json", lambda rows: [{**rows[0], "workdays": ["2024-01-01"]}, *rows[1:]]),
        ("calendar.json", lambda rows: [{**rows[0], "workdays": ["2024-02-30"]}, *rows[1:]]),
        ("calendar.json", lambda rows: [{**rows[0], "holidays": [{"name": "x", "until": "2024-01-01"}]}]),
        (
            "calendar.json",
            lambda rows: [
                {**rows[0], "holidays": [{"name": "x", "from": "2024-05-02", "until": "2024-05-01"}]}
            ],
        ),
    ],
)
def test_an_edition_with_a_mistake_is_refused(changed: Change, name: str, edit: Any) -> None:
    with pytest.raises(ConfigurationError):
        load_catalogue(changed(name, edit))


def test_an_edition_that_lacks_a_file_or_is_no_json_is_refused(changed: Change) -> None:
    folder = changed("rules.json", lambda rows: rows)
    (folder / "rules.json").write_text("[", "utf-8")
    with pytest.raises(ConfigurationError, match=r"rules\.json"):
        load_catalogue(folder)
    (folder / "rules.json").unlink()
    with pytest.raises(ConfigurationError, match=r"rules\.json"):
        load_catalogue(folder)


def test_the_rule_for_a_severity_comes_before_the_one_for_any(changed: Change) -> None:
    def with_more(rows: Any) -> Any:
        base = {"list": "statistics", "matter": "bidding", "measures": [], "mark": "M", "source": "test"}
        return [
            *rows,
            {**base, "decision": "caution"},
            {**base, "decision": "prohibit", "severity": "serious"},
            {**base, "decision": "restrict", "role": "legal-representative"},
        ]

    catalogue = load_catalogue(changed("rules.json", with_more))
    found = {
        (severity, role): rule and rule.decision
        for severity in (None, "general", "serious")
        for role in ("itself", "legal-representative", "actual-controller")
        for rule in (catalogue.rule("statistics", "bidding", severity, role),)
    }
    assert found == {
        (None, "itself"): "caution",
        ("general", "itself"): "caution",
        ("serious", "itself"): "prohibit",
        (None, "legal-representative"): "restrict",
        ("general", "legal-representative"): "restrict",
        ("serious", "legal-representative"): "restrict",
        (None, "actual-controller"): None,
        ("general", "actual-controller"): None,
        ("serious", "actual-controller"): None,
    }


def test_records_have_rules_by_kind_and_severity() -> None:
    catalogue = load_catalogue()
    serious = catalogue.record_rule("credit.penalty.published", "government-procurement", "serious")
    assert serious is not None
    assert (serious.decision, serious.measures) == ("restrict", ("procurement-record",))
    assert catalogue.record_rule("credit.penalty.published", "government-procurement", "minor") is None
    assert catalogue.rule("wage-arrears", "government-procurement", "serious") is not None


def test_a_matter_says_whom_a_complete_check_asks_about() -> None:
    catalogue = load_catalogue()
    assert catalogue.asks("bidding") == ("legal-representative",)
    assert catalogue.asks("government-procurement") == ()
    assert catalogue.asks("flying") == ()


def test_measures_say_whom_they_follow() -> None:
    measures = load_catalogue().measures
    assert "legal-representative" in measures["high-consumption"].follows
    assert measures["no-executive-office"].follows == ()


def test_the_files_of_an_edition_are_named_with_digest_and_size() -> None:
    catalogue = load_catalogue()
    folder = Path(ledger.catalog.__file__).parent
    assert [row.name for row in catalogue.files] == list(FILES)
    assert {path.name for path in folder.glob("*.json")} == set(FILES)
    assert all((folder / row.name).stat().st_size == row.bytes for row in catalogue.files)


def test_every_kind_of_penalty_has_a_class() -> None:
    classes = {row.value for row in load_catalogue().classes if row.record == "credit.penalty.published"}
    assert classes == set(get_args(PenaltyKind))


def test_editions_apply_from_their_day_and_are_found_by_name(changed: Change, tmp_path: Path) -> None:
    later = {"edition": "2026.9", "from": "2026-07-01"}
    folder = tmp_path / "catalogue"
    shutil.copytree(changed("edition.json", lambda header: later), folder / "2026.9")
    editions = Editions(folder)
    days = ("2020-01-01", "2026-04-01", "2026-06-30", "2026-07-01", "2030-01-01")
    assert [editions.at(day).edition for day in days] == ["2026.2", "2026.2", "2026.2", "2026.9", "2026.9"]
    found = editions.find("2026.9")
    assert found is not None
    assert found.from_day == "2026-07-01"
    assert editions.find("2026.8") is None
    assert [row.edition for row in editions.before(found)] == ["2026.2"]
    assert editions.before(editions.at("2026-06-30")) == ()


def test_of_two_editions_that_begin_on_one_day_the_later_counts(changed: Change, tmp_path: Path) -> None:
    header = {"edition": "2026.10", "from": "2026-04-01"}
    folder = tmp_path / "catalogue"
    shutil.copytree(changed("edition.json", lambda _: header), folder / "2026.10")
    assert Editions(folder).at("2026-05-01").edition == "2026.10"


def test_an_edition_under_another_name_or_unlike_the_shipped_one_is_refused(
    changed: Change, tmp_path: Path
) -> None:
    folder = tmp_path / "catalogue"
    other = changed("matters.json", lambda rows: [{**rows[0], "en": "Other"}, *rows[1:]])
    shutil.copytree(other, folder / "2026.3")
    with pytest.raises(ConfigurationError, match=r"2026\.3"):
        Editions(folder).all()
    (folder / "2026.3").rename(folder / "2026.2")
    with pytest.raises(ConfigurationError, match="differs"):
        Editions(folder).all()


def test_an_edition_that_cannot_be_read_takes_none_away(changed: Change, tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    editions = Editions(folder)
    assert editions.at("2026-11-22").edition == "2026.2"
    (folder / "2026.9").mkdir()
    assert editions.at("2026-11-22").edition == "2026.2"

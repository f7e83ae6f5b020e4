"""The catalogue: what ships is whole, and an edition with a mistake is refused by file and row."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger.catalog
from ledger.catalog import load_catalogue
from ledger.catalog.loader import FILES
from ledger.errors import ConfigurationError

Change = Callable[[str, Callable[[Any], Any]], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """Copies the edition that ships with one file changed; returns its folder."""
    source = Path(ledger.catalog.__file__).parent

    def change(name: str, edit: Callable[[Any], Any]) -> Path:
        for file in FILES:
            shutil.copy(source / file, tmp_path / file)
        path = tmp_path / name
        path.write_text(json.dumps(edit(json.loads(path.read_text("utf-8"))), ensure_ascii=False), "utf-8")
        return tmp_path

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
    for table in (catalogue.lists, catalogue.measures, catalogue.matters, catalogue.certificate_types):
        for row in table.values():
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

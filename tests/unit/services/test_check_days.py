"""Checks as of a day: what counted then, under which edition, and who sees what has ended since."""

import json
import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from checking import ask, looks, proved, record, repair, step

import ledger.catalog
from ledger.catalog import Editions, load_catalogue
from ledger.errors import DateInvalid, RoleMissing
from ledger.formats.bundle import parse_bundle
from ledger.services.answers import CheckAnswer, EntryReference
from ledger.services.checking.finder import Finder
from ledger.services.credit import CreditService
from ledger.services.editions import state_editions
from ledger.services.pen import Pen

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

BEFORE = date(2026, 5, 1)
"""When everything below still counted."""


def shown(answer: CheckAnswer) -> list[int]:
    return [entry.proven.index for entry in parse_bundle(answer.bundle).entries]


def ended(city: City, how: str) -> None:
    """A serious penalty that counted on `BEFORE` and does not today."""
    if how == "expired":
        record(city, "penalty.published", severity="general", decided_on="2025-09-15")
        return
    if how == "lifted":
        city.remove(city.enter("wage-arrears"), removed_on="2026-06-01")
        return
    penalty = record(city, "penalty.published", severity="general", decided_on="2026-01-05")
    if how == "repaired":
        repair(city, penalty)
    else:
        step(city, penalty, "record.withdrawn", decided_on="2026-06-20")


@pytest.mark.parametrize("how", ["repaired", "lifted", "expired", "withdrawn"])
@pytest.mark.parametrize("at", [None, BEFORE, date(2026, 9, 20)], ids=["today", "before", "yesterday"])
def test_an_officer_never_sees_what_has_ended_by_any_day(city: City, how: str, at: date | None) -> None:
    ended(city, how)
    answer = ask(city, at=at)
    assert (answer.view, answer.decision, answer.hits, answer.other_entries) == ("shared", "clear", (), 0)
    assert answer.no_longer[0].reason == how
    assert shown(answer) == []
    for text in ("无证经营", "数额较大"):
        assert text.encode() not in answer.bundle
    assert proved(city, answer)


@pytest.mark.parametrize("how", ["repaired", "lifted", "expired"])
def test_an_auditor_sees_records_whole_as_of_the_day(city: City, how: str) -> None:
    ended(city, how)
    then = ask(city, roles=("auditor",), at=BEFORE)
    assert (then.view, then.day, len(then.hits)) == ("whole", "2026-05-01", 1)
    assert then.decision in ("caution", "restrict")
    assert proved(city, then)
    now = ask(city, roles=("auditor",))
    assert (now.decision, now.hits) == ("clear", ())
    assert now.no_longer[0].reason == how
    assert shown(now) == shown(then) == list(range(now.completeness[0].total))


def test_what_was_withdrawn_never_counted_for_an_auditor_either(city: City) -> None:
    ended(city, "withdrawn")
    answer = ask(city, roles=("auditor",), at=BEFORE)
    assert (answer.decision, answer.no_longer[0].reason) == ("clear", "withdrawn")


def test_what_had_not_begun_did_not_count(city: City) -> None:
    city.enter("wage-arrears", **{"from": "2026-09-10"})
    answer = ask(city, at=BEFORE)
    assert (answer.decision, answer.no_longer[0].reason) == ("clear", "not_yet")
    assert ask(city).decision == "restrict"


def test_the_whole_view_is_for_auditors_and_an_auditors_window_may_ask_for_the_shared_one(city: City) -> None:
    ended(city, "repaired")
    with pytest.raises(RoleMissing):
        ask(city, view="whole")
    with pytest.raises(RoleMissing):
        ask(city, roles=("operator",), view="whole")
    assert shown(ask(city, roles=("auditor",), view="shared")) == []
    assert ask(city, roles=("auditor", "officer")).view == "shared"
    assert ask(city, roles=("auditor", "officer"), view="whole").view == "whole"


def test_a_day_to_come_is_refused_and_the_attempt_about_a_person_logged(city: City) -> None:
    with pytest.raises(DateInvalid):
        ask(city, at=date(2026, 9, 22))
    assert looks(city) == []
    with pytest.raises(DateInvalid):
        ask(city, number=city.person, at=date(2026, 9, 22))
    [attempt] = looks(city)
    assert (attempt.body["outcome"], attempt.body["reason"]) == ("refused", "date_invalid")
    assert ask(city, at=date(2026, 9, 21)).day == "2026-09-21"


# Editions


def later_edition(folder: Path) -> Editions:
    """The shipped edition, and one from 1 September on by which arrears of wages prohibit."""
    source, target = Path(ledger.catalog.__file__).parent, folder / "catalogue" / "2026.3"
    target.mkdir(parents=True)
    for file in load_catalogue().files:
        shutil.copyfile(source / file.name, target / file.name)
    (target / "edition.json").write_text(json.dumps({"edition": "2026.3", "from": "2026-09-01"}))
    rules = json.loads((source / "rules.json").read_text("utf-8"))
    for rule in rules:
        if rule.get("list") == "wage-arrears":
            rule["decision"] = "prohibit"
    (target / "rules.json").write_text(json.dumps(rules, ensure_ascii=False), "utf-8")
    return Editions(folder / "catalogue")


@pytest.fixture
def renewed(city: City, tmp_path: Path) -> City:
    """The city with a second edition, asked through a service of its own."""
    city.editions = later_edition(tmp_path)
    city.credit = CreditService(
        Finder(city.logs["credit"].reader, city.editions, city.operator),
        city.recorder,
        city.tag_keys,
        city.clock,
        authoriser=city.authoriser,
    )
    return city


def state(city: City, issuer: str | None = None) -> None:
    """Have the editions stated in the credit log."""
    issuer = issuer or city.operator
    pen = Pen(city.appender("credit"), issuer, city.signers[issuer], city.clock, os.urandom)
    state_editions(city.editions, pen, city.logs["credit"].store)


def test_the_edition_in_force_on_the_day_is_applied_and_named(renewed: City) -> None:
    renewed.enter("wage-arrears")
    then, now = ask(renewed, at=BEFORE), ask(renewed)
    assert (then.decision, then.catalogue.edition) == ("restrict", load_catalogue().edition)
    assert (now.decision, now.catalogue.edition) == ("prohibit", "2026.3")
    assert now.catalogue.sm3 == renewed.editions.at("2026-09-21").sm3 != then.catalogue.sm3


def test_the_editions_entry_is_named_and_shown_once_it_is_logged(renewed: City) -> None:
    assert ask(renewed).catalogue.entry is None
    state(renewed)
    then, now = ask(renewed, at=BEFORE), ask(renewed)
    assert (then.catalogue.entry, now.catalogue.entry) == (
        _entry(renewed, 0),
        _entry(renewed, 1),
    )
    assert (shown(then), shown(now)) == ([0], [1])
    assert (now.decision, now.completeness[0].total) == ("clear", 0)
    assert proved(renewed, now)


def _entry(city: City, index: int) -> EntryReference:
    stored = city.logs["credit"].reader.entry(index)
    assert stored is not None
    return EntryReference(index, stored.leaf_hash.hex(), stored.issuer, stored.id)


def test_an_edition_that_somebody_else_states_is_not_taken_for_the_operators(city: City) -> None:
    state(city, city.court)
    assert ask(city).catalogue.entry is None
    state(city)
    assert ask(city).catalogue.entry == _entry(city, 1)

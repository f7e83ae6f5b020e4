"""Editions of the catalogue: placed whole or not at all, in force without a restart, stated once."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from credit_log import OPERATOR, CreditLog

import ledger.catalog
from ledger.catalog import Editions, load_catalogue
from ledger.domain.reports import CataloguePublished
from ledger.errors import ConfigurationError, EditionRefused, RoleMissing
from ledger.log.facts import facts_at
from ledger.services.editions import edition_id, keep_shipped, place_edition, state_editions
from ledger.services.pen import Pen

SHIPPED = Path(ledger.catalog.__file__).parent
TODAY = "2026-11-22"


def an_edition(folder: Path, edition: str = "2026.3", begins: str = "2026-12-01", **changes: object) -> Path:
    """The shipped edition's files with another header, and perhaps other tables."""
    folder.mkdir(parents=True)
    for file in load_catalogue().files:
        shutil.copyfile(SHIPPED / file.name, folder / file.name)
    (folder / "edition.json").write_text(json.dumps({"edition": edition, "from": begins}))
    for name, rows in changes.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "deployment" / "catalogue"


@pytest.fixture
def editions(target: Path) -> Editions:
    target.parent.mkdir()
    return Editions(target)


class TestPlacing:
    def test_a_new_edition_is_in_force_from_its_day_on_in_whoever_reads(
        self, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        running = Editions(target)
        assert running.at("2026-12-01").edition == load_catalogue().edition
        placed = place_edition(an_edition(tmp_path / "new"), target, editions, TODAY)
        assert running.at("2026-11-30").edition == load_catalogue().edition
        assert running.at("2026-12-01") == running.find("2026.3")
        assert running.at("2026-12-01").sm3 == placed.sm3
        assert sorted(path.name for path in target.parent.iterdir()) == ["catalogue"], "no draft stays"

    def test_the_same_edition_again_changes_nothing(
        self, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        source = an_edition(tmp_path / "new")
        first = place_edition(source, target, editions, TODAY)
        before = (target / "2026.3").stat().st_mtime_ns
        # Not refused either when its day has come.
        assert place_edition(source, target, editions, "2027-03-01").sm3 == first.sm3
        assert (target / "2026.3").stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        ("edition", "begins", "reason"),
        [
            ("2026.2", "2026-12-01", "there already"),
            ("2026.3", "2026-11-21", "is over"),
            ("2026.3", "2026-04-01", "after edition 2026.2"),
            ("2025.9", "2026-03-01", "after edition 2026.2"),
        ],
        ids=["name_taken", "begins_before_today", "begins_with_the_last", "begins_before_the_last"],
    )
    def test_an_edition_that_would_change_what_was_decided_is_refused(
        self, tmp_path: Path, target: Path, editions: Editions, edition: str, begins: str, reason: str
    ) -> None:
        with pytest.raises(EditionRefused, match=reason):
            place_edition(an_edition(tmp_path / "new", edition, begins), target, editions, TODAY)
        assert not target.exists()

    def test_an_edition_that_begins_today_is_taken(
        self, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        place_edition(an_edition(tmp_path / "new", begins=TODAY), target, editions, TODAY)
        assert editions.at(TODAY).edition == "2026.3"

    def test_what_is_not_in_form_is_refused_and_leaves_nothing(
        self, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        source = an_edition(tmp_path / "new", terms=[])
        with pytest.raises(ConfigurationError):
            place_edition(source, target, editions, TODAY)
        assert not target.exists()

    def test_a_place_that_cannot_be_written_leaves_nothing_of_it(
        self, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        target.write_bytes(b"a file stands where the folder should be")
        with pytest.raises(ConfigurationError, match="cannot be copied"):
            place_edition(an_edition(tmp_path / "new"), target, editions, TODAY)
        assert sorted(path.name for path in target.parent.iterdir()) == ["catalogue"]


class TestShipped:
    def test_the_shipped_edition_is_kept_for_when_the_package_ships_another(
        self, target: Path, editions: Editions
    ) -> None:
        shipped = load_catalogue()
        assert keep_shipped(target)
        assert not keep_shipped(target)
        assert load_catalogue(target / shipped.edition).sm3 == shipped.sm3
        assert [edition.edition for edition in editions.all()] == [shipped.edition]

    def test_a_kept_edition_that_was_changed_is_not_taken_for_it(
        self, target: Path, editions: Editions
    ) -> None:
        keep_shipped(target)
        (target / load_catalogue().edition / "bases.json").write_text("[]")
        with pytest.raises(ConfigurationError):
            editions.all()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CreditLog]:
    made = CreditLog(tmp_path / "credit")
    yield made
    made.close()


def pen(log: CreditLog, issuer: str = OPERATOR) -> Pen:
    return Pen(log.appender, issuer, log.signers[issuer], log.clock, lambda count: bytes(count))


class TestStating:
    def test_each_edition_is_stated_once_with_its_files_and_its_predecessor(
        self, log: CreditLog, tmp_path: Path, target: Path, editions: Editions
    ) -> None:
        assert len(state_editions(editions, pen(log), log.store)) == 1
        place_edition(an_edition(tmp_path / "new"), target, editions, TODAY)
        assert len(state_editions(editions, pen(log), log.store)) == 1
        assert state_editions(editions, pen(log), log.store) == []
        first, second = (fact.body for fact in facts_at(log.store, [0, 1]))
        assert isinstance(first, CataloguePublished)
        assert isinstance(second, CataloguePublished)
        assert (first.edition, first.previous) == (load_catalogue().edition, None)
        assert (second.edition, second.previous, second.from_day) == ("2026.3", "2026.2", "2026-12-01")
        assert second.sm3 == load_catalogue(target / "2026.3").sm3
        assert {file.name: file.bytes for file in second.files} == {
            path.name: path.stat().st_size for path in (target / "2026.3").iterdir()
        }
        assert second.asks["bidding"] == list(load_catalogue().asks("bidding"))

    def test_an_edition_is_stated_once_however_many_state_it(
        self, log: CreditLog, editions: Editions
    ) -> None:
        # Different random bytes each time: only the id is the same.
        threads = [
            threading.Thread(target=state_editions, args=(editions, pen(log), log.store)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.facts() == [(OPERATOR, edition_id(load_catalogue()))]

    def test_an_operator_without_the_role_is_told(self, tmp_path: Path, editions: Editions) -> None:
        log = CreditLog(tmp_path / "credit")
        log.roles[OPERATOR] = ("operator", "publisher:access")
        log.directory.replace(log.trust())
        with pytest.raises(RoleMissing):
            state_editions(editions, pen(log), log.store)
        log.close()

"""Helpers answer as the service itself does, and the end of one is not the end of the batch."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from checking import MATTER, looks

from ledger.errors import LedgerError, Unavailable
from ledger.formats.answer import answer_digest
from ledger.services.answers import CatalogueReference, CheckpointReference, Frame, SubjectQuery, item_bytes
from ledger.services.checking.finder import Finder, Part
from ledger.services.checking.finding_processes import PIECE, WORTH, FindingProcesses, HelpersGone
from ledger.services.checking.subjects import resolve_question
from ledger.services.credit import CreditService

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

Uscc = Callable[[int], str]

HELPER = """
import sys
from pathlib import Path
from ledger.catalog import Editions
from ledger.log.reader import LogReader
from ledger.services.checking.finder import Finder
from ledger.services.checking.finding_processes import help_finding
from ledger.store import SqliteStore
reader = LogReader(SqliteStore(Path(sys.argv[1])), "yunling.example/credit")
help_finding(Finder(reader, Editions(), sys.argv[2]), int(sys.argv[3]))
"""


@pytest.fixture
def helpers(city: City) -> Iterator[FindingProcesses]:
    command = [sys.executable, "-c", HELPER, str(city.folder / "credit"), city.operator]
    helpers = FindingProcesses(command, 2)
    yield helpers
    helpers.close()


@pytest.fixture
def queries(city: City, uscc: Uscc) -> list[SubjectQuery]:
    """More organisations than helpers get at a time, every hundredth of them listed."""
    queries = []
    for number in range(WORTH + PIECE // 2):
        city.company = uscc(1000 + number)
        if number % 100 == 0:
            city.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
        queries.append(SubjectQuery("organisation", city.company))
    city.checkpoint()
    return queries


def service(city: City, helpers: FindingProcesses | None) -> CreditService:
    finder = Finder(city.logs["credit"].reader, city.editions, city.operator)
    return CreditService(
        finder, city.recorder, city.tag_keys, city.clock, authoriser=city.authoriser, helpers=helpers
    )


def pids(helpers: FindingProcesses) -> list[int]:
    return [helper._process.pid for helper in helpers._helpers]


def test_helpers_answer_what_the_service_would(
    city: City, helpers: FindingProcesses, queries: list[SubjectQuery]
) -> None:
    queries = [*queries, queries[0], SubjectQuery("organisation", "nonsense")]
    alone = service(city, None).check_many(queries, MATTER, city.asked())
    shared = service(city, helpers).check_many(queries, MATTER, city.asked())
    assert len(pids(helpers)) == 2
    assert [item.said for item in shared.items] == [item.said for item in alone.items]
    assert [item.refusal for item in shared.items] == [item.refusal for item in alone.items]
    assert [item.same_as for item in shared.items] == [item.same_as for item in alone.items]
    assert shared.frame == alone.frame
    for item in (shared.items[0], shared.items[100], shared.items[PIECE + 1]):
        assert item.logged is not None
        (logged,) = [look for look in looks(city) if look.id == item.logged.id]
        findings = next(each.findings for each in alone.items if each.said == item.said)
        assert findings is not None
        assert logged.body["answer"] == answer_digest(item_bytes(alone.frame, findings))


def test_a_batch_goes_on_without_a_helper_that_was_killed_and_the_next_has_new_ones(
    city: City, helpers: FindingProcesses, queries: list[SubjectQuery]
) -> None:
    credit = service(city, helpers)
    expected = [item.said for item in credit.check_many(queries, MATTER, city.asked()).items]
    before = pids(helpers)
    os.kill(before[0], signal.SIGKILL)
    assert [item.said for item in credit.check_many(queries, MATTER, city.asked()).items] == expected
    assert [item.said for item in credit.check_many(queries, MATTER, city.asked()).items] == expected
    assert len(pids(helpers)) == 2
    assert not set(pids(helpers)) & set(before)


def test_a_batch_is_answered_where_no_helper_can_be_had(city: City, queries: list[SubjectQuery]) -> None:
    for command in (["/nonexistent"], [sys.executable, "-c", "raise SystemExit(1)"]):
        helpers = FindingProcesses(command, 2)
        answer = service(city, helpers).check_many(queries, MATTER, city.asked())
        assert sum(bool(item.findings and item.findings.hits) for item in answer.items) == 7
        helpers.close()


def part_of(city: City, **frame: Any) -> Part:
    checkpoint = city.logs["credit"].reader.checkpoint()
    catalogue = city.catalogue
    whole = Frame(
        matter=MATTER,
        matter_name="",
        day="2026-09-21",
        view="shared",
        catalogue=CatalogueReference(catalogue.edition, catalogue.sm3),
        checkpoint=CheckpointReference("", checkpoint.size, "", "", "", "published"),
    )
    question = resolve_question(SubjectQuery("organisation", city.company), city.tag_keys)
    return Part(checkpoint, replace(whole, **frame), "2026-09-21", (question,))


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ({"catalogue": CatalogueReference("2026.9", "ab" * 32)}, Unavailable),
        ({"matter": "unheard-of"}, LedgerError),
    ],
    ids=["edition", "matter"],
)
def test_what_a_helper_refuses_is_raised_and_the_next_part_is_answered(
    city: City, helpers: FindingProcesses, frame: dict[str, Any], error: type[LedgerError]
) -> None:
    city.enter("wage-arrears")
    city.checkpoint()
    with pytest.raises(error):
        helpers.tell(part_of(city, **frame))
    (told,) = helpers.tell(part_of(city))
    assert told.hits == 1


def test_helpers_end_with_the_service(city: City, helpers: FindingProcesses) -> None:
    city.enter("wage-arrears")
    city.checkpoint()
    helpers.tell(part_of(city))
    processes = [helper._process for helper in helpers._helpers]
    for helper in helpers._helpers:
        # As when the service is killed: its end of the pipe is closed, and nothing else happens.
        helper.connection.close()
    deadline = time.monotonic() + 20
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [process.poll() for process in processes] == [0, 0]
    helpers.close()
    with pytest.raises(HelpersGone):
        helpers.tell(part_of(city))

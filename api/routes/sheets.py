"""Departments' sheets before they are signed and imported: nothing is kept, nothing is logged.

Signing stays with the department, whose key never comes here. What can be said beforehand is said in two
ways: of a whole sheet, or of the statements that the department's own importer made of its rows (`rows`,
`records`), which then hold no personal part. A member asks about what it published itself, so nobody learns
what is not his.
"""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag
from pydantic import Field

from api.auth import digested_chunks
from api.context import caller, deployment, json_answer
from api.models import Answer, StatementId, Strict, Uscc
from api.roles import SHEET_MEDIA_TYPES
from ledger.formats.statement import Reference
from ledger.log.clock import china_day
from ledger.services.importing import (
    ImportOptions,
    ImportReport,
    LogDesk,
    Offered,
    Outcome,
    RowBuilder,
    RowProblem,
    SheetCodes,
    SheetLimits,
    Wanted,
    look_over,
)

if TYPE_CHECKING:
    from tempfile import _TemporaryFileWrapper

    from ledger.deployment import Deployment

blueprint = APIBlueprint("sheets", __name__, url_prefix="/v1", abp_tags=[Tag(name="sheets")])

PROBLEM_LIMIT = 1000
ROWS_LIMIT = 1000
LIMITS = SheetLimits(file_bytes=64 << 20, unpacked_bytes=512 << 20, strings_bytes=64 << 20)
DRAFT_PREFIX = "sheet-"


_TURN = "sheets"
"""Whose turn it is to make or to delete a draft: one that is not locked yet is not left over."""


def forget_sheets(deployment: "Deployment") -> None:
    """Delete what a process that was killed left of the sheets it was looking over: persons stand in them.

    What other processes are looking over now is theirs: they hold a lock on it.
    """
    with deployment.turns.taken([_TURN]):
        for left in (deployment.folder / "run").glob(f"{DRAFT_PREFIX}*"):
            with suppress(FileNotFoundError, BlockingIOError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


@contextmanager
def _draft() -> "Iterator[_TemporaryFileWrapper[bytes]]":
    """A file readable by this user only, which is gone at the end."""
    with ExitStack() as opened:
        with deployment().turns.taken([_TURN]):
            file = opened.enter_context(
                tempfile.NamedTemporaryFile(dir=deployment().folder / "run", prefix=DRAFT_PREFIX)
            )
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


class SheetBody(RawModel):
    """An XLSX file, or CSV in UTF-8 or GB18030, in the official columns."""

    mimetypes = list(SHEET_MEDIA_TYPES)  # noqa: RUF012 - flask-openapi3 wants a list


class ReferenceModel(Strict):
    """A statement by its issuer and id."""

    issuer: Uscc
    id: StatementId


Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,63}$")]
Number = Annotated[str, Field(min_length=1, max_length=200)]


class RowModel(Strict):
    """What is public of the statement that a row would become."""

    id: StatementId
    kind: Kind
    body: dict[str, Any]
    refers: Annotated[tuple[ReferenceModel, ...], Field(max_length=1)] = ()


class RowsBody(Strict):
    """Rows to be looked over."""

    rows: Annotated[tuple[RowModel, ...], Field(min_length=1, max_length=ROWS_LIMIT)]


class WantedModel(Strict):
    """The record that a step is about: its kind, its number, and its subject's code or person tag."""

    kind: Kind
    number: Number
    subject: Annotated[str, Field(pattern="^([0-9A-HJ-NP-RTUW-Y]{18}|[0-9a-f]{64})$")]


class RecordsBody(Strict):
    """Records to be looked up."""

    wanted: Annotated[tuple[WantedModel, ...], Field(min_length=1, max_length=ROWS_LIMIT)]


@blueprint.post("/sheets/check", summary="Look a sheet over before importing it", responses={200: Answer})
def check_sheet(raw: SheetBody) -> Response:
    """How many rows are good, and what is wrong with the others; cells are never quoted."""
    epoch, key = max(deployment().keyring.person_tag_keys().items())
    today = china_day(deployment().clock())
    catalogue = deployment().editions.current(today)
    builder = RowBuilder(caller().member, key, epoch, catalogue, date.fromisoformat(today))
    report = ImportReport()
    with _draft() as file:
        for chunk in digested_chunks(request.stream.read, g.digest, g.rule.body_limit):
            file.write(chunk)
        file.flush()
        good = look_over(Path(file.name), builder, _desk(), report, ImportOptions(limits=LIMITS))
    return json_answer(
        {
            "form": report.form,
            "rows": report.rows,
            "good": good,
            "already": report.already,
            "refused": report.refused,
            "conflicting": report.conflicting,
            "problems": [_problem(each) for each in report.problems[:PROBLEM_LIMIT]],
            "unlisted": max(0, len(report.problems) + report.unlisted - PROBLEM_LIMIT),
        }
    )


@blueprint.get("/sheets/codes", summary="The catalogue's codes that rows name", responses={200: Answer})
def codes() -> Response:
    """Lists, matters and measures of the edition in force, today in China, and the epoch of person tags."""
    today = china_day(deployment().clock())
    known = SheetCodes.of(deployment().editions.current(today))
    epoch = max(deployment().keyring.person_tag_keys())
    return json_answer(known.as_json() | {"today": today, "epoch": epoch})


@blueprint.post("/sheets/rows", summary="What would become of rows", responses={200: Answer})
def rows(body: RowsBody) -> Response:
    """Of each row: `new` (would be taken now), `already` (the log has it), `refused` with the reason, or
    `conflicting` with the record in the log that it contradicts."""
    offered = [
        Offered(row.id, row.kind, row.body, tuple(Reference(each.issuer, each.id) for each in row.refers))
        for row in body.rows
    ]
    return json_answer({"outcomes": [_outcome(each) for each in _desk().preview(offered)]})


@blueprint.post("/sheets/records", summary="Look up own records", responses={200: Answer})
def records(body: RecordsBody) -> Response:
    """The caller's own records of each number about each subject, with their public bodies."""
    wanted = [Wanted(each.kind, each.number, each.subject) for each in body.wanted]
    return json_answer(
        {
            "found": [
                [
                    {"issuer": each.reference.issuer, "id": each.reference.id, "body": dict(each.body)}
                    for each in found
                ]
                for found in _desk().find(wanted)
            ]
        }
    )


def _desk() -> LogDesk:
    log = deployment().logs["credit"]
    return LogDesk(
        log.store, log.reader, deployment().rulebook, caller().member, caller().roles, deployment().clock
    )


def _problem(problem: RowProblem) -> dict[str, Any]:
    return {
        "row": problem.row,
        "column": problem.column,
        "code": problem.code,
        "zh": problem.zh,
        "en": problem.en,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"state": outcome.state}
    if outcome.code:
        document |= {"code": outcome.code, "zh": outcome.zh, "en": outcome.en}
    if outcome.record is not None:
        document["record"] = {"issuer": outcome.record.issuer, "id": outcome.record.id}
    return document

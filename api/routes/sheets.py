"""Looking a department's sheet over before it is signed and imported: nothing is kept, nothing is logged.

Signing stays with the department, whose key never comes here; what can be said beforehand is which rows the
import would take, and why not the others.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag

from api.auth import digested_chunks
from api.context import caller, deployment, json_answer
from api.models import Answer
from api.roles import SHEET_MEDIA_TYPES
from ledger.catalog import load_catalogue
from ledger.services.importing import ImportReport, RowBuilder, SheetLimits, prepare_sheet

blueprint = APIBlueprint("sheets", __name__, url_prefix="/v1", abp_tags=[Tag(name="sheets")])

PROBLEM_LIMIT = 1000
LIMITS = SheetLimits(file_bytes=64 << 20, unpacked_bytes=512 << 20, strings_bytes=64 << 20)
CHINA = timedelta(hours=8)
DRAFT_PREFIX = "sheet-"


def forget_sheets(folder: Path) -> None:
    """Delete what a process that was killed left of the sheets it was looking over: persons stand in them."""
    for left in (folder / "run").glob(f"{DRAFT_PREFIX}*"):
        left.unlink(missing_ok=True)


class SheetBody(RawModel):
    """An XLSX file, or CSV in UTF-8 or GB18030, in the official columns."""

    mimetypes = list(SHEET_MEDIA_TYPES)  # noqa: RUF012 - flask-openapi3 wants a list


@blueprint.post("/sheets/check", summary="Look a sheet over before importing it", responses={200: Answer})
def check_sheet(raw: SheetBody) -> Response:
    """How many rows are good, and what is wrong with the others; cells are never quoted."""
    epoch, key = max(deployment().keyring.person_tag_keys().items())
    now = datetime.fromtimestamp(deployment().clock() / 1000, UTC)
    builder = RowBuilder(caller().member, key, epoch, load_catalogue(), (now + CHINA).date())
    report = ImportReport()
    # Readable by this process only, and gone when the answer is given.
    with tempfile.NamedTemporaryFile(dir=deployment().folder / "run", prefix=DRAFT_PREFIX) as file:
        for chunk in digested_chunks(request.stream.read, g.digest, g.rule.body_limit):
            file.write(chunk)
        file.flush()
        good = len(prepare_sheet(Path(file.name), builder, report, limits=LIMITS))
    problems = [
        {"row": each.row, "column": each.column, "code": each.code, "zh": each.zh, "en": each.en}
        for each in report.problems[:PROBLEM_LIMIT]
    ]
    return json_answer(
        {
            "form": report.form,
            "rows": report.rows,
            "good": good,
            "refused": report.refused,
            "problems": problems,
            "unlisted": len(report.problems) - len(problems),
        }
    )

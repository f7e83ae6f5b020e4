"""Put the samples into files, byte for byte the same for the same world."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook

from scripts.samples.access import access_events
from scripts.samples.certificates import certificates
from scripts.samples.credit import Sheet, credit_sheets
from scripts.samples.further import further_sheets
from scripts.samples.world import World

_MOMENT = datetime(2026, 1, 1)
_ZIP_MOMENT = (2026, 1, 1, 0, 0, 0)


def write_samples(
    world: World,
    out: Path,
    *,
    events: int = 20_000,
    certificate_count: int = 200,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, int]:
    """Write everything below `out` and return the number of rows, events or files by name."""
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for sheet in [*credit_sheets(world), *further_sheets(world)]:
        (out / sheet.name).write_bytes(sheet_bytes(sheet))
        counts[sheet.name] = len(sheet.rows)
        progress(f"{sheet.name}: {len(sheet.rows)} rows")
    with (out / "access_events.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
        for event in access_events(world, events):
            lines.write(json.dumps(event, ensure_ascii=False) + "\n")
    counts["access_events.jsonl"] = events
    progress(f"access_events.jsonl: {events} events")
    counts["certificates"] = _write_certificates(world, out / "certificates", certificate_count)
    progress(f"certificates/: {certificate_count} files")
    return counts


def sheet_bytes(sheet: Sheet) -> bytes:
    """The sheet as its file's bytes: XLSX, or CSV in the sheet's encoding."""
    return _xlsx(sheet) if sheet.encoding is None else _csv(sheet, sheet.encoding)


def _write_certificates(world: World, folder: Path, count: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "certificates.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
        for certificate in certificates(world, count):
            (folder / certificate.file_name).write_bytes(certificate.content)
            lines.write(
                json.dumps(certificate.metadata | {"file": certificate.file_name}, ensure_ascii=False) + "\n"
            )
    return count


def _csv(sheet: Sheet, encoding: str) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    writer.writerows(sheet.rows)
    return buffer.getvalue().encode(encoding)


def _xlsx(sheet: Sheet) -> bytes:
    workbook = Workbook(write_only=True)
    page = workbook.create_sheet("Sheet1")
    page.append(sheet.columns)
    for row in sheet.rows:
        page.append(row)
    workbook.properties.created = _MOMENT
    buffer = io.BytesIO()
    workbook.save(buffer)
    return _without_clock(buffer.getvalue())


def _without_clock(archive: bytes) -> bytes:
    """The same XLSX with the times of writing, which openpyxl takes from the clock, set to a fixed one."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(result, "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "docProps/core.xml":
                start = data.index(b">", data.index(b"<dcterms:modified")) + 1
                end = data.index(b"<", start)
                data = data[:start] + _MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ").encode() + data[end:]
            entry = zipfile.ZipInfo(item.filename, _ZIP_MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
    return result.getvalue()

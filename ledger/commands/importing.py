"""`import`: a department's sheet into the credit log, through the service."""

import os
import sys
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import click

from ledger.catalog import load_catalogue
from ledger.client import Client
from ledger.commands.common import client_options, json_option, print_json
from ledger.deployment import Keyring
from ledger.deployment.keyring import find_passphrase
from ledger.errors import ConfigurationError
from ledger.services.importing import FORMS, ImportReport, ImportTarget, RowBuilder, import_sheet

EXIT_NO = 1
CHINA = timezone(timedelta(hours=8))
SHOWN_PROBLEMS = 20


@click.command("import")
@client_options
@click.argument("sheet", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--form", type=click.Choice(sorted(FORMS)), help="The sheet's form; found from its columns if left out."
)
@click.option(
    "--keys",
    "keys_folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder with person-tags.keys; the deployment's keys/ if left out.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where what was sent is kept, so that an interrupted import goes on; beside the sheet if left out.",
)
@click.option("--all-or-nothing", is_flag=True, help="Import nothing if any row has a problem.")
@json_option
def import_(
    client: Client,
    sheet: Path,
    form: str | None,
    keys_folder: Path | None,
    journal: Path | None,
    all_or_nothing: bool,
    as_json: bool,
) -> int:
    """Import SHEET (XLSX, or CSV in UTF-8 or GB18030) in the official 双公示 columns.

    The same sheet may be imported again: nothing is sent twice. Exit status 1 when rows were refused.
    """
    signer, member = client.identity()
    epoch, key = _person_tag_key(keys_folder)
    builder = RowBuilder(member, key, epoch, load_catalogue(), datetime.now(CHINA).date())
    log = f"{client.domain}/credit"
    target = ImportTarget(
        log=log,
        issuer=member,
        signer=signer,
        submit=client.submit_lines,
        lookup=lambda id_: client.find("credit", member, id_),
    )
    with _Bar() as bar:
        report = import_sheet(
            sheet,
            builder,
            target,
            lambda: int(datetime.now(CHINA).timestamp() * 1000),
            os.urandom,
            journal=journal or sheet.with_name(f".{sheet.name}.journal"),
            form=FORMS[form] if form else None,
            all_or_nothing=all_or_nothing,
            progress=bar.show,
        )
    if as_json:
        print_json(_document(report))
    else:
        _print_report(report)
    return EXIT_NO if report.refused else 0


def _person_tag_key(folder: Path | None) -> tuple[int, bytes]:
    """The newest epoch and its key."""
    if folder is None:
        root = click.get_current_context().params.get("folder")
        folder = Path(root) / "keys" if root is not None else None
    if folder is None or not folder.is_dir():
        raise ConfigurationError("--keys must name the folder with person-tags.keys")
    keys = Keyring(folder, lambda: find_passphrase(folder.parent)).person_tag_keys()
    return max(keys.items())


class _Bar:
    """A bar for rows read, whose number is known only at the end, then one for rows sent."""

    def __init__(self) -> None:
        self._step = ""
        self._bar: Any = None
        self._done = 0

    def show(self, step: str, rows: int, total: int | None) -> None:
        if step != self._step:
            self._end()
            self._step, self._done = step, 0
            label = {"read": "读取 · read", "sent": "提交 · sent"}.get(step, step)
            self._bar = click.progressbar(
                iterable=None if total else count(),
                length=total,
                label=label,
                show_pos=True,
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            )
            self._bar.__enter__()
        self._bar.update(rows - self._done)
        self._done = rows

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


def _document(report: ImportReport) -> dict[str, Any]:
    return {
        "form": report.form,
        "rows": report.rows,
        "accepted": report.accepted,
        "already": report.already,
        "refused": report.refused,
        "problems": [
            {"row": each.row, "column": each.column, "code": each.code, "zh": each.zh, "en": each.en}
            for each in report.problems
        ],
    }


def _print_report(report: ImportReport) -> None:
    click.echo(
        f"{report.rows} 行 rows: 受理 accepted {report.accepted}, 已有 already {report.already}, "
        f"拒绝 refused {report.refused}"
    )
    if report.already and not report.accepted:
        click.echo("  此前已导入，未重复提交 · imported before; nothing was submitted again")
    for each in report.problems[:SHOWN_PROBLEMS]:
        click.echo(f"  第 {each.row} 行 {each.column} [{each.code}] {each.zh} {each.en}")
    if len(report.problems) > SHOWN_PROBLEMS:
        click.echo(f"  … {len(report.problems) - SHOWN_PROBLEMS} more; --json lists all")

"""`import`: a department's sheet into the credit log, through the service."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import click

from ledger.client import Client
from ledger.commands.common import client_options, json_option, note, print_json
from ledger.commands.output import OutFile, refuse_same
from ledger.deployment import Keyring
from ledger.deployment.keyring import find_passphrase
from ledger.errors import AnswerInvalid, ConfigurationError
from ledger.formats.statement import Reference
from ledger.services.importing import (
    FORMS,
    FoundRecord,
    ImportOptions,
    ImportReport,
    ImportTarget,
    Offered,
    Outcome,
    RowBuilder,
    SheetCodes,
    Wanted,
    described,
    forms_described,
    import_sheet,
    write_problem_sheet,
    write_template,
)

EXIT_NO = 1
SHOWN_PROBLEMS = 20
_ASKED_BYTES = 4 << 20
_ASKED_RECORDS = 1_000
_FORM = click.Choice(sorted(FORMS))


class _ImportCommand(click.Command):
    """What only explains needs neither a service nor a key."""

    def invoke(self, ctx: click.Context) -> Any:
        form = ctx.params["form"]
        if ctx.params["forms"]:
            for line in forms_described():
                click.echo(line)
            return 0
        if ctx.params["columns"]:
            for line in described(FORMS[ctx.params["columns"]]):
                click.echo(line)
            return 0
        if ctx.params["template"] is not None:
            if form is None:
                raise click.UsageError("--template needs --form", ctx)
            _write_template(form, ctx.params["template"])
            return 0
        if ctx.params["sheet"] is None:
            raise click.UsageError("Missing argument 'SHEET'.", ctx)
        return super().invoke(ctx)


@click.command("import", cls=_ImportCommand)
@client_options
@click.argument("sheet", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False)
@click.option("--form", type=_FORM, help="The sheet's form; found from its columns if left out.")
@click.option("--sheet-name", help="The sheet of the workbook; else the first that has the columns.")
@click.option("--skip-hidden", is_flag=True, help="Leave out hidden rows.")
@click.option(
    "--keys",
    "keys_folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder with person-tags.keys; the deployment's keys/ if left out.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where what is being sent is kept, to go on after an interruption; else beside the sheet.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and send nothing.")
@click.option("--all-or-nothing", is_flag=True, help="Import nothing if any row is not taken.")
@click.option(
    "--on-conflict",
    type=click.Choice(["report", "correct", "add"]),
    default="report",
    show_default=True,
    help="A row that contradicts a record of the same number and subject: leave it out and report it, submit"
    " it as that record's correction, or as a record of its own.",
)
@click.option(
    "--report",
    "report_path",
    type=OutFile(".xlsx"),
    help="Write the sheet again as XLSX, with a column 错误说明 that says what is wrong in each bad row.",
)
@click.option("--bad-only", is_flag=True, help="Leave the good rows out of --report.")
@json_option
@click.option("--forms", is_flag=True, help="List the forms, and stop.")
@click.option("--columns", type=_FORM, help="Explain the columns of a form, and stop.")
@click.option(
    "--template",
    type=OutFile(".xlsx"),
    help="Write an empty workbook of --form, and stop.",
)
def import_(
    client: Client,
    sheet: Path,
    form: str | None,
    sheet_name: str | None,
    skip_hidden: bool,
    keys_folder: Path | None,
    journal: Path | None,
    dry_run: bool,
    all_or_nothing: bool,
    on_conflict: Any,
    report_path: Path | None,
    bad_only: bool,
    as_json: bool,
    **_: Any,
) -> int:
    """Import SHEET (XLSX, or CSV in UTF-8 or GB18030) in the official 双公示 columns, or those of --forms.

    The same sheet may be imported again: nothing is sent twice. Exit status 1 when rows were not taken.
    """
    refuse_same("--report", report_path, sheet)
    signer, member = client.identity()
    options = ImportOptions(
        form=FORMS[form] if form else None,
        sheet=sheet_name,
        skip_hidden=skip_hidden,
        all_or_nothing=all_or_nothing,
        dry_run=dry_run,
        on_conflict=on_conflict,
    )
    known = client.sheet_codes()
    target = ImportTarget(
        f"{client.domain}/credit", member, signer, client.submit_lines, _ServiceDesk(client)
    )
    with _Bar() as bar:
        report = import_sheet(
            sheet,
            _builder(member, keys_folder, known),
            target,
            lambda: time.time_ns() // 1_000_000,
            os.urandom,
            journal=journal or sheet.with_name(f".{sheet.name}.journal"),
            options=options,
            progress=bar.show,
        )
    if report_path is not None:
        _write_report(sheet, report_path, report, options, bad_only)
    if as_json:
        print_json(_document(report, options))
    else:
        _print_report(report, options)
    return EXIT_NO if report.bad else 0


class _ServiceDesk:
    """The desk behind the service's API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def find(self, wanted: Sequence[Wanted]) -> list[list[FoundRecord]]:
        asked = [(at, subject) for at, each in enumerate(wanted) for subject in each.subjects]
        found: list[list[FoundRecord]] = [[] for _ in wanted]
        for start in range(0, len(asked), _ASKED_RECORDS):
            part = asked[start : start + _ASKED_RECORDS]
            answers = self._client.sheet_records(
                [
                    {"kind": wanted[at].kind, "number": wanted[at].number, "subject": subject}
                    for at, subject in part
                ]
            )
            _check_count(answers, part)
            for (at, _), records in zip(part, answers, strict=True):
                found[at] += [
                    FoundRecord(Reference(record["issuer"], record["id"]), record["body"])
                    for record in records
                    if wanted[at].fits(record["body"])
                ]
        return found

    def preview(self, rows: Sequence[Offered]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for part in _pieces([row.as_json() for row in rows]):
            answered = self._client.sheet_rows(part)
            _check_count(answered, part)
            outcomes += [_outcome(each) for each in answered]
        return outcomes


def _check_count(answers: Any, asked: Sequence[Any]) -> None:
    if not isinstance(answers, list) or len(answers) != len(asked):
        raise AnswerInvalid("the service answered about another number of rows than was asked")


def _pieces(rows: list[bytes]) -> Iterator[list[bytes]]:
    """Rows in requests of a few MiB."""
    piece: list[bytes] = []
    size = 0
    for row in rows:
        if piece and size + len(row) > _ASKED_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += len(row)
    if piece:
        yield piece


def _outcome(answer: Any) -> Outcome:
    record = answer.get("record")
    return Outcome(
        answer["state"],
        answer.get("code", ""),
        answer.get("zh", ""),
        answer.get("en", ""),
        Reference(record["issuer"], record["id"]) if record else None,
    )


def _builder(member: str, keys_folder: Path | None, known: Any) -> RowBuilder:
    """The builder with the newest person-tag key; the log's own epoch must be among those at hand."""
    keys = _person_tag_keys(keys_folder)
    epoch = known["epoch"]
    if epoch not in keys:
        raise ConfigurationError(f"person-tags.keys lacks epoch {epoch}, which the log uses now")
    today = date.fromisoformat(known["today"])
    return RowBuilder(member, keys[epoch], epoch, SheetCodes.from_json(known), today, keys)


def _person_tag_keys(folder: Path | None) -> dict[int, bytes]:
    if folder is None:
        root = click.get_current_context().params.get("folder")
        folder = Path(root) / "keys" if root is not None else None
    if folder is None or not folder.is_dir():
        raise ConfigurationError("--keys must name the folder with person-tags.keys")
    return dict(Keyring(folder, lambda: find_passphrase(folder.parent)).person_tag_keys())


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


def _write_template(form: str, path: Path) -> None:
    if path.exists():
        raise click.UsageError(f"文件已存在，不予覆盖 · {path} exists; it may be filled in")
    try:
        write_template(FORMS[form], path)
    except OSError as error:
        raise click.UsageError(f"the template cannot be written: {error.strerror}") from error
    click.echo(f"已写入模板 · template written: {path}")


def _write_report(
    sheet: Path, path: Path, report: ImportReport, options: ImportOptions, bad_only: bool
) -> None:
    try:
        rows = write_problem_sheet(sheet, path, report, options, bad_only=bad_only)
    except OSError as error:
        raise click.UsageError(f"the report cannot be written: {error.strerror}") from error
    note(f"已写入结果表 · report written: {path} ({rows} 行 rows)")


def _document(report: ImportReport, options: ImportOptions) -> dict[str, Any]:
    return {
        "form": report.form,
        "dry_run": options.dry_run,
        "sent": report.sent,
        "sheet": report.seen.name,
        "sheets_not_read": list(report.seen.not_read),
        "hidden_rows": report.seen.hidden_rows,
        "rows": report.rows,
        "accepted": report.accepted,
        "already": report.already,
        "refused": report.refused,
        "conflicting": report.conflicting,
        "corrected": report.corrected,
        "problems": [
            {"row": each.row, "column": each.column, "code": each.code, "zh": each.zh, "en": each.en}
            for each in report.problems
        ],
        "unlisted": report.unlisted,
    }


def _print_report(report: ImportReport, options: ImportOptions) -> None:
    said = "将受理 would be accepted" if options.dry_run else "受理 accepted"
    line = (
        f"{report.rows} 行 rows: {said} {report.accepted}, 已有 already {report.already}, "
        f"拒绝 refused {report.refused}"
    )
    if report.conflicting:
        line += f", 冲突 conflicting {report.conflicting}"
    click.echo(line)
    _print_notes(report, options)
    for each in report.problems[:SHOWN_PROBLEMS]:
        click.echo(f"  第 {each.row} 行 {each.column} [{each.code}] {each.zh} {each.en}")
    more = len(report.problems) - SHOWN_PROBLEMS + report.unlisted
    if more > 0:
        click.echo(f"  … {more} more; --json lists all, --report writes them beside the rows")


def _print_notes(report: ImportReport, options: ImportOptions) -> None:
    if options.dry_run:
        click.echo("  试运行，未提交任何内容 · a dry run: nothing was submitted")
    elif options.all_or_nothing and report.bad:
        click.echo("  有未通过的行，未提交任何内容 · some rows are not good, so nothing was submitted")
    elif report.already and not report.accepted:
        click.echo("  此前已导入，未重复提交 · imported before; nothing was submitted again")
    if report.corrected:
        click.echo(f"  其中更正原有记录 corrections among them: {report.corrected}")
    if report.seen.hidden_rows:
        done = (
            "已跳过 left out" if options.skip_hidden else "一并读取 read too (--skip-hidden leaves them out)"
        )
        click.echo(f"  隐藏行 hidden rows: {report.seen.hidden_rows}, {done}")
    if report.seen.not_read:
        names = "、".join(report.seen.not_read)
        click.echo(f"  未读取的工作表 sheets not read: {names} (--sheet-name)")

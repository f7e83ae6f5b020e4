"""`record`: the life of a credit record, step by step; each step is composed from the record it continues."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ledger.client import Client
from ledger.client.loop import CODED, HANDLING, compose_step, statement_in
from ledger.commands.asking import bundle_option, level_option, proved_line
from ledger.commands.common import client_options, json_option, print_json, say, write_bundle
from ledger.commands.loop import (
    NOT_SHOWN_YET,
    StatementName,
    accepted_line,
    await_published,
    day_of,
    desk_option,
    look_options,
    on_option,
    read_person,
)
from ledger.domain.schemas import TITLES
from ledger.formats.statement import Reference
from ledger.formats.words import DUTIES, RECORD_STATES, REPAIRS

_TEXTS = ("grounds", "reasons", "reason")
_Record = tuple[str, str]


@click.group()
def record() -> None:
    """信用记录 · The life of a record: objection, correction, repair, withdrawal."""


def _step(name: str, kind: str, day_field: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A command that takes one step; the decorated function gives the fields of its own and its help."""

    def make(fields_of: Callable[..., dict[str, Any]]) -> click.Command:
        def run(
            client: Client,
            named: _Record,
            on: datetime | None,
            operator: str | None,
            as_json: bool,
            **given: Any,
        ) -> None:
            fields = {day_field: day_of(on)} | fields_of(**given)
            _take(client, kind, named, fields, operator, as_json)

        command: Any = run
        for option in (json_option, desk_option, on_option, *options):
            command = option(command)
        command = click.argument("named", metavar="ISSUER:ID", type=StatementName())(command)
        return record.command(name, help=fields_of.__doc__)(client_options(command))

    return make


def _take(
    client: Client, kind: str, named: _Record, fields: dict[str, Any], operator: str | None, as_json: bool
) -> None:
    issuer, id = named
    shown = client.record(issuer, id, operator=operator, **HANDLING)
    record = statement_in(shown["bundle"], issuer, id).body
    # A reason that is a code is none of the texts that are sealed.
    text = kind not in CODED and any(name in _TEXTS for name in fields)
    person = read_person() if text and record["subject"]["type"] == "person" else None
    body, personal = compose_step(record, kind, fields, person)
    made = client.publish(kind, body, personal=personal, refers=(Reference(issuer, id),))
    view = None
    if await_published(client, made):
        view = client.record(issuer, id, operator=operator, **HANDLING)["view"]
    if as_json:
        print_json({"issuer": made.receipt.issuer, "id": made.id, "view": view})
        return
    say(accepted_line(made.receipt.issuer, made.id))
    if view is None:
        say(NOT_SHOWN_YET)
    else:
        _show_state(view)


@record.command()
@client_options
@click.argument("named", metavar="ISSUER:ID", type=StatementName())
@look_options
@level_option
@bundle_option
@json_option
def show(
    client: Client,
    named: _Record,
    bundle_path: Path | None,
    as_json: bool,
    **look: Any,
) -> None:
    """Show a record's state, its steps by reference, and the deadlines that are open; the look is logged."""
    answer = client.record(*named, **look)
    write_bundle(answer["bundle"], bundle_path)
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "bundle"})
        return
    view = answer["view"]
    _show_state(view)
    for step in view["history"]:
        refused = f"  无效 ineffective: {step['refused']}" if step["refused"] else ""
        kind = f"{TITLES[step['kind']][0]} {step['kind']}"
        say(f"  {step['on']}  {kind}  {step['issuer']}:{step['entry']['id']}{refused}")
    say(proved_line(answer))


@_step(
    "object",
    "credit.record.objected",
    "raised_on",
    click.option("--grounds", help="异议理由 · Why; sealed where the record is about a person."),
)
def objected(grounds: str | None) -> dict[str, Any]:
    """异议 · Raise an objection: the record is marked at once."""
    return _given(grounds=grounds)


@_step(
    "answer-objection",
    "credit.objection.answered",
    "answered_on",
    click.option("--outcome", type=click.Choice(["rejected", "corrected", "withdrawn"]), required=True),
    click.option("--reasons", help="答复理由 · Why; sealed where the record is about a person."),
)
def answered(outcome: str, reasons: str | None) -> dict[str, Any]:
    """答复异议 · Answer an objection; `withdrawn` withdraws the record."""
    return {"outcome": outcome} | _given(reasons=reasons)


@_step(
    "correction",
    "credit.correction.reported",
    "on",
    click.option("--corrected", type=click.Choice(["yes", "no"]), required=True),
)
def corrected(corrected: str) -> dict[str, Any]:
    """整改情况 · Report whether the violation is corrected and the duties are performed."""
    return {"corrected": corrected}


@_step(
    "repair-apply",
    "credit.repair.applied",
    "applied_on",
    click.option("--commitment", required=True, help="修复承诺 · Number or title of the public commitment."),
)
def applied(commitment: str) -> dict[str, Any]:
    """申请修复 · Apply for repair."""
    return {"commitment": commitment}


@_step("repair-accept", "credit.repair.accepted", "accepted_on")
def accepted() -> dict[str, Any]:
    """受理修复申请 · Take an application for repair in."""
    return {}


@_step(
    "repair-approve",
    "credit.repair.approved",
    "decided_on",
    click.option("--basis", required=True, help="依据 · The legal basis."),
)
def approved(basis: str) -> dict[str, Any]:
    """同意修复 · Approve the repair: the record counts no more, anywhere, at once."""
    return {"basis": basis}


@_step(
    "repair-reject",
    "credit.repair.rejected",
    "decided_on",
    click.option("--reason", help="理由 · Why; sealed where the record is about a person."),
)
def rejected(reason: str | None) -> dict[str, Any]:
    """不予修复 · Reject the repair."""
    return _given(reason=reason)


@_step(
    "withdraw",
    "credit.record.withdrawn",
    "decided_on",
    click.option("--reason", type=click.Choice(["altered", "revoked", "annulled", "error"]), required=True),
    click.option("--basis", required=True, help="依据 · The legal basis."),
)
def withdrawn(reason: str, basis: str) -> dict[str, Any]:
    """撤回 · Withdraw a record: the decision was altered, revoked or annulled, or the record was in error."""
    return {"reason": reason, "basis": basis}


@_step(
    "lift",
    "credit.list.removed",
    "removed_on",
    click.option("--basis", required=True, help="依据 · The legal basis."),
    click.option(
        "--reason",
        type=click.Choice(["lifted", "repaired", "expired", "withdrawn"]),
        default="lifted",
        show_default=True,
    ),
)
def lifted(basis: str, reason: str) -> dict[str, Any]:
    """移出名单 · Take a subject off a list."""
    return {"reason": reason, "basis": basis}


def _given(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _show_state(view: Any) -> None:
    marks = []
    if view["objected"]:
        marks.append("异议中 objected")
    if view["repair"]:
        marks.append(f"{REPAIRS[view['repair']]} repair {view['repair']}")
    if view["corrected"] is not None:
        marks.append("已整改 corrected" if view["corrected"] else "未整改 uncorrected")
    entry = view["entry"]
    tail = f"  [{', '.join(marks)}]" if marks else ""
    say(f"状态 · state: {RECORD_STATES[view['state']]} {view['state']}{tail}")
    say(f"  {TITLES[view['kind']][0]} {view['kind']}{_decision(view['body'])}")
    say(f"  条目 entry {entry['index']}  {entry['issuer']}:{entry['id']}")
    if view["publish_from"]:
        until = view["publish_until"] or "无截止日期 without an end"
        say(f"  公示 published {view['publish_from']} – {until}")
    if view["repair_from"] and view["counts"]:
        say(f"  可申请修复 repair may be applied for from {view['repair_from']}")
    for deadline in view["deadlines"]:
        overdue = "  已逾期 OVERDUE" if deadline["overdue"] else ""
        say(f"  期限 due {deadline['due']}: {DUTIES[deadline['duty']]} {deadline['duty']}{overdue}")


def _decision(body: Any) -> str:
    """Number, subject and authority of a record, where they are shown."""
    if body is None:
        return ""
    number = body.get("document") or body.get("case") or ""
    subject = body["subject"].get("name") or "自然人 a natural person"
    return f"  {number}  {subject}  {body['authority']['name']}"

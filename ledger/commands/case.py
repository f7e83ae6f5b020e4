"""`case`: joint punishment, from the proposal to its end; each statement is composed from the case."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ledger.client import Client, Submitted
from ledger.client.loop import HANDLING, compose_case_step, sealed_person, statement_in
from ledger.commands.asking import bundle_option, level_option, proved_line
from ledger.commands.common import client_options, json_option, print_json, say, write_bundle
from ledger.commands.loop import (
    NOT_SHOWN_YET,
    StatementName,
    accepted_line,
    await_published,
    day_of,
    day_type,
    desk_option,
    look_options,
    on_option,
    read_person,
)
from ledger.domain.schemas import TITLES
from ledger.formats.statement import Reference
from ledger.formats.words import CASE_STATES

_STATUS = {
    "none_due": "-",
    "waiting": "待反馈",
    "overdue": "逾期未反馈",
    "answered": "已反馈",
    "late": "逾期后反馈",
}
_Named = tuple[str, str]
_case_argument = click.argument("named", metavar="ISSUER:ID", type=StatementName())


@click.group()
def case() -> None:
    """联合惩戒 · Joint punishment: initiate, review, answer, lift, and who owes what."""


@case.command()
@client_options
@click.option("--number", required=True, help="案件编号 · The case's number.")
@click.option(
    "--record",
    "named",
    type=StatementName(),
    help="信用记录 · Take the subject, and the list, of this record.",
)
@click.option("--organisation", metavar="USCC", help="Instead of --record: the subject's code.")
@click.option("--name", help="With --organisation: its name.")
@click.option("--field", required=True, help="领域 · The field, such as 劳动保障.")
@click.option("--reason", help="事由 · Why; sealed where the subject is a person.")
@click.option("--list", "list_code", help="名单 · The list of the catalogue; the record's, if left out.")
@click.option(
    "--measure", "measures", multiple=True, required=True, help="措施 · A measure of the catalogue."
)
@click.option("--basis", required=True, help="依据 · The legal basis.")
@click.option("--from", "from_day", type=day_type, help="起 · The first day; today if left out.")
@click.option("--until", type=day_type, help="止 · The last day; none if left out.")
@click.option(
    "--executor",
    "executors",
    metavar="USCC[=NAME]",
    multiple=True,
    required=True,
    help="执行单位 · Who applies it; the name is the registered one if left out.",
)
@desk_option
@json_option
def initiate(
    client: Client,
    named: _Named | None,
    organisation: str | None,
    name: str | None,
    operator: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """提请 · Propose joint punishment of a subject."""
    if (named is None) == (organisation is None) or (organisation is not None and name is None):
        raise click.UsageError("give --record, or --organisation with --name")
    record: dict[str, Any] = {}
    if named is not None:
        shown = client.record(*named, operator=operator, **HANDLING)
        record = statement_in(shown["bundle"], *named).body
        subject = record["subject"]
    else:
        subject = {"type": "organisation", "uscc": organisation, "name": name}
    body = _initiation(client, subject, record, **given)
    personal = None
    if subject["type"] == "person" and "reason" in body:
        person = read_person()
        personal = sealed_person(person) | {"reasons": body.pop("reason")}
    made = client.publish("credit.case.initiated", body, personal=personal)
    _shown(client, made, f"{made.receipt.issuer}:{made.id}", operator, as_json)


def _initiation(
    client: Client,
    subject: dict[str, Any],
    record: dict[str, Any],
    number: str,
    list_code: str | None,
    from_day: datetime | None,
    until: datetime | None,
    executors: tuple[str, ...],
    measures: tuple[str, ...],
    **texts: str | None,
) -> dict[str, Any]:
    registered = {each["id"]: each["name"] for each in client.members()["members"]}
    _, member = client.identity()
    listed = list_code or record.get("list")
    return {
        "case": number,
        "subject": subject,
        **{name: text for name, text in texts.items() if text is not None},
        **({"list": listed} if listed else {}),
        "measures": list(measures),
        "from": day_of(from_day),
        **({"until": day_of(until)} if until else {}),
        "proposer": _authority(member, registered),
        "executors": [_authority(each, registered) for each in executors],
    }


def _authority(text: str, registered: dict[str, str]) -> dict[str, str]:
    uscc, _, name = text.partition("=")
    name = name or registered.get(uscc, "")
    if not name:
        raise click.UsageError(f"{uscc} is no registered member: give its name as {uscc}=NAME")
    return {"uscc": uscc, "name": name}


@case.command()
@client_options
@_case_argument
@click.option("--approve", is_flag=True, help="同意 · Approve it.")
@click.option("--return", "return_for", metavar="REASON", help="退回 · Return it, and say why.")
@on_option
@desk_option
@json_option
def review(
    client: Client,
    named: _Named,
    approve: bool,
    return_for: str | None,
    on: datetime | None,
    operator: str | None,
    as_json: bool,
) -> None:
    """审核 · Approve or return a case; the operator's to do."""
    if approve == (return_for is not None):
        raise click.UsageError("give --approve or --return")
    fields: dict[str, Any] = {"outcome": "approved" if approve else "returned", "on": day_of(on)}
    if return_for is not None:
        fields["reason"] = return_for
    _step(client, "credit.case.reviewed", named, fields, operator, as_json)


@case.command()
@client_options
@_case_argument
@click.option("--applied", type=click.Choice(["yes", "no"]), required=True, help="是否执行.")
@click.option("--content", help="反馈内容 · What was done, or why not; sealed where it is about a person.")
@click.option("--desk", required=True, help="经办窗口 · The desk that answers.")
@click.option("--matter", help="事项 · The matter in which it was applied.")
@on_option
@desk_option
@json_option
def answer(
    client: Client,
    named: _Named,
    applied: str,
    content: str | None,
    desk: str,
    matter: str | None,
    on: datetime | None,
    operator: str | None,
    as_json: bool,
) -> None:
    """反馈 · Say as an executor whether the measures were applied, and why not."""
    given = {"applied": applied, "content": content, "desk": desk, "matter": matter, "on": day_of(on)}
    fields = {name: value for name, value in given.items() if value is not None}
    _step(client, "credit.case.answered", named, fields, operator, as_json)


@case.command()
@client_options
@_case_argument
@click.option("--reason", help="解除理由 · Why; sealed where it is about a person.")
@on_option
@desk_option
@json_option
def lift(
    client: Client,
    named: _Named,
    reason: str | None,
    on: datetime | None,
    operator: str | None,
    as_json: bool,
) -> None:
    """解除 · Lift a case: its measures end."""
    fields = {"on": day_of(on)} | ({"reason": reason} if reason is not None else {})
    _step(client, "credit.case.lifted", named, fields, operator, as_json)


@case.command()
@client_options
@_case_argument
@look_options
@level_option
@bundle_option
@json_option
def show(
    client: Client,
    named: _Named,
    bundle_path: Path | None,
    as_json: bool,
    **look: Any,
) -> None:
    """Show a case, its executors' feedback and its statements by reference; the look is logged."""
    found = client.case(":".join(named), **look)
    write_bundle(found["bundle"], bundle_path)
    if as_json:
        print_json({name: value for name, value in found.items() if name != "bundle"})
        return
    _show_whole(found["view"])
    say(proved_line(found))


@case.command("list")
@client_options
@click.option("--executor", metavar="USCC", help="执行单位 · Approved cases that name it.")
@click.option(
    "--todo", is_flag=True, help="待办 · Only those whose feedback it owes; this member's, if none is named."
)
@click.option("--proposer", metavar="USCC", help="提请单位 · Cases that it proposed.")
@click.option("--state", type=click.Choice([*CASE_STATES, "matched"]), help="Only cases in this state.")
@click.option("--after", help="The cursor `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 50), default=20, show_default=True)
@look_options
@bundle_option
@json_option
def list_(
    client: Client,
    executor: str | None,
    todo: bool,
    proposer: str | None,
    bundle_path: Path | None,
    as_json: bool,
    **query: Any,
) -> None:
    """List cases, newest first: this member's in-tray where nothing else is asked for; the look is logged."""
    if executor is None and proposer is None and (todo or query["state"] is None):
        executor = client.identity()[1]
    found = client.cases(executor=executor, todo="true" if todo else None, proposer=proposer, **query)
    write_bundle(found["bundle"], bundle_path)
    if as_json:
        print_json({name: value for name, value in found.items() if name != "bundle"})
        return
    for each in found["cases"]:
        _show_line(each)
    if not found["cases"]:
        say("  没有案件 · no cases")
    say(proved_line(found))
    if found["next"]:
        say(f"下一页 · next page: --after {found['next']}")


@case.command()
@client_options
@click.option("--department", metavar="USCC", help="Of this executor; of all, for auditors, if left out.")
@json_option
def figures(client: Client, department: str | None, as_json: bool) -> int:
    """收到与办理 · Cases received, handled and overdue. Exit status 1: feedback is overdue somewhere."""
    found = client.case_figures(department)
    if as_json:
        print_json(found)
    else:
        for each in found["departments"]:
            _show_counts(f"{each['uscc']}  {each['name']}", each)
        _show_counts("合计 · in all", found["total"])
    return int(found["total"]["overdue"] > 0)


def _step(
    client: Client, kind: str, named: _Named, fields: dict[str, Any], operator: str | None, as_json: bool
) -> None:
    name = ":".join(named)
    shown = client.case(name, operator=operator, **HANDLING)
    initiated = statement_in(shown["bundle"], *named).body
    text = any(each in fields for each in ("reason", "content"))
    person = read_person() if text and initiated["subject"]["type"] == "person" else None
    body, personal = compose_case_step(initiated, kind, client.identity()[1], fields, person)
    made = client.publish(kind, body, personal=personal, refers=(Reference(*named),))
    _shown(client, made, name, operator, as_json)


def _shown(client: Client, made: Submitted, name: str, operator: str | None, as_json: bool) -> None:
    view = client.case(name, operator=operator)["view"] if await_published(client, made) else None
    if as_json:
        print_json({"issuer": made.receipt.issuer, "id": made.id, "case": name, "view": view})
        return
    say(accepted_line(made.receipt.issuer, made.id))
    if view is None:
        say(NOT_SHOWN_YET)
    else:
        _show_line(view)


def _show_line(view: Any) -> None:
    subject, about = view["subject"], ""
    if subject is not None:
        about = f"  {subject['name']} {subject['code']}" if subject["name"] else "  自然人 a natural person"
    due = f", 反馈期限 due {view['feedback_due']}" if view["feedback_due"] else ""
    reference, until = view["reference"], view["until"] or "解除为止 until lifted"
    say(f"{view['case']}  {CASE_STATES[view['state']]} {view['state']}{about}")
    say(f"  {reference['issuer']}:{reference['id']}  {view['from_day']} – {until}")
    say(
        f"  收到 received {view['received']}, 已反馈 handled {view['handled']}, "
        f"逾期 overdue {view['overdue']}{due}"
    )


def _show_whole(view: Any) -> None:
    _show_line(view)
    say(f"  提请 proposed by {view['proposer_name']} {view['proposer']}")
    if view["basis"]:
        measures = "、".join(measure["name"] for measure in view["measures"])
        say(f"  {view['field']}: {measures} ({view['basis']})")
    for executor in view["executors"]:
        status = f"{_STATUS[executor['status']]} {executor['status']}"
        say(f"  执行 executor {executor['name']} {executor['uscc']}: {status}")
        for given in executor["answers"]:
            applied = "已执行 applied" if given["applied"] == "yes" else "未执行 not applied"
            say(f"    {given['on']}  {given['desk']}  {applied}  {given['content'] or ''}".rstrip())
    for statement in view["statements"]:
        entry = statement["entry"]
        refused = "" if statement["effective"] else "  无效 ineffective"
        step = f"{TITLES['credit.case.' + statement['step']][0]} {statement['step']}"
        say(f"  {statement['on']}  {step}  {entry['issuer']}:{entry['id']}{refused}")


def _show_counts(label: str, counts: Any) -> None:
    say(
        f"{label}: 收到 received {counts['received']}, 已反馈 handled {counts['handled']} "
        f"(执行 applied {counts['applied']}, 未执行 not {counts['not_applied']}), "
        f"待反馈 waiting {counts['waiting']}, 逾期 overdue {counts['overdue']}, 迟复 late {counts['late']}"
    )

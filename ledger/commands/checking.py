"""`check`: one subject, or a spreadsheet of them (a bidder list), through the client."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.client import Client
from ledger.commands.asking import (
    EXIT_NO,
    bundle_option,
    level_option,
    proved_line,
    read_number,
    reason_options,
    subject_of,
    subject_options,
)
from ledger.commands.common import client_options, json_option, print_json, progress, say, write_bundle
from ledger.commands.output import OutFile, refuse_same
from ledger.commands.receipt import keep_receipt
from ledger.formats.words import DECISIONS, REPAIRS, ROLES, counted, term_text

if TYPE_CHECKING:
    from ledger.services.checking.sheets import SheetQuestion

_STANDS_AGAINST = frozenset({"prohibit", "restrict"})
PIECE = 10_000
PIECE_WITH_PROOFS = 500
PROBLEMS_SHOWN = 20


@click.command()
@client_options
@subject_options
@reason_options
@click.option("--matter", required=True, help="事项 · The matter, by its code in the catalogue.")
@click.option("--name", help="名称 · Compared with the names in the records: a mismatch is reported.")
@click.option(
    "--related",
    "roles",
    type=click.Choice(list(ROLES)),
    multiple=True,
    help="With --organisation: a person behind it; the resident ID is read from standard input, a line each.",
)
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d"]), help="日期 · The day asked about; today if left out."
)
@click.option(
    "--whole", is_flag=True, help="For auditors: every record as of the day, also what no longer counts."
)
@level_option
@click.option(
    "--file",
    "sheet_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="名单 · Instead of one subject a list (XLSX, CSV): 名称 and 统一社会信用代码 or 公民身份号码.",
)
@click.option(
    "--out",
    "out_path",
    type=OutFile(".xlsx"),
    help="With --file: where the XLSX with the results goes.",
)
@click.option(
    "--bundles",
    "bundles_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --file: keep a bundle for each 500 subjects in this folder, for `xinzheng verify`.",
)
@click.option(
    "--receipt",
    "receipt_path",
    type=OutFile(".pdf"),
    help="核查回执 · Have a receipt issued, and keep it (PDF) in this file.",
)
@bundle_option
@json_option
def check(
    client: Client,
    organisation: str | None,
    person: bool,
    matter: str,
    name: str | None,
    roles: tuple[str, ...],
    at: Any,
    whole: bool,
    sheet_path: Path | None,
    out_path: Path | None,
    bundles_path: Path | None,
    receipt_path: Path | None,
    bundle_path: Path | None,
    as_json: bool,
    **reason: Any,
) -> int:
    """Check a subject for a matter, or with --file a list of them. Exit status 0: nothing stands against any;
    1: one is prohibited or restricted, or could not be checked."""
    question = reason | {"at": _day(at), "view": "whole" if whole else None}
    if sheet_path is not None:
        if organisation or person or name or roles or bundle_path or receipt_path:
            raise click.UsageError(
                "--file excludes --organisation, --person, --name, --related, --receipt and --bundle"
            )
        if out_path is None:
            raise click.UsageError("--file needs --out, where the results go")
        refuse_same("--out", out_path, sheet_path)
        return _check_sheet(client, sheet_path, out_path, bundles_path, matter, question, as_json)
    subject: dict[str, Any] | None = dict(subject_of(organisation, person) or {}) or None
    if subject is None:
        raise click.UsageError("give --organisation, --person or --file")
    if name is not None:
        subject["name"] = name
    if roles:
        if person:
            raise click.UsageError("--related goes with --organisation")
        subject["related"] = [
            {"role": role, "code": read_number(f"{ROLES[role]}公民身份号码 · resident ID")} for role in roles
        ]
    if receipt_path is None:
        answer = client.check(subject, matter, **question)
    else:
        answer = keep_receipt(client, subject, matter, receipt_path, **question)
    write_bundle(answer["bundle"], bundle_path)
    if as_json:
        print_json({member: value for member, value in answer.items() if member != "bundle"})
    else:
        _show_check(answer)
    return EXIT_NO if answer["decision"] in _STANDS_AGAINST else 0


def _day(at: Any) -> str | None:
    return None if at is None else date(at.year, at.month, at.day).isoformat()


def _show_check(answer: Any) -> None:
    decision = answer["decision"]
    say(f"结论 · decision: {DECISIONS[decision]} {decision}  ({answer['matter_name']}, {answer['day']})")
    for hit in answer["hits"]:
        _show_hit(hit)
    if not answer["hits"]:
        say("  没有影响本事项的记录，并可证明 · nothing bears on this matter, provably")
    if answer["name_matches"] is not None:
        zh = {"yes": "一致", "no": "不一致", "unknown": "无从比对"}[answer["name_matches"]]
        say(f"  名称 · the name matches the records: {zh} {answer['name_matches']}")
    for role in answer["not_asked"]:
        say(f"  未查 · not asked about: {ROLES.get(role, role)} {role}")
    reasons = Counter(gone["reason"] for gone in answer["no_longer"])
    if reasons:
        say(f"  不再计入 · no longer counting: {counted(reasons)}")
    say(proved_line(answer))


def _show_hit(hit: Any) -> None:
    entry = hit["entry"]
    path = "".join(f"{ROLES.get(role, role)} {role}: " for role in hit["roles"])
    whose = hit["of"] or {}
    about = " ".join(str(whose[member]) for member in ("name", "code") if whose.get(member))
    say(f"  {path}{hit['title']}: {hit['grounds'] or hit['case']} ({hit['authority_name']})")
    if about:
        say(f"    主体 of  {about}")
    ends = f"至 until {hit['until']}" if hit["until"] else "无截止日期 without an end"
    begins = f"自 from {hit['from_day']} " if hit["from_day"] else ""
    say(f"    文号 number {hit['case']}, {begins}{ends}")
    say(f"    条目 entry {entry['index']}  {entry['issuer']}:{entry['id']}")
    for measure in hit["measures"]:
        until = f", 至 until {measure['until']}" if measure["until"] else ""
        say(f"    {measure['name']}  {measure['basis']}  {term_text(measure['term'])}{until}")
    if hit["objected"]:
        say("    异议处理中 · under objection")
    if hit["repair"]:
        say(f"    {REPAIRS.get(hit['repair'], '')} · repair: {hit['repair']}")


# Lists of subjects


def _check_sheet(
    client: Client,
    sheet_path: Path,
    out_path: Path,
    bundles_path: Path | None,
    matter: str,
    question: Mapping[str, Any],
    as_json: bool,
) -> int:
    from ledger.services.checking.sheets import read_questions, write_results

    questions = read_questions(sheet_path)
    askable = [each for each in questions if each.subject is not None]
    items: dict[int, Any] = {}
    told = [("事项", matter), ("用途", str(question["purpose"])), ("依据", str(question["basis"]))]
    for number, (piece, answer) in enumerate(_ask(client, askable, matter, question, bundles_path), 1):
        for each, item in zip(piece, answer["items"], strict=True):
            same = item["same_as"]
            items[each.row] = item | {"same_as": None if same is None else piece[same].row}
        if bundles_path is not None:
            write_bundle(answer["bundle"], bundles_path / f"bundle-{number:03d}.json")
        told += _about(answer["frame"])
    write_results(out_path, questions, items, told)
    return _report_sheet(questions, items, out_path, as_json)


def _ask(
    client: Client,
    askable: Sequence["SheetQuestion"],
    matter: str,
    question: Mapping[str, Any],
    bundles_path: Path | None,
) -> Iterator[tuple[Sequence["SheetQuestion"], Any]]:
    size = PIECE if bundles_path is None else PIECE_WITH_PROOFS
    if bundles_path is not None:
        bundles_path.mkdir(parents=True, exist_ok=True)
    with progress(len(askable), "核查 checking") as bar:
        for start in range(0, len(askable), size):
            piece = askable[start : start + size]
            subjects = [each.subject for each in piece if each.subject is not None]
            yield piece, client.check_many(subjects, matter, proofs=bundles_path is not None, **question)
            bar.update(len(piece))


def _about(frame: Mapping[str, Any]) -> list[tuple[str, str]]:
    checkpoint = frame["checkpoint"]
    return [
        ("核查日", frame["day"]),
        ("目录版本", f"{frame['catalogue']['edition']} {frame['catalogue']['sm3']}"),
        ("检查点", f"{checkpoint['origin']} {checkpoint['size']} {checkpoint['level']} {checkpoint['time']}"),
        ("根哈希", checkpoint["root"]),
        ("索引根", checkpoint["index_root"]),
    ]


def _report_sheet(
    questions: Sequence["SheetQuestion"], items: Mapping[int, Any], out_path: Path, as_json: bool
) -> int:
    counts = Counter(item["findings"]["decision"] for item in items.values() if item["findings"])
    problems = []
    for each in questions:
        refusal = (items.get(each.row) or {}).get("refusal")
        if each.error is not None:
            error = each.error
            problems.append((each.row, error.code, error.zh, error.detail or error.en))
        elif refusal:
            problems.append((each.row, refusal["code"], refusal["zh"], refusal["detail"]))
    if as_json:
        document = {
            "rows": len(questions),
            "decisions": {name: counts[name] for name in DECISIONS},
            "refused": [
                {"row": row, "code": code, "zh": zh, "en": detail} for row, code, zh, detail in problems
            ],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        decided = ", ".join(f"{zh} {name} {counts[name]}" for name, zh in DECISIONS.items())
        say(f"{len(questions)} 行 rows: {decided}, 有问题 refused {len(problems)}")
        for row, code, zh, detail in problems[:PROBLEMS_SHOWN]:
            say(f"  第 {row} 行 [{code}] {zh} {detail}")
        if len(problems) > PROBLEMS_SHOWN:
            say(f"  其余 {len(problems) - PROBLEMS_SHOWN} 行见结果表 · the others are in the results")
        say(f"结果 · results: {out_path}")
    return EXIT_NO if problems or any(counts[name] for name in _STANDS_AGAINST) else 0

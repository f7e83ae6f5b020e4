"""The command `verify`: a bundle, a check receipt, an answer, a proof of misbehaviour or the consortium's
history, and a trust file in; verdicts and an exit status out."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from ledger.errors import InputError, LedgerError, QuestionInvalid, TooLarge
from ledger.formats.bundle import MAX_BUNDLE
from ledger.formats.misbehaviour import looks_like_misbehaviour
from ledger.formats.times import format_time, parse_time
from ledger.formats.trust import MAX_TRUST
from ledger.formats.words import DECISIONS
from ledger.verify.answer import AnswerReport, open_answer, open_receipt, verify_answer
from ledger.verify.answer_document import MAX_ANSWER, is_plain_answer
from ledger.verify.answer_keys import Persons, parse_persons
from ledger.verify.answer_words import FILE, LOOK, PART_NAMES
from ledger.verify.history_command import followed_trust, is_history_file, report_history
from ledger.verify.misbehaviour import PART_NAMES as MISBEHAVIOUR_NAMES
from ledger.verify.misbehaviour import MisbehaviourReport, verify_misbehaviour
from ledger.verify.node import ChainNode, HttpRpc
from ledger.verify.question import Question, parse_after, parse_age, parse_expect, parse_require
from ledger.verify.receipt_file import is_pdf
from ledger.verify.report import EXIT_PROVEN, EXIT_UNUSABLE, Report
from ledger.verify.verdicts import OUTCOME_NAMES, VERDICT_NAMES, VERDICTS
from ledger.verify.verifier import verify_bundle

MAX_KEYS = 1 << 20
"""Most bytes of a person-tag key file, and of the numbers on standard input."""
EPILOG = f"""
Exit status: 0 every required verdict passes and none fails; 1 otherwise; 2 the input is unusable. With --json
standard output is one JSON object in all three; only a command line without FILE or --trust, or with an
unknown option, is answered by its usage on standard error alone (2).

FILE is a bundle, a check receipt (PDF), the answer of a check with its bundle in it or in --bundle, or a
proof of misbehaviour of a log (as a witness writes it), which has verdicts of its own: notes, misbehaviour.
It may be the consortium's history (xinzheng member history): then the trust file is followed to the one that
holds at the history's end, which --out keeps. With --history any other FILE is verified against that one.

Verdicts: {", ".join(VERDICTS)}. Required are checkpoint; signature, issuer and inclusion where the
bundle has entries; completeness and disclosure where it has those; and what --require names. Of a receipt or
an answer besides: look (of a receipt), keys and conclusion, and with --certificate file. The keys that it
asked count as --expect, and without --max-age its checkpoint must have been fresh when the look was logged.

An answer about a natural person is complete only with one --expect for each epoch of the person-tag key
(the trust file's `epochs` says how many).

What this cannot show: a stolen member key together with a dishonest log can backdate a statement to before
the key's revocation. Only witnesses and anchors, which fix when an entry was first seen, show that: where it
matters, ask for them (--require witnesses,anchor,finality).
"""


@click.command("verify", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--trust", required=True, type=click.Path(path_type=Path), help="The trust file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--now", metavar="TIME", help="The present, RFC 3339 UTC; without it this machine's clock.")
@click.option(
    "--max-age",
    metavar="SECONDS",
    help="Maximum age of the checkpoint (default 24 hours) and, if given, of the trust file.",
)
@click.option("--trust-max-age", metavar="SECONDS", help="Maximum age of the trust file.")
@click.option("--require", metavar="VERDICT,...", default="", help="Verdicts required besides the default.")
@click.option(
    "--expect",
    multiple=True,
    metavar="NAME:TAG",
    help="A key that is asked about, or NAME:WHAT:IDENTIFIER, e.g. subject:uscc:<USCC>; repeatable.",
)
@click.option(
    "--after",
    multiple=True,
    metavar="NAME:TAG:COUNT:HEAD:LAST",
    help="Pages of a key already verified: entries, chain head, last log index; repeatable.",
)
@click.option("--rpc", metavar="URL", help="Your own chain node, which then backs the anchor.")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    help="The bundle of an answer that does not hold it.",
)
@click.option(
    "--history",
    "history_path",
    type=click.Path(path_type=Path),
    help="The consortium's history: follow it from --trust, and verify against the trust file at its end.",
)
@click.option("--head", metavar="HEX", help="The history's head as another member told it.")
@click.option("--out", type=click.Path(path_type=Path), help="Keep the trust file at the history's end here.")
@click.option(
    "--certificate",
    "certificate_path",
    type=click.Path(path_type=Path),
    help="Of a receipt: the bundle that `xinzheng certificate NUMBER --bundle` kept; proves the whole file.",
)
@click.option(
    "--person-tag-key-file",
    "tag_keys",
    type=click.Path(path_type=Path),
    help="For members: recompute persons' tags with these keys; resident IDs are read from standard input, "
    "one a line: NUMBER for the subject, ROLE NUMBER for a person behind it.",
)
def main(
    file: Path,
    trust: Path,
    as_json: bool,
    now: str | None,
    max_age: str | None,
    trust_max_age: str | None,
    require: str,
    expect: tuple[str, ...],
    after: tuple[str, ...],
    rpc: str | None,
    bundle_path: Path | None,
    history_path: Path | None,
    head: str | None,
    out: Path | None,
    certificate_path: Path | None,
    tag_keys: Path | None,
) -> None:
    """Verify FILE offline against a trust file."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        known = _trust(file, trust, history_path, head=head, rpc=rpc, out=out, as_json=as_json)
        question = Question(
            now=time.time_ns() // 1_000_000 if now is None else parse_time(now),
            max_age=None if max_age is None else parse_age(max_age),
            trust_max_age=None if trust_max_age is None else parse_age(trust_max_age),
            require=parse_require(require),
            expect=parse_expect(expect),
            after=parse_after(after),
            node=ChainNode(HttpRpc(rpc)) if rpc is not None else None,
        )
        persons = None if tag_keys is None else parse_persons(_read(tag_keys, MAX_KEYS), _lines())
        beside = (bundle_path, certificate_path)
        report = _verify(file, beside, known, question, persons)
    except LedgerError as error:
        _print_unusable(error, as_json)
        sys.exit(EXIT_UNUSABLE)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    elif isinstance(report, AnswerReport):
        print_answer_report(report)
    elif isinstance(report, MisbehaviourReport):
        print_misbehaviour(report)
    else:
        print_report(report)
    sys.exit(report.exit_status)


def _trust(
    file: Path,
    trust: Path,
    history: Path | None,
    *,
    head: str | None,
    rpc: str | None,
    out: Path | None,
    as_json: bool,
) -> bytes:
    """The trust file to verify against. Where FILE is a history, following it is all there is to do."""
    if is_history_file(file):
        if history is not None:
            raise QuestionInvalid("--history goes with another FILE than a history")
        sys.exit(report_history(file, trust, head=head, rpc=rpc, out=out, as_json=as_json))
    if history is not None:
        return followed_trust(history, trust, head=head, rpc=rpc, out=out)
    if head is not None or out is not None:
        raise QuestionInvalid("--head and --out go with a history")
    return _read(trust, MAX_TRUST)


def _verify(
    path: Path,
    beside: tuple[Path | None, Path | None],
    trust: bytes,
    question: Question,
    persons: Persons | None,
) -> Report | AnswerReport | MisbehaviourReport:
    """Verify what the file turns out to be; `beside` are an answer's bundle and a receipt's certificate."""
    data = _read(path, MAX_BUNDLE + MAX_ANSWER)
    bundle, certificate = (None if each is None else _read(each, MAX_BUNDLE) for each in beside)
    if is_pdf(data):
        if bundle is not None:
            raise QuestionInvalid("a receipt holds its bundle: --bundle goes with an answer")
        return verify_answer(open_receipt(data), trust, question, persons, certificate)
    if certificate is not None:
        raise QuestionInvalid("--certificate goes with a receipt, and this is none")
    if is_plain_answer(data):
        return verify_answer(open_answer(data, bundle), trust, question, persons)
    if bundle is not None or persons is not None:
        raise QuestionInvalid("--bundle and --person-tag-key-file go with an answer, and this is none")
    if looks_like_misbehaviour(data):
        return verify_misbehaviour(data, trust, question)
    return verify_bundle(data, trust, question)


def _lines() -> list[str]:
    """Persons' numbers from standard input, unseen where somebody types."""
    if sys.stdin.isatty():
        return [str(click.prompt("公民身份号码 · resident ID", hide_input=True, err=True))]
    return sys.stdin.read(MAX_KEYS).splitlines()


def _read(path: Path, limit: int) -> bytes:
    """A file's bytes, never more than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise TooLarge(f"{path} has more than {limit} bytes")
    return data


def _print_unusable(error: LedgerError, as_json: bool) -> None:
    if as_json:
        problem = {"code": error.code, "zh": error.zh, "en": error.en, "detail": error.detail}
        click.echo(
            json.dumps(
                {"verdicts": {}, "reasons": {}, "exit": EXIT_UNUSABLE, "error": problem}, ensure_ascii=False
            )
        )
    else:
        click.echo(f"无法使用 unusable: {error.zh} {error.en}", err=True)
        if error.detail:
            click.echo(f"  {_printable(error.detail)}", err=True)


def _printable(text: str) -> str:
    """Text from a file, without anything that could steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def print_report(report: Report) -> None:
    """Print a report for people: Chinese first, English beside it, one line a verdict."""
    _print_bundle(report)
    _print_result(report.exit_status)


def print_answer_report(report: AnswerReport) -> None:
    """Print what an answer says, the report about its bundle, and the verdicts about the answer itself."""
    _print_answer(report.as_json()["answer"])
    _print_bundle(report.bundle)
    for part, found in report.by_part.items():
        zh, en = PART_NAMES[part]
        outcome_zh, outcome_en = OUTCOME_NAMES[report.verdicts[part]]
        mark = "*" if part in report.required else " "
        click.echo(f"{mark} {zh} {en}: {outcome_zh} {outcome_en}")
        for finding in {finding.zh: finding for finding in found}.values():
            click.echo(f"      {_printable(finding.zh)} {_printable(finding.en)} [{finding.reason}]")
    if LOOK in report.required and FILE not in report.required:
        click.echo(
            "  版面文字未经检验，以上述内容为准；核对整个文件请用 --certificate。 "
            "The page itself is not examined: what counts stands above."
        )
    _print_result(report.exit_status)


def print_misbehaviour(report: MisbehaviourReport) -> None:
    """Print what a proof of misbehaviour proves."""
    answer = report.as_json()
    click.echo(f"日志 log: {report.proof.origin}")
    for note in answer["notes"]:
        click.echo(f"  {note['time']} 大小 size {note['size']} 根 root {note['root']}")
        click.echo(f"      索引根 index root {note['index_root']}")
    for part, outcome in answer["verdicts"].items():
        zh, en = MISBEHAVIOUR_NAMES[part]
        click.echo(f"* {zh} {en}: {' '.join(OUTCOME_NAMES[outcome])}")
        for sentence in answer["sentences"][part]:
            click.echo(f"      {sentence['zh']} {sentence['en']} [{sentence['reason']}]")
    _print_result(report.exit_status)


def _print_answer(answer: dict[str, Any]) -> None:
    subject, look = answer["subject"], answer["look"] or {}
    lines = [
        f"主体 subject: {subject['type']} {subject['code']}",
        f"事项 matter: {answer['matter']}  日期 day: {answer['day']}",
        f"结论 decision: {DECISIONS[answer['decision']]} {answer['decision']}",
        f"命中条目 hits: {', '.join(str(index) for index in answer['hits']) or '-'}  "
        f"未出示 set aside: {len(answer['no_longer'])}",
        f"答复摘要 SM3 of the answer: {answer['sm3']}",
    ]
    if look:
        desk = f"{look.get('member', '?')}/{look.get('operator', '?')}"
        lines.append(f"查询人 asked by: {desk}  {look.get('purpose', '')} ({look.get('basis', '')})")
        lines.append(f"留痕 logged: {look['origin']} {look['index']}, {look['accepted_at']}")
    if answer["receipt"]:
        lines.append(f"回执编号 receipt number: {answer['receipt']}")
    for line in lines:
        click.echo(_printable(line))


def _print_bundle(report: Report) -> None:
    """The bundle's part of a report."""
    answer = report.as_json()
    checkpoint = answer["checkpoint"]
    click.echo(f"日志 log: {report.bundle.origin}")
    click.echo(f"检查点 checkpoint: {checkpoint['size']} 条 entries, {checkpoint['time']}")
    for verdict, outcome in answer["verdicts"].items():
        zh, en = VERDICT_NAMES[verdict]
        outcome_zh, outcome_en = OUTCOME_NAMES[outcome]
        mark = "*" if verdict in report.required else " "
        click.echo(f"{mark} {zh} {en}: {outcome_zh} {outcome_en}")
        for sentence in answer["sentences"][verdict]:
            click.echo(f"      {sentence['zh']} {sentence['en']} [{sentence['reason']}]")
    for entry in answer["entries"]:
        _print_entry(entry)
    for key in answer["keys"]:
        _print_key(key)
    exported = report.trust.exported
    click.echo(
        f"所依据的信任文件导出于 trust file exported at: {format_time(exported.at)} "
        f"(链 chain {exported.chain_id}, 区块 block {exported.block})"
    )
    if not report.proves_something:
        click.echo("证据包未作任何主张。 The bundle makes no claim.")


def _print_result(status: int) -> None:
    click.echo("结论 result: " + ("已证明 proven" if status == EXIT_PROVEN else "未证明 not proven"))


def _print_entry(entry: dict[str, Any]) -> None:
    outcomes = ", ".join(
        f"{VERDICT_NAMES[verdict][0]} {verdict} {OUTCOME_NAMES[outcome][0]} {outcome}"
        for verdict, outcome in entry["verdicts"].items()
    )
    what = " ".join(entry[name] for name in ("kind", "issuer", "id", "at") if name in entry)
    click.echo(f"  条目 entry {entry['index']}: {what or '形式不符 malformed'}")
    click.echo(f"      {outcomes}")


def _print_key(key: dict[str, Any]) -> None:
    zh, en = OUTCOME_NAMES[key["completeness"]]
    click.echo(f"  键 key {_printable(key['name'])}:{key['tag']}: {zh} {en} [{', '.join(key['reasons'])}]")
    if "entries" in key:
        before = f", 此前页 before {key['before']}" if "before" in key else ""
        click.echo(f"      条目 entries {key['entries']}, 已出示 shown {key['shown']}{before}")

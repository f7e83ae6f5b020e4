"""`verify` for a history file: from a trust file that is believed to the one that follows from it."""

import json
from pathlib import Path
from typing import Any

import click

from ledger.errors import HistoryRefused, InputError, QuestionInvalid, TooLarge
from ledger.files import replace_file
from ledger.formats.history import MAX_HISTORY, is_history, parse_history
from ledger.formats.times import format_time
from ledger.formats.trust import MAX_TRUST, format_trust, parse_trust
from ledger.verify.governance import Followed, follow
from ledger.verify.node import HttpRpc, NodeUnusable
from ledger.verify.report import EXIT_NOT_PROVEN, EXIT_PROVEN

BACKING = {
    "finality": ("区块共识证明", "by a proof of the last record's block"),
    "node": ("自己的链节点", "by your own chain node"),
    "expected": ("另行取得的摘要", "by the head that you were told elsewhere"),
    None: (
        "仅为文件提供者的说法，请与另一成员核对摘要（--head）或用自己的节点（--rpc）",
        "its maker's word only: compare the head with another member's (--head), or ask your node (--rpc)",
    ),
}


def follow_files(history: Path, trust: Path, head: str | None = None, rpc: str | None = None) -> Followed:
    """Follow a history file from a trust file. Raises `InputError`."""
    expected = None
    if head is not None:
        try:
            expected = bytes.fromhex(head)
        except ValueError:
            raise QuestionInvalid("--head is 64 hex digits") from None
    try:
        return follow(
            parse_history(read_file(history, MAX_HISTORY)),
            parse_trust(read_file(trust, MAX_TRUST)),
            expected,
            None if rpc is None else HttpRpc(rpc),
        )
    except NodeUnusable as error:
        raise InputError(f"the node cannot say what the registry's head is: {error}") from error


def followed_document(followed: Followed) -> dict[str, Any]:
    """What was proved, as JSON."""
    exported = followed.trust.exported
    return {
        "head": followed.head.hex(),
        "head_backed": followed.head_backed,
        "records": followed.records,
        "new_records": followed.new_records,
        "executed": followed.executed,
        "exported": {
            "at": format_time(exported.at, millis=exported.at % 1000 != 0),
            "chainId": exported.chain_id,
            "block": exported.block,
        },
    }


def print_followed(followed: Followed, err: bool = False) -> None:
    """What was proved and what was not: Chinese first, English beside it."""
    exported = followed.trust.exported
    zh, en = BACKING[followed.head_backed]
    for line in (
        f"治理历史成立：共 {followed.records} 条记录，其中新 {followed.new_records} 条，"
        f"新执行提案 {followed.executed} 项。 The history holds: {followed.records} records, "
        f"{followed.new_records} of them new, {followed.executed} proposals executed since.",
        f"摘要 head: {followed.head.hex()}",
        f"摘要依据 backed: {zh}。 {en}.",
        f"截至 as of: {format_time(exported.at, millis=False)} (链 chain {exported.chain_id}, "
        f"区块 block {exported.block})；此后有无变更不在证明之内。 What came later is not shown.",
    ):
        click.echo(line, err=err)


def is_history_file(path: Path) -> bool:
    """Whether a file says that it is a history; one that cannot be read is left to whoever reads it."""
    try:
        with path.open("rb") as file:
            return is_history(file.read(200))
    except OSError:
        return False


def followed_trust(
    history: Path, trust: Path, *, head: str | None, rpc: str | None, out: Path | None
) -> bytes:
    """The trust file at a history's end, said on standard error what was proved, and kept in `out`."""
    followed = follow_files(history, trust, head, rpc)
    print_followed(followed, err=True)
    _keep(followed, out)
    return format_trust(followed.trust)


def report_history(
    history: Path, trust: Path, *, head: str | None, rpc: str | None, out: Path | None, as_json: bool
) -> int:
    """Follow, keep the trust file that follows in `out`, say what was proved; the exit status."""
    try:
        followed = follow_files(history, trust, head, rpc)
    except HistoryRefused as error:
        problem = {"code": error.code, "zh": error.zh, "en": error.en, "detail": error.detail}
        if as_json:
            click.echo(json.dumps({"exit": EXIT_NOT_PROVEN, "error": problem}, ensure_ascii=False))
        else:
            click.echo(f"未证明 not proven: {error.zh} {error.en}\n  {error.detail}", err=True)
        return EXIT_NOT_PROVEN
    _keep(followed, out)
    if as_json:
        document = {"history": followed_document(followed), "exit": EXIT_PROVEN}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        print_followed(followed)
        if out is not None:
            click.echo(f"新信任文件 trust file that follows: {out}")
    return EXIT_PROVEN


def _keep(followed: Followed, out: Path | None) -> None:
    if out is not None:
        try:
            replace_file(out, format_trust(followed.trust))
        except OSError as error:
            raise InputError(f"cannot write {out}: {error.strerror}") from error


def read_file(path: Path, limit: int) -> bytes:
    """A file's bytes, never more than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise TooLarge(f"{path} has more than {limit} bytes")
    return data

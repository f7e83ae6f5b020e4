"""`privacy`: erase a subject's sealed content, rotate the master key, show how keys stand. On the operator's
own machine, beside the running service and worker."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ledger.commands.asking import EXIT_NO, subject_of
from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json, progress
from ledger.deployment import Deployment
from ledger.deployment.masters import add_master_key
from ledger.errors import AlreadyRunning, InputError
from ledger.log.lockfile import LockFile
from ledger.log.masters import KEY_BYTES, RELOAD_SECONDS
from ledger.log.rewrapping import rewrap, under_others
from ledger.services.answers import Asked, SubjectQuery
from ledger.services.documents import document_of


@dataclass(frozen=True, slots=True)
class _Operator:
    """The member whose machine this is."""

    member: str
    roles: frozenset[str] = frozenset({"operator"})


@click.group()
def privacy() -> None:
    """Erase sealed personal content; rotate the master key that its keys are wrapped with."""


@privacy.command()
@folder_option
@click.option("--person", is_flag=True, help="A natural person: the resident ID is read from standard input.")
@click.option(
    "--file",
    "number_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A natural person: the resident ID is the first line of this file.",
)
@click.option("--organisation", metavar="USCC", help="An organisation, by its code.")
@click.option("--tag", metavar="HEX", help="Whatever bears this tag (of one epoch only).")
@click.option("--operator", required=True, help="Your desk's id; logged.")
@click.option("--purpose", required=True, help="用途 · Why; logged.")
@click.option("--basis", required=True, help="法律依据 · On what legal basis; logged.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@json_option
def erase(
    folder: Path,
    person: bool,
    number_path: Path | None,
    organisation: str | None,
    tag: str | None,
    operator: str,
    purpose: str,
    basis: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Destroy the keys of a subject's sealed content in all logs. It cannot be undone.

    Entries and proofs stay. Backups made before still hold the content: see the README.
    """
    subject = _erased_subject(person, number_path, organisation, tag)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("say --yes: nobody can be asked here, and it cannot be undone")
        click.confirm("确认销毁密封内容的密钥？ Destroy the keys of this subject's content?", abort=True)
    deployment = open_deployment(folder)
    try:
        asked = Asked(_Operator(deployment.config.operator), operator, purpose, basis)
        answer = deployment.erasure.erase(subject, asked)
    finally:
        deployment.close()
    if as_json:
        document = document_of(answer)
        document["logged"] = [{"index": each.index, "id": each.id} for each in answer.logged]
        print_json(document)
        return
    for log in answer.logs:
        click.echo(f"{log.log}: 销毁密钥 keys destroyed {log.keys}, 不可再读 contents erased {log.contents}")
    click.echo(f"已记录 · logged: access #{', #'.join(str(each.index) for each in answer.logged)}")
    if answer.elsewhere:
        click.echo(
            f"另有 {answer.elsewhere} 条关于单位的密封内容可能提及此人，随该单位删除 · "
            f"{answer.elsewhere} sealed contents about organisations may name this person"
        )


def _erased_subject(
    person: bool, number_path: Path | None, organisation: str | None, tag: str | None
) -> SubjectQuery | str:
    if sum(map(bool, (person, number_path, organisation, tag))) != 1:
        raise click.UsageError("give exactly one of --person, --file, --organisation and --tag")
    if tag is not None:
        return tag
    if number_path is not None:
        with number_path.open(encoding="utf-8-sig") as file:
            return SubjectQuery("person", file.readline(64).strip())
    given = subject_of(organisation, person)
    assert given is not None
    return SubjectQuery("person" if person else "organisation", given["code"])


@privacy.command("rotate-master")
@folder_option
@json_option
def rotate_master(folder: Path, as_json: bool) -> int:
    """Put a new master key in force and wrap all data keys anew. No content is rewritten.

    With the key file a new key is made and added; from the environment or a command the new key must be the
    last line already. Interrupted, it goes on where it was when run again. Exit status 1 while keys are still
    under an old master key, which must then stay at its source.
    """
    deployment = open_deployment(folder)
    with LockFile(deployment.folder / "run" / "rotation.lock", "rotation", AlreadyRunning):
        try:
            added = _put_new_key_in_force(deployment)
            if added:
                # Before anything is under the new key, so that every process reads the file again in time.
                time.sleep(2 * RELOAD_SECONDS)
            done = unreadable = 0
            # Twice, for keys that were on their way in under the old one.
            for _ in range(2):
                found = _rewrap_all(deployment)
                done, unreadable = done + found[0], found[1]
            left = _left(deployment)
        finally:
            deployment.close()
    document = {"added": added, "rewrapped": done, "under_old_keys": left, "unreadable": unreadable}
    if as_json:
        print_json(document)
    else:
        click.echo(f"重新包裹 · wrapped anew: {done}; 仍在旧密钥下 · still under an old key: {left}")
        if unreadable:
            click.echo(f"无法解开 · unreadable, their master key is not at its source: {unreadable}")
        elif left:
            click.echo("重启读取环境变量或命令的进程后再运行一次 · restart the processes and run this again")
    return EXIT_NO if left else 0


def _put_new_key_in_force(deployment: Deployment) -> bool:
    """Make a new key, unless an earlier rotation is not finished; whether one was made."""
    if _left(deployment):
        note("继续未完成的轮换 · going on with a rotation that was not finished")
        return False
    if deployment.config.sealing.source != "file":
        figures = [log.store.key_figures() for log in deployment.logs.values()]
        if any(each.keys or each.older for each in figures):
            raise InputError(
                "put the new key at its source first, as the last line; nothing is to be wrapped"
            )
        return False
    add_master_key(deployment.keyring.sealing_path, os.urandom(KEY_BYTES))
    # A crash here leaves a new key in force and everything under the old one: the next run goes on.
    del deployment.masters
    return True


def _rewrap_all(deployment: Deployment) -> tuple[int, int]:
    from ledger.log.sealer import Sm4Sealer

    sealer = Sm4Sealer(deployment.masters)
    done = unreadable = 0
    for log in deployment.logs.values():
        with progress(_left_in(deployment, log.short), log.origin) as bar:
            found = rewrap(log.store, sealer, bar.update)
        log.store.scrub()
        done, unreadable = done + found.keys, unreadable + found.unreadable
    return done, unreadable


def _left(deployment: Deployment) -> int:
    return sum(_left_in(deployment, short) for short in deployment.logs)


def _left_in(deployment: Deployment, short: str) -> int:
    return under_others(deployment.logs[short].store, deployment.masters.current[0])


@privacy.command()
@folder_option
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Show how many data keys stand under which master key. Exit status 1 while some are under an old one."""
    deployment = open_deployment(folder)
    try:
        current, known = deployment.masters.current[0], deployment.masters.ids
        logs: dict[str, Any] = {
            log.origin: document_of(log.store.key_figures()) for log in deployment.logs.values()
        }
        left = _left(deployment)
    finally:
        deployment.close()
    if as_json:
        print_json({"current": current, "known": list(known), "under_old_keys": left, "logs": logs})
    else:
        click.echo(f"现行主密钥 · master key in force: {current} ({deployment.config.sealing.source})")
        for origin, figures in logs.items():
            click.echo(f"{origin}: 已销毁 destroyed {figures['erased']}")
            for name in sorted({*figures["keys"], *figures["older"]}):
                state = "现行 in force" if name == current else "旧 old" if name in known else "缺失 missing"
                keys, older = figures["keys"].get(name, 0), figures["older"].get(name, 0)
                click.echo(f"  {name}  {state}  数据密钥 data keys {keys}, 旧格式内容 older contents {older}")
    return EXIT_NO if left else 0

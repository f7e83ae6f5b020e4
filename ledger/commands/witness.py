"""`witness`: a member follows other members' logs, checks them and countersigns.

A witness lives in a folder of its own with a key of its own; the consortium names it for each log
(`xinzheng member propose witness`), and says how many must vouch (`member propose witness-threshold`).
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ledger.commands.common import (
    KEY_PASSPHRASE_VARIABLE,
    json_option,
    note,
    open_deployment,
    print_json,
    say,
)
from ledger.deployment.config import ChainConfig
from ledger.deployment.witness import (
    FollowedLog,
    WitnessConfig,
    WitnessPlace,
    format_witness_config,
    parse_witness_config,
)
from ledger.errors import AlreadyRunning, ConfigurationError, LedgerError
from ledger.formats.note import format_vkey
from ledger.formats.times import format_time
from ledger.log.lockfile import LockFile
from ledger.signals import on_end
from ledger.witness.runner import Runner
from ledger.witness.store import CHAIN, LOG

WITNESS_VARIABLE = "XINZHENG_WITNESS_DIR"
ONCE_SECONDS = 24 * 3600.0
TRUST_SECONDS = 30.0
EXIT_NO, EXIT_UNAVAILABLE, EXIT_INTEGRITY = 1, 3, 4

_folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/witness"),
    envvar=WITNESS_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The witness's folder.",
)


@click.group()
def witness() -> None:
    """见证 · Follow other members' logs, check them, countersign their checkpoints."""


@witness.command("init")
@_folder_option
@click.option("--name", required=True, help="In its signature lines, e.g. hezhou.example/witness.")
@click.option("--member", required=True, metavar="USCC", help="The member that it is.")
@click.option(
    "--log",
    "logs",
    multiple=True,
    required=True,
    metavar="ORIGIN=URL",
    help="A log to follow, and its service; repeatable.",
)
@click.option("--interval", type=click.FloatRange(0.05, 86_400), default=5.0, show_default=True)
@click.option(
    "--trust",
    "trust_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The trust file to believe; compare it once with another member's.",
)
@click.option(
    "--chain-of",
    "deployment_folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Take the chain from this deployment of the same member, and without --trust its trust file.",
)
@click.option(
    "--account",
    "account_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"Cosign on the chain with this account (xinzheng key account), its passphrase in "
    f"{KEY_PASSPHRASE_VARIABLE}.",
)
@json_option
def init(
    folder: Path,
    name: str,
    member: str,
    logs: tuple[str, ...],
    interval: float,
    trust_path: Path | None,
    deployment_folder: Path | None,
    account_path: Path | None,
    as_json: bool,
) -> None:
    """Make a witness: its folder, its SM2 key, its configuration. Nothing that exists is replaced."""
    chain, trust = ChainConfig(mode="none"), None
    if deployment_folder is not None:
        chain, trust = _chain_of(deployment_folder)
    if trust_path is not None:
        trust = trust_path.read_bytes()
    if trust is None:
        raise click.UsageError("--trust or --chain-of is needed: a witness believes some trust file")
    config = WitnessConfig(name, member, tuple(_followed(each) for each in logs), interval, chain)
    # Read back once, so that only what can be opened is ever written.
    parse_witness_config(format_witness_config(config).encode("utf-8"))
    place = WitnessPlace.create(folder.resolve(), config, trust=trust)
    if account_path is not None:
        _keep_account(place, account_path)
    public = place.signer.public.raw.hex()
    if as_json:
        print_json({"dir": str(place.folder), "public": public, "vkey": format_vkey(place.vkey)})
        return
    click.echo(f"已创建见证方 · created: {place.folder}")
    click.echo(f"public {public}")
    note("接下来由成员提案（每个日志一次）· next, proposed by a member for each log:")
    for log in config.logs:
        note(
            f"  xinzheng member propose witness --log {log.origin} --name {name} --id {member} "
            f"--public {public}"
        )


def _followed(text: str) -> FollowedLog:
    origin, equals, url = text.partition("=")
    if not equals:
        raise click.UsageError("--log is ORIGIN=URL, e.g. yunling.example/credit=https://host")
    return FollowedLog(origin, url)


def _chain_of(folder: Path) -> tuple[ChainConfig, bytes | None]:
    """The chain of a deployment as a witness reaches it, and the deployment's trust file."""
    deployment = open_deployment(folder)
    chain = deployment.config.chain
    if chain.mode == "none" or not chain.pinned:
        return ChainConfig(mode="none"), deployment.trust_document()
    external = deployment.config.with_chain(mode="external", rpc=tuple(deployment.node_settings().urls)).chain
    return external, deployment.trust_document()


def _keep_account(place: WitnessPlace, path: Path) -> None:
    from ledger.chain.account import ChainAccount

    given = os.environ.get(KEY_PASSPHRASE_VARIABLE)
    if given is None:
        given = click.prompt("口令 · passphrase", hide_input=True, err=True)
    ChainAccount.load(path, str(given).encode()).save(place.account_path, place.passphrase)


@witness.command("run")
@_folder_option
def run(folder: Path) -> int:
    """Follow the logs in the foreground until SIGTERM or Ctrl-C; one process for each folder."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    place = WitnessPlace.open(folder.resolve())
    stopping = threading.Event()
    with LockFile(place.lock_path, "witness", AlreadyRunning):
        try:
            _renew_trust(place)
            runner = Runner(
                place.followed(_progress()), place.config.interval_seconds, place.clock, place.status_path
            )
            _stop_on_signal(stopping, runner)
            if place.chain is not None:
                threading.Thread(target=_keep_renewing, args=(place, stopping), daemon=True).start()
            note(f"开始见证 · following {', '.join(log.origin for log in place.config.logs)}")
            runner.run()
        finally:
            place.close()
    note("已停止。 Stopped.")
    return 0


@witness.command("once")
@_folder_option
@click.option(
    "--patience",
    type=click.FloatRange(1, ONCE_SECONDS),
    default=ONCE_SECONDS,
    help="Seconds after which a log that is still at it is left.",
)
@json_option
def once(folder: Path, patience: float, as_json: bool) -> int:
    """One round of every log. Exit status 1 when one could not be vouched for, 4 when one misbehaved."""
    place = WitnessPlace.open(folder.resolve())
    with LockFile(place.lock_path, "witness", AlreadyRunning):
        try:
            _renew_trust(place)
            followed = place.followed(_progress())
            whole = Runner(followed, 1.0, place.clock, place.status_path).once(patience)
            standing = {each.follower.origin: each.standing.as_json() for each in followed}
            misbehaved = any(each.standing.misbehaved for each in followed)
        finally:
            place.close()
    if as_json:
        print_json({"whole": whole, "logs": standing})
    for origin, line in () if as_json else standing.items():
        _show_round(origin, line)
    return EXIT_INTEGRITY if misbehaved else (0 if whole else EXIT_NO)


@witness.command("status")
@_folder_option
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Show what is kept of each log, and how the running witness does. Exit status 3 when none runs, 4 when
    a log misbehaved."""
    place = WitnessPlace.open(folder.resolve())
    running, reported = _is_running(place), _reported(place)
    logs = {
        log.origin: _kept(place, log.origin) | {"last": reported.get(log.origin)} for log in place.config.logs
    }
    misbehaved = any(refused["proof"] for log in logs.values() for refused in log["refused"])
    if as_json:
        print_json({"name": place.config.name, "running": running, "logs": logs})
    else:
        say(f"{place.config.name}: {'运行中 running' if running else '未运行 not running'}")
        for origin, log in logs.items():
            _show_kept(origin, log)
    return EXIT_INTEGRITY if misbehaved else (0 if running else EXIT_UNAVAILABLE)


def _renew_trust(place: WitnessPlace) -> None:
    """Take the registry's snapshot; while the chain is away the trust file in hand is believed."""
    try:
        place.sync_trust()
    except LedgerError as error:
        if isinstance(error, ConfigurationError):
            raise
        note(f"链不可达，沿用现有信任文件 · the trust file in hand is believed: {error.code} {error.detail}")


def _keep_renewing(place: WitnessPlace, stopping: threading.Event) -> None:
    while not stopping.wait(TRUST_SECONDS):
        try:
            place.sync_trust()
        except LedgerError as error:
            logging.getLogger("xinzheng.witness").warning("registry: %s: %s", error.code, error.detail)


def _stop_on_signal(stopping: threading.Event, runner: Runner) -> None:
    def stop() -> None:
        stopping.set()
        runner.stop()

    on_end(stop)


def _progress() -> Callable[[str, int, int], None] | None:
    """Tell the person who watches how deriving goes on; nothing where nobody does."""
    if not sys.stderr.isatty():
        return None

    def tell(origin: str, size: int, target: int) -> None:
        click.echo(f"\r{origin}: 推导 deriving {size}/{target}   ", nl=False, err=True)

    return tell


def _is_running(place: WitnessPlace) -> bool:
    try:
        with LockFile(place.lock_path, "witness", AlreadyRunning):
            return False
    except AlreadyRunning:
        return True


def _reported(place: WitnessPlace) -> dict[str, Any]:
    try:
        logs = json.loads(place.status_path.read_bytes())["logs"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return logs if isinstance(logs, dict) else {}


def _kept(place: WitnessPlace, origin: str) -> dict[str, Any]:
    """What is kept of a log; neither the log nor the chain is asked."""
    store = place.store(origin)
    try:
        head, cosigned = store.head(), store.newest_cosigned()
        return {
            "seen": None if head is None else head.checkpoint.size,
            "derived": store.integrated().size,
            "cosigned": None
            if cosigned is None
            else {"size": cosigned.size, "at": _time(cosigned.seconds * 1000), "line": cosigned.line},
            "waiting": {"log": len(store.waiting(LOG)), "chain": len(store.waiting(CHAIN))},
            "refused": [
                {
                    "reason": each.reason,
                    "at": _time(each.at),
                    "note_hash": each.note_hash.hex(),
                    "proof": str(place.folder / "evidence" / each.proof) if each.proof else None,
                }
                for each in store.refusals()
            ],
        }
    finally:
        store.close()


def _show_kept(origin: str, log: dict[str, Any]) -> None:
    cosigned, last = log["cosigned"], log["last"] or {}
    vouched = f"{cosigned['size']} ({cosigned['at']})" if cosigned else "-"
    say(f"{origin}: 已见 seen {log['seen'] or 0}, 推导 derived {log['derived']}, 已见证 cosigned {vouched}")
    for what in ("error", "chain_error"):
        if last.get(what):
            say(f"  最近一轮 last round: {last[what]}")
    for refused in log["refused"][-5:]:
        proof = f"  证明 proof: {refused['proof']}" if refused["proof"] else ""
        say(f"  拒绝 refused {refused['at']}: {refused['reason']}{proof}")


def _show_round(origin: str, line: dict[str, Any]) -> None:
    if line["error"]:
        say(f"{origin}: 未能见证 not vouched for: {line['error']}")
    else:
        sizes = f"最新 newest {line['newest']}, 推导 derived {line['derived']}"
        say(f"{origin}: {sizes}, 已见证 cosigned {line['cosigned']}")
    if line["chain_error"]:
        say(f"  链 chain: {line['chain_error']}")


def _time(ms: int) -> str:
    return format_time(ms // 1000 * 1000, millis=False)

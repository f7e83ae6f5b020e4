"""`audit` and `status`: is everything as it must be, and how far has it come."""

import sys
from pathlib import Path
from typing import Any

import click

from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json
from ledger.deployment import LOGS, Deployment, LogHandle
from ledger.errors import ConfigurationError, LedgerError
from ledger.formats.trust import Trust, parse_trust
from ledger.log.audit import audit as run_audit
from ledger.log.audit_entries import Rules
from ledger.log.audit_report import AuditReport
from ledger.log.audit_tables import DueRules
from ledger.log.sealer import Sealer
from ledger.services.audit import projections_of
from ledger.services.audit_dues import settled_dues
from ledger.services.erasure_audit import erasures_against
from ledger.services.evidence import today

EXIT_NOT_READY = 3
EXIT_INTEGRITY = 4
SHOWN_FINDINGS = 20
_ALARMS = {
    "operator_role_missing": (
        "：运营方须登记角色 publisher:credit，到期与目录版本方可入日志 · the operator needs the role "
        "publisher:credit to state what is over (xinzheng member propose roles)"
    ),
    "anchor_unproven": (
        "：有已终局的锚定未能取得其区块的封印与收据证明，稍后重试 · the sealed blocks of some final anchors "
        "could not be collected from the chain's nodes; tried again later"
    ),
}


@click.command()
@folder_option
@click.option(
    "--log", "shorts", multiple=True, type=click.Choice(LOGS), help="Only this log; all if left out."
)
@click.option(
    "--level",
    type=click.Choice(["hashes", "full"]),
    default="full",
    show_default=True,
    help="hashes: leaves, tree and roots; full: every signature, tag, page and projection besides.",
)
@click.option(
    "--chain/--no-chain", "with_chain", default=False, help="Compare the anchors with the chain too."
)
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@json_option
def audit(
    folder: Path, shorts: tuple[str, ...], level: Any, with_chain: bool, processes: int, as_json: bool
) -> int:
    """Re-verify everything from the entries alone. Exit status 4 when something is not as it must be."""
    deployment = open_deployment(folder)
    document = deployment.trust_document()
    trust = None if document is None else parse_trust(document)
    chain = deployment.open_chain(writing=False) if with_chain else None
    sealer = _sealer(deployment) if level == "full" else None
    if sealer is None and level == "full":
        note("没有密封主密钥，不核对密封内容。 No master key: sealed contents are not compared.")
    day = today(deployment.clock()).isoformat()
    access = deployment.log("access")
    reports = []
    for short in shorts or LOGS:
        log = deployment.log(short)
        if trust is None and level == "full" and log.store.size():
            raise ConfigurationError("trust.json is missing, so issuers cannot be audited (member export)")
        with _Bar(log.origin) as bar:
            reports.append(
                run_audit(
                    log.store,
                    folder.resolve() / "logs" / short,
                    _rules(deployment, log, trust, sealer),
                    level=level,
                    chain=chain,
                    projections=[
                        *projections_of(short, log.reader, day, deployment.config.operator),
                        *([settled_dues(deployment.rulebook, day)] if short == "credit" else []),
                        erasures_against(access.reader, access.store),
                    ],
                    processes=processes,
                    progress=bar.show,
                )
            )
    deployment.close()
    clean = all(report.clean for report in reports)
    if as_json:
        # What this audit left out, so that `clean` is not read as more than it is.
        left_out = [
            part
            for part, missing in (
                ("services", level == "hashes"),
                ("sealed", sealer is None),
                ("chain", chain is None),
            )
            if missing
        ]
        print_json({"clean": clean, "left_out": left_out, "logs": [each.as_dict() for each in reports]})
    else:
        for report in reports:
            _print_report(report)
    return 0 if clean else EXIT_INTEGRITY


@click.command()
@folder_option
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Show how far each log has come. Exit status 3 when a log cannot be read or the worker does not run."""
    deployment = open_deployment(folder)
    report = deployment.readiness()
    deployment.close()
    healthy = report["ready"] and report["worker"]["alive"]
    if as_json:
        print_json(report)
        return 0 if healthy else EXIT_NOT_READY
    for origin, log in report["logs"].items():
        if "error" in log:
            click.echo(f"{origin}: 不可读 · cannot be read ({log['error']})")
            continue
        stages = " ".join(
            f"{stage} {log[stage]}"
            for stage in ("accepted", "integrated", "published", "anchored", "final")
            if stage in log
        )
        click.echo(f"{origin}: {stages}")
    worker = "运行中 running" if report["worker"]["alive"] else "未运行 not running"
    click.echo(f"后台进程 · worker: {worker}; 链 · chain: {report['chain']}")
    for name, code in report["worker"]["failing"].items():
        click.echo(f"后台事务未完成 · chore failing: {name} [{code}]")
    for alarm in report["alarms"]:
        click.echo(f"告警 · alarm: {alarm}{_ALARMS.get(alarm, '')}")
    return 0 if healthy else EXIT_NOT_READY


class _Bar:
    """Progress of an audit, one bar per step, on standard error where somebody watches."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._step = ""
        self._bar: Any = None
        self._done = 0

    def show(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self._end()
            self._step, self._done = step, 0
            self._bar = click.progressbar(
                length=max(total, 1),
                label=f"{self._origin} {step}",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            )
            self._bar.__enter__()
        self._bar.update(max(0, done - self._done))
        self._done = max(done, self._done)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


def _sealer(deployment: Deployment) -> Sealer | None:
    try:
        return deployment.sealer
    except LedgerError:
        return None


def _rules(deployment: Deployment, log: LogHandle, trust: Trust | None, sealer: Sealer | None) -> Rules:
    held = trust.logs.get(log.origin) if trust is not None else None
    if held is not None:
        keys = tuple(key.vkey.public for key in held.keys)
    else:
        keys = (deployment.keyring.log_signer(log.short).public,)
    dues = DueRules(deployment.catalogue_path, deployment.config.operator) if log.short == "credit" else None
    return Rules(log.origin, trust, keys, sealer, dues)


def _print_report(report: AuditReport) -> None:
    verdict = (
        "一致 clean" if report.clean else f"发现 {len(report.findings) + report.unlisted} 处问题 · findings"
    )
    click.echo(f"{report.origin}: {report.entries} entries, {verdict}")
    for found in report.findings[:SHOWN_FINDINGS]:
        click.echo(f"  [{found.code}] {found.zh} {found.en}")
    hidden = len(report.findings) + report.unlisted - SHOWN_FINDINGS
    if hidden > 0:
        click.echo(f"  … {hidden} more; --json lists {len(report.findings)}")

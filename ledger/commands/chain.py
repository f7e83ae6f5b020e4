"""`chain` and `deploy`: the embedded chain, and the contracts."""

from pathlib import Path

import click

from ledger.chain.port import RegistryPort
from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json
from ledger.deployment import Deployment
from ledger.deployment.consortium import (
    OPERATOR_ROLES,
    add_disputes,
    deploy_contracts,
    operator_founder,
    propose_logs,
    sync_trust,
)
from ledger.errors import ConfigurationError

EXIT_UNAVAILABLE = 3


@click.group()
def chain() -> None:
    """内嵌链 · The embedded chain of a deployment: start, stop, save, status."""


@chain.command()
@folder_option
def start(folder: Path) -> None:
    """Start it, or adopt the one that runs; it goes on when this command ends."""
    embedded = open_deployment(folder).embedded
    embedded.start()
    click.echo(f"{embedded.url} (pid {embedded.pid})")


@chain.command()
@folder_option
def stop(folder: Path) -> None:
    """Save its state and stop it."""
    open_deployment(folder).embedded.stop()
    note("内嵌链已停止。 The embedded chain is stopped.")


@chain.command()
@folder_option
def save(folder: Path) -> None:
    """Make everything mined until now survive a kill."""
    open_deployment(folder).embedded.save()
    note("链状态已保存。 The chain's state is saved.")


@chain.command()
@folder_option
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Show whether it runs, where, and its newest block. Exit status 3 if it does not run."""
    embedded = open_deployment(folder).embedded
    running = embedded.pid is not None
    document = {
        "running": running,
        "pid": embedded.pid,
        "url": embedded.url if running else None,
        "block": embedded.height() if running else None,
    }
    if as_json:
        print_json(document)
    elif running:
        click.echo(f"运行中 · running: {document['url']} pid {document['pid']} block {document['block']}")
    else:
        click.echo("未运行 · not running")
    return 0 if running else EXIT_UNAVAILABLE


@click.command()
@folder_option
@click.option("--name", default="运营方", show_default=True, help="The operator's name in the registry.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=OPERATOR_ROLES,
    show_default=True,
    help="The operator's roles.",
)
@json_option
def deploy(folder: Path, name: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Deploy the contracts with the operator as founding member, define the logs, export the trust file.

    Where deployment.toml names contracts of a consortium that the operator has joined, its logs are proposed
    there. Further members are admitted with `xinzheng member propose`; then raise the threshold. Where
    deployment.toml names no contracts for disputes (a deployment of before there were any; one that joins
    writes the consortium's there instead), they are added.
    """
    deployment = open_deployment(folder)
    if deployment.config.chain.pinned and not missing_logs(deployment, deployment.open_chain(writing=False)):
        if deployment.config.chain.disputes is not None:
            raise ConfigurationError(
                "contracts and logs are there already; their addresses are in deployment.toml"
            )
        add_disputes(deployment)
    else:
        found(deployment, name, roles)
    pinned = deployment.config.chain
    if as_json:
        print_json(
            {
                "chain_id": pinned.chain_id,
                "consortium": pinned.consortium,
                "registry": pinned.registry,
                "sm2": pinned.sm2,
                "evidence": pinned.evidence,
                "disputes": pinned.disputes,
            }
        )
    else:
        click.echo(
            f"合约已部署 · deployed on chain {pinned.chain_id}: {pinned.consortium}, {pinned.registry}"
        )


def missing_logs(deployment: Deployment, port: RegistryPort) -> bool:
    """Whether the registry does not have all of the deployment's logs."""
    defined = {log.origin for log in port.export().logs}
    return not defined.issuperset(log.origin for log in deployment.logs.values())


def found(deployment: Deployment, name: str, roles: tuple[str, ...]) -> None:
    """Deploy, define the logs and export: what a new deployment needs before it can serve."""
    if not deployment.config.chain.pinned:
        deploy_contracts(deployment, [operator_founder(deployment, name, roles)], 1)
    port = deployment.open_chain()
    if missing_logs(deployment, port):
        propose_logs(deployment, port)
    if deployment.config.chain.mode == "embedded":
        deployment.embedded.save()
    # Last: a deployment without a trust file is founded again from where it was cut off.
    sync_trust(deployment, port)

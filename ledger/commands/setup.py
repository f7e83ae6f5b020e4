"""`init`: a new deployment."""

from pathlib import Path

import click

from ledger.commands.common import folder_option, json_option, note, print_json
from ledger.deployment import ApiConfig, ChainConfig, Config, Deployment, parse_config
from ledger.deployment.config import format_config


@click.command()
@folder_option
@click.option("--domain", required=True, help="The origins' domain, e.g. yunling.example.")
@click.option("--operator", required=True, metavar="USCC", help="The member that runs this deployment.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the service listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=8750, show_default=True)
@click.option(
    "--chain",
    "mode",
    type=click.Choice(["embedded", "external", "none"]),
    default="embedded",
    show_default=True,
    help="A chain of one's own, a consortium's, or none.",
)
@click.option(
    "--rpc", multiple=True, metavar="URL", help="With --chain external: JSON-RPC addresses, in order."
)
@click.option(
    "--finality",
    default="instant",
    show_default=True,
    help="When a block is final: instant, depth:N or finalized.",
)
@json_option
def init(
    folder: Path,
    domain: str,
    operator: str,
    host: str,
    port: int,
    mode: str,
    rpc: tuple[str, ...],
    finality: str,
    as_json: bool,
) -> None:
    """Create a deployment: its folder, keys and configuration. Nothing that exists is replaced."""
    if (mode == "external") != bool(rpc):
        raise click.UsageError("--rpc goes with --chain external, which needs it")
    chain = ChainConfig(mode=mode, rpc=rpc, finality=finality)  # type: ignore[arg-type] # click checked it
    config = Config(domain, operator, ApiConfig(host, port), chain)
    # Read back once, so that only what can be opened is ever written.
    parse_config(format_config(config).encode("utf-8"))
    deployment = Deployment.create(folder.resolve(), config)
    public = deployment.keyring.operator_signer().public
    if as_json:
        print_json({"dir": str(deployment.folder), "operator": operator, "public": public.raw.hex()})
        return
    click.echo(f"已创建部署 · created: {deployment.folder}")
    click.echo(f"运营方公钥 · operator's key: {public.keyid}")
    note(
        "接下来 · next: xinzheng up --dir ..."
        if mode != "external"
        else "接下来 · next: xinzheng deploy --dir ..."
    )

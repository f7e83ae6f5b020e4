"""`backup`: a copy of a deployment, taken while it runs, that a new machine can go on from.

What is copied is what cannot be made again: the entries (`log.db`), the configuration, the editions of the
catalogue, the subscriptions (`notices.db`), the trust file and the embedded chain's state. The tree, the
index (`derived.db`) and the register (`register.db`) are rebuilt from the entries.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from ledger.commands.common import folder_option, note, open_deployment
from ledger.deployment import Deployment
from ledger.errors import ConfigurationError, StoreBusy

PAGES = 4096
"""Pages copied at once, so that writers wait for moments only."""


@click.command()
@folder_option
@click.option(
    "--with-keys", is_flag=True, help="The keys and the passphrase too; keep such a copy as safe as them."
)
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
def backup(folder: Path, with_keys: bool, target: Path) -> None:
    """Copy the deployment into the new folder TARGET, consistent although it runs.

    To restore: copy it (and keys/ and passphrase) to a folder of its own and start it. The worker asks the
    chain first, and signs nothing while the copy is older than what is anchored.
    """
    deployment = open_deployment(folder)
    if target.exists() and any(target.iterdir()):
        raise ConfigurationError("the target folder is not empty; a backup replaces nothing")
    for part in ("", "logs", "run", "chain"):
        (target / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy_chain(deployment, target)
    for short in deployment.logs:
        (target / "logs" / short).mkdir(mode=0o700)
        _copy_database(deployment.folder / "logs" / short / "log.db", target / "logs" / short / "log.db")
    _copy_database(deployment.folder / "notices.db", target / "notices.db")
    if deployment.trust_path.exists():
        shutil.copyfile(deployment.trust_path, target / deployment.trust_path.name)
    if deployment.catalogue_path.is_dir():
        shutil.copytree(deployment.catalogue_path, target / deployment.catalogue_path.name, ignore=_drafts)
    if with_keys:
        shutil.copytree(deployment.folder / "keys", target / "keys")
        if (deployment.folder / "passphrase").exists():
            shutil.copy2(deployment.folder / "passphrase", target / "passphrase")
    else:
        note("不含密钥：keys/ 与 passphrase 须另行保存。 Without keys: keep keys/ and passphrase elsewhere.")
    # Last, so that a copy that was cut off is not taken for one.
    shutil.copyfile(deployment.folder / "deployment.toml", target / "deployment.toml")
    click.echo(f"已备份 · backed up: {target}")


def _drafts(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(".")]


def _copy_chain(deployment: Deployment, target: Path) -> None:
    if deployment.config.chain.mode != "embedded":
        return
    if deployment.embedded.pid is not None:
        deployment.embedded.save()
    saved = deployment.folder / "chain" / "state.json.gz"
    if saved.exists():
        shutil.copyfile(saved, target / "chain" / saved.name)


def _copy_database(source: Path, target: Path) -> None:
    if not source.exists():
        return
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy, pages=PAGES)
    except sqlite3.Error as error:
        raise StoreBusy(f"{source.parent.name}/{source.name} could not be copied: {error}") from None

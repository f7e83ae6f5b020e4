"""Options, output and progress that the commands share."""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from unicodedata import category

import click

from ledger.client import Client
from ledger.deployment import Deployment, load_private_key
from ledger.errors import ConfigurationError
from ledger.gm import signer

FOLDER_VARIABLE = "XINZHENG_DIR"
URL_VARIABLE = "XINZHENG_URL"
KEY_VARIABLE = "XINZHENG_KEY"
MEMBER_VARIABLE = "XINZHENG_MEMBER"
KEY_PASSPHRASE_VARIABLE = "XINZHENG_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
TRUST_VARIABLE = "XINZHENG_TRUST"

P = ParamSpec("P")
R = TypeVar("R")

folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/deployment"),
    envvar=FOLDER_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The deployment's folder.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def open_deployment(folder: Path) -> Deployment:
    """The deployment in a folder; raises `ConfigurationError`."""
    return Deployment.open(folder.resolve())


def client_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command `client`, from --url, --key, --member and --trust, or from a deployment's folder."""

    @folder_option
    @click.option(
        "--url", envvar=URL_VARIABLE, show_envvar=True, help="The service; else the deployment's own."
    )
    @click.option(
        "--key",
        "key_path",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        envvar=KEY_VARIABLE,
        show_envvar=True,
        help=f"The member's SM2 key (PEM), its passphrase in {KEY_PASSPHRASE_VARIABLE}; else the operator's.",
    )
    @click.option("--member", envvar=MEMBER_VARIABLE, show_envvar=True, help="The member's USCC.")
    @click.option(
        "--trust",
        "trust_path",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        envvar=TRUST_VARIABLE,
        show_envvar=True,
        help="The trust file that receipts are verified with.",
    )
    @wraps(command)
    def wrapped(
        *args: Any,
        folder: Path,
        url: str | None,
        key_path: Path | None,
        member: str | None,
        trust_path: Path | None,
        **kwargs: Any,
    ) -> R:
        with make_client(folder, url, key_path, member, trust_path) as client:
            return command(*args, client=client, **kwargs)

    return wrapped


def make_client(
    folder: Path, url: str | None, key_path: Path | None, member: str | None, trust_path: Path | None
) -> Client:
    """A client for what was given; what was not comes from the deployment in `folder`, if there is one."""
    deployment = open_deployment(folder) if (folder / "deployment.toml").is_file() else None
    if url is None:
        if deployment is None:
            raise ConfigurationError("give the service's address with --url, or a deployment with --dir")
        url = f"http://{deployment.config.api.host}:{deployment.config.api.port}"
    trust = trust_path.read_bytes() if trust_path is not None else None
    if trust is None and deployment is not None:
        trust = deployment.trust_document()
    if key_path is not None:
        passphrase = os.environ.get(KEY_PASSPHRASE_VARIABLE)
        own = signer(load_private_key(key_path, passphrase.encode() if passphrase else None))
        if member is None:
            raise ConfigurationError("--key needs --member, the USCC that the key belongs to")
        return Client(url, own, member, trust=trust)
    if deployment is None:
        return Client(url, trust=trust)
    return Client(
        url, deployment.keyring.operator_signer(), member or deployment.config.operator, trust=trust
    )


def print_json(document: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False))


def say(text: str) -> None:
    """A line on standard output in which somebody else's words may stand: whatever they hold, they neither
    steer the terminal nor begin a line of their own."""
    click.echo(printable(text))


def printable(text: str) -> str:
    """A text as one line of what can be printed; spaces of other widths become plain ones."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if category(each) == "Zs" else "?" for each in text)


def note(text: str) -> None:
    """A line for the person who watches, on standard error."""
    click.echo(text, err=True)


def write_bundle(bundle: Any, path: Path | None) -> None:
    """Keep an answer's bundle in a file, for `xinzheng verify`."""
    if path is not None:
        path.write_bytes(
            bundle
            if isinstance(bundle, bytes)
            else json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        )


def progress(length: int, label: str) -> Any:
    """A progress bar on standard error, hidden where nobody watches."""
    return click.progressbar(
        length=length, label=label, file=sys.stderr, show_pos=True, hidden=not sys.stderr.isatty()
    )

"""`key`: SM2 keys of members, in PEM files encrypted with SM4 under a passphrase; chain accounts."""

import os
from pathlib import Path

import click

from ledger.commands.common import KEY_PASSPHRASE_VARIABLE, json_option, note, print_json
from ledger.deployment import load_private_key, save_private_key
from ledger.errors import KeyUnusable
from ledger.files import replace_file
from ledger.gm import PrivateKey

_existing = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))


@click.group()
def key() -> None:
    """密钥 · Make and show SM2 keys and chain accounts, change their passphrases.

    The passphrase is read from XINZHENG_KEY_PASSPHRASE, or asked for.
    """


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-passphrase", is_flag=True, help="Leave the file unencrypted; only its owner may read it.")
@json_option
def generate(file: Path, no_passphrase: bool, as_json: bool) -> None:
    """Make a new SM2 key in FILE; an existing file is never replaced."""
    made = PrivateKey.generate()
    save_private_key(file, made, None if no_passphrase else _passphrase("口令 · passphrase", confirm=True))
    _show(made, as_json)


@key.command()
@_existing
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show the public key of FILE and its key id; never the private key."""
    _show(_load(file), as_json)


@key.command("account")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def account(file: Path, as_json: bool) -> None:
    """Make a chain account in FILE, or show the address of the one that is there.

    A member needs one to be registered, and acts with it: `xinzheng member --help`.
    """
    from ledger.chain.account import ChainAccount

    exists = file.exists()
    passphrase = _passphrase("口令 · passphrase", confirm=not exists)
    if not exists:
        ChainAccount.generate().save(file, passphrase)
    address = ChainAccount.load(file, passphrase).address
    if as_json:
        print_json({"address": address})
    else:
        click.echo(address)


@key.command("passphrase")
@_existing
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with the new passphrase, instead of being asked.",
)
def change_passphrase(file: Path, new_passphrase_file: Path | None) -> None:
    """Encrypt FILE under another passphrase."""
    held = _load(file)
    if new_passphrase_file is not None:
        new = new_passphrase_file.read_bytes().rstrip(b"\r\n")
    else:
        new = click.prompt(
            "新口令 · new passphrase", hide_input=True, confirmation_prompt=True, err=True
        ).encode()
    if not new:
        raise KeyUnusable("a passphrase must not be empty")
    replace_file(file, held.to_pem(new))
    note("口令已更改。 The passphrase was changed.")


def _load(file: Path) -> PrivateKey:
    try:
        return load_private_key(file, None)
    except KeyUnusable:
        return load_private_key(file, _passphrase("口令 · passphrase", confirm=False))


def _passphrase(prompt: str, *, confirm: bool) -> bytes:
    given = os.environ.get(KEY_PASSPHRASE_VARIABLE)
    if given is None:
        given = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    if not given:
        raise KeyUnusable("a passphrase must not be empty")
    return str(given).encode("utf-8")


def _show(held: PrivateKey, as_json: bool) -> None:
    public = held.public
    if as_json:
        print_json({"public": public.raw.hex(), "keyid": public.keyid})
    else:
        click.echo(f"public {public.raw.hex()}\nkeyid  {public.keyid}")

"""`submit`, `trail`, `certificate`: what members ask of a running service, through the client."""

import sys
from pathlib import Path
from typing import Any

import click

from ledger.client import Client
from ledger.commands.common import client_options, json_option, print_json, say, write_bundle
from ledger.commands.output import OutFile
from ledger.commands.own_view import event_line
from ledger.errors import InputError
from ledger.formats import strictjson
from ledger.formats.statement import Reference
from ledger.gm import Sm3

EXIT_NO = 1
FILE_CHUNK = 1 << 20

bundle_option = click.option(
    "--bundle",
    "bundle_path",
    type=OutFile(),
    help="Keep the answer's bundle in this file, for `xinzheng verify`.",
)
level_option = click.option(
    "--level",
    type=click.Choice(["published", "anchored", "final"]),
    default="published",
    show_default=True,
    help="How far the answer must be proved.",
)


def reason_options(command: Any) -> Any:
    """Who looks, why, on what basis: mandatory with every look."""
    for option in (
        click.option(
            "--basis-code",
            help="The catalogue's code of a legal basis that replaces a person's authorisation.",
        ),
        click.option(
            "--authorisation",
            metavar="ISSUER:ID",
            help="The person's authorisation, if a person is asked about.",
        ),
        click.option("--basis", required=True, help="法律依据 · The legal basis; logged."),
        click.option("--purpose", required=True, help="用途 · The purpose; logged."),
        click.option(
            "--operator", required=True, help="The operator's id (a desk) within the member; logged."
        ),
    ):
        command = option(command)
    return command


def subject_options(command: Any) -> Any:
    """A subject: an organisation's code as an option, a person's number never on the command line."""
    command = click.option(
        "--person",
        is_flag=True,
        help="Ask about a natural person: the resident ID is read from standard input, never from the "
        "command line, where others could see it.",
    )(command)
    return click.option("--organisation", metavar="USCC", help="Ask about an organisation, by its code.")(
        command
    )


def subject_of(organisation: str | None, person: bool) -> dict[str, str] | None:
    """The subject that was asked about, if one was."""
    if organisation is not None and person:
        raise click.UsageError("--organisation and --person exclude each other")
    if organisation is not None:
        return {"type": "organisation", "code": organisation}
    if not person:
        return None
    return {"type": "person", "code": read_number("公民身份号码 · resident ID")}


def read_number(prompt: str) -> str:
    """A person's number (or name) from the keyboard, unseen, or the next line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, err=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise click.UsageError(f"标准输入缺少一行 · a line of standard input is missing: {prompt}")
    return line


@click.command()
@client_options
@click.option("--kind", help="Make and sign a statement of this kind, whose body is in FILE.")
@click.option(
    "--personal",
    "personal_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --kind: a JSON file with the personal part, which is sealed.",
)
@click.option(
    "--refers", multiple=True, metavar="ISSUER:ID", help="With --kind: a statement that this one continues."
)
@click.option("--id", "id_", help="With --kind: the statement's UUIDv7; one is made if left out.")
@json_option
@click.argument("file", type=click.File("rb"))
def submit(
    client: Client,
    kind: str | None,
    personal_path: Path | None,
    refers: tuple[str, ...],
    id_: str | None,
    as_json: bool,
    file: Any,
) -> None:
    """Submit FILE ("-": standard input): a signed envelope, or with --kind a body to make a statement of."""
    content = file.read()
    if kind is None:
        receipt = client.submit(content)
    else:
        personal = _object(personal_path.read_bytes(), "--personal") if personal_path else None
        body = _object(content, "FILE")
        receipt = client.publish(kind, body, personal=personal, refers=_references(refers), id=id_).receipt
    document = {
        "log": receipt.log,
        "issuer": receipt.issuer,
        "id": receipt.id,
        "leaf_index": receipt.leaf_index,
        "leaf_hash": receipt.leaf_hash.hex(),
    }
    if as_json:
        print_json(document)
    else:
        say(f"已受理 · accepted: {receipt.log} #{receipt.leaf_index}  {receipt.issuer} {receipt.id}")


@click.command()
@client_options
@subject_options
@click.option("--resource", help="The trail of a data resource, by its id.")
@click.option("--actor", metavar="USCC/OPERATOR", help="The trail of an operator.")
@reason_options
@level_option
@click.option("--after", help="The cursor `next` of the page before.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Events on a page."
)
@bundle_option
@json_option
def trail(
    client: Client,
    organisation: str | None,
    person: bool,
    resource: str | None,
    actor: str | None,
    bundle_path: Path | None,
    as_json: bool,
    **reason: Any,
) -> None:
    """Show who accessed what, about a subject, of a resource or by an operator; the look itself is logged."""
    given = {"subject": subject_of(organisation, person), "resource": resource, "actor": actor}
    asked = {by: value for by, value in given.items() if value is not None}
    if len(asked) != 1:
        raise click.UsageError("give exactly one of --organisation, --person, --resource and --actor")
    ((by, value),) = asked.items()
    answer = client.trail(by, value, **reason)
    write_bundle(answer["bundle"], bundle_path)
    if as_json:
        print_json({name: member for name, member in answer.items() if name != "bundle"})
        return
    for event in answer["events"]:
        say(event_line(event))
    for each in answer["authorisations"]:
        what = "授权 granted" if each["change"] == "granted" else "撤回 withdrawn"
        say(f"{each['from_day']}  {what}  {each['number']}  {each['grantee'] or ''}")
    if not answer["events"] and not answer["authorisations"]:
        say("  没有访问记录，并可证明 · no access was recorded, provably")
    say(proved_line(answer))
    if answer["next"]:
        say(f"下一页 · next page: --after {answer['next']}")


@click.command()
@client_options
@click.option(
    "--file",
    "file",
    type=click.File("rb"),
    help="The file at hand (OFD or PDF): its SM3 is compared; the file itself stays here.",
)
@level_option
@bundle_option
@json_option
@click.argument("identifier")
def certificate(
    client: Client, identifier: str, file: Any, level: str, bundle_path: Path | None, as_json: bool
) -> int:
    """Verify the e-certificate IDENTIFIER. Exit status 0: genuine as far as asked, and in force; 1: not."""
    answer = client.certificate(identifier, _digest(file) if file else None, level)
    write_bundle(answer["bundle"], bundle_path)
    verdicts = {name: answer[f"{name}_verdict"] for name in ("identifier", "file", "issuer", "status")}
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "bundle"})
    else:
        for name, verdict in verdicts.items():
            say(f"{name:<10} {verdict['verdict']:<8} {verdict['zh']} {verdict['en']}")
        say(proved_line(answer))
    failed = any(verdict["verdict"] == "fail" for verdict in verdicts.values())
    return EXIT_NO if failed or verdicts["status"]["verdict"] != "pass" else 0


def proved_line(answer: Any) -> str:
    """Under which checkpoint an answer stands, in one line."""
    checkpoint = answer["checkpoint"]
    shown = sum(part["shown"] for part in answer["completeness"])
    return (
        f"检查点 · checkpoint {checkpoint['origin']} size {checkpoint['size']} ({checkpoint['level']}), "
        f"{shown} entries shown"
    )


def _digest(file: Any) -> str:
    hasher = Sm3()
    while chunk := file.read(FILE_CHUNK):
        hasher.update(chunk)
    return hasher.digest().hex()


def _object(content: bytes, name: str) -> dict[str, Any]:
    document = strictjson.loads(content)
    if not isinstance(document, dict):
        raise InputError(f"{name} must hold one JSON object")
    return document


def _references(texts: tuple[str, ...]) -> list[Reference]:
    references = []
    for text in texts:
        issuer, colon, id_ = text.partition(":")
        if not colon:
            raise click.UsageError("--refers is ISSUER:ID")
        references.append(Reference(issuer, id_))
    return references

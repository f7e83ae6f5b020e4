"""`own` and `authorise`: what a window does for the person who stands at it, through the client."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ledger.client import Client
from ledger.commands.asking import (
    EXIT_NO,
    level_option,
    proved_line,
    reason_options,
    subject_of,
    subject_options,
)
from ledger.commands.common import client_options, json_option, print_json, say, write_bundle
from ledger.commands.own_view import event_line, statement_lines
from ledger.deployment import Keyring
from ledger.deployment.keyring import find_passphrase
from ledger.domain import format_personal
from ledger.domain.subjects import RESIDENT_ID_TYPE, Personal, PersonDetails
from ledger.errors import ConfigurationError
from ledger.formats import strictjson
from ledger.formats.statement import Reference
from ledger.formats.tags import person_tag
from ledger.formats.words import STANDINGS
from ledger.gm import Sm3
from ledger.identifiers import ResidentId

FILE_CHUNK = 1 << 20
CHINA = timedelta(hours=8)

keys_option = click.option(
    "--keys",
    "keys_folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder with person-tags.keys; the deployment's keys/ if left out.",
)
person_file_option = click.option(
    "--person-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Two lines, resident ID and name; from standard input if left out, never from the command line.",
)
day_type = click.DateTime(["%Y-%m-%d"])


@click.command()
@client_options
@subject_options
@reason_options
@click.option("--records-after", help="The cursor of the next page of records.")
@click.option("--trail-after", help="The cursor of the next page of the trail.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Lines of each part."
)
@level_option
@click.option(
    "--bundles",
    "bundles_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the bundles in this folder, one for each log, for `xinzheng verify`.",
)
@json_option
def own(
    client: Client,
    organisation: str | None,
    person: bool,
    bundles_path: Path | None,
    as_json: bool,
    **question: Any,
) -> None:
    """Show a subject what is recorded about it, with what was sealed, and every look at it (本人查询).

    For a window with the role subject-desk that has identified the person; logged like any look.
    """
    subject = subject_of(organisation, person)
    if subject is None:
        raise click.UsageError("give --organisation or --person")
    answer = client.own(subject, **question)
    records, trail = answer["records"], answer["trail"]
    if bundles_path is not None:
        bundles_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for short, bundle in (records or {"bundles": {}})["bundles"].items():
            write_bundle(bundle, bundles_path / f"{short}.json")
        if trail is not None:
            write_bundle(trail["bundle"], bundles_path / "access.json")
    if as_json:
        for part in (records, trail):
            if part is not None:
                part.pop("bundles", None)
                part.pop("bundle", None)
        print_json(answer)
        return
    if records is not None:
        _show_records(records)
    if trail is not None:
        _show_trail(trail)


def _show_records(records: Any) -> None:
    say("记录 · records")
    for each in records["statements"]:
        for line in statement_lines(each):
            say(line)
    if not records["statements"]:
        say("  没有记录，并可证明 · nothing is recorded, provably")
    for proof in records["proofs"]:
        say(proved_line(proof))
    if records["next"]:
        say(f"下一页 · next page: --records-after {records['next']}")


def _show_trail(trail: Any) -> None:
    say("查询记录 · looks")
    for each in trail["authorisations"]:
        what = "授权 granted" if each["change"] == "granted" else "撤回 withdrawn"
        say(f"  {each['from_day']}  {what}  {each['number']}  {each['grantee'] or ''}")
    for event in trail["events"]:
        say(f"  {event_line(event)}")
    if not trail["events"]:
        say("  没有访问记录，并可证明 · no access was recorded, provably")
    say(proved_line(trail))
    if trail["next"]:
        say(f"下一页 · next page: --trail-after {trail['next']}")


@click.group()
def authorise() -> None:
    """Record that a person authorises a member to ask about them, or withdraws it; show how it stands."""


@authorise.command()
@client_options
@keys_option
@person_file_option
@click.option("--grantee", required=True, metavar="USCC", help="The member that may ask.")
@click.option("--matter", "matters", multiple=True, help="事项 · For this matter (code); any if left out.")
@click.option("--purposes", help="What the consent says it is for.")
@click.option("--from", "from_day", type=day_type, help="The first day; today if left out.")
@click.option("--until", type=day_type, required=True, help="The last day.")
@click.option(
    "--uses", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many looks it allows."
)
@click.option("--number", required=True, help="The consent's number at your window.")
@click.option(
    "--evidence",
    type=click.File("rb"),
    required=True,
    help="The signed consent (a scan, say): its SM3 is recorded, the file itself stays here.",
)
@click.option("--checked-by", required=True, help="The desk that checked identity and signature.")
@json_option
def grant(
    client: Client,
    keys_folder: Path | None,
    person_file: Path | None,
    grantee: str,
    matters: tuple[str, ...],
    purposes: str | None,
    from_day: datetime | None,
    until: datetime,
    uses: int,
    number: str,
    evidence: Any,
    checked_by: str,
    as_json: bool,
) -> None:
    """Record an authorisation whose signed consent you have checked."""
    resident, name = _read_person(person_file)
    body = {
        "number": number,
        "subject": _person(resident, keys_folder),
        "grantee": grantee,
        "matters": list(matters),
        "purposes": purposes,
        "from": _day(from_day),
        "until": _day(until),
        "uses": uses,
        "evidence": _sm3(evidence),
        "checked_by": checked_by,
    }
    made = {member: value for member, value in body.items() if value is not None}
    personal = Personal(
        subject=PersonDetails(name=name, document_type=RESIDENT_ID_TYPE, document_number=resident.number)
    )
    content = strictjson.loads(format_personal(personal))
    assert isinstance(content, dict)
    submitted = client.publish("access.authorisation.granted", made, personal=content)
    authorisation = f"{submitted.receipt.issuer}:{submitted.id}"
    if as_json:
        print_json({"authorisation": authorisation, "leaf_index": submitted.receipt.leaf_index})
    else:
        say(f"已登记授权 · authorisation recorded: {authorisation}")


@authorise.command()
@client_options
@keys_option
@person_file_option
@click.option("--number", required=True, help="The consent's number, as it was granted.")
@click.option("--on", "on", type=day_type, help="From this day; today if left out.")
@json_option
@click.argument("authorisation", metavar="ISSUER:ID")
def revoke(
    client: Client,
    keys_folder: Path | None,
    person_file: Path | None,
    number: str,
    on: datetime | None,
    as_json: bool,
    authorisation: str,
) -> None:
    """Record that the person withdraws the authorisation ISSUER:ID."""
    resident, _ = _read_person(person_file, named=False)
    body = {"number": number, "subject": _person(resident, keys_folder), "on": _day(on)}
    submitted = client.publish("access.authorisation.revoked", body, refers=[_reference(authorisation)])
    if as_json:
        print_json({"id": submitted.id, "leaf_index": submitted.receipt.leaf_index})
    else:
        say(f"已登记撤回 · withdrawal recorded: {submitted.receipt.issuer}:{submitted.id}")


@authorise.command()
@client_options
@json_option
@click.argument("authorisation", metavar="ISSUER:ID")
def show(client: Client, as_json: bool, authorisation: str) -> int:
    """Show how far an authorisation goes and how often it was used. Exit status 1 when it serves no more."""
    reference = _reference(authorisation)
    answer = client.authorisation(reference.issuer, reference.id)
    if as_json:
        print_json(answer)
    else:
        matters = ", ".join(answer["matters"]) or "任何事项 any matter"
        stands = answer["stands"]
        say(f"{answer['number']}  {STANDINGS[stands]} {stands}  {answer['from_day']} – {answer['until']}")
        say(f"  被授权单位 grantee {answer['grantee']}; {matters}")
        say(f"  已用 used {answer['used']} / {answer['uses']}")
    return 0 if answer["stands"] == "in_force" else EXIT_NO


def _read_person(path: Path | None, named: bool = True) -> tuple[ResidentId, str]:
    """The resident ID and the name, from a file, a prompt or standard input."""
    if path is None and sys.stdin.isatty():
        number = click.prompt("公民身份号码 · resident ID", hide_input=True, err=True)
        name = click.prompt("姓名 · name", err=True) if named else ""
    else:
        text = path.read_text("utf-8-sig") if path is not None else sys.stdin.read(4096)
        number, name = (*(line.strip() for line in text.splitlines()[:2]), "", "")[:2]
    if named and not name:
        raise click.UsageError("two lines are expected: resident ID and name")
    return ResidentId.parse(number), name


def _person(resident: ResidentId, keys_folder: Path | None) -> dict[str, Any]:
    """The person as a body names one, by the newest epoch's tag."""
    folder = keys_folder
    if folder is None:
        folder = Path(click.get_current_context().params["folder"]) / "keys"
    if not folder.is_dir():
        raise ConfigurationError("--keys must name the folder with person-tags.keys")
    keys = Keyring(folder, lambda: find_passphrase(folder.parent)).person_tag_keys()
    epoch, key = max(keys.items())
    return {"type": "person", "person_tag": person_tag(key, epoch, resident.number), "epoch": epoch}


def _reference(text: str) -> Reference:
    issuer, colon, id_ = text.partition(":")
    if not colon:
        raise click.UsageError("an authorisation is named ISSUER:ID")
    return Reference(issuer, id_)


def _day(given: datetime | None) -> str:
    return (given or datetime.now(UTC) + CHINA).strftime("%Y-%m-%d")


def _sm3(file: Any) -> str:
    hasher = Sm3()
    while chunk := file.read(FILE_CHUNK):
        hasher.update(chunk)
    return hasher.digest().hex()

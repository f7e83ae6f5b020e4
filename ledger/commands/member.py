"""`member`: the consortium's registry on the chain.

Every change is a proposal that a threshold of members approves, each from its own deployment with its own
chain account; this command acts for the member that runs the deployment in `--dir`.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ledger.chain import changes
from ledger.chain.changes import Change
from ledger.chain.registry import Proposal
from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json
from ledger.deployment.consortium import PROPOSAL_SECONDS, sync_trust, trust_of
from ledger.errors import InputError
from ledger.formats.times import parse_time
from ledger.formats.trust import format_trust


@click.group()
def member() -> None:
    """成员 · List, propose, approve, revoke keys; export the trust file."""


@member.command("list")
@folder_option
@json_option
def list_members(folder: Path, as_json: bool) -> None:
    """Show the members as the chain has them now."""
    state = open_deployment(folder).open_chain(writing=False).export()
    if as_json:
        members = [
            {
                "id": each.id,
                "name": each.name,
                "active": each.active,
                "roles": list(each.roles),
                "accounts": list(each.accounts),
                "keys": [_key(key) for key in each.keys],
            }
            for each in state.members
        ]
        print_json({"block": state.block_number, "threshold": state.threshold, "members": members})
        return
    for each in state.members:
        suspended = "" if each.active else "  已暂停 suspended"
        click.echo(f"{each.id}  {each.name}  {', '.join(each.roles)}  {len(each.keys)} keys{suspended}")
    click.echo(f"阈值 · threshold {state.threshold}, block {state.block_number}")


@member.group()
def propose() -> None:
    """提案 · Propose a change; it takes effect when enough members approve."""


@propose.command("add")
@folder_option
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--name", required=True)
@click.option(
    "--role", "roles", multiple=True, required=True, help="e.g. publisher:credit, officer, auditor."
)
@click.option(
    "--public", required=True, metavar="HEX", help="Its SM2 public key, x || y (xinzheng key show)."
)
@click.option("--account", "accounts", multiple=True, metavar="0x...", help="Its accounts on the chain.")
@click.option("--from", "start", metavar="TIME", help="From when its key counts; now, if left out.")
@json_option
def add(
    folder: Path,
    id_: str,
    name: str,
    roles: tuple[str, ...],
    public: str,
    accounts: tuple[str, ...],
    start: str | None,
    as_json: bool,
) -> None:
    """Admit a member with its key."""
    addition = changes.add_member(id_, name, accounts, roles)
    key = changes.add_key(id_, _point(public), _seconds(start))
    _propose(folder, [addition, key], as_json)


@propose.command("key")
@folder_option
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--public", required=True, metavar="HEX")
@click.option("--from", "start", metavar="TIME", help="From when it counts; now, if left out.")
@click.option("--until", metavar="TIME", help="Until when; without an end, if left out.")
@json_option
def add_key(folder: Path, id_: str, public: str, start: str | None, until: str | None, as_json: bool) -> None:
    """Add a key to a member, to rotate keys."""
    end = None if until is None else _seconds(until)
    _propose(folder, [changes.add_key(id_, _point(public), _seconds(start), end)], as_json)


@propose.command("roles")
@folder_option
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--role", "roles", multiple=True, required=True, help="All roles that it shall have.")
@json_option
def set_roles(folder: Path, id_: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Set a member's roles."""
    _propose(folder, [changes.set_roles(id_, roles)], as_json)


@propose.command("suspend")
@folder_option
@click.option("--id", "id_", required=True, metavar="USCC")
@json_option
def suspend(folder: Path, id_: str, as_json: bool) -> None:
    """Suspend a member: what it signs from then on does not count."""
    _propose(folder, [changes.suspend(id_)], as_json)


@propose.command("threshold")
@folder_option
@click.argument("number", type=click.IntRange(1, 1000))
@json_option
def threshold(folder: Path, number: int, as_json: bool) -> None:
    """Set how many members must approve a proposal."""
    _propose(folder, [changes.set_threshold(number)], as_json)


@member.command("revoke-key")
@folder_option
@click.option("--public", required=True, metavar="HEX")
@click.option("--at", "at", metavar="TIME", help="From when its signatures do not count; now, if left out.")
@json_option
def revoke_key(folder: Path, public: str, at: str | None, as_json: bool) -> None:
    """Propose to revoke a member's key. A time in the past is allowed: since it was stolen, say."""
    _propose(folder, [changes.revoke_key(_point(public), _seconds(at))], as_json)


@member.command()
@folder_option
@click.argument("proposal", type=click.IntRange(0))
@json_option
def approve(folder: Path, proposal: int, as_json: bool) -> None:
    """Approve PROPOSAL; it is executed if that is enough."""
    _show(open_deployment(folder).open_chain().approve(proposal), as_json)


@member.command()
@folder_option
@click.option("--all", "everything", is_flag=True, help="Those that are decided too.")
@json_option
def proposals(folder: Path, everything: bool, as_json: bool) -> None:
    """Show the open proposals."""
    found = open_deployment(folder).open_chain(writing=False).proposals()
    shown = [each for each in found if everything or each.state == "open"]
    if as_json:
        print_json({"proposals": [_proposal(each) for each in shown]})
    for each in () if as_json else shown:
        click.echo(_line(each))


@member.command()
@folder_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def export(folder: Path, out: Path | None) -> None:
    """Export the trust file from the registry; check it once against another member's."""
    deployment = open_deployment(folder)
    chain = deployment.open_chain(writing=False)
    sync_trust(deployment, chain)
    document = format_trust(trust_of(chain.export()))
    if out is None:
        click.echo(document.decode("utf-8"))
    else:
        out.write_bytes(document)
        note(f"已导出 · exported: {out}")


def _propose(folder: Path, proposed: Sequence[Change], as_json: bool) -> None:
    deployment = open_deployment(folder)
    chain = deployment.open_chain()
    proposal = chain.propose(proposed, chain.head().timestamp + PROPOSAL_SECONDS)
    if proposal.state == "executed":
        sync_trust(deployment, chain)
    _show(proposal, as_json)


def _show(proposal: Proposal, as_json: bool) -> None:
    if as_json:
        print_json(_proposal(proposal))
    else:
        click.echo(_line(proposal))


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "proposer": proposal.proposer,
        "state": proposal.state,
        "approvals": list(proposal.approvals),
        "expires": _time(proposal.expires),
    }


def _line(proposal: Proposal) -> str:
    return (
        f"提案 · proposal {proposal.id}: {proposal.state}, by {proposal.proposer}, "
        f"{len(proposal.approvals)} approvals, until {_time(proposal.expires)}"
    )


def _key(key: Any) -> dict[str, Any]:
    ends = {
        name: None if value is None else _time(value)
        for name, value in (("until", key.until), ("revoked", key.revoked))
    }
    return {"public": key.public.hex(), "from": _time(key.valid_from), **ends}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str | None) -> int:
    return int(time.time()) if text is None else parse_time(text) // 1000


def _point(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != 64:
        raise InputError("a public key is 128 hex digits, x || y")
    return public

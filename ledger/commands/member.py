"""`member`: the consortium's registry on the chain.

Every change is a proposal that a threshold of members approves, each with its own chain account: that of the
deployment in `--dir`, or the one in the file that `--as-account` names, for a member that runs none.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.catalog import load_catalogue
from ledger.chain import changes
from ledger.chain.changes import Change
from ledger.chain.registry import Proposal
from ledger.commands.common import (
    KEY_PASSPHRASE_VARIABLE,
    folder_option,
    json_option,
    note,
    open_deployment,
    print_json,
)
from ledger.commands.output import OutFile
from ledger.deployment import Deployment
from ledger.deployment.consortium import PROPOSAL_SECONDS, sync_trust
from ledger.errors import InputError
from ledger.formats.registry import Thresholds, trust_of
from ledger.formats.times import parse_time
from ledger.formats.trust import format_trust
from ledger.gm import PublicKey
from ledger.identifiers import check_uscc

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain

ACCOUNT_VARIABLE = "XINZHENG_ACCOUNT"
OVERLAP_SECONDS = 24 * 3600
R = TypeVar("R")


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
        print_json(
            {"block": state.block_number, "thresholds": _thresholds(state.thresholds), "members": members}
        )
        return
    for each in state.members:
        suspended = "" if each.active else "  已暂停 suspended"
        click.echo(f"{each.id}  {each.name}  {', '.join(each.roles)}  {len(each.keys)} keys{suspended}")
    click.echo(f"{_thresholds_line(state.thresholds)}, block {state.block_number}")


@member.group()
def propose() -> None:
    """提案 · Propose a change; it takes effect when enough members approve."""


def acting_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command `acting`: the deployment whose consortium is asked, and the account that acts."""

    @folder_option
    @click.option(
        "--as-account",
        "account_path",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        envvar=ACCOUNT_VARIABLE,
        show_envvar=True,
        help=f"Act with this chain account (xinzheng key account), its passphrase in "
        f"{KEY_PASSPHRASE_VARIABLE}; else with the deployment's own.",
    )
    @json_option
    @wraps(command)
    def wrapped(*args: Any, folder: Path, account_path: Path | None, as_json: bool, **kwargs: Any) -> R:
        return command(*args, acting=Acting(open_deployment(folder), account_path, as_json), **kwargs)

    return wrapped


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and how the outcome is shown."""

    deployment: Deployment
    account_path: Path | None
    as_json: bool

    def propose(self, proposed: Sequence[Change]) -> None:
        """Propose; with a threshold of one it is executed at once."""
        chain = self._chain()
        self._done(chain, chain.propose(proposed, chain.head().timestamp + PROPOSAL_SECONDS))

    def approve(self, proposal: int) -> None:
        chain = self._chain()
        self._done(chain, chain.approve(proposal))

    def _chain(self) -> "EvmChain":
        if self.account_path is None:
            return self.deployment.open_chain()
        from ledger.chain.account import ChainAccount
        from ledger.chain.evm import EvmChain

        passphrase = os.environ.get(KEY_PASSPHRASE_VARIABLE)
        if passphrase is None:
            passphrase = click.prompt("口令 · passphrase", hide_input=True, err=True)
        account = ChainAccount.load(self.account_path, passphrase.encode())
        return EvmChain(
            self.deployment.open_chain(writing=False).deployment, self.deployment.node_settings(), account
        )

    def _done(self, chain: "EvmChain", proposal: Proposal) -> None:
        if self.deployment.config.chain.mode == "embedded":
            # Nobody else does, where no worker runs.
            self.deployment.embedded.save()
        if proposal.state == "executed":
            sync_trust(self.deployment, chain)
        if self.as_json:
            print_json(_proposal(proposal))
        else:
            click.echo(_line(proposal))


@propose.command("add")
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--name", required=True)
@click.option(
    "--role", "roles", multiple=True, required=True, help="e.g. publisher:credit, officer, auditor."
)
@click.option(
    "--public", required=True, metavar="HEX", help="Its SM2 public key, x || y (xinzheng key show)."
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    required=True,
    metavar="0x...",
    help="Its accounts on the chain (xinzheng key account).",
)
@click.option("--from", "start", metavar="TIME", help="From when its key counts; now, if left out.")
@acting_options
def add(
    acting: Acting,
    id_: str,
    name: str,
    roles: tuple[str, ...],
    public: str,
    accounts: tuple[str, ...],
    start: str | None,
) -> None:
    """Admit a member with its key and its chain account."""
    check_uscc(id_)
    addition = changes.add_member(id_, name, accounts, _known(roles))
    key = changes.add_key(id_, _point(public), _seconds(start))
    acting.propose([addition, key])


@propose.command("key")
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--public", required=True, metavar="HEX")
@click.option("--from", "start", metavar="TIME", help="From when it counts; now, if left out.")
@click.option("--until", metavar="TIME", help="Until when; without an end, if left out.")
@click.option("--replaces", metavar="HEX", help="The key that it replaces, which ends a day after it begins.")
@acting_options
def add_key(
    acting: Acting, id_: str, public: str, start: str | None, until: str | None, replaces: str | None
) -> None:
    """Add a key to a member; with --replaces: rotate its key.

    A day of overlap lets what was signed with the old key before the change still be accepted.
    """
    begins, end = _seconds(start), None if until is None else _seconds(until)
    proposed = [changes.add_key(id_, _point(public), begins, end)]
    if replaces is not None:
        proposed.append(changes.set_key_until(_point(replaces), begins + OVERLAP_SECONDS))
    acting.propose(proposed)


@propose.command("log-key")
@click.option("--log", "origin", required=True, metavar="ORIGIN")
@click.option("--public", required=True, metavar="HEX")
@click.option("--replaces", metavar="HEX", help="The key that it replaces, which ends in a day.")
@acting_options
def log_key(acting: Acting, origin: str, public: str, replaces: str | None) -> None:
    """Add a key to a log, from now on; put it into keys/log-<short>.pem when the proposal is executed."""
    now = int(time.time())
    proposed = [changes.add_log_key(origin, _point(public), now)]
    if replaces is not None:
        proposed.append(changes.set_log_key_until(origin, _point(replaces), now + OVERLAP_SECONDS))
    acting.propose(proposed)


@propose.command("roles")
@click.option("--id", "id_", required=True, metavar="USCC")
@click.option("--role", "roles", multiple=True, required=True, help="All roles that it shall have.")
@acting_options
def set_roles(acting: Acting, id_: str, roles: tuple[str, ...]) -> None:
    """Set a member's roles."""
    acting.propose([changes.set_roles(id_, _known(roles))])


@propose.command("suspend")
@click.option("--id", "id_", required=True, metavar="USCC")
@acting_options
def suspend(acting: Acting, id_: str) -> None:
    """Suspend a member: what it signs from then on does not count."""
    acting.propose([changes.suspend(id_)])


@propose.command("reinstate")
@click.option("--id", "id_", required=True, metavar="USCC")
@acting_options
def reinstate(acting: Acting, id_: str) -> None:
    """Let a suspended member back in."""
    acting.propose([changes.reinstate(id_)])


@propose.command("threshold")
@click.argument("number", type=click.IntRange(1, 1000))
@acting_options
def threshold(acting: Acting, number: int) -> None:
    """Set how many members must approve a proposal."""
    acting.propose([changes.set_threshold(number)])


@member.command("revoke-key")
@click.option("--public", required=True, metavar="HEX")
@click.option("--at", "at", metavar="TIME", help="From when its signatures do not count; now, if left out.")
@acting_options
def revoke_key(acting: Acting, public: str, at: str | None) -> None:
    """Propose to revoke a member's key. A time in the past is allowed: since it was stolen, say."""
    acting.propose([changes.revoke_key(_point(public), _seconds(at))])


@member.command()
@click.argument("proposal", type=click.IntRange(0))
@acting_options
def approve(acting: Acting, proposal: int) -> None:
    """Approve PROPOSAL; it is executed if that is enough. `member proposals` shows what it changes."""
    acting.approve(proposal)


@member.command()
@folder_option
@click.option("--all", "everything", is_flag=True, help="Those that are decided too.")
@json_option
def proposals(folder: Path, everything: bool, as_json: bool) -> None:
    """Show the open proposals, and what each would change."""
    found = open_deployment(folder).open_chain(writing=False).proposals()
    shown = [each for each in found if everything or each.state == "open"]
    if as_json:
        print_json({"proposals": [_proposal(each) for each in shown]})
    for each in () if as_json else shown:
        click.echo(_line(each))
        for change in _changes(each):
            click.echo(f"  {change}")


@member.command()
@folder_option
@click.option("--out", type=OutFile(), help="Write to this file.")
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


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "proposer": proposal.proposer,
        "state": proposal.state,
        "approvals": list(proposal.approvals),
        "changes": _changes(proposal),
        "expires": _time(proposal.expires),
    }


def _changes(proposal: Proposal) -> list[str]:
    from ledger.chain.artifact import describe_call

    return [describe_call(call) for call in proposal.calls]


def _line(proposal: Proposal) -> str:
    return (
        f"提案 · proposal {proposal.id}: {proposal.state}, by {proposal.proposer}, "
        f"{len(proposal.approvals)} approvals, until {_time(proposal.expires)}"
    )


def _thresholds(thresholds: Thresholds) -> dict[str, int]:
    return {
        "ordinary": thresholds.ordinary,
        "membership": thresholds.membership,
        "emergency": thresholds.emergency,
    }


def _thresholds_line(thresholds: Thresholds) -> str:
    return (
        f"阈值 · thresholds: 一般 ordinary {thresholds.ordinary}, 成员 membership {thresholds.membership}, "
        f"紧急 emergency {thresholds.emergency}"
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
        return PublicKey(bytes.fromhex(text)).raw
    except ValueError:
        raise InputError("a public key is 128 hex digits, x || y") from None


def _known(roles: tuple[str, ...]) -> tuple[str, ...]:
    known = load_catalogue().roles
    lists = load_catalogue().lists
    unknown = sorted(
        role
        for role in set(roles) - set(known)
        if not (role.startswith("lister:") and role.removeprefix("lister:") in lists)
    )
    if unknown:
        raise InputError(f"no role {unknown[0]!r}; the catalogue has {', '.join(known)}")
    return roles

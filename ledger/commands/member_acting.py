"""Who acts in the consortium's registry, and how what came of it is shown.

Every decision is a transaction of a member's own chain account: that of the deployment in `--dir`, or the one
in the file that `--as-account` names, for a member that runs none. The service's API takes none of them.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.catalog import load_catalogue
from ledger.chain.changes import Change
from ledger.chain.registry import Proposal
from ledger.commands.common import (
    KEY_PASSPHRASE_VARIABLE,
    folder_option,
    json_option,
    open_deployment,
    print_json,
    say,
)
from ledger.deployment import Deployment
from ledger.deployment.consortium import PROPOSAL_SECONDS, sync_trust
from ledger.deployment.governance import time_text
from ledger.errors import InputError
from ledger.formats.registry import RegistryState, Thresholds
from ledger.formats.times import parse_time
from ledger.gm import PublicKey

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain

ACCOUNT_VARIABLE = "XINZHENG_ACCOUNT"
R = TypeVar("R")

STATES = {"open": "表决中", "executed": "已执行", "cancelled": "已撤回", "expired": "已过期", "none": "无"}
CLASSES = {"emergency": "紧急", "ordinary": "一般", "membership": "成员"}


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
        """Propose; where one approval is enough it is executed at once."""
        chain = self.chain()
        self._done(chain, chain.propose(proposed, chain.head().timestamp + PROPOSAL_SECONDS))

    def decide(self, verb: str, proposal: int) -> None:
        """Approve, execute, cancel or expire a proposal."""
        chain = self.chain()
        self._done(chain, getattr(chain, verb)(proposal))

    def revoked(self, chain: "EvmChain", tx_hash: str, public: bytes, at: int) -> None:
        """Show that one's own key was revoked."""
        self._keep(chain)
        if self.as_json:
            print_json({"state": "revoked", "public": public.hex(), "at": time_text(at), "tx_hash": tx_hash})
        else:
            click.echo(
                f"本单位公钥已吊销，自 {time_text(at)} 起不再有效 · own key revoked from then on: {tx_hash}"
            )

    def chain(self) -> "EvmChain":
        """The chain, with the account that acts."""
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

    def _keep(self, chain: "EvmChain") -> None:
        if self.deployment.config.chain.mode == "embedded":
            # Nobody else does, where no worker runs.
            self.deployment.embedded.save()
        sync_trust(self.deployment, chain)

    def _done(self, chain: "EvmChain", proposal: Proposal) -> None:
        self._keep(chain)
        state = chain.export()
        if self.as_json:
            print_json(proposal_document(proposal, state))
        else:
            show_proposal(proposal, state)


def proposal_document(proposal: Proposal, state: RegistryState) -> dict[str, Any]:
    """A proposal as JSON; `missing` are the active members that have not approved."""
    return {
        "id": proposal.id,
        "proposer": proposal.proposer,
        "state": proposal.state,
        "class": proposal.change_class,
        "approvals": list(proposal.approvals),
        "counted": proposal.counted,
        "needed": proposal.needed,
        "missing": _missing(proposal, state),
        "changes": _changes(proposal),
        "expires": time_text(proposal.expires),
    }


def show_proposal(proposal: Proposal, state: RegistryState) -> None:
    """A proposal for people: where it stands, who approved, who is missing, what it changes."""
    names = {member.id: member.name for member in state.members}
    zh = STATES[proposal.state]
    click.echo(
        f"提案 · proposal {proposal.id}: {zh} {proposal.state}, "
        f"{CLASSES[proposal.change_class]}类 {proposal.change_class}, "
        f"同意 approvals {proposal.counted}/{proposal.needed}, 截止 until {time_text(proposal.expires)}"
    )
    for label, ids in (
        ("已同意 approved", list(proposal.approvals)),
        ("未同意 missing", _missing(proposal, state) if proposal.state == "open" else []),
    ):
        if ids:
            shown = ", ".join(f"{each} {names[each]}" if each in names else each for each in ids)
            say(f"  {label}: {shown}")
    for change in _changes(proposal):
        click.echo(f"  {change}")
    if proposal.state == "open" and proposal.counted >= proposal.needed:
        click.echo(f"  同意已足，可执行 · enough approvals: member execute {proposal.id}")


def thresholds_line(thresholds: Thresholds) -> str:
    """Thresholds for people."""
    return (
        f"阈值 · thresholds: 一般 ordinary {thresholds.ordinary}, 成员 membership {thresholds.membership}, "
        f"紧急 emergency {thresholds.emergency}"
    )


def _missing(proposal: Proposal, state: RegistryState) -> list[str]:
    return [each.id for each in state.members if each.active and each.id not in proposal.approvals]


def _changes(proposal: Proposal) -> list[str]:
    from ledger.chain.artifact import describe_call

    return [describe_call(call) for call in proposal.calls]


# What options say


def read_seconds(text: str | None) -> int:
    """A time option in seconds; now, if left out."""
    return int(time.time()) if text is None else parse_time(text) // 1000


def read_point(text: str) -> bytes:
    """A public key option: 64 bytes. Raises `InputError`."""
    try:
        return PublicKey(bytes.fromhex(text)).raw
    except ValueError:
        raise InputError("a public key is 128 hex digits, x || y") from None


def read_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Roles that the catalogue has. Raises `InputError`."""
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

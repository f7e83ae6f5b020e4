"""`member`: the consortium's registry on the chain.

Every change is a proposal that a threshold of members approves; the one thing that a member does alone is to
revoke its own keys. The history of all decisions leads from one trust file to the next, offline.
"""

from pathlib import Path

import click

from ledger.chain import changes
from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json, say
from ledger.commands.member_acting import (
    Acting,
    acting_options,
    proposal_document,
    read_point,
    read_seconds,
    show_proposal,
    thresholds_line,
)
from ledger.commands.member_propose import at_option, propose, public_option
from ledger.commands.output import OutFile
from ledger.deployment.consortium import sync_trust
from ledger.deployment.governance import member_document, read_history, thresholds_document
from ledger.deployment.history_proof import with_proof
from ledger.deployment.trusting import exported_trust
from ledger.formats.history import format_history
from ledger.formats.registry import RegistryState
from ledger.formats.trust import format_trust
from ledger.verify.history_command import follow_files, print_followed

ROTATION_SECONDS = 24 * 3600
"""How long from now a rotation begins unless told: the others need time to approve."""


@click.group()
def member() -> None:
    """成员治理 · Members, proposals, keys, the history of decisions, the trust file."""


member.add_command(propose)


@member.command("list")
@folder_option
@json_option
def list_members(folder: Path, as_json: bool) -> None:
    """成员名单 · Show the members as the chain has them now."""
    state = open_deployment(folder).open_chain(writing=False).export()
    if as_json:
        print_json(
            {
                "block": state.block_number,
                "thresholds": thresholds_document(state.thresholds),
                "members": [member_document(each) for each in state.members],
            }
        )
        return
    for each in state.members:
        suspended = "" if each.active else "  已暂停 suspended"
        say(f"{each.id}  {each.name}  {', '.join(each.roles)}  {len(each.keys)} keys{suspended}")
    click.echo(f"{thresholds_line(state.thresholds)}, block {state.block_number}")


@member.command("threshold")
@folder_option
@json_option
def show_threshold(folder: Path, as_json: bool) -> None:
    """阈值 · Show how many members must approve what. `member propose threshold` changes it."""
    state = open_deployment(folder).open_chain(writing=False).export()
    active = sum(each.active for each in state.members)
    if as_json:
        print_json({**thresholds_document(state.thresholds), "active_members": active})
    else:
        click.echo(f"{thresholds_line(state.thresholds)}; 有效成员 active members {active}")


@member.command("rotate-key")
@click.option("--old", required=True, metavar="HEX", help="The member's present key.")
@click.option("--new", required=True, metavar="HEX", help="The key that follows it.")
@click.option("--from", "start", metavar="TIME", help="When; in a day, if left out. Executed later it fails.")
@acting_options
def rotate_key(acting: Acting, old: str, new: str, start: str | None) -> None:
    """换钥 · Propose that a member's new key counts from a time on, and the old one until then."""
    begin = acting.chain().head().timestamp + ROTATION_SECONDS if start is None else read_seconds(start)
    acting.propose([changes.rotate_key(read_point(old), read_point(new), begin)])


@member.command("revoke-key")
@public_option
@at_option
@click.option("--log", "origin", metavar="ORIGIN", help="The key is this log's, or a witness's of it.")
@acting_options
def revoke_key(acting: Acting, public: str, at: str | None, origin: str | None) -> None:
    """吊销公钥 · Revoke a key: one's own at once, another's as an emergency proposal.

    A time in the past is allowed: since it was stolen, say. One's own key at most 30 days back; earlier is
    for the others to judge (member propose revoke-key).
    """
    key, moment, chain = read_point(public), read_seconds(at), acting.chain()
    own = _owner(chain.export(), key, origin)
    if own is not None and chain.account in own:
        sent = (
            chain.revoke_own_key(key, moment)
            if origin is None
            else chain.revoke_own_log_key(changes.log_id(origin), key, moment)
        )
        acting.revoked(chain, sent, key, moment)
    elif origin is None:
        acting.propose([changes.revoke_key(key, moment)])
    else:
        acting.propose([changes.revoke_log_key(origin, key, moment)])


def _owner(state: RegistryState, public: bytes, origin: str | None) -> tuple[str, ...] | None:
    """The accounts of the member that holds a key; None if nobody does."""
    holder = None
    if origin is None:
        holder = next((m.id for m in state.members if any(k.public == public for k in m.keys)), None)
    for log in state.logs:
        if log.origin == origin:
            witness = next((w.member for w in log.witnesses if w.key.public == public), None)
            holder = witness or (log.operator if any(k.public == public for k in log.keys) else None)
    return next((m.accounts for m in state.members if m.id == holder), None)


@member.command()
@click.argument("proposal", type=click.IntRange(0))
@acting_options
def approve(acting: Acting, proposal: int) -> None:
    """同意 · Approve PROPOSAL; it is executed if that is enough. `member proposals` shows what it changes."""
    acting.decide("approve", proposal)


@member.command()
@click.argument("proposal", type=click.IntRange(0))
@acting_options
def execute(acting: Acting, proposal: int) -> None:
    """执行 · Execute PROPOSAL, which has the approvals already: after a threshold was lowered, say."""
    acting.decide("execute", proposal)


@member.command()
@click.argument("proposal", type=click.IntRange(0))
@acting_options
def cancel(acting: Acting, proposal: int) -> None:
    """撤回 · Withdraw one's own PROPOSAL."""
    acting.decide("cancel", proposal)


@member.command()
@click.argument("proposal", type=click.IntRange(0))
@acting_options
def expire(acting: Acting, proposal: int) -> None:
    """关闭过期提案 · Close PROPOSAL, whose time is over; anybody with a chain account may."""
    acting.decide("expire", proposal)


@member.command()
@folder_option
@click.option("--all", "everything", is_flag=True, help="Those that are decided or expired too.")
@click.option("--start", type=click.IntRange(0), default=0, show_default=True, help="From this number on.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
def proposals(folder: Path, everything: bool, start: int, limit: int, as_json: bool) -> None:
    """提案列表 · Show the open proposals: what each changes, who approved, who is missing, until when."""
    chain = open_deployment(folder).open_chain(writing=False)
    state = chain.export()
    found = chain.proposals(start, limit)
    shown = [each for each in found if everything or each.state == "open"]
    if as_json:
        print_json({"proposals": [proposal_document(each, state) for each in shown]})
    for each in () if as_json else shown:
        show_proposal(each, state)


@member.command()
@folder_option
@click.option("--out", type=OutFile(), help="Write to this file.")
def history(folder: Path, out: Path | None) -> None:
    """历史 · Export every decision of the consortium, from the founding on, as one file.

    `xinzheng verify HISTORY --trust START` follows it offline. Where the chain's validators seal its blocks,
    the file brings the seals over its head; else compare that with another member's.
    """
    deployment = open_deployment(folder)
    chain = deployment.open_chain(writing=False)
    made = with_proof(read_history(chain), chain, deployment.config.chain.finality)
    if made.finality is None:
        note(
            "链上无可出示的共识印记，请与另一成员核对摘要。 "
            "No seals to show: compare the head with another member's."
        )
    if out is None:
        click.echo(format_history(made).decode("utf-8"))
    else:
        out.write_bytes(format_history(made))
        note(f"已导出 · exported: {out}, {len(made.records)} 条记录 records, 摘要 head {made.head.hex()}")


@member.command()
@folder_option
@click.option("--out", type=OutFile(), help="Write to this file.")
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Offline: make it from this trust file and --history, instead of asking the chain.",
)
@click.option("--history", "history_path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--head", metavar="HEX", help="The history's head as another member told it.")
def export(
    folder: Path, out: Path | None, start: Path | None, history_path: Path | None, head: str | None
) -> None:
    """导出信任文件 · Export the trust file from the registry; check it once against another member's.

    With --from and --history it is the one that follows from a trust file that is believed already.
    """
    if (start is None) != (history_path is None):
        raise click.UsageError("--from 与 --history 须同时给出 · --from and --history go together")
    if start is not None and history_path is not None:
        followed = follow_files(history_path, start, head)
        print_followed(followed, err=True)
        document = format_trust(followed.trust)
    else:
        deployment = open_deployment(folder)
        chain = deployment.open_chain(writing=False)
        sync_trust(deployment, chain)
        document = format_trust(exported_trust(chain, deployment.config.chain.finality))
    if out is None:
        click.echo(document.decode("utf-8"))
    else:
        out.write_bytes(document)
        note(f"已导出 · exported: {out}")

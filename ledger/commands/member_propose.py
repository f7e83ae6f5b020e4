"""`member propose`: every change that the consortium's registry can be asked for."""

import click

from ledger.chain import changes
from ledger.commands.member_acting import Acting, acting_options, read_point, read_roles, read_seconds
from ledger.formats.registry import Thresholds
from ledger.identifiers import check_uscc

OVERLAP_SECONDS = 24 * 3600

id_option = click.option("--id", "id_", required=True, metavar="USCC", help="The member.")
public_option = click.option("--public", required=True, metavar="HEX", help="An SM2 public key, x || y.")
log_option = click.option("--log", "origin", required=True, metavar="ORIGIN", help="The log's name.")
from_option = click.option("--from", "start", metavar="TIME", help="From when it counts; now, if left out.")
until_option = click.option("--until", metavar="TIME", help="Until when; without an end, if left out.")
at_option = click.option(
    "--at", metavar="TIME", help="From when its signatures do not count; now, if left out. It may be past."
)


@click.group()
def propose() -> None:
    """提案 · Propose a change; it takes effect when enough members approve.

    How many depends on its class. Emergency: revoking a key, suspending. Membership: admitting, reinstating,
    roles, accounts, thresholds, validators. Ordinary: everything else. `member threshold` shows the numbers.
    """


@propose.command("add")
@id_option
@click.option("--name", required=True)
@click.option(
    "--role", "roles", multiple=True, required=True, help="e.g. publisher:credit, officer, auditor."
)
@public_option
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
    """接纳成员 · Admit a member with its key and its chain account."""
    check_uscc(id_)
    addition = changes.add_member(id_, name, accounts, read_roles(roles))
    key = changes.add_key(id_, read_point(public), read_seconds(start))
    acting.propose([addition, key])


@propose.command("name")
@id_option
@click.option("--name", required=True)
@acting_options
def name(acting: Acting, id_: str, name: str) -> None:
    """更名 · Set a member's name."""
    acting.propose([changes.set_name(id_, name)])


@propose.command("account")
@id_option
@click.option("--account", required=True, metavar="0x...")
@acting_options
def account(acting: Acting, id_: str, account: str) -> None:
    """增加账户 · Add a chain account to a member."""
    acting.propose([changes.add_account(id_, account)])


@propose.command("remove-account")
@click.option("--account", required=True, metavar="0x...")
@acting_options
def remove_account(acting: Acting, account: str) -> None:
    """注销账户 · Remove a chain account; a member keeps at least one."""
    acting.propose([changes.remove_account(account)])


@propose.command("key")
@id_option
@public_option
@from_option
@until_option
@click.option("--replaces", metavar="HEX", help="The key that it replaces, which ends a day after it begins.")
@acting_options
def key(
    acting: Acting, id_: str, public: str, start: str | None, until: str | None, replaces: str | None
) -> None:
    """增加公钥 · Add a key to a member; with --replaces: replace one that has to go on for a day.

    `member rotate-key` replaces a key at a given time, without overlap.
    """
    begins, end = read_seconds(start), None if until is None else read_seconds(until)
    proposed = [changes.add_key(id_, read_point(public), begins, end)]
    if replaces is not None:
        proposed.append(changes.set_key_until(read_point(replaces), begins + OVERLAP_SECONDS))
    acting.propose(proposed)


@propose.command("key-end")
@public_option
@until_option
@acting_options
def key_end(acting: Acting, public: str, until: str | None) -> None:
    """公钥到期 · Set when a member's key ends."""
    acting.propose(
        [changes.set_key_until(read_point(public), None if until is None else read_seconds(until))]
    )


@propose.command("revoke-key")
@public_option
@at_option
@acting_options
def revoke_key(acting: Acting, public: str, at: str | None) -> None:
    """吊销公钥 · Revoke a member's key from any time on; `member revoke-key` is quick for one's own."""
    acting.propose([changes.revoke_key(read_point(public), read_seconds(at))])


@propose.command("roles")
@id_option
@click.option("--role", "roles", multiple=True, required=True, help="All roles that it shall have.")
@acting_options
def set_roles(acting: Acting, id_: str, roles: tuple[str, ...]) -> None:
    """角色 · Set a member's roles."""
    acting.propose([changes.set_roles(id_, read_roles(roles))])


@propose.command("suspend")
@id_option
@acting_options
def suspend(acting: Acting, id_: str) -> None:
    """暂停成员 · Suspend a member: what it signs from then on does not count."""
    acting.propose([changes.suspend(id_)])


@propose.command("reinstate")
@id_option
@acting_options
def reinstate(acting: Acting, id_: str) -> None:
    """恢复成员 · Let a suspended member back in."""
    acting.propose([changes.reinstate(id_)])


@propose.command("threshold")
@click.argument("ordinary", type=click.IntRange(1, 1000))
@click.option("--membership", type=click.IntRange(1, 1000), help="For members, roles, accounts, thresholds.")
@click.option("--emergency", type=click.IntRange(1, 1000), help="For revoking and suspending.")
@acting_options
def threshold(acting: Acting, ordinary: int, membership: int | None, emergency: int | None) -> None:
    """阈值 · Set how many members must approve; ORDINARY for every class that is not given.

    1 <= emergency <= ordinary <= membership <= active members. Set emergency above the number of members that
    may collude: they can suspend others, which gains them nothing but can block the rest.
    """
    acting.propose(
        [changes.set_thresholds(Thresholds(ordinary, membership or ordinary, emergency or ordinary))]
    )


@propose.command("validators")
@click.argument("addresses", nargs=-1, required=True, metavar="0x...")
@acting_options
def validators(acting: Acting, addresses: tuple[str, ...]) -> None:
    """验证者 · Name all of the chain's validators, for those who check a consensus proof."""
    acting.propose([changes.set_validators(addresses)])


@propose.command("log")
@log_option
@click.option("--operator", required=True, metavar="USCC")
@click.option("--index", "indexes", multiple=True, required=True)
@public_option
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True)
@acting_options
def log(
    acting: Acting, origin: str, operator: str, indexes: tuple[str, ...], public: str, epochs: int
) -> None:
    """登记日志 · Define a log with its operator, its indexes and its key, which counts from now on."""
    acting.propose(
        [
            changes.define_log(origin, operator, indexes, epochs),
            changes.add_log_key(origin, read_point(public), read_seconds(None)),
        ]
    )


@propose.command("operator")
@log_option
@id_option
@acting_options
def operator(acting: Acting, origin: str, id_: str) -> None:
    """运营方 · Hand a log to another operator."""
    acting.propose([changes.set_operator(origin, id_)])


@propose.command("indexes")
@log_option
@click.option("--index", "indexes", multiple=True, required=True, help="All that it shall have.")
@acting_options
def indexes(acting: Acting, origin: str, indexes: tuple[str, ...]) -> None:
    """索引 · Set a log's indexes."""
    acting.propose([changes.set_indexes(origin, indexes)])


@propose.command("epochs")
@log_option
@click.argument("number", type=click.IntRange(1))
@acting_options
def epochs(acting: Acting, origin: str, number: int) -> None:
    """标签密钥代数 · Say how many epochs of the person-tag key a log has; they only grow."""
    acting.propose([changes.set_epochs(origin, number)])


@propose.command("kind-role")
@log_option
@click.option("--kind", required=True)
@click.option("--role", help="The role that it needs; left out: back to publisher:<first word>.")
@acting_options
def kind_role(acting: Acting, origin: str, kind: str, role: str | None) -> None:
    """类别角色 · Set the role that a kind of statement needs in a log."""
    acting.propose([changes.set_kind_role(origin, kind, role and read_roles((role,))[0])])


@propose.command("log-key")
@log_option
@public_option
@click.option("--replaces", metavar="HEX", help="The key that it replaces, which ends in a day.")
@acting_options
def log_key(acting: Acting, origin: str, public: str, replaces: str | None) -> None:
    """日志密钥 · Add a key to a log, from now on; put it into keys/log-<short>.pem when it is executed."""
    now = read_seconds(None)
    proposed = [changes.add_log_key(origin, read_point(public), now)]
    if replaces is not None:
        proposed.append(changes.set_log_key_until(origin, read_point(replaces), now + OVERLAP_SECONDS))
    acting.propose(proposed)


@propose.command("log-key-end")
@log_option
@public_option
@until_option
@acting_options
def log_key_end(acting: Acting, origin: str, public: str, until: str | None) -> None:
    """日志密钥到期 · Set when a log's or a witness's key ends."""
    end = None if until is None else read_seconds(until)
    acting.propose([changes.set_log_key_until(origin, read_point(public), end)])


@propose.command("revoke-log-key")
@log_option
@public_option
@at_option
@acting_options
def revoke_log_key(acting: Acting, origin: str, public: str, at: str | None) -> None:
    """吊销日志密钥 · Revoke a log's or a witness's key."""
    acting.propose([changes.revoke_log_key(origin, read_point(public), read_seconds(at))])


@propose.command("witness")
@log_option
@id_option
@click.option("--name", required=True, help="In its signature lines, e.g. city-b.example/witness.")
@public_option
@from_option
@until_option
@acting_options
def witness(
    acting: Acting, origin: str, id_: str, name: str, public: str, start: str | None, until: str | None
) -> None:
    """见证方 · Let a member witness a log under a name, with a key of its own."""
    end = None if until is None else read_seconds(until)
    acting.propose([changes.add_witness(origin, name, id_, read_point(public), read_seconds(start), end)])


@propose.command("witness-threshold")
@log_option
@click.argument("number", type=click.IntRange(1))
@acting_options
def witness_threshold(acting: Acting, origin: str, number: int) -> None:
    """见证阈值 · Set how many witnesses must cosign a log's checkpoints."""
    acting.propose([changes.set_witness_threshold(origin, number)])

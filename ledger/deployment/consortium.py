"""Between the consortium registry on the chain and a deployment: founding it, and taking its snapshot.

What a process believes about members is a trust file; the worker makes it anew from the registry, and this is
where the registry's state becomes one.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.chain.changes import Founder, add_log_key, define_log
from ledger.chain.registry import RegistryKey, RegistryLog, RegistryMember, RegistryState, RegistryWitness
from ledger.domain.kinds import INDEXES
from ledger.errors import InputError
from ledger.formats.note import LOG_IDENTIFIER, WITNESS_IDENTIFIER, verification_key
from ledger.formats.trust import (
    Chain,
    Exported,
    MemberKey,
    NamedKey,
    Trust,
    TrustLog,
    TrustMember,
    Window,
    Witnesses,
    format_trust,
    parse_trust,
)
from ledger.gm import PublicKey
from ledger.log.directory import write_snapshot

if TYPE_CHECKING:
    from ledger.chain.port import ChainPort, RegistryPort
    from ledger.deployment.deployment import Deployment

_log = logging.getLogger(__name__)

PROPOSAL_SECONDS = 7 * 24 * 3600
OPERATOR_ROLES = ("operator", "publisher:access", "publisher:certificate", "publisher:credit")
"""What a deployment's own member needs: `publisher:access` because it logs every look,
`publisher:certificate` because it issues check receipts, `publisher:credit` because it states which records'
terms are over and which edition of the catalogue applies."""


def operator_founder(deployment: "Deployment", name: str, roles: Sequence[str] = OPERATOR_ROLES) -> Founder:
    """The deployment's own member, as the registry's constructor is told."""
    public = deployment.keyring.operator_signer().public
    now = deployment.clock() // 1000
    account = deployment.chain_account().address
    return Founder(deployment.config.operator, name, (account,), tuple(roles), ((public.raw, now, None),))


def deploy_contracts(deployment: "Deployment", founders: Sequence[Founder], threshold: int) -> None:
    """Deploy both contracts with their founding members and pin them in the configuration.

    Raises `ChainUnavailable`, `ChainRefused`, `ConfigurationError`.
    """
    from ledger.chain.evm import deploy

    made = deploy(deployment.node_settings(), deployment.chain_account(), founders, threshold)
    if deployment.config.chain.mode == "embedded":
        # What is pinned must be there after a kill.
        deployment.embedded.save()
    # A crash before this leaves contracts on the chain that nobody uses; the next call deploys others.
    deployment.save_config(
        deployment.config.with_chain(
            chain_id=made.chain_id,
            genesis=made.genesis_hash,
            consortium=made.consortium,
            registry=made.registry,
            deployed_block=made.block_number,
        )
    )


def propose_logs(deployment: "Deployment", chain: "ChainPort") -> int:
    """Propose this deployment's logs with their keys; returns the proposal's id.

    With a threshold of one it is executed at once, else other members approve it.
    """
    now = deployment.clock() // 1000
    changes = []
    for short, log in deployment.logs.items():
        public = deployment.keyring.log_signer(short).public
        changes.append(define_log(log.origin, deployment.config.operator, INDEXES[short]))
        changes.append(add_log_key(log.origin, public.raw, now))
    return chain.propose(changes, chain.head().timestamp + PROPOSAL_SECONDS).id


def sync_trust(deployment: "Deployment", chain: "RegistryPort") -> bool:
    """Take the registry's snapshot into the deployment's trust file; returns whether it changed."""
    return write_snapshot(deployment.trust_path, format_trust(trust_of(chain.export())))


def trust_of(state: RegistryState) -> Trust:
    """The trust file of a registry at a block.

    A suspended member keeps its roles, and its keys end when it was suspended: what it signed before counts.
    A member, log or witness that cannot stand in a trust file (a code with a wrong check character, a time
    after the year 9999) is left out, and said loudly: what the contract cannot check must not keep everybody
    from hearing of the next revocation.
    """
    exported = Exported(state.exported_at * 1000, state.chain_id, state.block_number)
    members = {member.id: _member_of(member) for member in state.members}
    logs = {log.origin: _log_of(log, state) for log in state.logs}
    whole = Trust(exported, logs, members)
    if _is_usable(whole):
        return whole
    for log in state.logs:
        logs[log.origin] = _with_usable_witnesses(logs[log.origin], exported)
    return Trust(
        exported,
        {
            origin: log
            for origin, log in logs.items()
            if _may_stand(Trust(exported, {origin: log}, {}), origin)
        },
        {id: member for id, member in members.items() if _may_stand(Trust(exported, {}, {id: member}), id)},
    )


def _is_usable(trust: Trust) -> bool:
    try:
        parse_trust(format_trust(trust))
    except InputError:
        return False
    return True


def _may_stand(trust: Trust, name: str) -> bool:
    usable = _is_usable(trust)
    if not usable:
        _log.error("the registry's entry %r is left out of the trust file: it is not in form", name)
    return usable


def _with_usable_witnesses(log: TrustLog, exported: Exported) -> TrustLog:
    if log.witnesses is None:
        return log
    kept = []
    for key in log.witnesses.keys:
        alone = replace(log, roles={}, indexes=(), keys=(), witnesses=Witnesses((key,), 1))
        if _may_stand(Trust(exported, {log.origin: alone}, {}), key.vkey.name):
            kept.append(key)
    return replace(log, witnesses=Witnesses(tuple(kept), log.witnesses.threshold))


def _log_of(log: RegistryLog, state: RegistryState) -> TrustLog:
    keys = tuple(_named(log.origin, LOG_IDENTIFIER, key) for key in log.keys)
    witnesses = None
    if log.witnesses and log.witness_threshold:
        witnesses = Witnesses(tuple(_witness(each) for each in log.witnesses), log.witness_threshold)
    chain = Chain(state.chain_id, state.registry, state.validators)
    return TrustLog(log.origin, log.indexes, log.roles, log.epochs, keys, witnesses, chain)


def _witness(witness: RegistryWitness) -> NamedKey:
    return _named(witness.name, WITNESS_IDENTIFIER, witness.key)


def _named(name: str, identifier: str, key: RegistryKey) -> NamedKey:
    return NamedKey(verification_key(name, identifier, PublicKey(key.public)), _window(key))


def _member_of(member: RegistryMember) -> TrustMember:
    ends = None if member.active else member.changed
    # A key that would begin only after the suspension never counts.
    kept = [key for key in member.keys if ends is None or key.valid_from < ends]
    keys = tuple(MemberKey(PublicKey(key.public), _window(key, ends)) for key in kept)
    return TrustMember(member.id, member.name, member.roles, keys)


def _window(key: RegistryKey, ends: int | None = None) -> Window:
    until = min((end for end in (key.until, ends) if end is not None), default=None)
    return Window(
        key.valid_from * 1000,
        None if until is None else until * 1000,
        None if key.revoked is None else key.revoked * 1000,
    )

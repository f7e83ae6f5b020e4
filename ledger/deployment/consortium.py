"""Between the consortium registry on the chain and a deployment: founding it, and taking its snapshot.

What a process believes about members is a trust file; the worker makes it anew from the registry, and this is
where the registry's state becomes one.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.chain.changes import Founder, add_log_key, define_log
from ledger.deployment.governance import sync_history
from ledger.deployment.trusting import exported_trust
from ledger.domain.kinds import INDEXES
from ledger.formats.registry import Thresholds
from ledger.formats.trust import format_trust
from ledger.log.directory import write_snapshot

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain
    from ledger.chain.port import ChainPort
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


def deploy_contracts(
    deployment: "Deployment", founders: Sequence[Founder], threshold: int | Thresholds
) -> None:
    """Deploy the contracts with their founding members and pin them in the configuration.

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
            sm2=made.sm2,
            evidence=made.evidence,
            disputes=made.disputes,
        )
    )


def add_disputes(deployment: "Deployment") -> None:
    """Give a deployment of before there were any the contracts that verify and settle disputes on the chain.

    Raises as `deploy_contracts`.
    """
    from ledger.chain.evm import deploy_disputes

    pinned = deployment.open_chain(writing=False).deployment
    made = deploy_disputes(deployment.node_settings(), deployment.chain_account(), pinned)
    if deployment.config.chain.mode == "embedded":
        deployment.embedded.save()
    deployment.save_config(
        deployment.config.with_chain(sm2=made.sm2, evidence=made.evidence, disputes=made.disputes)
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


def sync_trust(deployment: "Deployment", chain: "EvmChain") -> bool:
    """Take the registry's snapshot into the deployment's trust file; returns whether it changed.

    Its history is kept beside, but what is wrong with that keeps nobody from hearing of a revocation.
    """
    trust = exported_trust(chain, deployment.config.chain.finality)
    changed = write_snapshot(deployment.trust_path, format_trust(trust))
    sync_history(deployment, chain)
    return changed

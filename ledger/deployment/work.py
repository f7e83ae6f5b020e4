"""The worker of a deployment: all its logs, its chain, the registry's snapshot, and its chores."""

import logging
import threading
from typing import TYPE_CHECKING

from ledger.deployment.consortium import sync_trust
from ledger.deployment.deployment import Deployment
from ledger.deployment.proofs import proof_chores
from ledger.log.anchor import AnchorSettings
from ledger.log.chores import Chore, Stopping
from ledger.log.worker import Worker, WorkerLog, WorkerSettings
from ledger.services.clerk import Clerk, clerk_chores
from ledger.store import ResidentFiles

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain

_log = logging.getLogger("xinzheng.worker")

LONGEST_INTEGRATE_INTERVAL_MS = 1_000
MEMORY_INTERVAL_MS = 10_000
WITNESSES_INTERVAL_MS = 500
DISPUTES_INTERVAL_MS = 5_000


def make_worker(deployment: Deployment) -> Worker:
    """A worker over everything the deployment has; without a chain where it has none."""
    config = deployment.config
    logs = [
        WorkerLog(log.origin, log.store, deployment.keyring.log_signer(short))
        for short, log in deployment.logs.items()
    ]
    chain: EvmChain | None = None
    if config.chain.mode != "none":
        chain = deployment.open_chain()
    publish_interval = _ms(config.worker.publish_seconds)
    settings = WorkerSettings(
        # Answers stand under checkpoints: what is integrated between two helps nobody, and costs more.
        integrate_interval=min(publish_interval, LONGEST_INTEGRATE_INTERVAL_MS),
        publish_interval=publish_interval,
        directory_sync=_ms(config.worker.registry_seconds),
        anchor=AnchorSettings(interval=_ms(config.worker.anchor_seconds)),
    )
    return Worker(
        logs,
        chain,
        deployment.clock,
        lock=deployment.lock_path,
        status=deployment.status_path,
        settings=settings,
        sync_directory=None if chain is None else lambda: _sync(deployment, chain),
        chores=[*_chores(deployment), *(_chain_chores(deployment, chain) if chain is not None else ())],
    )


def _chain_chores(deployment: Deployment, chain: "EvmChain") -> list[Chore]:
    """What the worker sees to beside anchoring; challenges where there is a contract for them."""
    chores = proof_chores(deployment, chain)
    if deployment.config.chain.disputes is not None:
        from ledger.chain.disputes import Disputes
        from ledger.log.answering import Answerer

        logs = [(log.origin, log.store) for log in deployment.logs.values()]
        answerer = Answerer(logs, lambda: Disputes.of(chain))
        chores.append(Chore("disputes", answerer.run, DISPUTES_INTERVAL_MS))
    return chores


def _chores(deployment: Deployment) -> list[Chore]:
    """What the worker sees to beside. Nothing of it is made before it is first done, so that a deployment
    whose members' snapshot is still to come starts all the same."""
    making = threading.Lock()

    def clerk() -> Clerk:
        with making:
            return deployment.clerk

    return [
        *clerk_chores(clerk),
        *deployment.loop.chores(),
        Chore("witnesses", lambda _: _witnessed(deployment), WITNESSES_INTERVAL_MS),
        _memory_chore(deployment),
    ]


def _memory_chore(deployment: Deployment) -> Chore:
    """Keep the logs' files in memory, first what is derived: every answer takes from it more than once."""
    files = [log.store.files for log in deployment.logs.values()]
    resident = ResidentFiles(
        [derived for _, derived in files] + [log for log, _ in files], deployment.config.worker.memory_share
    )

    def keep(stopping: Stopping) -> list[str]:
        resident.keep(stopping)
        return []

    return Chore("memory", keep, MEMORY_INTERVAL_MS)


def _witnessed(deployment: Deployment) -> list[str]:
    """Name what witnesses are to cosign, and notice what they did."""
    return [alarm for log in deployment.logs.values() for alarm in log.witnessing.advance()]


def _sync(deployment: Deployment, chain: "EvmChain") -> None:
    if sync_trust(deployment, chain):
        _log.info("the registry's snapshot was renewed")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

"""The services of a deployment that open, show or destroy sealed content."""

from typing import TYPE_CHECKING

from ledger.services.erasure import ErasureLog, ErasureService
from ledger.services.own import OwnLog, OwnService

if TYPE_CHECKING:
    from ledger.deployment.deployment import Deployment


def make_own(deployment: "Deployment") -> OwnService:
    """The subjects' own view."""
    logs = {
        short: OwnLog(deployment.logs[short].reader, deployment.logs[short].store, deployment.sealer)
        for short in ("credit", "certificate")
    }
    return OwnService(
        logs,
        deployment.logs["access"].reader,
        deployment.recorder,
        deployment.keyring.person_tag_keys(),
        deployment.rulebook,
        deployment.authoriser,
        deployment.clock,
    )


def make_erasure(deployment: "Deployment") -> ErasureService:
    """Erasure in all logs."""
    logs = [ErasureLog(short, log.store, log.reader) for short, log in deployment.logs.items()]
    tags = deployment.keyring.person_tag_keys()
    return ErasureService(logs, deployment.recorder, tags, deployment.clock)

"""Answering challenges on the chain: a member may demand a consistency proof between two anchored sizes.

The worker answers each with a proof from the log's own tree, long before the deadline; the contract checks
it against what it holds. A challenge that this database cannot answer is an alarm at once: it means that the
chain holds another history than the log does.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from ledger.chain.disputes import Challenge, Standing
from ledger.errors import ChainRefused, LedgerError
from ledger.formats.finality import log_id
from ledger.log.chores import Stopping
from ledger.merkle import consistency_proof
from ledger.store.port import LogStore

logger = logging.getLogger("xinzheng.disputes")

OPEN, UNANSWERABLE, FLAGGED = "challenge_open", "challenge_unanswerable", "log_flagged"


class DisputePort(Protocol):
    """What answering asks of the chain; `ledger.chain.disputes.Disputes` is one."""

    def open_challenges(self, log_id: bytes) -> list[Challenge]: ...

    def answer(self, challenge_id: int, proof: Sequence[bytes]) -> Challenge: ...

    def standing(self, log_id: bytes) -> Standing: ...


class Answerer:
    """Answers the challenges of some logs; for one thread. `open_port` is asked when there is work to do."""

    def __init__(self, logs: Sequence[tuple[str, LogStore]], open_port: Callable[[], DisputePort]) -> None:
        self._logs = logs
        self._open_port = open_port

    def run(self, stopping: Stopping = lambda: False) -> Sequence[str]:
        """Answer what is open; the alarms that stand. Raises what the chain raises."""
        port = self._open_port()
        alarms: set[str] = set()
        for origin, store in self._logs:
            for challenge in port.open_challenges(log_id(origin)):
                if stopping():
                    return sorted(alarms)
                alarms |= self._answer(port, origin, store, challenge)
            if port.standing(log_id(origin)).flagged:
                alarms.add(FLAGGED)
        return sorted(alarms)

    def _answer(self, port: DisputePort, origin: str, store: LogStore, challenge: Challenge) -> set[str]:
        if challenge.second > store.integrated().size:
            # Anchored, so published here: the derived data is being rebuilt, or the database is older.
            return {OPEN}
        try:
            port.answer(challenge.id, consistency_proof(challenge.first, challenge.second, store))
        except ChainRefused as error:
            if error.reason == "AlreadyAnswered":
                return set()
            logger.error("%s: challenge %d is not answered: %s", origin, challenge.id, error.reason)
            return {UNANSWERABLE} if error.reason == "ProofInvalid" else {OPEN}
        except LedgerError as error:
            logger.error("%s: challenge %d is not answered: %s", origin, challenge.id, error.code)
            return {OPEN}
        logger.warning("%s: answered challenge %d by %s", origin, challenge.id, challenge.challenger)
        return set()

"""Handing notices to one receiver, in order: connect, log the look, post, settle.

A notice shows its receiver what stands in the log, so it is a look like any other: logged as a `push` with
the purpose and basis of the subscription, after the receiver's machine took the connection and before
anything is sent. What fails is tried again with growing pauses, then given up for a dead letter.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import unquote

from ledger.errors import DeliveryFailed, LedgerError, SubscriptionUnknown, WebhookRefused
from ledger.formats.http_signature import NONCE_BYTES, RequestSigner, body_digest, sign_request
from ledger.log.clock import Clock
from ledger.services.notices.address import Target, parse_target
from ledger.services.notices.book import MOST_DEAD, Book, Notice, Subscription
from ledger.services.notices.webhook import Channel, Webhooks

logger = logging.getLogger("xinzheng.notices")

SLOW_MS = 2_000
MOST_IN_A_ROW = 500
"""Notices of one subscription before the others have their turn."""


Outcome = Literal["quick", "slow", "blocked"]
"""How a lane did: its receiver took everything in time, or did not; or we could not go on ourselves."""


class Documents(Protocol):
    """What a notice says to a subscriber, and the logging of that he is told."""

    def render(self, notice: Notice, subscription: Subscription, now: int) -> bytes:
        """The JSON document. Raises a `LedgerError` when it cannot be made now."""

    def log(self, notice: Notice, subscription: Subscription, now: int) -> None:
        """Log the look. Raises a `LedgerError` when it cannot be logged: nothing may be sent then."""


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """`attempts` of one notice; pauses in milliseconds, doubled from try to try up to the longest."""

    attempts: int = 12
    first_pause: int = 2_000
    longest_pause: int = 3_600_000

    def pause(self, tries: int, jitter: float) -> int:
        """The pause after that many failed tries; `jitter` from 0 to 1 spreads it by half either way."""
        return int(min(self.longest_pause, self.first_pause * 2 ** (tries - 1)) * (0.5 + jitter))


class Lane:
    """One subscription's deliveries; run by one thread at a time.

    `randomness` gives that many bytes, `jitter` a number from 0 to 1.
    """

    def __init__(
        self,
        book: Book,
        documents: Documents,
        webhooks: Webhooks,
        signer: RequestSigner,
        clock: Clock,
        settings: RetrySettings,
        randomness: Callable[[int], bytes],
        jitter: Callable[[], float],
    ) -> None:
        self._book = book
        self._documents = documents
        self._webhooks = webhooks
        self._signer = signer
        self._clock = clock
        self._settings = settings
        self._randomness = randomness
        self._jitter = jitter

    def run(self, id: str, going_on: Callable[[], bool]) -> Outcome:
        """Deliver what is due to a subscription.

        What is wrong on our side (the database busy, the look not logged) ends the run and counts for no
        try.
        """
        channel: Channel | None = None
        outcome: Outcome = "quick"
        try:
            for _ in range(MOST_IN_A_ROW):
                if not going_on():
                    break
                subscription = self._book.find(id)
                began = self._clock()
                if subscription.next_at > began:
                    break
                retried = self._book.retried(id)
                notice = retried.notice if retried else self._next(subscription)
                if notice is None:
                    break
                try:
                    channel = self._hand_over(channel, subscription, notice)
                except (DeliveryFailed, WebhookRefused) as error:
                    outcome = "slow"
                    reason = error.reason if isinstance(error, DeliveryFailed) else error.code
                    self._failed(subscription, notice, reason, dead=retried is not None)
                    break
                outcome = "slow" if self._clock() - began > SLOW_MS else "quick"
                if retried:
                    self._book.revive(id, notice.seq, self._clock())
                else:
                    self._book.delivered(id, notice.seq, self._clock())
        except SubscriptionUnknown:
            # Its owner took it back meanwhile.
            pass
        except LedgerError as error:
            logger.warning("subscription %s: %s: %s", id, error.code, error.detail)
            outcome = "blocked"
        finally:
            if channel is not None:
                channel.close()
        return outcome

    def _next(self, subscription: Subscription) -> Notice | None:
        if self._book.count_dead(subscription.id) >= MOST_DEAD:
            return None
        return self._book.next_notice(subscription)

    def _hand_over(self, channel: Channel | None, subscription: Subscription, notice: Notice) -> Channel:
        """Post one notice, over the channel that is kept if there is one; returns the channel to keep."""
        target = parse_target(subscription.url, self._webhooks.allow)
        body = self._documents.render(notice, subscription, self._clock())
        kept = channel is not None and channel.alive
        if channel is None or not channel.alive:
            channel = self._webhooks.open(target)
        try:
            # Logged before it is sent: if this raises, the receiver learns nothing.
            self._documents.log(notice, subscription, self._clock())
            channel.post(body, self._signed(target, body))
        except DeliveryFailed as error:
            if not kept or error.reason != "lost":
                raise
        except BaseException:
            channel.close()
            raise
        else:
            return channel
        # The receiver had ended a connection that was kept: that is no failure of this notice.
        channel = self._webhooks.open(target)
        channel.post(body, self._signed(target, body))
        return channel

    def _signed(self, target: Target, body: bytes) -> Mapping[str, str]:
        return sign_request(
            self._signer,
            "POST",
            unquote(target.path),
            target.query,
            body_digest(body),
            created=self._clock() // 1000,
            nonce=self._randomness(NONCE_BYTES),
        )

    def _failed(self, subscription: Subscription, notice: Notice, reason: str, dead: bool) -> None:
        now = self._clock()
        if dead:
            self._book.bury_again(subscription.id, notice.seq, reason, now)
            return
        tries = subscription.tries + 1
        if tries >= self._settings.attempts:
            logger.warning("subscription %s: a notice is given up: %s", subscription.id, reason)
            self._book.bury(subscription.id, notice.seq, reason, tries, now)
            return
        next_at = now + self._settings.pause(tries, self._jitter())
        self._book.failed(subscription.id, reason, tries, next_at, now)

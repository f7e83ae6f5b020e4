"""What members do with subscriptions: make them, look at them, take them back, have dead letters tried again.

A subscription is a look that goes on, so it states its purpose and legal basis once, and every notice is
logged with them. Records of natural persons are told only on a legal basis of the catalogue that replaces
the person's own authorisation for a matter. It begins now, at the newest published entry.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ledger.domain.kinds import KINDS
from ledger.errors import (
    AuthorisationMissing,
    NotYetPublished,
    ParameterInvalid,
    RoleMissing,
    SubscriptionUnknown,
)
from ledger.formats.statement import is_id, new_id
from ledger.log.clock import Clock
from ledger.log.directory import Directory
from ledger.log.reader import LogReader
from ledger.services.answers import Asked, Principal
from ledger.services.authorisation import Covers
from ledger.services.evidence import check_asked, look, today
from ledger.services.notices.address import parse_target
from ledger.services.notices.book import Book, DeadLetter, Subscription, Wanted

ROLES = frozenset({"officer", "partner", "publisher:credit"})
"""Who may subscribe."""
OPERATOR = "operator"
DEFAULT_KINDS = ("credit.list.entered",)
MOST_LISTS = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription and how many of its notices are dead letters."""

    subscription: Subscription
    dead: int


def record_kinds() -> tuple[str, ...]:
    """The kinds of record that notices tell of."""
    return tuple(kind.name for kind in KINDS.values() if kind.record)


class Subscriptions:
    """`lists` are the codes that the catalogue in force has, `covers` says whether a basis code replaces a
    person's authorisation for a matter on a day; `randomness` gives random bytes."""

    def __init__(
        self,
        book: Book,
        reader: LogReader,
        allow: Collection[str],
        lists: Callable[[], Collection[str]],
        covers: Covers,
        clock: Clock,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._book = book
        self._reader = reader
        self._allow = frozenset(allow)
        self._lists = lists
        self._covers = covers
        self._clock = clock
        self._randomness = randomness

    def subscribe(self, asked: Asked, url: str, wanted: Wanted, matter: str | None = None) -> Subscription:
        """Begin a subscription of the caller's; `matter` is what persons' records are wanted for.

        Raises `RoleMissing`, `PurposeMissing`, `StatementInvalid` (a purpose, basis or desk that no look can
        be logged with), `WebhookRefused`, `ParameterInvalid` (a kind or list that there is not),
        `AuthorisationMissing` (persons without a basis for that), `TooManySubscriptions`.
        """
        if ROLES.isdisjoint(asked.principal.roles):
            raise RoleMissing(f"this needs one of the roles {', '.join(sorted(ROLES))}")
        check_asked(asked)
        parse_target(url, self._allow)
        now = self._clock()
        # Each notice will be logged with these words: a number of a person among them is refused here, before
        # it is kept anywhere.
        look(
            asked,
            action="push",
            resource="notices",
            subject=None,
            rows=0,
            now=now,
            randomness=self._randomness,
        )
        wanted = self._checked(wanted)
        if wanted.persons and not self._may_hear_of_persons(asked, matter, now):
            raise AuthorisationMissing(
                "notices about natural persons need a basis_code that covers the matter they are wanted for"
            )
        subscription = Subscription(
            id=new_id(now, self._randomness(10)),
            member=asked.principal.member,
            url=url,
            wanted=wanted,
            desk=asked.operator,
            purpose=asked.purpose.strip(),
            basis=asked.basis.strip(),
            basis_code=asked.basis_code,
            matter=matter,
            created_at=now,
            from_index=self._published(),
        )
        self._book.add(subscription)
        return self._book.find(subscription.id)

    def list(self, principal: Principal) -> list[Standing]:
        """The caller's subscriptions; of all members for the operator."""
        member = None if OPERATOR in principal.roles else principal.member
        return [self._standing(subscription) for subscription in self._book.all(member)]

    def find(self, principal: Principal, id: str) -> Standing:
        """One of the caller's subscriptions, any for the operator; raises `SubscriptionUnknown`."""
        subscription = self._book.find(id) if is_id(id) else None
        if subscription is None or (
            subscription.member != principal.member and OPERATOR not in principal.roles
        ):
            raise SubscriptionUnknown
        return self._standing(subscription)

    def remove(self, principal: Principal, id: str) -> None:
        """End a subscription; what was not delivered is forgotten. Raises `SubscriptionUnknown`."""
        self.find(principal, id)
        self._book.remove(id)

    def dead_letters(self, principal: Principal, id: str, after: int, limit: int) -> Sequence[DeadLetter]:
        """Dead letters after number `after`; raises `SubscriptionUnknown`."""
        self.find(principal, id)
        return self._book.dead_letters(id, after, limit)

    def retry(self, principal: Principal, id: str, numbers: Sequence[int] | None) -> int:
        """Have dead letters tried once more, all or these; returns how many. Raises `SubscriptionUnknown`."""
        self.find(principal, id)
        return self._book.retry(id, numbers)

    def _standing(self, subscription: Subscription) -> Standing:
        return Standing(subscription, self._book.count_dead(subscription.id))

    def _may_hear_of_persons(self, asked: Asked, matter: str | None, now: int) -> bool:
        if asked.basis_code is None or matter is None:
            return False
        return self._covers(asked.basis_code, matter, today(now).isoformat())

    def _checked(self, wanted: Wanted) -> Wanted:
        kinds = tuple(dict.fromkeys(wanted.kinds or DEFAULT_KINDS))
        lists = tuple(dict.fromkeys(wanted.lists))
        if not set(kinds) <= set(record_kinds()):
            raise ParameterInvalid(f"kinds are of {', '.join(record_kinds())}")
        if lists and ("credit.list.entered" not in kinds or len(lists) > MOST_LISTS):
            raise ParameterInvalid(f"lists, at most {MOST_LISTS}, go with the kind credit.list.entered")
        if not set(lists) <= set(self._lists()):
            raise ParameterInvalid("the catalogue has not all of these lists")
        return Wanted(kinds, lists, wanted.persons)

    def _published(self) -> int:
        try:
            return self._reader.checkpoint().size
        except NotYetPublished:
            return 0


def still_entitled(directory: Directory, clock: Clock) -> Callable[[str], bool]:
    """Says whether a member may be told anything now: it has a role for it, and a key that counts."""

    def entitled(member: str) -> bool:
        found = directory.trust.members.get(member)
        now = clock()
        return (
            found is not None
            and not ROLES.isdisjoint(found.roles)
            and any(key.window.holds(now) for key in found.keys)
        )

    return entitled

"""Pages of an access trail with their proof: what `AccessService` and the subject's own view have in common.

A trail holds the access events of a tag and, where the tag is a person's or an authorisation's, the
authorisations granted and withdrawn.
"""

from dataclasses import dataclass

from ledger.domain import AccessEvent
from ledger.domain.authorisation import AuthorisationGranted, AuthorisationRevoked
from ledger.domain.facts import Fact
from ledger.errors import CursorInvalid, InputError
from ledger.formats import bundle as bundles
from ledger.formats.encoding import is_hash
from ledger.log.reader import History, LogReader
from ledger.services.answers import (
    After,
    CheckpointReference,
    CompletenessSummary,
    Level,
    TrailAuthorisation,
    TrailEvent,
    reference_of,
)
from ledger.services.evidence import checkpoint_reference, summaries, under_checkpoint
from ledger.services.facts import FactCache

PAGE_LIMIT = 1_000
"""Most events of a page."""
_NEXT_CHAIN = After(0, "00" * 32, 0)

Tags = tuple[tuple[int, str], ...]
"""Tags by epoch; one of epoch 0 for what is no person."""


@dataclass(frozen=True, slots=True)
class TrailPage:
    """One page: what stands on it, its proof, and where the next one begins (None: it was the last)."""

    events: tuple[TrailEvent, ...]
    authorisations: tuple[TrailAuthorisation, ...]
    checkpoint: CheckpointReference
    completeness: tuple[CompletenessSummary, ...]
    after: After | None
    epoch: int
    bundle: bundles.Bundle


class TrailReader:
    """`reader` is the access log's."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._facts = FactCache()

    def page(
        self,
        by: str,
        tags: Tags,
        after: After | None,
        epoch: int | None,
        limit: int,
        level: Level,
        *,
        whole: bool,
    ) -> TrailPage:
        """A page of the trail of these tags, chain after chain; `whole` shows desks and subjects too.

        Raises `InputError`, `CursorInvalid`, `NotYetPublished`.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise InputError(f"limit must be from 1 to {PAGE_LIMIT}")
        epoch, tag, following = _chain_of(tags, epoch)
        position = _position(after)
        checkpoint, history = under_checkpoint(
            self._reader,
            level,
            lambda checkpoint: self._reader.lookup(checkpoint, by, tag, position, limit),
        )
        indexes = [entry.index for entry in history.entries]
        bundle = self._reader.bundle(checkpoint, indexes, [history.completeness])
        events, authorisations = self._shown(history, whole)
        next_after = _answered(history.next_after)
        if next_after is None and following is not None:
            epoch, next_after = following, _NEXT_CHAIN
        return TrailPage(
            events,
            authorisations,
            checkpoint_reference(checkpoint, level, bundle),
            summaries([history.completeness], set(indexes)),
            next_after,
            epoch,
            bundle,
        )

    def _shown(
        self, history: History, whole: bool
    ) -> tuple[tuple[TrailEvent, ...], tuple[TrailAuthorisation, ...]]:
        events, authorisations = [], []
        for entry in history.entries:
            fact, leaf_hash = self._facts.fact(entry), entry.leaf_hash.hex()
            if isinstance(fact.body, AccessEvent):
                events.append(_event(fact, fact.body, leaf_hash, whole))
            elif isinstance(fact.body, AuthorisationGranted | AuthorisationRevoked):
                authorisations.append(_authorisation(fact, fact.body, leaf_hash, whole))
        return tuple(events), tuple(authorisations)


def _event(fact: Fact, body: AccessEvent, leaf_hash: str, whole: bool) -> TrailEvent:
    return TrailEvent(
        entry=reference_of(fact, leaf_hash),
        issuer=fact.issuer,
        id=fact.id,
        action=body.action,
        resource=body.resource,
        member=body.actor.member,
        operator=body.actor.operator if whole else None,
        exchange=body.exchange,
        subject=body.subject.model_dump() if whole and body.subject is not None else None,
        purpose=body.purpose,
        basis=body.basis,
        authorisation=body.authorisation,
        outcome=body.outcome,
        rows=body.rows,
        happened_at=body.happened_at,
        basis_code=body.basis_code,
        reason=body.reason,
    )


def _authorisation(
    fact: Fact, body: AuthorisationGranted | AuthorisationRevoked, leaf_hash: str, whole: bool
) -> TrailAuthorisation:
    entry = reference_of(fact, leaf_hash)
    if isinstance(body, AuthorisationRevoked):
        refers = fact.refers[0]
        return TrailAuthorisation(
            entry, "revoked", f"{refers.issuer}:{refers.id}", body.number, from_day=body.on
        )
    return TrailAuthorisation(
        entry,
        "granted",
        f"{fact.issuer}:{fact.id}",
        body.number,
        from_day=body.from_day,
        until=body.until,
        grantee=body.grantee,
        matters=tuple(body.matters),
        purposes=body.purposes,
        uses=body.uses,
        evidence=body.evidence,
        checked_by=body.checked_by if whole else None,
    )


def _chain_of(tags: Tags, epoch: int | None) -> tuple[int, str, int | None]:
    """The epoch and tag of the chain asked for, by default the first, and the epoch of the next chain."""
    epochs = [number for number, _ in tags]
    if epoch is None:
        place = 0
    elif epoch in epochs:
        place = epochs.index(epoch)
    else:
        raise CursorInvalid("there is no such epoch")
    following = epochs[place + 1] if place + 1 < len(epochs) else None
    return tags[place][0], tags[place][1], following


def _position(after: After | None) -> bundles.After | None:
    if after is None or after == _NEXT_CHAIN:
        return None
    if after.count < 1 or not is_hash(after.head):
        raise CursorInvalid("the place in the trail is not in form")
    return bundles.After(after.count, bytes.fromhex(after.head), after.last)


def _answered(after: bundles.After | None) -> After | None:
    return None if after is None else After(after.count, after.head.hex(), after.last)

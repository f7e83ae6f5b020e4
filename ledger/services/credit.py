"""Joint-punishment checks (联合奖惩核查): may this subject do this, and what proves the answer.

The answer stands under one checkpoint. Shown with their proofs are the list entries in force and the
subject's published penalties and licences (the newest `MOST_OTHERS` of them); what was repaired, lifted,
withdrawn, replaced or has expired is no longer shared, so it stands in the completeness section by leaf hash
alone, and in `no_longer` with the reason. A subject of whom nothing is logged gets a proof of just that.
"""

from collections.abc import Mapping
from datetime import date

from ledger.catalog import Catalogue
from ledger.domain.credit_state import CreditState, fold_credit
from ledger.errors import MatterUnknown
from ledger.formats.bundle import Bundle, Completeness, format_bundle
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.services.access import AccessRecorder
from ledger.services.answers import (
    ITSELF,
    Asked,
    AskedKey,
    CatalogueReference,
    CheckAnswer,
    Hit,
    Level,
    NoLonger,
    SubjectQuery,
    reference_of,
)
from ledger.services.decision import decide, hit_of
from ledger.services.evidence import (
    FactCache,
    ResolvedSubject,
    check_asked,
    checkpoint_reference,
    look,
    resolve_subject,
    summaries,
    today,
    under_checkpoint,
)
from ledger.store.port import StoredCheckpoint

MOST_OTHERS = 100
"""Penalties and licences that a check shows; more stand by leaf hash."""


class CreditService:
    """`reader` is the credit log's; `person_tag_keys` maps epoch to the 32-byte person-tag key."""

    def __init__(
        self,
        reader: LogReader,
        recorder: AccessRecorder,
        catalogue: Catalogue,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._catalogue = catalogue
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._facts = FactCache()

    def check(
        self,
        subject: SubjectQuery,
        matter: str,
        asked: Asked,
        level: Level = "published",
        at: date | None = None,
    ) -> CheckAnswer:
        """Check a subject for a matter of the catalogue (its code or Chinese name); logged before answered.

        `at` is the day asked about, by default today in China. Raises `PurposeMissing`, `MatterUnknown`,
        `IdentifierInvalid`, `CheckDigitWrong`, `NotYetPublished` (no checkpoint of that level yet), and what
        logging the look raises.
        """
        check_asked(asked)
        row = self._catalogue.matter(matter)
        if row is None:
            raise MatterUnknown(f"known matters are {', '.join(self._catalogue.matters)}")
        resolved = resolve_subject(subject, self._person_tag_keys)
        now = self._clock()
        day = (at or today(now)).isoformat()
        checkpoint, found = under_checkpoint(
            self._reader, level, lambda checkpoint: self._look_up(checkpoint, resolved, row.code, day)
        )
        hits, state, leaves, sections, bundle = found
        decision = decide(hits)
        event = look(
            asked,
            action="check",
            resource=f"check/{row.code}",
            subject=resolved.reference,
            rows=len(hits),
            now=now,
            randomness=self._recorder.randomness,
        )
        # Logged before it is shown: if this raises, nobody learns the answer.
        logged = self._recorder.record(event)
        shown = {entry.proven.index for entry in bundle.entries}
        return CheckAnswer(
            subject=resolved.shown,
            matter=row.code,
            matter_name=row.name,
            day=day,
            view="shared",
            name_matches=None,
            related=(),
            not_asked=(),
            keys=tuple(AskedKey("subject", tag, epoch, ITSELF) for epoch, tag in resolved.tags),
            decision=decision,
            hits=hits,
            no_longer=tuple(
                NoLonger(reference_of(standing.fact, leaves[standing.fact.index]), standing.reason)
                for standing in state.no_longer
            ),
            other_entries=len(state.others),
            catalogue=CatalogueReference(self._catalogue.edition, self._catalogue.sm3),
            checkpoint=checkpoint_reference(checkpoint, level, bundle),
            completeness=summaries(sections, shown),
            bundle=format_bundle(bundle),
            logged=logged,
        )

    def _look_up(
        self, checkpoint: StoredCheckpoint, subject: ResolvedSubject, matter: str, day: str
    ) -> tuple[tuple[Hit, ...], CreditState, dict[int, str], tuple[Completeness, ...], Bundle]:
        """The hits, the state, leaf hashes by index, a completeness section per tag, and the bundle."""
        histories = [self._reader.lookup(checkpoint, "subject", tag) for _, tag in subject.tags]
        entries = [entry for history in histories for entry in history.entries]
        leaves = {entry.index: entry.leaf_hash.hex() for entry in entries}
        state = fold_credit((self._facts.fact(entry) for entry in entries), day)
        hits = tuple(
            hit_of(fact, leaves[fact.index], matter, day, self._catalogue) for fact in state.in_force
        )
        shown = [fact.index for fact in (*state.in_force, *state.others[-MOST_OTHERS:])]
        sections = tuple(history.completeness for history in histories)
        return hits, state, leaves, sections, self._reader.bundle(checkpoint, shown, sections)

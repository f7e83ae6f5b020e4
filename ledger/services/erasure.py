"""Erasure (删除): what was sealed about a subject cannot be read any more, and every proof still holds.

    erased = service.erase(resolved_or_tag, asked)

A subject's sealed content in a log is encrypted under one data key, so destroying the keys of all its tags
(one per epoch) in all logs erases it, wherever the content itself was copied to. A backup of the database has
the keys as well, as they then were: there the content is erased when the backup is, or when the master key
that wraps its keys is given up (see the README). Content of the first version carries its own key and is
overwritten.

The erasure is logged about the subject before anything is destroyed: a crash in between leaves an event too
many, which running it again makes true. What stays is the entries, the tags in them, and who looked.
Statements about an organisation may name the person in what is sealed for the organisation; those are counted
here, and are erased with the organisation's own content only.

Submitted again, content for an erased subject gets a new key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.domain import Organisation, OrganisationCode, Person, subject_of, subject_tag
from ledger.domain.facts import Fact
from ledger.errors import InputError, NotFound, NotYetPublished
from ledger.formats.encoding import is_hash
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.log.sealer import is_erased
from ledger.merkle import index_key
from ledger.services.answers import Asked, Logged, SubjectQuery
from ledger.services.evidence import check_asked, look, resolve_subject
from ledger.services.facts import FactCache
from ledger.services.recorder import AccessRecorder, Look
from ledger.store.port import LogStore

RESOURCE = "sealed-content"
_SUBJECT_INDEXES = ("subject", "holder")


@dataclass(frozen=True, slots=True)
class ErasedLog:
    """What was destroyed in one log."""

    log: str
    keys: int
    contents: int


@dataclass(frozen=True, slots=True)
class ErasureAnswer:
    """What an erasure did: by log, the contents of others that still name this person, and where it was
    logged (about each tag)."""

    tags: tuple[str, ...]
    logs: tuple[ErasedLog, ...]
    elsewhere: int
    logged: tuple[Logged, ...]


@dataclass(frozen=True, slots=True)
class ErasureLog:
    """One log of the deployment, as an erasure needs it."""

    short: str
    store: LogStore
    reader: LogReader


class ErasureService:
    """For the operator, on his own machine; `clock` in milliseconds."""

    def __init__(
        self,
        logs: Sequence[ErasureLog],
        recorder: AccessRecorder,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
    ) -> None:
        self._logs = tuple(logs)
        self._recorder = recorder
        self._person_tag_keys = dict(person_tag_keys)
        self._clock = clock
        self._facts = FactCache(1_000)

    def erase(self, subject: SubjectQuery | str, asked: Asked) -> ErasureAnswer:
        """Erase a subject's sealed content, by its code or by one tag (64 hex digits).

        By tag only what bears that very tag is erased: a person has one in each epoch. Raises
        `PurposeMissing`, `IdentifierInvalid`, `CheckDigitWrong`, `InputError`, `NotFound` (a tag that no
        published statement is about), `StoreBusy` when something of it may still stand in a write-ahead log
        (then it is to be run again), and what logging raises.
        """
        check_asked(asked)
        references: list[OrganisationCode | Person]
        if isinstance(subject, str):
            references = [self._bearer(subject)]
        else:
            resolved = resolve_subject(subject, self._person_tag_keys)
            references = [resolved.reference]
            if isinstance(resolved.reference, Person):
                references = [
                    Person.model_construct(type="person", person_tag=tag, epoch=epoch)
                    for epoch, tag in resolved.tags
                ]
        tags = tuple(subject_tag(reference) for reference in references)
        elsewhere = sum(self._elsewhere(tag) for tag in tags)
        logged = self._record(asked, references)
        # A crash from here on leaves an event that is not, or only in part, true yet; erasing again is safe.
        erased = tuple(self._erase(log, tags) for log in self._logs)
        for log in self._logs:
            log.store.scrub()
        return ErasureAnswer(tags, erased, elsewhere, logged)

    def _erase(self, log: ErasureLog, tags: Sequence[str]) -> ErasedLog:
        keys = [index_key(name, bytes.fromhex(tag)) for name in _SUBJECT_INDEXES for tag in tags]
        erased = log.store.erase_subjects(tags, keys, self._clock())
        return ErasedLog(log.short, erased.keys, erased.contents)

    def _record(self, asked: Asked, references: Sequence[OrganisationCode | Person]) -> tuple[Logged, ...]:
        """Log the erasure about each of the subject's tags: under each its trail and the audit look."""
        now = self._clock()
        looks: list[Look] = []
        for reference in references:
            event = look(
                asked,
                action="erase",
                resource=RESOURCE,
                subject=reference,
                rows=0,
                now=now,
                randomness=self._recorder.randomness,
            )
            looks.append((event.model_copy(update={"outcome": "done", "rows": None}), ()))
        return tuple(self._recorder.record_many(looks))

    def _bearer(self, tag: str) -> OrganisationCode | Person:
        """The subject with that tag, as an access event names it."""
        if not is_hash(tag):
            raise InputError("a tag is 64 hex digits")
        for log in self._logs:
            for fact in self._about(log, tag):
                subject = subject_of(fact.body)
                if isinstance(subject, Person) and subject.person_tag == tag:
                    return subject
                if isinstance(subject, Organisation | OrganisationCode) and subject_tag(subject) == tag:
                    return OrganisationCode(type="organisation", uscc=subject.uscc)
        raise NotFound("no published statement is about this tag")

    def _elsewhere(self, tag: str) -> int:
        """Sealed contents, not erased yet, of statements that bear this tag and are about somebody else."""
        found = 0
        for log in self._logs:
            for fact in self._about(log, tag):
                subject = subject_of(fact.body)
                if isinstance(subject, Organisation | OrganisationCode) and subject_tag(subject) != tag:
                    sealed = log.store.sealed(fact.index)
                    found += sealed is not None and not is_erased(sealed)
        return found

    def _about(self, log: ErasureLog, tag: str) -> list[Fact]:
        """The published statements of a log that bear a tag of a subject."""
        try:
            checkpoint = log.reader.checkpoint()
        except NotYetPublished:
            return []
        name = "holder" if log.short == "certificate" else "subject"
        entries = log.reader.lookup(checkpoint, name, tag).entries
        return [self._facts.fact(entry) for entry in entries]

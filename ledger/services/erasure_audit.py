"""The audit's question about erasures: is each of them one that somebody answers for?

Whoever can write the database can destroy a key and pass the content off as erased. So every destroyed key,
and every content of the first version that was overwritten, must have an access event `erase` about its
subject in the access log; `erasure_unrecorded` names those that have none. An event without a destroyed key
is no finding: the person may never have had sealed content, or it came since.
"""

from collections.abc import Iterable

from ledger.domain import AccessEvent, Organisation, OrganisationCode, Person, subject_of, subject_tag
from ledger.errors import InputError, NotYetPublished
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.log.audit import Projection
from ledger.log.audit_report import AuditReport
from ledger.log.reader import LogReader
from ledger.merkle import index_key
from ledger.services.facts import FactCache
from ledger.store.port import LogStore, StoredEntry


def erasures_against(access: LogReader, access_store: LogStore) -> Projection:
    """The check of one log's erasures against the access log."""
    return lambda store, report: _compare(store, report, access, access_store)


def _compare(store: LogStore, report: AuditReport, access: LogReader, access_store: LogStore) -> None:
    facts = FactCache(1_000)
    keys, contents = store.erased()
    recorded: dict[str, bool] = {}
    for tag in keys:
        report.count("erased_keys")
        if not _is_recorded(tag, recorded, facts, access, access_store):
            report.add("erasure_unrecorded", None, f"the data key of subject {tag[:16]}")
    for index in contents:
        subject = _subject(store.entry(index), facts)
        if subject is None or not _is_recorded(subject, recorded, facts, access, access_store):
            report.add("erasure_unrecorded", index, "content that carried its own key")


def _is_recorded(
    tag: str, recorded: dict[str, bool], facts: FactCache, access: LogReader, access_store: LogStore
) -> bool:
    found = recorded.get(tag)
    if found is None:
        entries = _events(tag, access, access_store)
        found = recorded[tag] = any(_is_erasure(entry, facts) for entry in entries)
    return found


def _events(tag: str, access: LogReader, access_store: LogStore) -> Iterable[StoredEntry]:
    """Entries of the access log about a subject: the published ones by the index, then the newest."""
    start = 0
    try:
        checkpoint = access.checkpoint()
        start = checkpoint.size
        yield from access.lookup(checkpoint, "subject", tag).entries
    except NotYetPublished:
        pass
    key = index_key("subject", bytes.fromhex(tag))
    for entry in access_store.entries(start, access_store.size()):
        if key in entry.index_keys:
            yield entry


def _is_erasure(entry: StoredEntry, facts: FactCache) -> bool:
    body = facts.fact(entry).body
    return isinstance(body, AccessEvent) and body.action == "erase"


def _subject(entry: StoredEntry | None, facts: FactCache) -> str | None:
    if entry is None:
        return None
    try:
        if parse_envelope(entry.entry).payload_type == BATCH_TYPE:
            return None
        subject = subject_of(facts.fact(entry).body)
    except InputError:
        # The audit of entries names what is wrong with this one.
        return None
    return subject_tag(subject) if isinstance(subject, Organisation | OrganisationCode | Person) else None

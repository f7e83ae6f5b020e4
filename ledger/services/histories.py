"""The history of what has a number: a record's, or a case's."""

from ledger.domain.records import case_tag
from ledger.log.reader import History, LogReader
from ledger.store.port import StoredCheckpoint

LONG = 1_000
"""Entries of a number's chain beyond which the subject's is taken if that is shorter."""


def history_of(reader: LogReader, checkpoint: StoredCheckpoint, number: str, subject: str) -> History:
    """Everything under a number's key or, where one number stands for very many, under the subject's key.

    All statements about a record or a case carry both, so either is complete for it. `subject` is a tag.
    Raises what `LogReader.lookup` raises.
    """
    tag = case_tag(number)
    _, length = reader.page(checkpoint, "case", tag, 0, 1)
    if length > LONG and reader.page(checkpoint, "subject", subject, 0, 1)[1] < length:
        return reader.lookup(checkpoint, "subject", subject)
    return reader.lookup(checkpoint, "case", tag)

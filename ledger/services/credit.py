"""Joint-punishment checks (联合奖惩核查): may this subject do this, and what proves the answer."""

from collections.abc import Mapping
from datetime import date

from ledger.catalog import Catalogue
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.services.access import AccessRecorder
from ledger.services.answers import Asked, CheckAnswer, Level, SubjectQuery


class CreditService:
    """`reader` is the credit log's; `person_tag_keys` maps epoch to the 32-byte person-tag key."""

    def __init__(
        self,
        reader: LogReader,
        recorder: AccessRecorder,
        catalogue: Catalogue,
        person_tag_keys: Mapping[int, bytes],
        clock: Clock,
    ) -> None: ...

    def check(
        self,
        subject: SubjectQuery,
        matter: str,
        asked: Asked,
        level: Level = "published",
        at: date | None = None,
    ) -> CheckAnswer:
        """Check a subject for a matter of the catalogue; the check is logged before it is answered.

        `at` is the day asked about, by default today in China. Raises `PurposeMissing`, `MatterUnknown`,
        `IdentifierInvalid`, `CheckDigitWrong`, `NotYetPublished` (no checkpoint of that level yet).
        """
        raise NotImplementedError

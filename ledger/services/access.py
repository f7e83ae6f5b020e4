"""The access log: recording looks, many under one signature, and showing trails."""

from collections.abc import Callable, Mapping
from typing import Literal

from ledger.domain import AccessEvent
from ledger.gm import Signer
from ledger.log.appender import Appender
from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.services.answers import After, Asked, Level, Logged, SubjectQuery, TrailAnswer

By = Literal["subject", "resource", "actor"]


class AccessRecorder:
    """Logs the operator's own looks as access events in batch form; thread-safe."""

    def __init__(
        self,
        appender: Appender,
        origin: str,
        issuer: str,
        signer: Signer,
        clock: Clock,
        randomness: Callable[[int], bytes],
    ) -> None: ...

    def record(self, event: AccessEvent) -> Logged:
        """Log one event; returns when it is durably accepted."""
        raise NotImplementedError

    def close(self) -> None: ...


class AccessService:
    """`reader` is the access log's; `person_tag_keys` maps epoch to the 32-byte person-tag key."""

    def __init__(
        self, reader: LogReader, recorder: AccessRecorder, person_tag_keys: Mapping[int, bytes], clock: Clock
    ) -> None: ...

    def trail(
        self,
        by: By,
        value: SubjectQuery | str,
        asked: Asked,
        after: After | None = None,
        epoch: int | None = None,
        limit: int = 100,
        level: Level = "published",
    ) -> TrailAnswer:
        """One page of the trail of a subject (`SubjectQuery`), a resource (its id) or an actor
        (`<member USCC>/<operator id>`); the look itself is logged first.

        Raises `PurposeMissing`, `IdentifierInvalid`, `CheckDigitWrong`, `InputError`, `NotYetPublished`.
        """
        raise NotImplementedError

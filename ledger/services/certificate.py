"""Certificate status (电子证照核验): four separate verdicts with proof, without the holder's data."""

from ledger.log.clock import Clock
from ledger.log.reader import LogReader
from ledger.services.answers import CertificateAnswer, Level


class CertificateService:
    """`reader` is the certificate log's."""

    def __init__(self, reader: LogReader, clock: Clock) -> None: ...

    def status(
        self, identifier: str, file_sm3: str | None = None, level: Level = "published"
    ) -> CertificateAnswer:
        """What the log says about a certificate; `file_sm3` is the SM3 (hex) of the file at hand.

        Raises `NotYetPublished`; a bad identifier is a verdict, not an error.
        """
        raise NotImplementedError

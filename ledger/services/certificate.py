"""Certificate status (电子证照核验): four separate verdicts with proof, without the holder's data.

Anybody may ask (a partner city has no account here), so nothing about the holder is shown: the entries in
the bundle name an organisation by its public code and a person by tag.
"""

from datetime import date

from ledger.domain import CertificateIssued, certificate_tag
from ledger.domain.certificate import STATES
from ledger.domain.certificate_state import EXPIRED, NOT_YET, CertificateStatus, fold_certificate
from ledger.errors import IdentifierInvalid, InputError
from ledger.formats.bundle import format_bundle
from ledger.formats.encoding import is_hash
from ledger.identifiers import check_certificate_identifier
from ledger.log.clock import Clock
from ledger.log.reader import History, LogReader
from ledger.services.answers import CertificateAnswer, Level, Verdict
from ledger.services.evidence import FactCache, checkpoint_reference, summaries, today, under_checkpoint
from ledger.store.port import StoredCheckpoint

IDENTIFIER_LIMIT = 256
"""Characters of an identifier that is looked up at all."""

_IDENTIFIER_PASS = Verdict(
    "pass", "identifier_valid", "电子证照标识格式与校验位正确。", "The identifier is well formed."
)
_SEAL_UNKNOWN = Verdict(
    "unknown",
    "seal_not_examined",
    "未检验文件内的电子印章与签发者证书；日志仅证明由登记成员提交。",
    "The seal inside the file is not examined here; the log proves only which member submitted it.",
)
_FILE_NOT_GIVEN = Verdict(
    "unknown", "file_not_given", "未提供文件摘要。", "No file digest was given to compare."
)
_FILE_NOT_LOGGED = Verdict(
    "unknown",
    "not_logged",
    "日志中没有该证照，无法比对文件。",
    "The log holds no such certificate to compare the file with.",
)
_FILE_PASS = Verdict(
    "pass", "file_same", "文件与登记的摘要一致。", "The file is the one whose digest was logged."
)
_FILE_FAIL = Verdict(
    "fail", "file_differs", "文件与登记的摘要不一致。", "The file is none of those whose digests were logged."
)
_NOT_LOGGED = Verdict(
    "unknown", "not_logged", "日志中没有该证照的记录。", "The log holds nothing about this certificate."
)


class CertificateService:
    """`reader` is the certificate log's."""

    def __init__(self, reader: LogReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._facts = FactCache()

    def status(
        self, identifier: str, file_sm3: str | None = None, level: Level = "published"
    ) -> CertificateAnswer:
        """What the log says about a certificate; `file_sm3` is the SM3 (hex) of the file at hand.

        Raises `NotYetPublished`, and `InputError` for a digest that is none; a bad identifier is a verdict,
        not an error.
        """
        if len(identifier) > IDENTIFIER_LIMIT:
            raise IdentifierInvalid(f"an identifier has at most {IDENTIFIER_LIMIT} characters")
        if file_sm3 is not None and not is_hash(file_sm3):
            raise InputError("file_sm3 must be 64 lowercase hex digits")
        day = today(self._clock())
        tag = certificate_tag(identifier)
        checkpoint, history = under_checkpoint(
            self._reader, level, lambda checkpoint: self._reader.lookup(checkpoint, "certificate", tag)
        )
        facts = [self._facts.fact(entry) for entry in history.entries]
        status = fold_certificate(identifier, facts, day.isoformat())
        return self._answer(identifier, file_sm3, level, checkpoint, history, status, day)

    def _answer(
        self,
        identifier: str,
        file_sm3: str | None,
        level: Level,
        checkpoint: StoredCheckpoint,
        history: History,
        status: CertificateStatus | None,
        day: date,
    ) -> CertificateAnswer:
        indexes = [entry.index for entry in history.entries]
        bundle = self._reader.bundle(checkpoint, indexes, [history.completeness])
        issued = status.issued.body if status else None
        assert issued is None or isinstance(issued, CertificateIssued)
        return CertificateAnswer(
            identifier=identifier,
            identifier_verdict=_identifier_verdict(identifier),
            file_verdict=_file_verdict(issued, file_sm3),
            issuer_verdict=_SEAL_UNKNOWN,
            status_verdict=_status_verdict(status),
            state=status.state if status else None,
            state_name=STATES[status.state][0] if status else None,
            valid_from=issued.valid_from if issued else None,
            valid_until=issued.valid_until if issued else None,
            issuer=issued.issuer if issued else None,
            replaced_by=status.replaced_by if status else None,
            checkpoint=checkpoint_reference(checkpoint, level, bundle),
            completeness=summaries([history.completeness], set(indexes)),
            bundle=format_bundle(bundle),
            day=day,
        )


def _identifier_verdict(identifier: str) -> Verdict:
    try:
        check_certificate_identifier(identifier)
    except IdentifierInvalid as error:
        return Verdict("fail", error.code, error.zh, error.detail or error.en)
    return _IDENTIFIER_PASS


def _file_verdict(issued: CertificateIssued | None, file_sm3: str | None) -> Verdict:
    if file_sm3 is None:
        return _FILE_NOT_GIVEN
    if issued is None:
        return _FILE_NOT_LOGGED
    return _FILE_PASS if any(file.sm3 == file_sm3 for file in issued.files) else _FILE_FAIL


def _status_verdict(status: CertificateStatus | None) -> Verdict:
    if status is None:
        return _NOT_LOGGED
    if status.why == EXPIRED:
        return Verdict("fail", EXPIRED, "证照已过有效期。", "The certificate's validity has ended.")
    if status.why == NOT_YET:
        return Verdict("fail", NOT_YET, "证照尚未生效。", "The certificate's validity has not begun.")
    zh, en = STATES[status.state]
    if status.in_force:
        return Verdict("pass", "in_force", "证照有效。", "The certificate is in force.")
    return Verdict("fail", f"state_{status.state}", f"证照状态：{zh}。", f"The certificate's state is {en}.")

"""E-certificates (电子证照) by hash: issued, put out of force, restored; the holder by tag.

States are those of GB/T 36903-2018: 01 有效, 02 暂扣, 03 撤销, 04 注销, 05 失效, 06 转出, 07 吊销, 99 其他.
A revocation (03 to 07, 99) is final; a suspension (02) can be lifted by `certificate.restored` or made
final by a revocation. A newer version names the one it `replaces`, which is 失效 from then on.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ledger.domain.fields import Body, CertificateIdentifier, Day, Digest, ShortText, Uscc
from ledger.domain.subjects import Subject, organisation_tag_of, subject_tag
from ledger.formats.tags import tag_of

IN_FORCE, SUSPENDED, SUPERSEDED = "01", "02", "05"
STATES = {
    "01": ("有效", "in force"),
    "02": ("暂扣", "suspended"),
    "03": ("撤销", "revoked"),
    "04": ("注销", "cancelled"),
    "05": ("失效", "no longer valid"),
    "06": ("转出", "transferred out"),
    "07": ("吊销", "licence revoked"),
    "99": ("其他", "other"),
}
RevokedState = Literal["02", "03", "04", "05", "06", "07", "99"]


class FileDigest(Body):
    """One file of a certificate: its format, SM3 and size in bytes."""

    format: Literal["ofd", "pdf"]
    sm3: Digest
    bytes: Annotated[int, Field(ge=1, le=2**40)]


class CertificateIssued(Body):
    """`certificate.issued`. Columns of GB/T 36903 in brackets: identifier (ZZBS), type_code (ZZLXDM), issuer
    (ZZBFJGDM), issued_on (ZZBFRQ), valid_from (ZZYXQQSRQ), valid_until (ZZYXQJZRQ), holder (CZZTDM).
    """

    identifier: CertificateIdentifier
    type_code: Annotated[str, Field(pattern=r"^[0-9A-Z]{21}$")]
    issuer: Uscc
    version: Annotated[str, Field(pattern=r"^[0-9]{3}$")]
    files: Annotated[list[FileDigest], Field(min_length=1, max_length=8)]
    issued_on: Day
    valid_from: Day
    valid_until: Day | None = None
    state: Literal["01"]
    holder: Subject
    replaces: CertificateIdentifier | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "CertificateIssued":
        parts = self.identifier.split(".")
        if (parts[-5], parts[-4], parts[-2]) != (self.type_code, self.issuer, self.version):
            raise ValueError("type_code, issuer and version must be those of the identifier")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until must not be before valid_from")
        if self.replaces == self.identifier:
            raise ValueError("a certificate cannot replace itself")
        return self


class CertificateRevoked(Body):
    """`certificate.revoked`: refers to the issuing statement, whose holder and issuer it repeats."""

    identifier: CertificateIdentifier
    issuer: Uscc
    holder: Subject
    state: RevokedState
    reason: ShortText
    decided_on: Day


class CertificateRestored(Body):
    """`certificate.restored`: lifts a suspension (02 暂扣); refers to the issuing statement."""

    identifier: CertificateIdentifier
    issuer: Uscc
    holder: Subject
    reason: ShortText
    decided_on: Day


def certificate_tag(identifier: str) -> str:
    """The tag of a certificate, by its whole identifier."""
    return tag_of("certificate", identifier)


def keys_of_certificate(
    issuer: str, body: CertificateIssued | CertificateRevoked | CertificateRestored
) -> dict[str, tuple[str, ...]]:
    """certificate (the replaced one's tag besides), holder, issuer (of the certificate)."""
    certificates: tuple[str, ...] = (certificate_tag(body.identifier),)
    if isinstance(body, CertificateIssued) and body.replaces is not None:
        certificates += (certificate_tag(body.replaces),)
    return {
        "certificate": certificates,
        "holder": (subject_tag(body.holder),),
        "issuer": (organisation_tag_of(body.issuer),),
    }

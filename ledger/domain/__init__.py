"""What statements say: kinds, their bodies and tags, and state as a fold of statements. Pure.

Natural persons stand in bodies as tags only; names and numbers are sealed beside them.
"""

from ledger.domain.access import AccessEvent, Actor, actor_tag, exchange_tag
from ledger.domain.certificate import (
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    FileDigest,
    certificate_tag,
)
from ledger.domain.credit import (
    LicencePublished,
    ListEntered,
    ListRemoved,
    OtherCodes,
    PenaltyPublished,
    case_tag,
)
from ledger.domain.fields import Body
from ledger.domain.kinds import (
    INDEXES,
    KINDS,
    Kind,
    build_statement,
    dump_body,
    kind_of,
    parse_body,
    subject_of,
    validate,
)
from ledger.domain.subjects import (
    Authority,
    Organisation,
    OrganisationCode,
    Person,
    Personal,
    PersonDetails,
    check_person_tag,
    format_personal,
    parse_personal,
    subject_tag,
)

__all__ = [
    "INDEXES",
    "KINDS",
    "AccessEvent",
    "Actor",
    "Authority",
    "Body",
    "CertificateIssued",
    "CertificateRestored",
    "CertificateRevoked",
    "FileDigest",
    "Kind",
    "LicencePublished",
    "ListEntered",
    "ListRemoved",
    "Organisation",
    "OrganisationCode",
    "OtherCodes",
    "PenaltyPublished",
    "Person",
    "PersonDetails",
    "Personal",
    "actor_tag",
    "build_statement",
    "case_tag",
    "certificate_tag",
    "check_person_tag",
    "dump_body",
    "exchange_tag",
    "format_personal",
    "kind_of",
    "parse_body",
    "parse_personal",
    "subject_of",
    "subject_tag",
    "validate",
]

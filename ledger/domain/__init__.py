"""What statements say: kinds, their bodies and tags, and state as a fold of statements. Pure.

Natural persons stand in bodies as tags only; names and numbers are sealed beside them.

    records, steps, cases, reports    the bodies of the credit log's kinds
    kinds                             which kinds there are; `validate`
    rules                             terms, deadlines and whose step it is, from the catalogue
    credit_state, case_state          the folds, and `check_step`
    door                              `check_statement`: what can be refused without the log's state
    deadlines                         `due_of`, and which duties are overdue
"""

from ledger.domain.access import AccessEvent, Actor, actor_tag, exchange_tag
from ledger.domain.authorisation import AuthorisationGranted, AuthorisationRevoked, authorisation_tag
from ledger.domain.cases import (
    CaseAnswered,
    CaseInitiated,
    CaseLifted,
    CaseMatched,
    CaseReviewed,
    MatchedRecord,
)
from ledger.domain.certificate import (
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    FileDigest,
    certificate_tag,
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
from ledger.domain.records import (
    CommitmentMade,
    ContractReported,
    EnforcementPublished,
    EvaluationPublished,
    LicencePublished,
    ListEntered,
    OtherCodes,
    PenaltyPublished,
    Record,
    Severity,
    case_tag,
    identity_of,
)
from ledger.domain.reports import CatalogueFile, CataloguePublished, QualityReported, edition_tag
from ledger.domain.steps import (
    CommitmentPerformed,
    CorrectionReported,
    ListRemoved,
    ObjectionAnswered,
    RecordExpired,
    RecordObjected,
    RecordWithdrawn,
    RepairAccepted,
    RepairApplied,
    RepairApproved,
    RepairRejected,
    Step,
)
from ledger.domain.subjects import (
    Authority,
    Organisation,
    OrganisationCode,
    Person,
    Personal,
    PersonDetails,
    RelatedPerson,
    RelatedRole,
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
    "AuthorisationGranted",
    "AuthorisationRevoked",
    "Authority",
    "Body",
    "CaseAnswered",
    "CaseInitiated",
    "CaseLifted",
    "CaseMatched",
    "CaseReviewed",
    "CatalogueFile",
    "CataloguePublished",
    "CertificateIssued",
    "CertificateRestored",
    "CertificateRevoked",
    "CommitmentMade",
    "CommitmentPerformed",
    "ContractReported",
    "CorrectionReported",
    "EnforcementPublished",
    "EvaluationPublished",
    "FileDigest",
    "Kind",
    "LicencePublished",
    "ListEntered",
    "ListRemoved",
    "MatchedRecord",
    "ObjectionAnswered",
    "Organisation",
    "OrganisationCode",
    "OtherCodes",
    "PenaltyPublished",
    "Person",
    "PersonDetails",
    "Personal",
    "QualityReported",
    "Record",
    "RecordExpired",
    "RecordObjected",
    "RecordWithdrawn",
    "RelatedPerson",
    "RelatedRole",
    "RepairAccepted",
    "RepairApplied",
    "RepairApproved",
    "RepairRejected",
    "Severity",
    "Step",
    "actor_tag",
    "authorisation_tag",
    "build_statement",
    "case_tag",
    "certificate_tag",
    "check_person_tag",
    "dump_body",
    "edition_tag",
    "exchange_tag",
    "format_personal",
    "identity_of",
    "kind_of",
    "parse_body",
    "parse_personal",
    "subject_of",
    "subject_tag",
    "validate",
]

"""The verdict `file`: this very PDF, its page included, is the one that the operator logged as a certificate.

The proof is the bundle of the certificate log that `xinzheng certificate NUMBER --bundle FILE` keeps; then
nothing of a receipt rests on the page being what its attachments say.
"""

from collections.abc import Iterator

from ledger.formats.bundle import Bundle, parse_bundle
from ledger.formats.statement import Statement
from ledger.formats.tags import tag_of
from ledger.formats.trust import Trust
from ledger.gm import sm3
from ledger.verify.answer_words import FILE, AnswerFinding
from ledger.verify.question import Question, china_day
from ledger.verify.report import EXIT_PROVEN
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN
from ledger.verify.verifier import verify_bundle

CERTIFICATE_INDEX = "certificate"


def file_findings(
    pdf: bytes,
    number: str | None,
    operator: str | None,
    bundle: bytes | Bundle,
    trust: Trust,
    question: Question,
) -> list[AnswerFinding]:
    """The `file` findings of a receipt; `number` is its identifier and `operator` its issuer, as the logged
    look gives them. Raises an `InputError` when the bundle is unusable."""
    if isinstance(bundle, bytes):
        bundle = parse_bundle(bundle)
    if number is None or operator is None:
        return [AnswerFinding(FILE, UNKNOWN, "look_missing")]
    tag = tag_of("certificate", number)
    asked = Question(
        now=question.now,
        max_age=question.max_age,
        trust_max_age=question.trust_max_age,
        expect=((CERTIFICATE_INDEX, tag),),
        node=question.node,
    )
    report = verify_bundle(bundle, trust, asked)
    if report.exit_status != EXIT_PROVEN:
        return [AnswerFinding(FILE, UNKNOWN, "certificate_not_proven")]
    statements = [
        item.entry.content
        for item in report.shown
        if isinstance(item.entry.content, Statement) and item.entry.carries(CERTIFICATE_INDEX, tag)
    ]
    undisclosed = sum(len(section.chain) for section in bundle.completeness or () if section.tag == tag)
    if undisclosed != len(statements):
        return [AnswerFinding(FILE, UNKNOWN, "certificate_not_proven")]
    found = list(_against(pdf, number, operator, statements, question.now))
    return found or [AnswerFinding(FILE, PASS, "file_logged")]


def _against(
    pdf: bytes, number: str, operator: str, statements: list[Statement], now: int
) -> Iterator[AnswerFinding]:
    issued = next(
        (
            statement
            for statement in statements
            if statement.kind == "certificate.issued"
            and statement.issuer == operator
            and statement.body.get("identifier") == number
        ),
        None,
    )
    if issued is None:
        yield AnswerFinding(FILE, FAIL, "certificate_not_logged")
        return
    files = issued.body.get("files")
    digests = [file.get("sm3") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    if sm3(pdf).hex() not in digests:
        yield AnswerFinding(FILE, FAIL, "file_other")
    if any(statement is not issued and statement.issuer == operator for statement in statements):
        yield AnswerFinding(FILE, FAIL, "receipt_changed")
    if china_day(now) > str(issued.body.get("valid_until")):
        yield AnswerFinding(FILE, FAIL, "receipt_expired")

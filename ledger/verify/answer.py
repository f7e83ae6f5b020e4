"""Verifying the answer of a check, and not only its bundle: verdicts `look`, `keys` and `conclusion`.

    report = verify_answer(evidence, trust, question)

A bundle proves that entries are logged and that keys are complete. Whether these are the keys that had to be
asked, whether the decision follows from the entries, and whether this is the answer that was given: that is
asked here, of a check receipt (PDF) or of a plain answer. The nine verdicts of the bundle stay what they are;
the keys that the answer asked are asked of the bundle too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ledger.errors import AnswerUnusable
from ledger.formats.bundle import Bundle, parse_bundle
from ledger.formats.look import LookProof, parse_look
from ledger.formats.trust import Trust, parse_trust
from ledger.verify.answer_document import AnswerDocument, parse_answer, parse_plain_answer
from ledger.verify.answer_keys import Persons, edition_of, key_findings
from ledger.verify.answer_words import CONCLUSION, FILE, KEYS, LOOK, PARTS, AnswerFinding
from ledger.verify.conclusion import conclusion_findings
from ledger.verify.look import LookFacts, check_look
from ledger.verify.question import DEFAULT_MAX_AGE, Question
from ledger.verify.receipt_certificate import file_findings
from ledger.verify.receipt_file import read_receipt
from ledger.verify.report import EXIT_NOT_PROVEN, EXIT_PROVEN, Report
from ledger.verify.tables import Tables, parse_tables
from ledger.verify.verdicts import FAIL, PASS, Outcome, combine
from ledger.verify.verifier import verify_bundle

_ANY_AGE = 10**12
"""Seconds: an age that no trust file reaches."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer and what came with it. `receipt`: it is a check receipt, so its look must be proven, and its
    bytes are `pdf`."""

    answer: AnswerDocument
    bundle: bytes | Bundle
    look: LookProof | None = None
    tables: Tables | None = None
    receipt: bool = False
    pdf: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class AnswerReport:
    """The report about a bundle, and what was found about the answer that it belongs to."""

    bundle: Report
    answer: AnswerDocument
    findings: tuple[AnswerFinding, ...]
    look: LookFacts | None
    required: frozenset[str]

    @property
    def receipt_number(self) -> str | None:
        """The e-certificate identifier of the receipt for the look, where one was looked for."""
        if LOOK not in self.required or self.look is None:
            return None
        return self.look.receipt_number

    @cached_property
    def by_part(self) -> dict[str, list[AnswerFinding]]:
        """The findings of each verdict about the answer, in the order of `PARTS`."""
        grouped = {part: [found for found in self.findings if found.part == part] for part in PARTS}
        return {part: found for part, found in grouped.items() if found}

    @property
    def verdicts(self) -> dict[str, Outcome]:
        """Verdict about the answer to outcome."""
        return {part: combine(item.outcome for item in found) for part, found in self.by_part.items()}

    @property
    def exit_status(self) -> int:
        """0 when the bundle is proven, every required verdict about the answer passes and none fails."""
        verdicts = self.verdicts
        proven = (
            self.bundle.exit_status == EXIT_PROVEN
            and FAIL not in verdicts.values()
            and all(verdicts.get(part) == PASS for part in self.required)
        )
        return EXIT_PROVEN if proven else EXIT_NOT_PROVEN

    def as_json(self) -> dict[str, Any]:
        """The bundle's report with the section `answer`, and one exit status for both."""
        answer = self.answer
        section: dict[str, Any] = {
            "verdicts": self.verdicts,
            "reasons": {
                part: list(dict.fromkeys(item.reason for item in found))
                for part, found in self.by_part.items()
            },
            "required": [part for part in PARTS if part in self.required],
            "sm3": answer.sm3,
            "subject": {"type": answer.subject_type, "code": answer.subject_code},
            "matter": answer.matter,
            "day": answer.day,
            "decision": answer.decision,
            "hits": [hit.entry.index for hit in answer.hits],
            "no_longer": [{"index": claimed.index, "reason": reason} for claimed, reason in answer.no_longer],
            "not_asked": list(answer.not_asked),
            "look": None if self.look is None else self.look.as_json(),
            "receipt": self.receipt_number,
            "sentences": {
                part: [{"reason": item.reason, "zh": item.zh, "en": item.en} for item in _distinct(found)]
                for part, found in self.by_part.items()
            },
        }
        return self.bundle.as_json() | {"exit": self.exit_status, "answer": section}


def _distinct(findings: Iterable[AnswerFinding]) -> Iterable[AnswerFinding]:
    return {finding.zh: finding for finding in findings}.values()


def open_receipt(pdf: bytes) -> Evidence:
    """What a check receipt carries. Raises `ReceiptUnusable`, `AnswerUnusable` or another `FormatError`."""
    parts = read_receipt(pdf)
    return Evidence(
        parse_answer(parts.answer),
        parts.bundle,
        parse_look(parts.look),
        parse_tables(parts.catalogue),
        receipt=True,
        pdf=pdf,
    )


def open_answer(data: bytes, bundle: bytes | None = None) -> Evidence:
    """A plain answer with the bundle in it, or with one that is given. Raises `AnswerUnusable` when there is
    none, or another `FormatError`."""
    answer, own, look = parse_plain_answer(data)
    chosen = own if bundle is None else bundle
    if chosen is None:
        raise AnswerUnusable("the answer does not hold its bundle; name the bundle's file as well")
    return Evidence(answer, chosen, look)


def verify_answer(
    evidence: Evidence,
    trust: bytes | Trust,
    question: Question,
    persons: Persons | None = None,
    certificate: bytes | None = None,
) -> AnswerReport:
    """Verify an answer with its bundle; `persons` lets persons' tags be recomputed, and `certificate`, the
    bundle of a receipt's certificate, lets the whole file be verified.

    Where no age is asked for, the checkpoint must have been fresh when the look was logged, which is the
    moment that a receipt speaks of; without a proven look it must be fresh now, as always. Raises an
    `InputError` when bundle or trust file are unusable.
    """
    if isinstance(trust, bytes):
        trust = parse_trust(trust)
    bundle = parse_bundle(evidence.bundle) if isinstance(evidence.bundle, bytes) else evidence.bundle
    answer = evidence.answer
    findings: list[AnswerFinding] = []
    about_file: list[AnswerFinding] = []
    facts = None
    if evidence.receipt or evidence.look is not None:
        findings, facts = check_look(evidence.look, answer, trust, question.now)
    if certificate is not None:
        number, operator = (None, None) if facts is None else (facts.receipt_number, facts.issuer)
        about_file = file_findings(evidence.pdf, number, operator, certificate, trust, question)
    asked_at = question.now if facts is None else facts.accepted_at
    if facts is not None and combine(found.outcome for found in findings) == PASS:
        question = _as_of(question, facts.accepted_at)
    report = verify_bundle(bundle, trust, _with_keys(question, answer))
    findings += key_findings(answer, report.shown, trust, persons)
    tables, about = _proven_tables(evidence, report, trust)
    findings += about
    findings += conclusion_findings(answer, bundle, report.shown, tables, asked_at)
    findings += about_file
    required = {KEYS, CONCLUSION} | ({LOOK} if evidence.receipt else set())
    required |= {FILE} if certificate is not None else set()
    return AnswerReport(report, answer, tuple(findings), facts, frozenset(required))


def _with_keys(question: Question, answer: AnswerDocument) -> Question:
    asked = ((key.name, key.tag) for key in answer.keys)
    return replace(question, expect=tuple(dict.fromkeys((*question.expect, *asked))))


def _as_of(question: Question, asked_at: int) -> Question:
    """The same question, where it asks for no age: with the age that a checkpoint has by now which was fresh
    at that time."""
    if question.max_age is not None:
        return question
    since = max(0, question.now - asked_at) // 1000
    trust_age = _ANY_AGE if question.trust_max_age is None else question.trust_max_age
    return replace(question, max_age=since + DEFAULT_MAX_AGE, trust_max_age=trust_age)


def _proven_tables(
    evidence: Evidence, report: Report, trust: Trust
) -> tuple[Tables | None, list[AnswerFinding]]:
    """The attached tables, if they are those of the edition that the bundle shows."""
    tables = evidence.tables
    if tables is None:
        return None, []
    edition, against = edition_of(evidence.answer, report.shown, trust)
    if edition is None or any(finding.outcome == FAIL for finding in against):
        return None, []
    if not tables.are_of(edition):
        return None, [AnswerFinding(KEYS, FAIL, "tables_differ")]
    return tables, []

"""Issuing check receipts: check, draw, attach, and log the file as an e-certificate of the operator.

The check comes first and is logged like any other; only then is a receipt made. If that fails, nothing is
handed out: a receipt that the certificate endpoint does not know would be taken for a forgery. Whether the
certificate log is anchored, or published already, does not matter here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.domain import parse_body
from ledger.domain.kinds import kind_of
from ledger.errors import InputError, IntegrityError, LedgerError, ReceiptNotIssued
from ledger.formats import strictjson
from ledger.formats.answer import answer_digest
from ledger.formats.bundle import Bundle, parse_bundle
from ledger.formats.envelope import parse_envelope
from ledger.formats.look import LookProof, format_look
from ledger.formats.statement import Statement, parse_statement
from ledger.gm import sm3
from ledger.log.batches import BatchTrees
from ledger.services.answers import Asked, CheckAnswer, Level, Logged, SubjectQuery, answer_bytes
from ledger.services.credit import CreditService
from ledger.services.evidence import today
from ledger.services.pen import Pen
from ledger.services.receipts.attach import attach
from ledger.services.receipts.content import ReceiptContent
from ledger.services.receipts.page import draw_receipt
from ledger.store.port import LogStore
from ledger.verify.receipt_file import ANSWER, BUNDLE, CATALOGUE, LOOK
from ledger.verify.receipt_number import receipt_identifier, type_code_of
from ledger.verify.tables import format_tables

KIND = "certificate.issued"
VALID_DAYS = 30
"""How many days a receipt is in force, the day of issue included."""
_KEPT_LEAVES = 100_000
"""Batch leaves whose trees are kept: looks of the same moment share a batch."""

TableFiles = Callable[[str], Mapping[str, bytes]]
"""The bytes of an edition's tables by file name; raises a `LedgerError` when they are not to be had."""


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """A receipt that was logged: its e-certificate identifier, the file and its SM3 in hex, the answer."""

    identifier: str
    pdf: bytes
    file_sm3: str
    answer: CheckAnswer

    @property
    def file_name(self) -> str:
        """A name for the file: the receipt's serial."""
        return f"receipt-{self.identifier.split('.')[-3]}.pdf"


class ReceiptService:
    """`looks` is the access log's store, `pen` the operator's hand in its certificate log; `name_of` gives a
    member's name, `tables` an edition's files. Safe for many threads.
    """

    def __init__(
        self,
        credit: CreditService,
        looks: LogStore,
        pen: Pen,
        name_of: Callable[[str], str],
        tables: TableFiles,
    ) -> None:
        self._credit = credit
        self._batches = BatchTrees(looks, _KEPT_LEAVES)
        self._pen = pen
        self._name_of = name_of
        self._tables = tables

    def issue(
        self,
        subject: SubjectQuery,
        matter: str,
        asked: Asked,
        level: Level = "published",
        at: date | None = None,
    ) -> IssuedReceipt:
        """Check a subject for a matter and issue the receipt.

        Raises what `CreditService.check` raises, and `ReceiptNotIssued` when the check was made and logged
        but the receipt could not be: then there is no file.
        """
        answer = self._credit.check(subject, matter, asked, level, at, "shared")
        try:
            return self._issue(answer)
        except IntegrityError:
            raise
        except LedgerError as error:
            raise ReceiptNotIssued(f"the certificate could not be made or logged: {error.code}") from error

    def _issue(self, answer: CheckAnswer) -> IssuedReceipt:
        look = parse_statement(parse_envelope(answer.logged.entry).payload)
        issued_on = today(self._pen.clock())
        content = self._content(answer, look, issued_on)
        files = {
            ANSWER: answer_bytes(answer),
            BUNDLE: answer.bundle,
            CATALOGUE: format_tables(self._tables(answer.catalogue.edition)),
            LOOK: format_look(self._look_proof(answer.logged)),
        }
        pdf = attach(draw_receipt(content), files)
        self._log(content, look, pdf)
        return IssuedReceipt(content.identifier, pdf, sm3(pdf).hex(), answer)

    def _content(self, answer: CheckAnswer, look: Statement, issued_on: date) -> ReceiptContent:
        canonical, operator = answer_bytes(answer), self._pen.issuer
        return ReceiptContent(
            answer=strictjson.loads(canonical),
            answer_sm3=answer_digest(canonical),
            event=look.body,
            look_origin=answer.logged.origin,
            look_index=answer.logged.index,
            asked_at=str(look.body["happened_at"]),
            identifier=str(receipt_identifier(operator, answer.logged.id)),
            operator=operator,
            operator_name=self._name_of(operator),
            member_name=self._name_of(str(look.body["actor"]["member"])),
            subject_name=_name_in(parse_bundle(answer.bundle), answer),
            issued_on=issued_on.isoformat(),
            valid_until=(issued_on + timedelta(days=VALID_DAYS - 1)).isoformat(),
        )

    def _look_proof(self, logged: Logged) -> LookProof:
        place = parse_envelope(logged.entry).batch
        if place is None:
            return LookProof(logged.origin, logged.index, logged.entry, logged.receipt)
        path = tuple(self._batches.path(logged.index, place))
        return LookProof(logged.origin, logged.index, logged.entry, logged.receipt, logged.manifest, path)

    def _log(self, content: ReceiptContent, look: Statement, pdf: bytes) -> None:
        """Log the file as a certificate whose holder is the subject of the look."""
        body = {
            "identifier": content.identifier,
            "type_code": type_code_of(content.operator),
            "issuer": content.operator,
            "version": content.identifier.split(".")[-2],
            "files": [{"format": "pdf", "sm3": sm3(pdf).hex(), "bytes": len(pdf)}],
            "issued_on": content.issued_on,
            "valid_from": content.issued_on,
            "valid_until": content.valid_until,
            "state": "01",
            "holder": look.body["subject"],
        }
        # A crash before this leaves a logged look without a receipt; one after it a certificate of a file
        # that nobody has. Neither says anything wrong.
        self._pen.state(KIND, parse_body(kind_of(KIND), body))


def _name_in(bundle: Bundle, answer: CheckAnswer) -> str | None:
    """The name that the newest record shown gives the organisation asked about."""
    if answer.subject.type != "organisation":
        return None
    for entry in reversed(bundle.entries):
        if entry.proven.envelope is None:
            continue
        try:
            subject = parse_statement(entry.proven.envelope.payload).body.get("subject")
        except InputError:
            continue
        if isinstance(subject, dict) and subject.get("uscc") == answer.subject.code:
            return str(subject.get("name"))
    return None

"""An office that issues check receipts over a test city, and a stranger who verifies them."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reportlab.pdfgen.canvas import Canvas

import ledger.catalog
from ledger.formats import strictjson
from ledger.services.answers import RelatedQuery, SubjectQuery, document_of
from ledger.services.editions import state_editions
from ledger.services.pen import Pen
from ledger.services.receipts import IssuedReceipt, ReceiptService, table_files
from ledger.services.receipts.attach import attach
from ledger.verify import Question
from ledger.verify.answer import AnswerReport, Evidence, open_receipt, verify_answer
from ledger.verify.answer_keys import Persons
from ledger.verify.receipt_file import ReceiptParts, read_receipt

MATTER = "government-procurement"


@dataclass
class Office:
    """`city` is that of tests/unit/services; its operator is one in the registry, and stated the edition."""

    city: Any

    def __post_init__(self) -> None:
        city = self.city
        member = city.trust.members[city.operator]
        operator = replace(member, name="云岭市数据资源管理局", roles=(*member.roles, "operator"))
        city.trust = replace(city.trust, members={**city.trust.members, city.operator: operator})
        state_editions(city.editions, self.pen("credit"), city.logs["credit"].store)
        self.receipts = ReceiptService(
            city.credit,
            city.logs["access"].store,
            self.pen("certificate"),
            lambda uscc: city.trust.members[uscc].name,
            self.tables,
        )

    def pen(self, short: str) -> Pen:
        city = self.city
        return Pen(city.appender(short), city.operator, city.signers[city.operator], city.clock, os.urandom)

    def tables(self, edition: str) -> Mapping[str, bytes]:
        return table_files(self.city.editions.find(edition), (Path(ledger.catalog.__file__).parent,))

    def query(self, number: str | None = None, related: Mapping[str, str] | None = None) -> SubjectQuery:
        if number is not None:
            return SubjectQuery("person", number)
        persons = tuple(RelatedQuery(role, code) for role, code in (related or {}).items())
        return SubjectQuery("organisation", self.city.company, related=persons)

    def issue(
        self,
        matter: str = MATTER,
        number: str | None = None,
        related: Mapping[str, str] | None = None,
        **more: Any,
    ) -> IssuedReceipt:
        """A receipt about the company, or about the person with that number."""
        self.city.checkpoint()
        asked = self.city.asked(basis_code="statutory-duty" if number or related else None)
        return self.receipts.issue(self.query(number, related), matter, asked, **more)

    def verify(
        self,
        receipt: bytes | Evidence,
        *,
        later: int = 0,
        persons: Persons | None = None,
        certificate: bytes | None = None,
        **question: Any,
    ) -> AnswerReport:
        """Verify as a stranger with the trust file would, `later` milliseconds after now."""
        evidence = open_receipt(receipt) if isinstance(receipt, bytes) else receipt
        asked = Question(now=self.city.now + later, **question)
        return verify_answer(evidence, self.city.trust_file, asked, persons, certificate)

    def certificate(self, issued: IssuedReceipt) -> bytes:
        """The bundle of a receipt's certificate, as the certificate endpoint gives it to anybody."""
        self.city.checkpoint()
        return bytes(self.city.certificate.status(issued.identifier).bundle)


def forged(receipt: bytes, **parts: bytes) -> bytes:
    """A receipt with other attached files, put together as carefully as the real one."""
    found = read_receipt(receipt)
    kept = {f"{name}.json": getattr(found, name) for name in ReceiptParts.__slots__}
    return attach(draw_page(), kept | {f"{name}.json": data for name, data in parts.items()})


def draw_page() -> bytes:
    """Any page: what stands on it is not examined."""
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(100, 700, "forged")
    canvas.save()
    return out.getvalue()


def edited(receipt: bytes, **members: Any) -> bytes:
    """The answer document of a receipt with other members, canonical again."""
    answer = strictjson.loads(read_receipt(receipt).answer)
    return strictjson.canonical(answer | members)


def plain(issued: IssuedReceipt, **members: Any) -> bytes:
    """The answer as the service gives it: with bundle and look beside what it says."""
    document = document_of(issued.answer) | members
    return strictjson.dumps(document)[:-1] + b',"bundle":' + issued.answer.bundle + b"}"

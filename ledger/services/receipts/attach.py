"""Attaching files to a finished page, always the same way; `ledger.verify.receipt_file` reads no other."""

import io
from collections.abc import Mapping

from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject

from ledger.verify.receipt_file import ATTACHMENTS

_PDF_VERSION = "%PDF-1.7"


def attach(page: bytes, files: Mapping[str, bytes]) -> bytes:
    """The PDF `page` with the files of `ATTACHMENTS`, each stored as it is. Same input, same bytes."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(page)))
    writer.pdf_header = _PDF_VERSION
    for name in ATTACHMENTS:
        embedded = writer.add_attachment(name, files[name])
        embedded.subtype = NameObject("/application#2Fjson")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()

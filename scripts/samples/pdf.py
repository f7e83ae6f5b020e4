"""A small, valid PDF 1.4 document: one A4 page of text lines, the same bytes every time.

The font is STSong-Light, one of the Chinese fonts that PDF readers bring themselves, so none is embedded.
"""

import hashlib
from collections.abc import Sequence
from datetime import date

_FONT = (
    b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UCS2-H /Encoding /UniGB-UCS2-H"
    b" /DescendantFonts [6 0 R] >>"
)
_DESCENDANT = (
    b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /W [1 [207] 814 939 500]"
    b" /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /FontDescriptor 7 0 R >>"
)
_DESCRIPTOR = (
    b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
    b" /Ascent 752 /Descent -271 /CapHeight 737 /StemV 58 >>"
)


def pdf_document(lines: Sequence[str], created: date) -> bytes:
    """The document's bytes; the first line is its title."""
    content = b"BT /F1 22 Tf 60 760 Td " + _show(lines[0]) + b" /F1 13 Tf"
    for line in lines[1:]:
        content += b" 0 -34 Td " + _show(line)
    content += b" ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        _FONT,
        _DESCENDANT,
        _DESCRIPTOR,
        b"<< /Title %b /Producer (xinzheng samples) /CreationDate (D:%b000000Z) >>"
        % (_hex(b"\xfe\xff" + lines[0].encode("utf-16-be")), f"{created:%Y%m%d}".encode()),
    ]
    return _assemble(objects)


def _assemble(objects: Sequence[bytes]) -> bytes:
    body = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, text)
    name = _hex(hashlib.md5(body, usedforsecurity=False).digest())
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 8 0 R /ID [%b %b] >>\n" % (
        len(objects) + 1,
        name,
        name,
    )
    return body + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _show(text: str) -> bytes:
    return _hex(text.encode("utf-16-be")) + b" Tj"


def _hex(data: bytes) -> bytes:
    return b"<" + data.hex().encode() + b">"

"""A small, valid OFD document (GB/T 33190-2016): one A4 page of text lines, the same bytes every time."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

_NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def ofd_document(lines: Sequence[str], created: date) -> bytes:
    """The document's bytes; the first line is its title. Stored, not compressed, so that they never vary."""
    name = hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()
    parts = {
        "OFD.xml": _root(name, lines[0], created),
        "Doc_0/Document.xml": _document(len(lines) + 10),
        "Doc_0/PublicRes.xml": _resources(),
        "Doc_0/Pages/Page_0/Content.xml": _page(lines),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, text in parts.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), (_HEAD + text).encode())
    return buffer.getvalue()


def _root(name: str, title: str, created: date) -> str:
    return (
        f'<ofd:OFD {_NAMESPACE} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>{name}</ofd:DocID><ofd:Title>{escape(title)}</ofd:Title>"
        f"<ofd:CreationDate>{created:%Y-%m-%d}</ofd:CreationDate><ofd:Creator>xinzheng samples</ofd:Creator>"
        "</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    )


def _document(largest_id: int) -> str:
    return (
        f"<ofd:Document {_NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>{largest_id}</ofd:MaxUnitID>"
        "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData>"
        '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>'
    )


def _resources() -> str:
    return (
        f'<ofd:Res {_NAMESPACE} BaseLoc="Res"><ofd:Fonts>'
        '<ofd:Font ID="2" FontName="SimSun" FamilyName="SimSun"/></ofd:Fonts></ofd:Res>'
    )


def _page(lines: Sequence[str]) -> str:
    objects = "".join(_line(4 + i, line, 40 + 14 * i, 9 if i == 0 else 5) for i, line in enumerate(lines))
    return (
        f"<ofd:Page {_NAMESPACE}><ofd:Area><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:Area>"
        f'<ofd:Content><ofd:Layer ID="3" Type="Body">{objects}</ofd:Layer></ofd:Content></ofd:Page>'
    )


def _line(identifier: int, text: str, top: int, size: int) -> str:
    # DeltaX says how far each character stands from the one before: ASCII takes half a square.
    steps = " ".join(f"{size if ord(character) > 127 else size / 2:g}" for character in text[:-1])
    delta = f' DeltaX="{steps}"' if steps else ""
    return (
        f'<ofd:TextObject ID="{identifier}" Boundary="20 {top} 180 {size + 3}" Font="2" Size="{size}">'
        f'<ofd:TextCode X="0" Y="{size}"{delta}>{escape(text)}</ofd:TextCode></ofd:TextObject>'
    )

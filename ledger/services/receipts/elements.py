"""The pieces that a receipt's page is made of: mixed text, headings, two-column tables, numbered pages."""

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Table

SONG, LATIN, FIXED = "STSong-Light", "Helvetica", "Courier"
MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, GREY, RULE, PAPER = HexColor(0x1C1C1C), HexColor(0x5F5F5F), HexColor(0xC9C4BA), HexColor(0xF6F3EC)
RED = HexColor(0xA61C22)
TEXT_LIMIT = 400
"""Characters of a free text on the page; the whole of it stands in answer.json."""

registerFont(UnicodeCIDFont(SONG))

BODY = ParagraphStyle("body", fontName=SONG, fontSize=9, leading=13, textColor=INK, wordWrap="CJK")
LABEL = ParagraphStyle("label", parent=BODY, textColor=GREY)
CODE = ParagraphStyle("code", parent=BODY, fontSize=7, leading=10, textColor=HexColor(0x3A3A3A))
VERDICT = ParagraphStyle("verdict", parent=BODY, fontSize=21, leading=26, textColor=white, alignment=1)
VERDICT_EN = ParagraphStyle("verdict-en", parent=BODY, fontSize=9, leading=11, textColor=white, alignment=1)

_RUNS = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")


def mixed(text: str, *, latin: str = LATIN) -> str:
    """A text as a paragraph's markup, its Latin part in a Latin font."""
    parts = []
    for run in _RUNS.findall(text.replace("\n", " ").replace("\t", " ")):
        safe = escape(run)
        parts.append(f'<font name="{latin}">{safe}</font>' if run.isascii() else safe)
    return "".join(parts)


def shortened(text: str) -> str:
    """A free text as the page shows it."""
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}……（全文见附件 answer.json）"


def paragraph(text: str, style: ParagraphStyle = BODY, *, latin: str = LATIN) -> Paragraph:
    """A paragraph of plain text."""
    return Paragraph(mixed(text, latin=latin), style)


def beside(zh: str, en: str, style: ParagraphStyle = BODY) -> Paragraph:
    """Chinese, and English smaller and grey after it."""
    return Paragraph(f'{mixed(zh)} <font size="7.5" color="#5f5f5f">{mixed(en)}</font>', style)


def digest(text: str) -> Paragraph:
    """A hash, identifier or command, in a font whose characters cannot be mistaken."""
    return paragraph(text, CODE, latin=FIXED)


def rows(pairs: Sequence[tuple[tuple[str, str], Any]], first: float = 44 * mm) -> Table:
    """A table of labels (Chinese, English) and what they name: a text or flowables."""
    cells = [
        [
            beside(*label, LABEL),
            paragraph(shortened(value)) if isinstance(value, str) else value,
        ]
        for label, value in pairs
    ]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]
    return Table(cells, colWidths=[first, WIDTH - first], style=style)


def grid(header: Sequence[tuple[str, str]], cells: Sequence[Sequence[Any]], widths: Sequence[float]) -> Table:
    """A table with a header that is repeated on each page."""
    head = [beside(zh, en, LABEL) for zh, en in header]
    style = [
        ("BACKGROUND", (0, 0), (-1, 0), PAPER),
        ("GRID", (0, 0), (-1, -1), 0.4, RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]
    return Table([head, *cells], colWidths=list(widths), style=style, repeatRows=1)


def band(zh: str, en: str, sentence: Paragraph, colour: Color) -> Table:
    """The decision, in its colour, and the sentence that says what it means."""
    first = 46 * mm
    style = [
        ("BACKGROUND", (0, 0), (0, 0), colour),
        ("BACKGROUND", (1, 0), (1, 0), PAPER),
        ("BOX", (0, 0), (-1, -1), 0.8, colour),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (1, 0), (1, 0), 10),
        ("TOPPADDING", (0, 0), (-1, -1), 6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
    ]
    left = [Paragraph(escape(zh), VERDICT), Paragraph(mixed(en), VERDICT_EN)]
    return Table([[left, sentence]], colWidths=[first, WIDTH - first], style=style)


def qr_code(text: str, size: float) -> Drawing:
    """A QR code of that size in points."""
    # The size is given, because asking the widget for its own encodes the text once more.
    drawing = Drawing(size, size)
    drawing.add(QrCodeWidget(text, barLevel="M", barWidth=size, barHeight=size))
    return drawing


class Heading(Flowable):  # type: ignore[misc] # the library has no types
    """A heading: Chinese stroked to look bold (the font has one weight), English after it, a rule below."""

    def __init__(self, zh: str, en: str, size: float = 11.5) -> None:
        super().__init__()
        self._zh, self._en, self._size = zh, en, size

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Its size; `height` is not asked for."""
        return width, self._size + 9

    def draw(self) -> None:
        """Draw on the canvas that the layout gives."""
        canvas: Canvas = self.canv
        canvas.setFillColor(RED)
        canvas.rect(0, 3, 2.6, self._size, stroke=0, fill=1)
        bold(canvas, 8, 5, self._zh, self._size)
        canvas.setFillColor(GREY)
        draw_mixed(canvas, 14 + stringWidth(self._zh, SONG, self._size), 5, self._en, 8)


def width_of(text: str, size: float) -> float:
    """How wide `draw_mixed` draws a text."""
    return float(sum(stringWidth(run, LATIN if run.isascii() else SONG, size) for run in _RUNS.findall(text)))


def draw_mixed(canvas: Canvas, x: float, y: float, text: str, size: float) -> None:
    """Draw one line, its Latin part in a Latin font."""
    for run in _RUNS.findall(text):
        font = LATIN if run.isascii() else SONG
        canvas.setFont(font, size)
        canvas.drawString(x, y, run)
        x += stringWidth(run, font, size)


def bold(canvas: Canvas, x: float, y: float, text: str, size: float) -> None:
    """Draw Chinese text with its outline stroked."""
    line = canvas.beginText(x, y)
    line.setFont(SONG, size)
    line.setFillColor(INK)
    line.setStrokeColor(INK)
    line.setTextRenderMode(2)
    canvas.saveState()
    canvas.setLineWidth(size * 0.028)
    line.textOut(text)
    canvas.drawText(line)
    canvas.restoreState()


class NumberedCanvas(Canvas):  # type: ignore[misc] # the library has no types
    """A canvas that knows on each page how many there are; `footer(canvas, page, pages)` draws below."""

    footer: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the name that reportlab calls
        """Keep the page until the number of pages is known."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Draw the footers and write the pages."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            type(self).footer(self, number, len(self._pages))
            super().showPage()
        super().save()

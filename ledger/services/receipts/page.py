"""Drawing a receipt: an A4 document, Chinese first and English beside it, from the answer document.

The same content makes the same bytes. The page shows what the attached answer.json says, shortened where a
text is long; free texts never reach the layout's markup unescaped.
"""

import io
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate, Spacer, Table

from ledger.formats.times import parse_time
from ledger.formats.words import REPAIRS, SET_ASIDE, term_text
from ledger.services.evidence import CHINA
from ledger.services.receipts.content import ReceiptContent
from ledger.services.receipts.elements import (
    FIXED,
    GREY,
    MARGIN,
    RED,
    WIDTH,
    Heading,
    NumberedCanvas,
    band,
    beside,
    bold,
    digest,
    draw_mixed,
    grid,
    paragraph,
    qr_code,
    rows,
    shortened,
    width_of,
)
from ledger.services.receipts.wording import (
    DECISIONS,
    LEVELS,
    NAME_MATCHES,
    RECORDS,
    ROLES,
    TITLE,
)

QR_SIZE = 30 * mm
_FOOTER, _BOTTOM = 11 * mm, 17 * mm
_drawing = threading.Lock()
"""The library's markup parser is one for all threads."""


def draw_receipt(content: ReceiptContent) -> bytes:
    """The receipt's PDF, nothing attached yet."""
    out = io.BytesIO()
    body = Frame(
        MARGIN,
        _BOTTOM,
        WIDTH,
        A4[1] - _BOTTOM - 13 * mm,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        pageTemplates=[PageTemplate(frames=[body])],
        title=f"{TITLE[0]} {content.identifier}",
        author=content.operator_name,
        subject=TITLE[1],
        creator="Xinzheng",
        invariant=1,
        pageCompression=1,
    )
    with _drawing:
        document.build(_story(content), canvasmaker=_canvas_class(content))
    return out.getvalue()


def qr_text(content: ReceiptContent) -> str:
    """What the QR code says: the e-certificate identifier, and the digest of the answer."""
    return f"{content.identifier}\nSM3:{content.answer_sm3}"


def _canvas_class(content: ReceiptContent) -> type[NumberedCanvas]:
    def footer(canvas: Any, page: int, pages: int) -> None:
        canvas.setStrokeColor(RED)
        canvas.setLineWidth(0.6)
        canvas.line(MARGIN, _FOOTER + 4 * mm, A4[0] - MARGIN, _FOOTER + 4 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont(FIXED, 6.6)
        canvas.drawString(MARGIN, _FOOTER, content.identifier)
        pages_line = f"第 {page} 页，共 {pages} 页 page {page} of {pages}"
        left = A4[0] - MARGIN - width_of(pages_line, 7.5)
        draw_mixed(canvas, left, _FOOTER - 4 * mm, pages_line, 7.5)
        until = f"本回执有效期至 {content.valid_until} valid until {content.valid_until}"
        draw_mixed(canvas, MARGIN, _FOOTER - 4 * mm, until, 7.5)

    return type("ReceiptCanvas", (NumberedCanvas,), {"footer": staticmethod(footer)})


def _story(content: ReceiptContent) -> list[Flowable]:
    zh, en, zh_sentence, en_sentence, colour = DECISIONS[content.answer["decision"]]
    left_out = [ROLES.get(role, (role, role)) for role in content.answer["not_asked"]]
    if left_out:
        zh_sentence += f"未查询{'、'.join(role[0] for role in left_out)}。"
        en_sentence += f" Not asked about: {', '.join(role[1] for role in left_out)}."
    return [
        _Letterhead(content),
        Spacer(1, 3 * mm),
        band(zh, en, beside(zh_sentence, en_sentence), colour),
        Spacer(1, 2.2 * mm),
        KeepTogether([Heading("核查事项", "What was asked"), rows(_asked(content))]),
        Spacer(1, 2.2 * mm),
        *_hits(content.answer),
        Spacer(1, 2.2 * mm),
        KeepTogether([Heading("核查范围", "What was checked"), rows(_scope(content.answer))]),
        Spacer(1, 2.2 * mm),
        KeepTogether([Heading("证明", "Proof"), rows(_proof(content))]),
        Spacer(1, 2.2 * mm),
        KeepTogether([Heading("如何核验", "How to verify"), _how()]),
    ]


class _Letterhead(Flowable):  # type: ignore[misc] # the library has no types
    """Who issues the receipt, its title and number, and the QR code."""

    _HEIGHT = QR_SIZE + 6 * mm

    def __init__(self, content: ReceiptContent) -> None:
        super().__init__()
        self._content = content

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return width, self._HEIGHT

    def draw(self) -> None:
        canvas, content, top = self.canv, self._content, self._HEIGHT
        canvas.setFillColor(RED)
        name = content.operator_name
        size = min(13.0, 13.0 * (WIDTH - QR_SIZE - 8 * mm) / max(1.0, width_of(name, 13)))
        draw_mixed(canvas, 0, top - 7 * mm, name, size)
        bold(canvas, 0, top - 17.5 * mm, TITLE[0], 23)
        canvas.setFillColor(GREY)
        draw_mixed(canvas, 1, top - 23 * mm, TITLE[1], 10)
        draw_mixed(
            canvas,
            0,
            top - 28.5 * mm,
            f"签发单位 issuer {content.operator}　签发日期 issued {content.issued_on}",
            8,
        )
        canvas.setFont(FIXED, 6.4)
        canvas.drawString(0, top - 32.5 * mm, content.identifier)
        qr_code(qr_text(content), QR_SIZE).drawOn(canvas, WIDTH - QR_SIZE, top - QR_SIZE - 1 * mm)
        canvas.setStrokeColor(RED)
        canvas.setLineWidth(1.6)
        canvas.line(0, 1.2 * mm, WIDTH, 1.2 * mm)
        canvas.setLineWidth(0.5)
        canvas.line(0, 0, WIDTH, 0)


Pairs = list[tuple[tuple[str, str], Any]]


def _asked(content: ReceiptContent) -> Pairs:
    answer, event = content.answer, content.event
    subject, actor = answer["subject"], event["actor"]
    pairs: Pairs = []
    if subject["type"] == "organisation":
        name = content.subject_name or "（所出示的记录中没有名称 no record names it）"
        pairs.append((("主体名称", "name in the records"), name))
        pairs.append((("统一社会信用代码", "credit code"), subject["code"]))
    else:
        pairs.append((("自然人", "natural person"), f"公民身份号码 {subject['code']}"))
    match = answer.get("name_matches")
    if match is not None:
        pairs.append((("名称比对", "name given"), beside(*NAME_MATCHES[match])))
    pairs += [
        (("事项", "matter"), beside(answer["matter_name"], answer["matter"])),
        (("核查日期", "day asked about"), answer["day"]),
        (("用途", "purpose"), event["purpose"]),
        (("查询依据", "basis"), _basis(event)),
        (
            ("查询单位", "who asked"),
            f"{content.member_name}（{actor['member']}），岗位 desk {actor['operator']}",
        ),
    ]
    return pairs


def _basis(event: Mapping[str, Any]) -> str:
    parts = [event["basis"]]
    if event.get("basis_code"):
        parts.append(f"法定依据代码 {event['basis_code']}")
    if event.get("authorisation"):
        parts.append(f"本人授权 {event['authorisation']}")
    return "；".join(parts)


def _hits(answer: Mapping[str, Any]) -> list[Flowable]:
    heading = Heading(f"命中记录（{len(answer['hits'])}）", "Hits")
    if not answer["hits"]:
        none = beside("未命中任何记录，并可证明没有遗漏。", "No hit, provably: nothing was left out.")
        return [KeepTogether([heading, none])]
    return [
        heading,
        *(flowable for number, hit in enumerate(answer["hits"], 1) for flowable in _hit(number, hit)),
    ]


def _hit(number: int, hit: Mapping[str, Any]) -> list[Flowable]:
    zh, en = DECISIONS[hit["decision"]][:2]
    title = f"{number}. {hit['title']}  〔{zh} {en}〕"
    pairs: Pairs = [
        (("决定文号", "decision"), f"{hit['case']}，{hit['authority_name']}（{hit['authority']}）"),
        (("期间", "term"), f"{hit['from_day']} 至 {hit['until'] or '解除之日 until lifted'}"),
    ]
    texts = [text for text in (hit.get("basis"), hit.get("grounds")) if text]
    if texts:
        pairs.append((("依据与事由", "basis, grounds"), "；".join(shortened(text) for text in texts)))
    notes = _notes(hit)
    if notes:
        pairs.append((("状态标注", "notes"), notes))
    entry = hit["entry"]
    pairs.append((("日志条目", "entry"), digest(f"{entry['index']} {entry['leaf_hash']}")))
    flowables: list[Flowable] = [KeepTogether([Spacer(1, 1.5 * mm), paragraph(title), rows(pairs)])]
    if hit["measures"]:
        flowables += [Spacer(1, 1.2 * mm), _measures(hit["measures"])]
    return flowables


def _notes(hit: Mapping[str, Any]) -> str:
    found = []
    if hit.get("roles"):
        found.append("关联：" + "、".join(ROLES.get(role, (role, role))[0] for role in hit["roles"]))
    of = hit.get("of")
    if of:
        found.append(f"记录主体：{of.get('name') or ''} {of.get('code') or '（自然人）'}".replace("  ", " "))
    if hit.get("objected"):
        found.append("异议处理中 objection pending")
    if hit.get("repair"):
        found.append(REPAIRS.get(hit["repair"], str(hit["repair"])))
    if hit.get("corrected") is not None:
        found.append("违法行为已改正" if hit["corrected"] else "违法行为未改正")
    return "；".join(found)


def _measures(measures: list[Mapping[str, Any]]) -> Table:
    cells = [
        [
            paragraph(measure["name"]),
            paragraph(shortened(measure["basis"])),
            paragraph(term_text(measure["term"])),
            paragraph(measure["until"] or "—"),
        ]
        for measure in measures
    ]
    header = [("措施", "measure"), ("法律依据", "legal basis"), ("期限", "term"), ("截止", "expires")]
    return grid(header, cells, [WIDTH * part for part in (0.32, 0.34, 0.19, 0.15)])


def _scope(answer: Mapping[str, Any]) -> Pairs:
    pairs: Pairs = [(("查询键", "keys asked"), [_key_line(role, keys) for role, keys in _by_role(answer)])]
    if answer["related"]:
        persons = "；".join(
            "{} {}".format(ROLES.get(each["role"], (each["role"],))[0], each["code"])
            for each in answer["related"]
        )
        pairs.append((("关联人员", "persons behind it"), persons))
    if answer["not_asked"]:
        roles = "、".join("{} {}".format(*ROLES.get(role, (role, ""))) for role in answer["not_asked"])
        pairs.append((("未查询", "not asked"), f"{roles}（本事项要求而查询单位未提供）"))
    pairs.append((("记录种类", "kinds of records"), beside(*RECORDS)))
    totals = answer["completeness"]
    counts = [sum(part[name] for part in totals) for name in ("total", "shown", "undisclosed")]
    text = "键下条目 {} 条，出示 {} 条，仅以摘要列示 {} 条".format(*counts)
    pairs.append((("条目", "entries"), beside(text, "entries, shown, by digest only")))
    if answer["no_longer"]:
        reasons = Counter(SET_ASIDE.get(gone["reason"], gone["reason"]) for gone in answer["no_longer"])
        text = "、".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        pairs.append((("不再计入或未出示", "set aside"), f"{text}（逐条见附件 answer.json）"))
    catalogue = answer["catalogue"]
    edition = beside(f"{catalogue['edition']}", "edition of the catalogue of lists, measures and rules")
    pairs.append((("目录版本", "catalogue"), [edition, digest(f"SM3 {catalogue['sm3']}")]))
    return pairs


def _by_role(answer: Mapping[str, Any]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for key in answer["keys"]:
        grouped.setdefault(key["role"], []).append(key)
    return list(grouped.items())


def _key_line(role: str, keys: list[Mapping[str, Any]]) -> Flowable:
    zh, en = ROLES.get(role, (role, role))
    tags = "  ".join(f"{key['name']}:{key['tag'][:16]}…" for key in keys)
    return beside(zh, f"{en}  {tags}")


def _proof(content: ReceiptContent) -> Pairs:
    checkpoint = content.answer["checkpoint"]
    zh = LEVELS[checkpoint["level"]]
    state = f"{checkpoint['origin']}，{checkpoint['size']} 条，{_clock(checkpoint['time'])}，{zh}"
    lines: list[Flowable] = [paragraph(state), digest(f"root {checkpoint['root']}")]
    if checkpoint.get("tx_hash"):
        lines.append(digest(f"tx {checkpoint['tx_hash']} block {checkpoint['block_number']}"))
    where = f"{content.look_origin}，第 {content.look_index} 条，{_clock(content.asked_at)}"
    return [
        (("检查点", "checkpoint"), lines),
        (("查询留痕", "logged look"), where),
        (("答复摘要", "answer"), digest(f"SM3 {content.answer_sm3}")),
    ]


def _clock(time: str) -> str:
    """A time of the logs as clocks in China show it."""
    local = datetime.fromtimestamp(parse_time(time) / 1000, UTC).astimezone(CHINA)
    return f"{local:%Y-%m-%d %H:%M:%S} 北京时间"


def _how() -> Table:
    lines = [
        (
            "离线核验：本文件内附答复、证据包、目录表与留痕证明，无须联网，无须信任签发单位。",
            "offline, from this file alone",
            "xinzheng verify receipt.pdf --trust trust.json",
        ),
        (
            "在线核验：按编号（即二维码首行）查询本文件是否真实、是否有效。",
            "online, by the number above and in the QR code",
            "xinzheng certificate NUMBER --file receipt.pdf",
        ),
        (
            "版面与附件 answer.json 不一致的，以附件为准。信任文件应事先取得，并与其他成员所持者核对。",
            "the attachment prevails",
            "",
        ),
    ]
    cells = [
        [paragraph(str(number)), [beside(zh, en), *([digest(command)] if command else [])]]
        for number, (zh, en, command) in enumerate(lines, 1)
    ]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ]
    return Table(cells, colWidths=[6 * mm, WIDTH - 6 * mm], style=style)

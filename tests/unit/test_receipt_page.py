"""The page of a receipt: the same bytes for the same content, whatever people wrote into it."""

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from ledger.formats.words import term_text
from ledger.services.receipts.content import ReceiptContent
from ledger.services.receipts.elements import TEXT_LIMIT, mixed, shortened
from ledger.services.receipts.page import _clock, draw_receipt, qr_text
from ledger.services.receipts.wording import DECISIONS
from ledger.verify.receipt_number import receipt_identifier

HASH = "ab12" * 16
OPERATOR = "11990100MB0000019L"


def measure(until: str | None = None) -> dict[str, Any]:
    return {
        "code": "wage-procurement",
        "name": "限制参加政府采购",
        "basis": "保障农民工工资支付条例 48",
        "term": "while listed",
        "until": until,
        "mark": "V",
    }


def hit(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "record": "list",
        "title": "拖欠农民工工资失信联合惩戒对象名单",
        "case": f"云岭列〔2026〕{number}号",
        "authority": "11990100000101485T",
        "authority_name": "云岭市人力资源和社会保障局",
        "basis": "保障农民工工资支付条例",
        "grounds": "数额较大",
        "from_day": "2026-09-05",
        "until": None,
        "objected": True,
        "repair": "applied",
        "corrected": False,
        "roles": ["legal-representative"],
        "of": {"type": "organisation", "code": "919901222350874460", "name": "云岭市澜栎建筑有限公司"},
        "decision": "restrict",
        "measures": [measure(), measure("2028-01-04")],
        "entry": {"index": number, "leaf_hash": HASH, "issuer": OPERATOR, "id": "x"},
    }
    return made | changes


def content(decision: str = "clear", hits: tuple[dict[str, Any], ...] = (), **changes: Any) -> ReceiptContent:
    answer = {
        "subject": {"type": "organisation", "code": "919901222350874460", "tags": [HASH]},
        "name_matches": "no",
        "related": [{"role": "legal-representative", "code": "1101**********002X", "tags": [HASH]}],
        "not_asked": ["actual-controller"],
        "keys": [{"name": "subject", "tag": HASH, "epoch": 0, "role": "itself"}],
        "decision": decision,
        "hits": list(hits),
        "no_longer": [{"entry": hit()["entry"], "reason": "repaired"}],
        "completeness": [{"name": "subject", "tag": HASH, "total": 2, "shown": 1, "undisclosed": 1}],
        "matter": "government-procurement",
        "matter_name": "政府采购",
        "day": "2026-11-22",
        "catalogue": {"edition": "2026.2", "sm3": HASH, "entry": None},
        "checkpoint": {
            "origin": "yunling.example/credit",
            "size": 7,
            "root": HASH,
            "time": "2026-11-22T08:00:00Z",
            "level": "anchored",
            "tx_hash": "0x" + HASH,
            "block_number": 77,
        },
    }
    event = {
        "actor": {"member": "12990100MB00000357", "operator": "window-3"},
        "purpose": "供应商资格审查",
        "basis": "政府采购法第二十二条",
        "basis_code": "statutory-duty",
        "authorisation": f"{OPERATOR}:01a0c450-6c00-7f0f-b712-af3a1609063b",
    }
    made = ReceiptContent(
        answer=answer,
        answer_sm3=HASH,
        event=event,
        look_origin="yunling.example/access",
        look_index=88,
        asked_at="2026-11-22T16:30:00.123Z",
        identifier=str(receipt_identifier(OPERATOR, "01a0c450-6c00-7f0f-b712-af3a1609063b")),
        operator=OPERATOR,
        operator_name="云岭市数据资源管理局",
        member_name="云岭市政务服务中心",
        subject_name="云岭市澜栎建筑有限公司",
        issued_on="2026-11-23",
        valid_until="2026-12-22",
    )
    return replace(made, **changes)


def pages(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_same_content_makes_the_same_bytes(decision: str) -> None:
    made = content(decision, (hit(decision=decision),))
    assert draw_receipt(made) == draw_receipt(made)
    assert draw_receipt(made) != draw_receipt(replace(made, look_index=89))


def test_a_short_receipt_is_one_page_and_a_long_one_as_many_as_it_needs() -> None:
    plain = content()
    plain = replace(plain, answer=plain.answer | {"related": [], "not_asked": []})
    assert pages(draw_receipt(plain)) == 1
    assert pages(draw_receipt(content())) == 2
    assert pages(draw_receipt(content("restrict", tuple(hit(number) for number in range(40))))) > 10


def test_texts_of_any_length_fit() -> None:
    long = "长" * 4000
    texts = {"basis": long, "grounds": long, "title": long[:200], "authority_name": long[:200]}
    receipt = content("restrict", (hit(**texts, measures=[measure() | {"basis": long, "name": long[:200]}]),))
    assert pages(draw_receipt(replace(receipt, operator_name="某" * 100, member_name=long[:200]))) < 6
    assert shortened(long).startswith("长" * TEXT_LIMIT + "……")


def test_what_people_write_is_never_markup() -> None:
    hostile = '</font><b>&amp;<img src="file:///etc/passwd"/><a href="http://x">' + "\t\n\x7f"
    event = content().event | {"purpose": hostile, "basis": hostile}
    named = replace(content("restrict", (hit(grounds=hostile, case=hostile),)), event=event)
    pdf = draw_receipt(replace(named, subject_name=hostile, member_name=hostile, operator_name=hostile))
    assert b"/URI" not in pdf
    assert "&lt;img" in mixed(hostile)


@settings(max_examples=15, deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_can_be_drawn(text: str) -> None:
    event = content().event | {"purpose": text}
    draw_receipt(replace(content("caution", (hit(grounds=text, measures=[]),)), event=event))


def test_the_qr_code_says_number_and_digest() -> None:
    made = content()
    assert qr_text(made) == f"{made.identifier}\nSM3:{HASH}"
    assert made.identifier.startswith(
        f"1.2.156.3005.2.{OPERATOR}901.{OPERATOR}.01A0C4506C007F0FB712AF3A1609063B."
    )


def test_times_are_those_of_clocks_in_china() -> None:
    """Half past four in the afternoon, UTC, is half past midnight of the next day."""
    assert _clock("2026-11-22T16:30:00.123Z") == "2026-11-23 00:30:00 北京时间"


def test_terms_are_told_in_words() -> None:
    assert [term_text(term) for term in ("1-3 y", "5 y", "while listed", "life")] == [
        "1-3 年 years",
        "5 年 years",
        "在册期间 while listed",
        "终身 for life",
    ]

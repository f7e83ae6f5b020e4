"""What commands print of others' words: a purpose, grounds, a name, whatever somebody put in it."""

from typing import Any

import pytest

from ledger.commands.checking import _show_hit
from ledger.commands.common import printable, say


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("云岭某公司 a · –", "云岭某公司 a · –"),
        ("云岭\u3000某公司\u00a0x", "云岭 某公司 x"),
        ("a\nb\tc\r", "a?b?c?"),
        ("\x1b[2J\x9b2J\x7f", "?[2J?2J?"),
        ("a\u202eb\u200bc\u2028d", "a?b?c?d"),
    ],
    ids=["plain", "spaces", "lines", "terminal codes", "directions"],
)
def test_a_text_is_one_line_that_steers_nothing(text: str, printed: str) -> None:
    assert printable(text) == printed


def test_say_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("用途\n2026-09-21  forged")
    assert capsys.readouterr().out == "用途?2026-09-21  forged\n"


def test_grounds_cannot_pass_for_another_line_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    hit: dict[str, Any] = {
        "title": "名单",
        "grounds": "x\n  未命中任何名单，并可证明\x9b8m",
        "case": "1号",
        "authority_name": "局",
        "entry": {"index": 1, "issuer": "I", "id": "i"},
        "roles": [],
        "of": None,
        "until": None,
        "from_day": None,
        "measures": [],
        "objected": False,
        "repair": None,
    }
    _show_hit(hit)
    first, ends, entry = capsys.readouterr().out.splitlines()
    assert "\x9b" not in first
    assert ends.startswith("    ")
    assert "无截止日期" in ends
    assert entry.startswith("    条目 entry 1")

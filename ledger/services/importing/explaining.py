"""What a body's model refused, in the words of the sheet: the column, and what is wrong with its cell."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from ledger.errors import CheckDigitWrong, DateInvalid, IdentifierInvalid, InputError, StatementInvalid
from ledger.services.importing.columns import Form
from ledger.services.importing.row_reader import RowProblem

_CLASSES: dict[str, type[InputError]] = {
    error.code: error for error in (CheckDigitWrong, IdentifierInvalid, DateInvalid)
}
_Say = Callable[[dict[str, Any]], str]
_SENTENCES: dict[str, _Say] = {
    "missing": lambda context: "不得为空。",
    "string_too_short": lambda context: "不得为空。",
    "string_too_long": lambda context: f"不得超过 {context.get('max_length')} 个字。",
    "too_long": lambda context: f"不得超过 {context.get('max_length')} 项。",
    "too_short": lambda context: "不得为空。",
    "text": lambda context: "含有不能使用的控制字符，或首尾有空白。",
    "personal": lambda context: "公开内容中不得出现公民身份号码。",
    "string_pattern_mismatch": lambda context: "只能使用小写字母、数字和连字符，并以字母开头。",
    "less_than_equal": lambda context: "数值过大。",
}
_VARIANTS = frozenset({"organisation", "person"})


def problems_of(error: ValidationError, form: Form, row: int) -> list[RowProblem]:
    """The problems of a row whose body, or personal part, its model refused; cells are never quoted."""
    problems = []
    for found in error.errors(include_url=False, include_input=False)[:8]:
        steps = [step for step in found["loc"] if isinstance(step, str) and step not in _VARIANTS]
        member = ".".join(steps)
        column = form.by_member.get(member) or (form.by_member.get(steps[0]) if steps else None)
        kind = found["type"]
        refused = _CLASSES.get(kind, StatementInvalid)
        say = _SENTENCES.get(kind)
        zh = say(found.get("ctx") or {}) if say else refused.zh
        place = member or "the row"
        problems.append(
            RowProblem(row, column.code if column else "", refused.code, zh, f"{place}: {found['msg']}")
        )
    return problems

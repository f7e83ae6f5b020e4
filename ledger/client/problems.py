"""Problem documents back into the errors that they were made from."""

from typing import Any

from ledger import errors


def error_of(status: int, document: Any) -> errors.LedgerError:
    """The error that a problem document (RFC 9457) stands for.

    An answer that is no problem document of ours becomes `Unavailable` for 502 to 504, which a proxy between
    may say, else `LedgerError`.
    """
    if not isinstance(document, dict) or not isinstance(document.get("code"), str):
        if status in (502, 503, 504):
            return errors.Unavailable(f"the service answered {status}")
        return errors.LedgerError(f"the service answered {status} without a problem document")
    detail = str(document.get("detail") or "")
    kind = _classes().get(document["code"], errors.LedgerError)
    if issubclass(kind, errors.BatchLineInvalid):
        cause = _classes().get(str(document.get("cause")), errors.InputError)
        line = int(document.get("line") or 0)
        # The error says these words again by itself.
        of_line = cause(detail.removeprefix(f"line {line}: {cause.code}: "))
        return errors.BatchLineInvalid(line, _in_chinese(of_line, document.get("cause_zh")))
    if issubclass(kind, errors.StepRefused):
        reason, rule = str(document.get("reason") or ""), str(document.get("rule") or "")
        return _in_chinese(kind(detail, reason=reason, rule=rule), document.get("zh"))
    return _in_chinese(kind(detail), document.get("zh"))


def _in_chinese(error: errors.LedgerError, zh: Any) -> errors.LedgerError:
    """The error, with what the service says of it in Chinese."""
    if isinstance(zh, str) and zh:
        error.zh = zh
    return error


def _classes() -> dict[str, type[errors.LedgerError]]:
    if not _by_code:
        waiting: list[type[errors.LedgerError]] = [errors.LedgerError]
        while waiting:
            kind = waiting.pop()
            _by_code.setdefault(kind.code, kind)
            waiting.extend(kind.__subclasses__())
    return _by_code


_by_code: dict[str, type[errors.LedgerError]] = {}

"""The root of the tree and its families."""

from typing import ClassVar


class LedgerError(Exception):
    """Anything this package raises on purpose."""

    code: ClassVar[str] = "internal"
    zh: str = "内部错误。"
    en: ClassVar[str] = "Internal error."

    def __init__(self, detail: str = "", *, zh: str = "") -> None:
        super().__init__(detail or self.en)
        self.detail = detail
        if zh:
            # What `detail` says, for those who read Chinese; else the class's own sentence.
            self.zh = zh


class InputError(LedgerError):
    code = "input_invalid"
    zh = "输入不符合要求。"
    en = "The input is not valid."


class AccessError(LedgerError):
    code = "access_refused"
    zh = "不允许此操作。"
    en = "This is not allowed."


class NotFound(LedgerError):
    code = "not_found"
    zh = "未找到。"
    en = "Not found."


class Conflict(LedgerError):
    code = "conflict"
    zh = "与已有内容冲突。"
    en = "In conflict with what is there."


class Unavailable(LedgerError):
    code = "unavailable"
    zh = "服务暂不可用，请稍后再试。"
    en = "The service is not available now; try again later."


class IntegrityError(LedgerError):
    """A broken invariant of our own: stop, say where, never go on."""

    code = "integrity_broken"
    zh = "数据完整性遭到破坏，服务已停止。"
    en = "The data's integrity is broken; the service has stopped."


OURS = (Unavailable, IntegrityError)
"""Failures that say nothing of what was sent: no line of a batch is blamed for one."""

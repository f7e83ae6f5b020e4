"""Bytes that are not in form."""

from ledger.errors.base import InputError


class FormatError(InputError):
    """Bytes that are not in the one form of DESIGN.md section 4."""

    code = "format_invalid"
    zh = "数据格式不符合规定。"
    en = "The data is not in the required form."


class JsonMalformed(FormatError):
    code = "json_malformed"
    zh = "不是合法的 JSON（UTF-8）。"
    en = "Not well-formed JSON in UTF-8."


class JsonDuplicateKey(FormatError):
    code = "json_duplicate_key"
    zh = "JSON 对象中有重复的成员名。"
    en = "A JSON object repeats a member name."


class JsonNumber(FormatError):
    code = "json_number"
    zh = "只允许 -(2^53-1) 到 2^53-1 之间的整数。"
    en = "Only integers from -(2^53-1) to 2^53-1 are allowed."


class JsonTooDeep(FormatError):
    code = "json_too_deep"
    zh = "JSON 嵌套超过 32 层。"
    en = "The JSON is nested more than 32 deep."


class Base64Invalid(FormatError):
    code = "base64_invalid"
    zh = "不是严格的标准 Base64（含补位，空余位为零）。"
    en = "Not strict standard base64 with padding and zero spare bits."


class TimeInvalid(FormatError):
    code = "time_invalid"
    zh = "时间须为 RFC 3339 UTC，以 Z 结尾。"
    en = "A time must be RFC 3339 UTC ending in Z."


class SignatureCount(FormatError):
    code = "signature_count"
    zh = "信封必须恰有一个签名。"
    en = "An envelope bears exactly one signature."


class EnvelopeMalformed(FormatError):
    code = "envelope_malformed"
    zh = "信封不是规定的唯一形式。"
    en = "The envelope is not in its one exact form."


class StatementMalformed(FormatError):
    code = "statement_malformed"
    zh = "陈述或批次清单的成员不符合规定的形式。"
    en = "A member of the statement or manifest is not in the required form."


class NoteMalformed(FormatError):
    code = "note_malformed"
    zh = "检查点不是规定的形式。"
    en = "The checkpoint note is not in the required form."


class BundleUnusable(FormatError):
    code = "bundle_unusable"
    zh = "证据包不可用。"
    en = "The bundle is unusable."


class TrustUnusable(FormatError):
    code = "trust_unusable"
    zh = "信任文件不可用。"
    en = "The trust file is unusable."


class MisbehaviourUnusable(FormatError):
    code = "misbehaviour_unusable"
    zh = "违规证明文件不可用。"
    en = "The proof of misbehaviour is unusable."


class HistoryUnusable(FormatError):
    code = "history_unusable"
    zh = "治理历史文件不可用。"
    en = "The governance history is unusable."


class HistoryRefused(FormatError):
    """A history in form whose records do not follow from each other, or from what is trusted."""

    code = "history_refused"
    zh = "治理历史不能成立：有缺漏，或有未经足够成员同意的变更，或与起始信任文件不符。"
    en = "The governance history does not hold."


class AnswerUnusable(FormatError):
    code = "answer_unusable"
    zh = "核查答复文件不可用。"
    en = "The answer document of the check is unusable."


class ReceiptUnusable(FormatError):
    """A PDF that is no check receipt: nothing in it was believed."""

    code = "receipt_unusable"
    zh = "核查回执文件不可用。"
    en = "The PDF is not a usable check receipt."

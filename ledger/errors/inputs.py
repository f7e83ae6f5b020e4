"""What the caller sent is in form, and not acceptable."""

from ledger.errors.base import InputError, LedgerError


class QuestionInvalid(InputError):
    code = "question_invalid"
    zh = "向验证器提出的问题不符合要求。"
    en = "The question put to the verifier is not well formed."


class ProofInvalid(InputError):
    """A proof that does not prove what it is for; `reason` is a stable code of its own."""

    code = "proof_invalid"
    zh = "证明无效。"
    en = "The proof is not valid."

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class TooLarge(InputError):
    code = "too_large"
    zh = "数据超过允许的大小。"
    en = "The data is larger than allowed."


class EntryTooLarge(TooLarge):
    code = "entry_too_large"
    zh = "信封超过 48 KiB，或陈述超过 32 KiB。"
    en = "The envelope is over 48 KiB or the statement over 32 KiB."


class HeadersTooLarge(TooLarge):
    code = "headers_too_large"
    zh = "请求头或查询字符串过长。"
    en = "The request's headers or its query string are too long."


class ParameterInvalid(InputError):
    code = "parameter_invalid"
    zh = "请求参数不符合要求。"
    en = "A parameter of the request is not valid."


class MediaTypeUnsupported(InputError):
    code = "media_type_unsupported"
    zh = "不支持该正文类型。"
    en = "The body's media type is not supported here."


class MethodNotAllowed(InputError):
    code = "method_not_allowed"
    zh = "该地址不支持此请求方法。"
    en = "This address does not take this method."


class IdentifierInvalid(InputError):
    code = "identifier_invalid"
    zh = "标识符格式不正确。"
    en = "The identifier is not well formed."


class CheckDigitWrong(IdentifierInvalid):
    code = "check_digit_wrong"
    zh = "标识符的校验位不正确。"
    en = "The identifier's check digit is wrong."


class DateInvalid(InputError):
    code = "date_invalid"
    zh = "日期不存在或不合理。"
    en = "The date does not exist or is not plausible."


class StatementInvalid(InputError):
    code = "statement_invalid"
    zh = "陈述内容不符合该类别的要求。"
    en = "The statement does not meet the rules of its kind."


class KindUnknown(StatementInvalid):
    code = "kind_unknown"
    zh = "未知的陈述类别。"
    en = "The kind of statement is unknown."


class KeysMismatch(StatementInvalid):
    code = "keys_mismatch"
    zh = "索引标签与该类别规定的不一致。"
    en = "The index tags are not the ones that this kind defines."


class SealedMismatch(StatementInvalid):
    code = "sealed_mismatch"
    zh = "密封内容与摘要不符，或缺少、多出密封内容。"
    en = "The sealed content does not match its digest, is missing or was not announced."


class StatementTimeRefused(StatementInvalid):
    code = "statement_time_refused"
    zh = "签名时间须在受理前 24 小时至受理后 5 分钟之内。"
    en = "The time of signing must be within 24 hours before and 5 minutes after acceptance."


class LogMismatch(StatementInvalid):
    code = "log_mismatch"
    zh = "该陈述不属于此日志。"
    en = "The statement is for another log."


class BatchInvalid(InputError):
    code = "batch_invalid"
    zh = "批量提交与其清单不一致。"
    en = "The batch does not agree with its manifest."


class BatchLineInvalid(BatchInvalid):
    """One line refuses the whole batch; `line` is 1-based, `cause` the line's own error."""

    code = "batch_line_invalid"
    zh = "批量提交中有一行无效，整批未受理。"
    en = "One line of the batch is invalid; nothing of the batch was accepted."

    def __init__(self, line: int, cause: LedgerError) -> None:
        super().__init__(f"line {line}: {cause.code}: {cause.detail or cause.en}")
        self.line = line
        self.cause = cause


class MatterUnknown(InputError):
    code = "matter_unknown"
    zh = "目录中没有这一事项。"
    en = "The catalogue has no such matter."


class PurposeMissing(InputError):
    code = "purpose_missing"
    zh = "查询须说明用途和法律依据。"
    en = "A query must state its purpose and legal basis."


class CursorInvalid(InputError):
    code = "cursor_invalid"
    zh = "分页游标无效。"
    en = "The page cursor is not valid."


class SheetInvalid(InputError):
    code = "sheet_invalid"
    zh = "无法读取该表格文件。"
    en = "The spreadsheet cannot be read."


class ColumnMissing(SheetInvalid):
    code = "column_missing"
    zh = "表格缺少必需的列。"
    en = "The spreadsheet lacks a required column."


class FormulaForbidden(SheetInvalid):
    code = "formula_forbidden"
    zh = "表格中不允许出现公式。"
    en = "Formulas are not allowed in the spreadsheet."


class TooManyRows(SheetInvalid):
    code = "too_many_rows"
    zh = "表格行数超过允许的上限。"
    en = "The spreadsheet has more rows than allowed."


class ConfigurationError(InputError):
    code = "configuration_invalid"
    zh = "部署配置无效。"
    en = "The deployment's configuration is not valid."


class KeyUnusable(InputError):
    code = "key_unusable"
    zh = "密钥或口令不可用。"
    en = "The key or its passphrase cannot be used."


class DecryptionFailed(InputError):
    code = "decryption_failed"
    zh = "密文无法解密：密钥不符或内容被改动。"
    en = "The ciphertext cannot be opened: another key, or it was changed."


class CosignatureRefused(InputError):
    code = "cosignature_refused"
    zh = "见证签名不被接受。"
    en = "The cosignature is not accepted."

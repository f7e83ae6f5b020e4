"""One exception tree. Every class has a stable `code` and a sentence in Chinese and in English.

The five families say whose move it is: `InputError` (the caller's data), `AccessError` (the caller's
rights), `NotFound`, `Conflict` (the caller's data against ours), `Unavailable` (try again later).
`IntegrityError` is ours alone: a broken invariant, which stops the process.

`detail` says in English what was wrong and what is expected. It may name members, positions and limits;
it never holds an identity number, a name, a key or any other value of a person.
"""

from typing import ClassVar


class LedgerError(Exception):
    """Anything this package raises on purpose."""

    code: ClassVar[str] = "internal"
    zh: ClassVar[str] = "内部错误。"
    en: ClassVar[str] = "Internal error."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.en)
        self.detail = detail


# What the caller sent


class InputError(LedgerError):
    code = "input_invalid"
    zh = "输入不符合要求。"
    en = "The input is not valid."


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


# Signatures and rights


class AccessError(LedgerError):
    code = "access_refused"
    zh = "不允许此操作。"
    en = "This is not allowed."


class SignatureInvalid(AccessError):
    code = "signature_invalid"
    zh = "签名无效。"
    en = "The signature is not valid."


class KeyUnknown(AccessError):
    code = "key_unknown"
    zh = "签名密钥未登记。"
    en = "The signing key is not registered."


class KeyRevoked(AccessError):
    code = "key_revoked"
    zh = "签名密钥已被吊销。"
    en = "The signing key is revoked."


class KeyExpired(AccessError):
    code = "key_expired"
    zh = "签名密钥不在有效期内。"
    en = "The signing key is outside its validity window."


class IssuerMismatch(AccessError):
    code = "issuer_mismatch"
    zh = "签名密钥不属于该签发单位。"
    en = "The signing key does not belong to the issuer."


class RoleMissing(AccessError):
    code = "role_missing"
    zh = "该成员没有所需的角色。"
    en = "The member lacks the role that this needs."


class RequestUnsigned(AccessError):
    code = "request_unsigned"
    zh = "请求须按 RFC 9421 以 SM2 签名。"
    en = "The request must be signed with SM2 as RFC 9421 says."


class RequestSignatureMalformed(AccessError):
    code = "request_signature_malformed"
    zh = "请求签名的格式或覆盖范围不正确。"
    en = "The request's signature is malformed or does not cover what it must."


class RequestExpired(AccessError):
    code = "request_expired"
    zh = "请求签名时间与服务器相差超过 300 秒。"
    en = "The request was signed more than 300 seconds from now."


class NonceReplayed(AccessError):
    code = "nonce_replayed"
    zh = "该请求已经提交过（随机数重复）。"
    en = "This request was sent before: its nonce is used up."


class ContentDigestMismatch(AccessError):
    code = "content_digest_mismatch"
    zh = "正文与 Content-Digest（SM3）不符。"
    en = "The body does not match its SM3 content digest."


# Ours against theirs


class NotFound(LedgerError):
    code = "not_found"
    zh = "未找到。"
    en = "Not found."


class RouteUnknown(NotFound):
    code = "route_unknown"
    zh = "没有这个地址。"
    en = "There is no such address."


class NotYetPublished(NotFound):
    code = "not_yet_published"
    zh = "已受理，但尚未进入已发布的检查点。"
    en = "Accepted, but not yet under a published checkpoint."


class Conflict(LedgerError):
    code = "conflict"
    zh = "与已有内容冲突。"
    en = "In conflict with what is there."


class IdReused(Conflict):
    code = "id_reused"
    zh = "同一签发单位的同一编号已用于其他内容。"
    en = "This issuer already used this id for other bytes."


class TransitionRefused(Conflict):
    code = "transition_refused"
    zh = "该记录的当前状态不允许此操作。"
    en = "The record's present state does not allow this."


# Not now


class Unavailable(LedgerError):
    code = "unavailable"
    zh = "服务暂不可用，请稍后再试。"
    en = "The service is not available now; try again later."


class Overloaded(Unavailable):
    code = "overloaded"
    zh = "同时处理的请求已达上限，请稍后再试。"
    en = "Too many requests are under way; try again later."


class ServiceUnreachable(Unavailable):
    code = "service_unreachable"
    zh = "无法连接到服务。"
    en = "The service cannot be reached."


class StoreBusy(Unavailable):
    code = "store_busy"
    zh = "数据库繁忙或不可写，请稍后再试。"
    en = "The database is busy or cannot be written; try again later."


class ChainUnavailable(Unavailable):
    code = "chain_unavailable"
    zh = "联盟链暂不可达；提交与查询不受影响。"
    en = "The chain cannot be reached; submissions and queries go on."


class AddressTaken(Unavailable):
    code = "address_taken"
    zh = "服务地址已被其他程序占用。"
    en = "Another program listens on the service's address."


class AlreadyRunning(Unavailable):
    code = "already_running"
    zh = "此部署已在运行，本进程退出。"
    en = "This deployment is running already; this process leaves."


class WorkerRunning(AlreadyRunning):
    code = "worker_running"
    zh = "另一个工作进程正在运行，本进程退出。"
    en = "Another worker is running; this one leaves."


class ChainRefused(LedgerError):
    """`reason` is the name of the contract's error, such as `SizeNotGrowing`; empty if it gave none."""

    code = "chain_refused"
    zh = "合约拒绝了该交易。"
    en = "The contract refused the transaction."

    def __init__(self, detail: str = "", reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


class ChainMismatch(LedgerError):
    """Not retryable: somebody must look at the chain or at the deployment's configuration."""

    code = "chain_mismatch"
    zh = "该节点的链与部署时登记的不是同一条链，或合约不存在。"
    en = "The node's chain is not the one pinned at deployment, or the contracts are not on it."


class BackendMissing(LedgerError):
    code = "backend_missing"
    zh = "缺少所需的程序或软件包。"
    en = "A program or package that is needed is missing."


class AnswerInvalid(LedgerError):
    """What a service answered does not hold: keep it as evidence, and do not rely on it."""

    code = "answer_invalid"
    zh = "服务的答复签名无效，或与所提交的内容不符。"
    en = "The service's answer is wrongly signed or does not fit what was sent."


# Ours alone


class IntegrityError(LedgerError):
    """A broken invariant of our own: stop, say where, never go on."""

    code = "integrity_broken"
    zh = "数据完整性遭到破坏，服务已停止。"
    en = "The data's integrity is broken; the service has stopped."


class SelfTestFailed(IntegrityError):
    code = "self_test_failed"
    zh = "密码算法自检未通过，拒绝启动。"
    en = "A cryptographic self-test failed; refusing to start."


class CheckpointRefused(IntegrityError):
    """A checkpoint that would shrink, fork or go back in time."""

    code = "checkpoint_refused"
    zh = "新检查点与已发布的检查点不一致，拒绝签发。"
    en = "The new checkpoint does not continue the published one; refusing to sign it."


class ChainContradicts(IntegrityError):
    """The chain holds a history of this log that this database does not: never overwrite, never sign on."""

    code = "chain_contradicts"
    zh = "链上记录的检查点与本日志不一致，拒绝签发。"
    en = "The chain holds checkpoints of this log that this database does not; refusing to publish."

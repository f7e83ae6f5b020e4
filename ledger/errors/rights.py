"""Signatures and rights."""

from ledger.errors.base import AccessError


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

"""What the contracts refuse, in words, by the names of their errors: for those who govern members."""

REFUSALS: dict[str, tuple[str, str]] = {
    "NotActiveMember": ("此链上账户不属于任何有效成员", "this chain account belongs to no active member"),
    "MemberUnknown": ("没有这个成员", "there is no such member"),
    "MemberExists": ("该成员已登记", "the member is registered already"),
    "MemberIdInvalid": ("成员编号无效", "the member's id is not valid"),
    "AccountTaken": ("该链上账户已属于某个成员", "the chain account belongs to a member already"),
    "AccountUnknown": ("没有这个链上账户", "there is no such chain account"),
    "LastAccount": ("成员至少须有一个链上账户", "a member needs at least one chain account"),
    "KeyTaken": ("该公钥已登记", "the public key is registered already"),
    "KeyUnknown": ("该公钥没有登记", "the public key is not registered"),
    "KeyNotOnCurve": ("公钥不是 SM2 曲线上的点", "the public key is not a point of the SM2 curve"),
    "WindowInvalid": ("有效期的结束必须晚于开始", "a window must end after it begins"),
    "RevocationInvalid": ("吊销时间只能提前，不能推后", "a revocation can only be moved to an earlier time"),
    "ThresholdInvalid": (
        "阈值须在 1 到有效成员数之间",
        "the threshold must be 1 to the number of active members",
    ),
    "LogExists": ("该日志已登记", "the log is registered already"),
    "LogUnknown": ("没有这个日志", "there is no such log"),
    "ProposalNotOpen": ("没有这个提案，或已不在表决中", "there is no such proposal, or it is no longer open"),
    "ProposalExpired": ("提案已过期", "the proposal has expired"),
    "ProposalInvalid": ("提案无效", "the proposal is not valid"),
    "AlreadyApproved": ("该成员已同意过此提案", "this member has approved it already"),
    "NotOperator": ("此账户不是该日志的运营方", "this account is not the log's operator"),
}

"""Ours against theirs, not now, and ours alone."""

from ledger.errors.base import Conflict, IntegrityError, LedgerError, NotFound, Unavailable


class RouteUnknown(NotFound):
    code = "route_unknown"
    zh = "没有这个地址。"
    en = "There is no such address."


class SealedErased(NotFound):
    """Not damage: the subject's data key was destroyed on purpose, as the access log says."""

    code = "sealed_erased"
    zh = "密封的个人内容已依法删除，条目与证明仍然有效。"
    en = "The sealed personal content was erased; the entry and its proofs remain."


class NotYetPublished(NotFound):
    code = "not_yet_published"
    zh = "已受理，但尚未进入已发布的检查点。"
    en = "Accepted, but not yet under a published checkpoint."


class IdReused(Conflict):
    code = "id_reused"
    zh = "同一签发单位的同一编号已用于其他内容。"
    en = "This issuer already used this id for other bytes."


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


class ReceiptNotIssued(Unavailable):
    """`detail` names the cause's code; the check itself was made and is logged."""

    code = "receipt_not_issued"
    zh = "核查已完成并已留痕，但回执未能签发；请稍后再试。"
    en = "The check was made and logged, but no receipt could be issued; try again later."


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


class CosigningRefused(Conflict):
    """A witness does not vouch for this: `detail` says why."""

    code = "cosigning_refused"
    zh = "见证方拒绝为该检查点作证。"
    en = "The witness does not vouch for this checkpoint."


class SourceRefused(Conflict):
    """What a log showed its witness does not hold: `detail` says what."""

    code = "source_refused"
    zh = "该日志出示的内容不成立。"
    en = "What the log showed does not hold."


class MisbehaviourFound(Conflict):
    """A log showed what it may not: `detail` says what, and names the proof where there is one."""

    code = "misbehaviour_found"
    zh = "该日志的行为违反规则，见证方不再为其作证。"
    en = "The log broke its rules; the witness vouches for it no more."

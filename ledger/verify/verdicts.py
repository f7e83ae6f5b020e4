"""Verdicts, findings, and the words for every reason (DESIGN.md 4.6).

Each check yields findings; the findings of one verdict make its outcome: any `fail` makes `fail`, all
`pass` make `pass`, else `unknown`. Every reason has a stable code and a sentence in Chinese and English.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ledger.verify.sealed_words import SEALED_SENTENCES

Outcome = Literal["pass", "fail", "unknown"]
PASS: Outcome = "pass"  # noqa: S105 - a verdict, no password
FAIL: Outcome = "fail"
UNKNOWN: Outcome = "unknown"

SIGNATURE = "signature"
ISSUER = "issuer"
CHECKPOINT = "checkpoint"
INCLUSION = "inclusion"
COMPLETENESS = "completeness"
DISCLOSURE = "disclosure"
WITNESSES = "witnesses"
ANCHOR = "anchor"
FINALITY = "finality"

VERDICTS = (
    SIGNATURE,
    ISSUER,
    CHECKPOINT,
    INCLUSION,
    COMPLETENESS,
    DISCLOSURE,
    WITNESSES,
    ANCHOR,
    FINALITY,
)
"""All verdicts, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of one check.

    `entry` is the log index and `key` the (index name, tag) that it is about, where it is about one;
    `counts` are the numbers that the reason's sentence is filled with.
    """

    verdict: str
    outcome: Outcome
    reason: str
    entry: int | None = None
    key: tuple[str, str] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def zh(self) -> str:
        """The reason's sentence in Chinese."""
        return SENTENCES[self.reason][0].format(**self.counts)

    @property
    def en(self) -> str:
        """The reason's sentence in English."""
        return SENTENCES[self.reason][1].format(**self.counts)


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of several findings; of none: `unknown`."""
    seen = set(outcomes)
    if FAIL in seen:
        return FAIL
    return PASS if seen == {PASS} else UNKNOWN


VERDICT_NAMES = {
    SIGNATURE: ("签名", "signature"),
    ISSUER: ("签发单位", "issuer"),
    CHECKPOINT: ("检查点", "checkpoint"),
    INCLUSION: ("收录", "inclusion"),
    COMPLETENESS: ("完整性", "completeness"),
    DISCLOSURE: ("密封内容", "disclosure"),
    WITNESSES: ("见证", "witnesses"),
    ANCHOR: ("上链锚定", "anchor"),
    FINALITY: ("终局", "finality"),
}

OUTCOME_NAMES = {PASS: ("通过", "pass"), FAIL: ("不通过", "fail"), UNKNOWN: ("无法判断", "unknown")}

SENTENCES: dict[str, tuple[str, str]] = SEALED_SENTENCES | {
    # signature
    "signed": ("签名由所载密钥作出。", "The key named made this signature."),
    "entry_malformed": (
        "条目或其陈述不是规定的形式。",
        "The entry or its statement is not in the required form.",
    ),
    "index_name_unknown": (
        "陈述使用了该日志没有的索引名。",
        "The statement uses an index name that its log does not have.",
    ),
    "key_unknown": ("信任文件中没有该密钥。", "The trust file does not know the key."),
    "signature_invalid": ("签名与内容不符。", "The signature does not match the content."),
    "manifest_malformed": (
        "批次清单不是规定的形式。",
        "The batch's manifest is not in the required form.",
    ),
    "not_a_manifest": ("批次所附的不是批次清单。", "What is shown as the batch's manifest is not one."),
    "batch_disagrees": (
        "条目与批次清单的根、数量或密钥不一致。",
        "The entry and its manifest differ in root, size or key.",
    ),
    "batch_path": (
        "批次路径不能证明条目在批次之中。",
        "The batch path does not lead from the entry to the batch's root.",
    ),
    # issuer
    "issuer_entitled": (
        "密钥属于签发单位，签名时有效，且有相应角色。",
        "The key is the issuer's, was valid at signing, and the issuer has the role.",
    ),
    "other_log": ("陈述或批次清单属于另一日志。", "The statement or manifest is for another log."),
    "log_not_trusted": ("信任文件中没有该日志。", "The trust file does not know the log."),
    "key_not_of_issuer": (
        "信任文件中该签发单位没有此密钥。",
        "The trust file knows the issuer, but not with this key.",
    ),
    "key_of_other": ("该密钥属于其他主体。", "The key belongs to somebody else."),
    "key_revoked": ("签名时该密钥已被吊销。", "The key was revoked when this was signed."),
    "outside_key_window": (
        "签名时该密钥不在有效期内。",
        "The key was outside its validity window when this was signed.",
    ),
    "role_missing": (
        "签发单位没有该类陈述所需的角色。",
        "The issuer lacks the role that this kind of statement needs.",
    ),
    "manifest_issuer": (
        "批次清单与陈述的签发单位不同。",
        "The manifest and the statement name different issuers.",
    ),
    "signed_after_checkpoint": (
        "签名时间比检查点晚五分钟以上。",
        "It was signed more than 5 minutes after the checkpoint's time.",
    ),
    "repeated": (
        "同一签发单位的同一编号出现不止一次。",
        "The same issuer and id stand more than once.",
    ),
    "trust_stale": (
        "信任文件比所要求的更旧。",
        "The trust file is older than the age asked for.",
    ),
    # checkpoint
    "checkpoint_signed": ("检查点由日志密钥签署。", "The log's key signed the checkpoint."),
    "origin_mismatch": (
        "证据包与检查点的日志名不同。",
        "The bundle and the checkpoint name different logs.",
    ),
    "log_key_unknown": (
        "没有信任文件所知的日志密钥的签名。",
        "No signature is by a log key that the trust file knows.",
    ),
    "checkpoint_signature": (
        "日志签名与检查点不符。",
        "The log's signature does not match the checkpoint.",
    ),
    "log_key_not_valid": (
        "检查点时间不在日志密钥的有效期内。",
        "The checkpoint's time is outside the log key's validity window.",
    ),
    "log_key_revoked": (
        "日志密钥已被吊销，且检查点没有终局证明。",
        "The log key is revoked and no finality covers the checkpoint.",
    ),
    "empty_tree_root": (
        "空日志的检查点载有非空的根。",
        "The checkpoint of an empty log bears roots that are not the empty ones.",
    ),
    "in_future": (
        "检查点时间超前现在五分钟以上。",
        "The checkpoint is more than 5 minutes ahead of now.",
    ),
    "stale": ("检查点比所要求的更旧。", "The checkpoint is older than the age asked for."),
    # inclusion
    "included": ("条目在日志树的所述位置。", "The entry stands in the log's tree where it says."),
    "proof_shape": (
        "收录证明的位置或长度不对。",
        "Index, size and length of the inclusion proof do not go together.",
    ),
    "root_differs": (
        "收录证明得出的根与检查点不同。",
        "The inclusion proof leads to another root than the checkpoint's.",
    ),
    "batch_position": (
        "条目不在其批次清单之后的应有位置。",
        "The entry does not stand at its place after its manifest.",
    ),
    "checkpoint_not_proven": (
        "检查点未获证明，因此至多为无法判断。",
        "The checkpoint is not proven, so this is unknown at most.",
    ),
    # completeness
    "complete": (
        "该键的全部条目均已出示（{shown} 条，共 {total} 条）。",
        "All entries of the key are shown ({shown} of {total}).",
    ),
    "some_undisclosed": (
        "条目清单完整，但有未出示者（出示 {shown} 条，共 {total} 条）。",
        "The list of entries is complete, but not all are shown ({shown} of {total}).",
    ),
    "complete_by_operator_only": (
        "没有足够的见证方为索引作证，完整性仅由日志运营方保证。",
        "No witness quorum vouches for the index: it is complete by the operator's word only.",
    ),
    "not_in_bundle": ("证据包没有所要求的内容。", "The bundle does not hold what was asked for."),
    "after_not_given": (
        "分页的起点未经验证方提供为已验证。",
        "The verifier was not given the page's start as already verified.",
    ),
    "chain_order": (
        "链中序号没有递增，或不小于树的大小。",
        "Indexes of the chain do not grow, or are not below the tree size.",
    ),
    "end_disagrees": (
        "索引证明的末端与条目链不一致。",
        "The end of the index proof does not go with the chain.",
    ),
    "tree_not_compact": (
        "索引证明不是紧凑树的证明。",
        "The index proof is not one of a compact tree.",
    ),
    "other_key_is_the_key": (
        "索引证明把该键自身充作另一键。",
        "The index proof passes the key itself off as another key.",
    ),
    "other_key_elsewhere": (
        "索引证明中的另一键不在该键的路径上。",
        "The other key of the index proof does not stand on the key's way.",
    ),
    "index_root_differs": (
        "索引证明得出的索引根与检查点不同。",
        "The index proof leads to another index root than the checkpoint's.",
    ),
    "leaf_disagrees": (
        "链中的叶哈希与出示的条目不符。",
        "A leaf hash of the chain is not that of the entry shown at its index.",
    ),
    "entry_lacks_tag": (
        "链中的条目并不带有该标签。",
        "An entry of the chain does not carry the tag.",
    ),
    "entry_not_in_chain": (
        "出示的条目带有该标签，却不在链中。",
        "An entry shown carries the tag but is not in the chain.",
    ),
    # disclosure
    "disclosed": ("出示的内容与密封摘要相符。", "The content disclosed matches the sealed digest."),
    "sealed_digest": (
        "出示的内容与密封摘要不符。",
        "The content disclosed does not match the sealed digest.",
    ),
    "nothing_sealed": ("该陈述没有密封内容。", "The statement sealed nothing."),
    # witnesses and finality
    "witness_quorum": (
        "{names} 家见证方副署，达到所需的 {threshold} 家。",
        "{names} witnesses signed; {threshold} are needed.",
    ),
    "below_threshold": (
        "{names} 家见证方副署，未达到所需的 {threshold} 家。",
        "{names} witnesses signed, fewer than the {threshold} needed.",
    ),
    "no_witnesses": (
        "信任文件没有为该日志指定见证方。",
        "The trust file names no witnesses for this log.",
    ),
    "cosignature_invalid": (
        "有见证方的签名与内容不符。",
        "A witness's signature does not match the content.",
    ),
    "witness_key_not_valid": (
        "有见证方密钥已吊销或不在有效期内，其签名不计。",
        "A witness key is revoked or outside its window; its signature does not count.",
    ),
    "cosignature_in_future": (
        "有见证方签名超前现在五分钟以上，不计。",
        "A witness's signature is more than 5 minutes ahead of now and does not count.",
    ),
    "no_finality": ("锚定未附终局证明。", "The anchor comes without finality."),
    "finality_kind_unknown": ("终局证明的种类未知。", "The kind of finality is unknown."),
    # anchor
    "anchored": (
        "锚定与检查点及信任文件一致，并有终局证明。",
        "The anchor agrees with checkpoint and trust file and is backed by finality.",
    ),
    "anchored_by_node": (
        "锚定与检查点及信任文件一致，并由验证方自己的节点证实。",
        "The anchor agrees with checkpoint and trust file and the verifier's own node confirms it.",
    ),
    "not_backed": (
        "锚定与检查点一致，但没有终局证明或节点证实。",
        "The anchor agrees with the checkpoint, but neither finality nor a node backs it.",
    ),
    "chain_not_trusted": (
        "信任文件没有为该日志指定链。",
        "The trust file names no chain for this log.",
    ),
    "anchor_chain": ("锚定的链或合约不是信任文件所载。", "The anchor's chain or registry is another one."),
    "anchor_log_id": ("锚定的日志标识不符。", "The anchor's log id is not that of the origin."),
    "anchor_size": ("锚定的树大小与检查点不同。", "The anchor's size is not the checkpoint's."),
    "anchor_root": ("锚定的根与检查点不同。", "The anchor's root is not the checkpoint's."),
    "anchor_index_root": (
        "锚定的索引根与检查点不同。",
        "The anchor's index root is not the checkpoint's.",
    ),
    "anchor_note_hash": (
        "锚定的检查点摘要不同。",
        "The anchor's note hash is not the checkpoint's.",
    ),
    "node_unreachable": (
        "验证方的节点没有可用的回答。",
        "The verifier's node gave no usable answer.",
    ),
    "node_other_chain": ("验证方的节点属于另一条链。", "The verifier's node is on another chain."),
    "node_lacks_anchor": (
        "验证方的节点上没有这一锚定。",
        "The verifier's node does not hold this anchor.",
    ),
    "node_disagrees": (
        "验证方的节点上的锚定与证据包不同。",
        "The anchor that the verifier's node holds differs from the bundle's.",
    ),
}

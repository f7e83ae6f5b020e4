"""The words for what is found about a block that its validators sealed (`sealed`), in Chinese and English."""

SEALED_SENTENCES: dict[str, tuple[str, str]] = {
    "sealed_by_validators": (
        "锚定所在区块由受信任的 {validators} 个验证节点中的 {seals} 个封印，超过三分之二。",
        "{seals} of the {validators} validators trusted sealed the anchor's block: more than two thirds.",
    ),
    "signed_by_signers": (
        "锚定所在区块及其后区块由受信任的 {validators} 个签名节点中的 {seals} 个签署（弱于拜占庭终局）。",
        "{seals} of the {validators} signers trusted signed the anchor's block or one after it: weaker than"
        " the finality of a Byzantine consensus.",
    ),
    "below_two_thirds": (
        "受信任的 {validators} 个验证节点中只有 {seals} 个封印，未超过三分之二。",
        "Only {seals} of the {validators} validators trusted sealed it, which is not more than two thirds.",
    ),
    "depth_missing": (
        "锚定所在区块之后只附有 {blocks} 个区块，信任文件要求 {depth} 个。",
        "Only {blocks} blocks follow the anchor's; the trust file asks for {depth}.",
    ),
    "validators_not_trusted": (
        "信任文件没有为该链指定验证节点。",
        "The trust file names no validators for this chain.",
    ),
    "validators_differ": (
        "封印区块的验证节点集合不是信任文件所载，所附变更也不能由后者导出。",
        "Other validators than the trust file's sealed the block, and no changes attached lead to them.",
    ),
    "consensus_differs": (
        "信任文件为该链指定的是另一种共识。",
        "The trust file names another kind of consensus for this chain.",
    ),
    "chain_unsealed": (
        "该链的区块没有可以离线核对的验证节点封印（例如内置链），锚定仅凭其运行方所言。",
        "The chain's blocks bear no validators' seals that could be checked offline (the embedded chain,"
        " say): the anchor stands by the word of whoever runs it.",
    ),
    "finality_form_unknown": (
        "终局证明不是本验证器所知的形式。",
        "The proof of finality is not in the form that this verifier knows.",
    ),
    "rlp_malformed": ("区块头或收据证明的编码有误。", "A header or the receipt's proof is not in its form."),
    "header_malformed": (
        "区块头不是该种共识规定的形式。",
        "A header is not one of this kind of consensus.",
    ),
    "block_hash_differs": (
        "区块头的哈希不是锚定所载的区块哈希。",
        "The header's hash is not the block hash that the anchor names.",
    ),
    "block_number_differs": (
        "区块头的高度不是锚定所载的高度。",
        "The header's number is not the block number that the anchor names.",
    ),
    "receipt_proof": (
        "收据证明不能由区块头的收据根导出。",
        "The receipt's proof does not lead from the header's receipts root to a receipt.",
    ),
    "receipt_failed": ("锚定交易未成功执行。", "The anchoring transaction did not succeed."),
    "event_missing": ("交易没有锚定任何检查点。", "The transaction anchored no checkpoint."),
    "event_registry": ("锚定事件出自另一合约。", "The event that anchors is another contract's."),
    "event_log_id": ("锚定事件属于另一日志。", "The event anchors another log."),
    "event_size": ("锚定事件的树大小不同。", "The event anchors another size."),
    "event_root": ("锚定事件的根不同。", "The event anchors another root."),
    "event_index_root": ("锚定事件的索引根不同。", "The event anchors another index root."),
    "event_note_hash": ("锚定事件的检查点摘要不同。", "The event anchors another note hash."),
    "seal_malformed": ("有封印不是有效的签名。", "A seal is no signature."),
    "seal_repeated": ("同一验证节点封印了两次。", "A validator sealed a block twice."),
    "seal_of_stranger": (
        "有封印不出自区块头所列的验证节点。",
        "A seal is by none of the validators that its header names.",
    ),
    "following_unlinked": (
        "所附后续区块不是逐一相连。",
        "The headers attached do not follow the block one by one.",
    ),
    "changes_unordered": (
        "所附验证节点变更没有按高度递增。",
        "The changes of validators attached are not in ascending order below the block.",
    ),
    "too_many_seals": ("所附封印过多。", "More seals are attached than would be checked."),
}

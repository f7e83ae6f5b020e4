"""RFC 6962's definitions of proofs, word for word, over a list of leaf hashes: slow, and without tiles."""

from collections.abc import Sequence

from ledger.merkle import root_hash


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), leaf to root."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root_hash(leaves[k:])]
    return [*path(index - k, leaves[k:]), root_hash(leaves[:k])]


def growth(first: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """PROOF(m, D[n]) for 0 < m <= n."""
    if first == len(leaves):
        return [] if whole else [root_hash(leaves)]
    k = _split(len(leaves))
    if first <= k:
        return [*growth(first, leaves[:k], whole), root_hash(leaves[k:])]
    return [*growth(first - k, leaves[k:], False), root_hash(leaves[:k])]

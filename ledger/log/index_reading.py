"""Reading the index as stored: a key's proof, checked against the checkpoint, and the walk along its chain.

Many keys are read side by side: their pages in a few statements, their chains link by link in step.
"""

from collections.abc import Sequence

from ledger.errors import IntegrityError, ProofInvalid
from ledger.log.keeping import Kept
from ledger.merkle import pages, verify_index_proof
from ledger.store.port import LogStore, StoredCheckpoint

_KEPT_LEVELS = 4
"""Levels of pages that are kept: 1 + 16 + 256 + 4,096 pages of a kilobyte for each tree size."""
_KEPT_SIZES = 3
_NIBBLES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))

Pages = dict[bytes, bytes | None]


class IndexReading:
    """The index of one log; safe for any number of threads."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._kept: Kept[int, Pages] = Kept(_KEPT_SIZES)
        self._levels = 2
        """As many levels of pages as a proof needed so far; so many are read in advance."""

    def proofs(self, checkpoint: StoredCheckpoint, keys: Sequence[bytes]) -> list[pages.IndexProof]:
        """What the index holds for each key at the checkpoint's size.

        Raises `Unavailable` when the checkpoint is too old, `IntegrityError` when the index differs from it.
        """
        size = checkpoint.size
        kept = self._kept.get(size)
        if kept is None:
            kept = {}
            self._kept.keep(size, kept)
        ahead = self._read_ahead(size, kept, keys)

        def read(paths: Sequence[bytes]) -> list[bytes | None]:
            (path,) = paths
            for known in (kept, ahead):
                if path in known:
                    return [known[path]]
            self._levels = max(self._levels, len(path) + 1)
            return self._store.pages(paths, size)

        proofs = [pages.prove(read, key) for key in keys]
        for key, proof in zip(keys, proofs, strict=True):
            try:
                verify_index_proof(checkpoint.index_root, key, proof.siblings, proof.end)
            except ProofInvalid as error:
                self._kept.pop(size, None)
                raise IntegrityError(f"the stored index differs from the checkpoint at {size}") from error
        return proofs

    def _read_ahead(self, size: int, kept: Pages, keys: Sequence[bytes]) -> Pages:
        """Read the pages on the keys' ways that are not kept, and keep those of the upper levels."""
        wanted = set()
        for key in keys:
            nibbles = key.hex().encode().translate(_NIBBLES)
            for level in range(self._levels):
                path = nibbles[:level]
                if level >= _KEPT_LEVELS or path not in kept:
                    wanted.add(path)
        ahead: Pages = {}
        paths = sorted(wanted)
        for path, page in zip(paths, self._store.pages(paths, size), strict=True):
            (kept if len(path) < _KEPT_LEVELS else ahead)[path] = page
        return ahead

    def chain(self, key: bytes, proof: pages.IndexProof, low: int, high: int) -> list[int]:
        """The log indexes at the chain's positions low..high (1-based), ascending."""
        if low > high or proof.last is None:
            return []
        position, index = proof.count, proof.last
        found = []
        while True:
            if position <= high:
                found.append(index)
                if position == low:
                    return found[::-1]
            link = _link(self._store.links([index])[0], index, key, position)
            below = position & (position - 1)
            if below >= high:
                position, index = below, _present(link.jump)
            else:
                position, index = position - 1, _present(link.prev)

    def chains(self, keys: Sequence[bytes], proofs: Sequence[pages.IndexProof]) -> list[list[int]]:
        """The whole chain of each key, ascending."""
        found: list[list[int]] = [[] if proof.last is None else [proof.last] for proof in proofs]
        walking = [which for which, proof in enumerate(proofs) if proof.count > 1]
        behind = 0
        while walking:
            behind += 1
            indexes = sorted({found[which][-1] for which in walking})
            links = dict(zip(indexes, self._store.links(indexes), strict=True))
            for which in walking:
                index = found[which][-1]
                link = _link(links[index], index, keys[which], proofs[which].count - behind + 1)
                found[which].append(_present(link.prev))
            walking = [which for which in walking if proofs[which].count > behind + 1]
        return [chain[::-1] for chain in found]


def _link(links: bytes | None, index: int, key: bytes, position: int) -> pages.Link:
    link = pages.find_link(links, key) if links is not None else None
    if link is None or link.position != position:
        raise IntegrityError(f"the links of entry {index} do not hold one of its index keys")
    return link


def _present(index: int | None) -> int:
    if index is None:
        raise IntegrityError("a chain of the index ends too early")
    return index

"""Reading the index as stored: a key's proof, checked against the checkpoint, and the walk along its chain.

Many keys are read side by side: their pages in a few statements, their chains link by link in step.
"""

from collections.abc import Sequence

from ledger.errors import IntegrityError, ProofInvalid
from ledger.log.keeping import Kept
from ledger.merkle import climb_index, index_proof_end, pages
from ledger.store.port import LogStore, StoredCheckpoint

_LEVELS = 3
"""Levels of pages whose hashes are checked once for each tree size: 16^3 ways begin below them."""
_DEPTH = 4 * _LEVELS
_KEPT_PAGES = 3 * 16**_LEVELS + 1_000
"""The pages where those ways begin, a kilobyte each, at the sizes that are read most recently."""
_NIBBLES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))

Path = bytes
_Way = tuple[tuple[bytes, ...], bytes]
"""The siblings down to where a way begins, and the hash of the node there."""


class IndexReading:
    """The index of one log; safe for any number of threads."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._ways: Kept[tuple[bytes, Path], _Way] = Kept(_KEPT_PAGES)
        self._pages: Kept[tuple[int, Path], bytes | None] = Kept(_KEPT_PAGES)
        self._reach = 2
        """As many levels of pages as a proof needed so far; so many are read in advance."""

    def proofs(self, checkpoint: StoredCheckpoint, keys: Sequence[bytes]) -> list[pages.IndexProof]:
        """What the index holds for each key at the checkpoint's size.

        Raises `Unavailable` when the checkpoint is too old, `IntegrityError` when the index differs from it.
        """
        size, root = checkpoint.size, checkpoint.index_root
        paths = [key.hex().encode().translate(_NIBBLES) for key in keys]
        ahead = self._read_ahead(checkpoint, paths)

        begun: set[Path] = set()

        def read(wanted: Sequence[Path]) -> list[bytes | None]:
            (path,) = wanted
            if path in ahead:
                found = [ahead[path]]
            else:
                self._reach = max(self._reach, len(path) + 1)
                found = self._store.pages(wanted, size)
            if len(path) == _LEVELS and found[0] is not None:
                begun.add(path)
            return found

        proofs = []
        for key, path in zip(keys, paths, strict=True):
            way = self._ways.get((root, path[:_LEVELS]))
            proof = pages.prove(read, key) if way is None else pages.prove(read, key, path[:_LEVELS], way[0])
            try:
                self._check(root, key, path, proof, way, path[:_LEVELS] in begun)
            except ProofInvalid as error:
                self._pages.clear()
                raise IntegrityError(f"the stored index differs from the checkpoint at {size}") from error
            proofs.append(proof)
        return proofs

    def _check(
        self, root: bytes, key: bytes, path: Path, proof: pages.IndexProof, way: _Way | None, begun: bool
    ) -> None:
        """Hold a proof against the root, or against a node that was held against it before.

        `begun` says that there is a page where a way could begin: few keys that agree in many bits stand
        deep down in a page high up.
        """
        siblings = proof.siblings
        end = index_proof_end(key, siblings, proof.end)
        if way is None and len(siblings) <= _DEPTH:
            node, above = end, siblings
        else:
            node, above = climb_index(key, siblings, end, _DEPTH), siblings[:_DEPTH]
        if way is not None:
            if node != way[1]:
                raise ProofInvalid("index_root_differs", "the index proof leads to another node")
            return
        if climb_index(key, above, node) != root:
            raise ProofInvalid("index_root_differs", "the index proof leads to another root")
        if begun and len(siblings) > _DEPTH:
            self._ways.keep((root, path[:_LEVELS]), (tuple(above), node))

    def _read_ahead(self, checkpoint: StoredCheckpoint, paths: Sequence[Path]) -> dict[Path, bytes | None]:
        """The pages on the ways to these keys; those where a way begins are kept."""
        size = checkpoint.size
        found: dict[Path, bytes | None] = {}
        wanted = set()
        for path in paths:
            known = (checkpoint.index_root, path[:_LEVELS]) in self._ways
            for level in range(_LEVELS if known else 0, self._reach):
                part = path[:level]
                if level <= _LEVELS and (size, part) in self._pages:
                    found[part] = self._pages.get((size, part))
                else:
                    wanted.add(part)
        # Where all is kept, one is read nevertheless: it says whether this size can still be read.
        listed = sorted(wanted) or [b""]
        for part, page in zip(listed, self._store.pages(listed, size), strict=True):
            found[part] = page
            if len(part) <= _LEVELS:
                self._pages.keep((size, part), page)
        return found

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
        """The whole chain of each key, ascending.

        Each link names two places further back, from which the walk goes on side by side.
        """
        chains = [[-1] * (proof.count + 1) for proof in proofs]
        walks: list[tuple[int, int]] = []
        for which, proof in enumerate(proofs):
            position = proof.count
            for index in reversed(proof.stack):
                chains[which][position] = index
                walks.append((which, position))
                position &= position - 1
        # Place 0 stands before the first entry and is known.
        for chain in chains:
            chain[0] = 0
        while walks := [(which, at) for which, at in walks if chains[which][at - 1] < 0]:
            indexes = sorted({chains[which][at] for which, at in walks})
            links = dict(zip(indexes, self._store.links(indexes), strict=True))
            reached = []
            for which, at in walks:
                chain = chains[which]
                index = chain[at]
                link = _link(links[index], index, keys[which], at)
                for place, there in ((at - 1, link.prev), (at & (at - 1), link.jump)):
                    if chain[place] < 0:
                        chain[place] = _present(there)
                        reached.append((which, place))
            walks = reached
        return [chain[1:] for chain in chains]


def _link(links: bytes | None, index: int, key: bytes, position: int) -> pages.Link:
    link = pages.find_link(links, key) if links is not None else None
    if link is None or link.position != position:
        raise IntegrityError(f"the links of entry {index} do not hold one of its index keys")
    return link


def _present(index: int | None) -> int:
    if index is None:
        raise IntegrityError("a chain of the index ends too early")
    return index

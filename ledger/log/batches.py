"""Batch trees of stored batches, kept for taking paths (DESIGN.md section 4.3).

The path of one batch entry needs the hashes of all its batch. Those are computed from the stored entries
when a batch is first asked for, and the trees of the batches used last are kept.
"""

import threading
from collections import OrderedDict

from ledger.errors import FormatError, IntegrityError, ProofInvalid
from ledger.formats.envelope import BatchPlace, parse_envelope
from ledger.merkle import BatchTree, batch_leaf_hash
from ledger.store.port import LogStore

MAX_LEAVES = 2_000_000
"""Batch leaves whose trees are kept, at 64 bytes each: a miss costs a read of its whole batch."""


class BatchTrees:
    """The trees of one log's batches; safe for many threads."""

    def __init__(self, store: LogStore, max_leaves: int = MAX_LEAVES) -> None:
        self._store = store
        self._max_leaves = max_leaves
        self._trees: OrderedDict[tuple[int, bytes], tuple[BatchTree, int]] = OrderedDict()
        self._leaves = 0
        self._lock = threading.Lock()
        self._building = threading.Lock()

    def path(self, index: int, place: BatchPlace) -> list[bytes]:
        """The path of the batch entry at log index `index`, leaf to root.

        Raises `IntegrityError` when the stored entries are not the batch that `place` names.
        """
        key = (index - place.index, place.root)
        tree = self._kept(key)
        if tree is None:
            # One at a time: threads that want the same batch then find it built.
            with self._building:
                tree = self._kept(key) or self._build(key, place.size)
        return tree.path(place.index)

    def _kept(self, key: tuple[int, bytes]) -> BatchTree | None:
        with self._lock:
            found = self._trees.get(key)
            if found is None:
                return None
            self._trees.move_to_end(key)
            return found[0]

    def _build(self, key: tuple[int, bytes], size: int) -> BatchTree:
        first, root = key
        try:
            tree = BatchTree(
                [
                    batch_leaf_hash(parse_envelope(stored.entry).pae)
                    for stored in self._store.entries(first, first + size)
                ]
            )
        except (FormatError, ProofInvalid) as error:
            raise IntegrityError(f"the batch stored from index {first} on cannot be read") from error
        if tree.root != root:
            raise IntegrityError(f"the batch stored from index {first} on has another root than was signed")
        with self._lock:
            self._trees[key] = tree, size
            self._leaves += size
            while self._leaves > self._max_leaves and len(self._trees) > 1:
                _, (_, dropped) = self._trees.popitem(last=False)
                self._leaves -= dropped
        return tree

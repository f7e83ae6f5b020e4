"""Integration: accepted entries into the tree and the index (DESIGN.md section 5).

`integrate(store)` takes the next stretch of accepted entries, computes everything they change and writes it
at once. All computing comes before the write transaction; statements are not parsed, their index keys having
been stored at acceptance. It is done by one worker; a second one would find the integrated size changed and
stop.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import IntegrityError
from ledger.log.batch_blocks import make_batch_blocks
from ledger.log.faults import point
from ledger.log.witnessing import kept_sizes
from ledger.merkle import EMPTY_ROOT, Frontier, grow_tree, pages
from ledger.store.port import Integrated, Integration, LogStore

STRETCH = 32_768
"""Most entries integrated at once: an index page touched by many of them is rewritten once."""

PUBLISHED_KEPT = 3
"""So many of the newest published sizes stay readable, so that an answer begun under one can be finished."""


def integrate(store: LogStore, limit: int = STRETCH) -> Integrated | None:
    """Integrate up to `limit` accepted entries; returns the new state, or None if there was nothing to do.

    Raises `IntegrityError` when what results contradicts a checkpoint already published for that size.
    """
    state = store.integrated()
    first = state.size
    stop = min(store.size(), first + limit)
    boundaries = _boundaries(store)
    stop = min([stop, *(size for size in boundaries if size > first)])
    if stop <= first:
        return None
    with _collector_paused():
        integration = _compute(store, first, stop)
        _check_published(store, integration)
        point("integrate.computed")
        store.integrate(integration, boundaries)
    # The store's commit point. A crash before: nothing happened, and the same entries give the same bytes
    # again. A crash after: the entries are integrated, and the next round publishes them.
    point("integrate.written")
    store.tidy()
    return Integrated(stop, integration.root, integration.index_root)


def _boundaries(store: LogStore) -> list[int]:
    """Sizes at which answers are given: a rebuild stops at each, and pages stay readable there."""
    sizes = set(store.recent_sizes(PUBLISHED_KEPT)) | kept_sizes(store)
    for states in (("mined", "final"), ("final",)):
        anchor = store.latest_anchor(states)
        if anchor is not None:
            sizes.add(anchor.size)
    return sorted(sizes)


def _compute(store: LogStore, first: int, stop: int) -> Integration:
    entries = store.leaves(first, stop)
    if len(entries) != stop - first:
        raise IntegrityError(f"{stop - first} entries from index {first} were expected, {len(entries)} found")
    leaf_hashes = [leaf for leaf, _ in entries]
    changes: dict[bytes, list[tuple[int, bytes]]] = {}
    for index, (leaf, keys) in enumerate(entries, first):
        for key in keys:
            known = changes.get(key)
            if known is None:
                changes[key] = [(index, leaf)]
            else:
                known.append((index, leaf))
    growth = pages.update(lambda paths: store.pages(paths, first), changes)
    frontier = Frontier.read(first, store)
    if frontier.root() != store.integrated().root:
        raise IntegrityError(f"the stored tree of size {first} has another root than was computed for it")
    for leaf in leaf_hashes:
        frontier.append(leaf)
    grown = grow_tree(first, leaf_hashes, store)
    return Integration(
        first=first,
        size=stop,
        root=frontier.root() if stop else EMPTY_ROOT,
        index_root=growth.index_root,
        tiles=grown.tiles,
        pages=growth.pages,
        links=[growth.links.get(index, b"") for index in range(first, stop)],
        leaf_hashes=leaf_hashes,
        blocks=grown.blocks | make_batch_blocks(store, first, entries),
    )


def _check_published(store: LogStore, integration: Integration) -> None:
    """Refuse to rebuild, over a published checkpoint, something that the checkpoint does not say."""
    published = store.checkpoint(integration.size)
    if published is None:
        return
    if (published.root, published.index_root) != (integration.root, integration.index_root):
        raise IntegrityError(f"the entries do not lead to the published checkpoint of size {published.size}")


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the cyclic collector: a stretch makes a million objects, none of them in a cycle."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()

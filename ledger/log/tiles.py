"""The tiles of a log's tree, the ones that are read again and again kept in memory."""

from collections import OrderedDict
from threading import Lock

from ledger.merkle import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH
from ledger.store.port import LogStore


class Tiles:
    """The store's tiles: full ones are kept, since they never change and hold the upper levels of every
    proof; so are the few at the right edge of the sizes that are read most recently."""

    _KEPT = 1024
    _SIZES = 4

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._edges: OrderedDict[int, TilesAt] = OrderedDict()
        self._lock = Lock()

    def at(self, size: int) -> "TilesAt":
        """The tiles as proofs for that tree size need them."""
        with self._lock:
            tiles = self._edges.get(size)
            if tiles is None:
                tiles = self._edges[size] = TilesAt(self, size)
                if len(self._edges) > self._SIZES:
                    self._edges.popitem(last=False)
            return tiles

    def tile(self, level: int, index: int) -> bytes | None:
        with self._lock:
            tile = self._full.get((level, index))
            if tile is not None:
                self._full.move_to_end((level, index))
                return tile
        tile = self._store.tile(level, index)
        if tile is not None and len(tile) == TILE_WIDTH * HASH_SIZE:
            with self._lock:
                self._full[level, index] = tile
                if len(self._full) > self._KEPT:
                    self._full.popitem(last=False)
        return tile


class TilesAt:
    """The tiles at one integrated size: its right edge, at most one tile a level, is kept here."""

    def __init__(self, tiles: Tiles, size: int) -> None:
        self._tiles = tiles
        self._size = size
        self._edge: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes | None:
        tile = self._edge.get((level, index))
        if tile is None:
            tile = self._tiles.tile(level, index)
            # What a tile holds for this size is there for good; what comes after it is not asked for.
            # While derived data is rebuilt it may hold less, and is not kept.
            last, hashes = divmod(self._size >> (TILE_HEIGHT * level), TILE_WIDTH)
            if tile is not None and index == last and len(tile) >= hashes * HASH_SIZE:
                self._edge[level, index] = tile
        return tile

"""A chain in memory for tests of what a log makes of it: blocks, losses, and being away."""

from ledger.chain.port import AnchoredCheckpoint, Block, Mined
from ledger.errors import ChainRefused, ChainUnavailable


class FakeChain:
    """Blocks in memory; transactions wait until `mine`."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, list[AnchoredCheckpoint]]] = [("0x" + "00" * 32, [])]
        self.waiting: dict[str, AnchoredCheckpoint] = {}
        self.found: dict[str, Mined] = {}
        self.sent = 0
        self.mined = 0
        self.depth = 0
        self.away = False

    def _held(self) -> list[AnchoredCheckpoint]:
        if self.away:
            raise ChainUnavailable("away")
        return [anchored for _, block in self.blocks for anchored in block]

    def publish(self, log_id: bytes, size: int, root: bytes, index_root: bytes, note_hash: bytes) -> str:
        if any(anchored.size >= size for anchored in self._held()):
            raise ChainRefused("SizeNotGrowing")
        self.sent += 1
        tx = f"0x{self.sent:064x}"
        self.waiting[tx] = AnchoredCheckpoint(size, root, index_root, note_hash, 0)
        return tx

    def mine(self) -> None:
        number = len(self.blocks)
        self.mined += 1
        hash_ = f"0x{self.mined:064x}"
        block: list[AnchoredCheckpoint] = []
        self.blocks.append((hash_, block))
        for tx, new in sorted(self.waiting.items()):
            fits = all(anchored.size < new.size for anchored in self._held())
            self.found[tx] = Mined(tx, number, hash_, fits, 1)
            if fits:
                block.append(AnchoredCheckpoint(new.size, new.root, new.index_root, new.note_hash, number))
        self.waiting = {}

    def forget(self, blocks: int) -> None:
        """Back to an older state, and on from there with other blocks."""
        self.found = {tx: mined for tx, mined in self.found.items() if mined.block_number < blocks}
        self.blocks = self.blocks[:blocks]
        self.waiting = {}

    def replace(self, tx_hash: str) -> str | None:
        return tx_hash if tx_hash in self.waiting or tx_hash in self.found else None

    def receipt(self, tx_hash: str) -> Mined | None:
        self._held()
        return self.found.get(tx_hash)

    def checkpoint(self, log_id: bytes, size: int) -> AnchoredCheckpoint | None:
        return next((anchored for anchored in self._held() if anchored.size == size), None)

    def latest(self, log_id: bytes) -> AnchoredCheckpoint | None:
        return max(self._held(), key=lambda anchored: anchored.size, default=None)

    def find_transaction(self, log_id: bytes, size: int) -> str | None:
        held = self.checkpoint(log_id, size)
        for tx, mined in self.found.items():
            if held and mined.succeeded and mined.block_number == held.block_number:
                return tx
        return None

    def head(self) -> Block:
        return Block(len(self.blocks) - 1, self.blocks[-1][0], 0)

    def finalized(self) -> int:
        return len(self.blocks) - 1 - self.depth

    def block(self, number: int) -> Block | None:
        return Block(number, self.blocks[number][0], 0) if number < len(self.blocks) else None

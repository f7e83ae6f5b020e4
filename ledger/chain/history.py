"""The registry's history from a node: exactly the blocks in which it made records are asked for."""

from typing import Any, Protocol

from ledger.chain.artifact import CONSORTIUM
from ledger.chain.nodes import NodeUnreachable
from ledger.chain.port import Block
from ledger.chain.registry import text_of
from ledger.formats.history import ACTIONS, HistoryRecord

PAGE = 1_000
"""Records whose blocks are asked for at once."""


class HistoryNode(Protocol):
    """What is needed of a node."""

    def contract(self, name: str, address: str | None = None) -> Any: ...

    def block(self, which: Any) -> Block: ...


def read_history(node: HistoryNode, consortium: str, start: int) -> tuple[list[HistoryRecord], bytes, Block]:
    """Records from number `start` on, the head over all, and the block as of which they are all.

    A node that has the contract's state but not all its events counts as unreachable, so that another one
    is asked.
    """
    contract = node.contract(CONSORTIUM, consortium)
    at = node.block("latest")

    def view(name: str, *arguments: int) -> Any:
        return contract.functions[name](*arguments).call(block_identifier=at.number)

    length, head = int(view("historyLength")), bytes(view("historyHead"))
    records: list[HistoryRecord] = []
    for page in range(start, length, PAGE):
        for number in sorted(set(view("historyBlocks", page, PAGE))):
            events = contract.events.Recorded.get_logs(from_block=number, to_block=number)
            for event in sorted(events, key=lambda each: int(each["args"]["sequence"])):
                if event["args"]["sequence"] == start + len(records):
                    records.append(_record(event))
    if start + len(records) != length:
        raise NodeUnreachable("the node lacks events of the consortium registry")
    return records, head, at


def record_transaction(node: HistoryNode, consortium: str, sequence: int, number: int) -> str:
    """The hash of the transaction that made a record in a block."""
    contract = node.contract(CONSORTIUM, consortium)
    found = contract.events.Recorded.get_logs(
        from_block=number, to_block=number, argument_filters={"sequence": sequence}
    )
    if not found:
        raise NodeUnreachable("the node lacks events of the consortium registry")
    return "0x" + bytes(found[0]["transactionHash"]).hex()


def _record(event: Any) -> HistoryRecord:
    told = event["args"]
    return HistoryRecord(
        block=event["blockNumber"],
        time=told["time"],
        action=ACTIONS[told["action"]],
        member=text_of(told["member"]),
        proposal=told["proposalId"],
        content=bytes(told["content"]),
    )

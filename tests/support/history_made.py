"""A small history of a consortium, made without a chain: two members, one proposal of each fate."""

from eth_abi.abi import encode

from ledger.chain.artifact import _functions
from ledger.chain.changes import Change, add_key, add_member, define_log, set_name, set_thresholds
from ledger.formats.history import History, HistoryRecord, head_of
from ledger.formats.registry import Thresholds
from ledger.formats.trust import Exported

A, B = "113501000099000133", "12350100009900021T"
ORIGIN = "yunling.example/credit"
CHAIN_ID, CONSORTIUM, REGISTRY = 4242, "0x" + "11" * 20, "0x" + "22" * 20
_POINTS = (
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
)
"""The generator of the SM2 curve (GB/T 32918.5), which nobody signs with."""


def call_of(change: Change) -> bytes:
    """A change as the contract is called with it."""
    selector, inputs = next((s, i) for s, (name, i) in _functions().items() if name == change.function)
    return selector + encode([kind for _, kind in inputs], change.arguments)


def made_history(now: int, records: int | None = None) -> History:
    """The history as of `now` (seconds), or its first records."""
    founding = [
        add_member(A, "甲", ["0x" + "0a" * 20], ["operator"]),
        add_key(A, bytes.fromhex(_POINTS[0]), 1),
        add_member(B, "乙", ["0x" + "0b" * 20], ["officer"]),
        set_thresholds(Thresholds(2, 2, 1)),
    ]

    def proposed(*changes: Change, expires: int) -> bytes:
        return encode(["bytes[]", "uint64"], [[call_of(change) for change in changes], expires])

    start, later = max(now - 1000, 0), now + 1000
    made = [
        HistoryRecord(1, start, "founded", "", 0, encode(["bytes[]"], [[call_of(c) for c in founding]])),
        HistoryRecord(
            2, start, "proposed", A, 0, proposed(define_log(ORIGIN, A, ["subject"]), expires=later)
        ),
        HistoryRecord(3, start, "approved", B, 0, b""),
        HistoryRecord(3, start, "executed", B, 0, b""),
        HistoryRecord(4, start, "proposed", B, 1, proposed(set_name(A, "甲市"), expires=later)),
        HistoryRecord(5, start, "proposed", A, 2, proposed(set_name(B, "乙市"), expires=start + 1)),
    ][:records]
    head = head_of(CHAIN_ID, CONSORTIUM, made)
    return History(Exported((now + 1) * 1000, CHAIN_ID, 9), CONSORTIUM, REGISTRY, head, tuple(made))

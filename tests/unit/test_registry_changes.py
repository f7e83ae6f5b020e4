"""The registry's changes done again offline: in time that grows as the history does."""

import sys
from types import FrameType
from typing import Any

import pytest
from eth_abi.abi import encode
from history_made import CHAIN_ID, CONSORTIUM, ORIGIN, REGISTRY, A, call_of

from ledger.chain.changes import (
    Change,
    add_account,
    add_key,
    add_log_key,
    add_member,
    define_log,
    remove_account,
    set_thresholds,
)
from ledger.formats.history import History, HistoryRecord, head_of
from ledger.formats.registry import Thresholds
from ledger.formats.trust import Exported
from ledger.gm import curve
from ledger.verify.governance import replay


def points(count: int) -> list[bytes]:
    """2 G, 3 G, ...: public keys that nobody signs with."""
    found, last = [], (*curve.G, curve.number(1))
    for _ in range(count):
        last = curve.add_affine(last, curve.G)
        affine = curve.to_affine(last)
        assert affine is not None
        found.append(b"".join(int(each).to_bytes(32, "big") for each in affine))
    return found


def history_of(*decided: Change) -> History:
    """One member that decides alone, each change a proposal of its own."""
    founding = [add_member(A, "甲", ["0x" + "0a" * 20], ["operator"]), set_thresholds(Thresholds.same(1))]
    made = [
        HistoryRecord(1, 1, "founded", "", 0, encode(["bytes[]"], [[call_of(each) for each in founding]]))
    ]
    for number, change in enumerate([define_log(ORIGIN, A, ["subject"]), *decided]):
        proposed = encode(["bytes[]", "uint64"], [[call_of(change)], 100])
        made.append(HistoryRecord(2, 2, "proposed", A, number, proposed))
        made.append(HistoryRecord(2, 2, "executed", A, number, b""))
    head = head_of(CHAIN_ID, CONSORTIUM, made)
    return History(Exported(3000, CHAIN_ID, 3), CONSORTIUM, REGISTRY, head, tuple(made))


def steps_of(history: History) -> int:
    """How many lines of Python a replay executes."""
    steps = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        replay(history)
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize(
    "change",
    [
        lambda number, point: add_key(A, point, 1),
        lambda number, point: add_log_key(ORIGIN, point, 1),
        lambda number, point: add_account(A, f"0x{number + 1:040x}"),
    ],
    ids=["keys", "log keys", "accounts"],
)
def test_a_record_late_in_a_long_history_takes_no_more_steps_than_an_early_one(change: Any) -> None:
    all_points = points(600)
    short, long = (history_of(*map(change, range(n), all_points)) for n in (300, 600))
    assert steps_of(long) < 2.1 * steps_of(short)


def test_the_last_account_takes_the_place_of_one_that_goes() -> None:
    first, second, third = (f"0x{number:040x}" for number in (1, 2, 3))
    gone = (remove_account("0x" + "0a" * 20), remove_account(third), remove_account(second))
    added = [add_account(A, each) for each in (first, second, third)]
    for count, left in ((1, (third, first, second)), (2, (second, first)), (3, (first,))):
        (member,) = replay(history_of(*added, *gone[:count])).registry.members()
        assert member.accounts == left

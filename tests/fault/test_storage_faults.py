"""System calls of the write path that fail or never come: a sample of what `storage_faults.py` does whole.

`XINZHENG_STORAGE_FAULTS` says how many are put (a few unless told); `python tests/support/storage_faults.py`
goes through all of them.
"""

import os
from pathlib import Path

import pytest
from storage_faults import CALLS, FAULTS, ROLES, Case, cases, strace_missing, strike, sweep

FAULTS_PUT = int(os.environ.get("XINZHENG_STORAGE_FAULTS", "10"))


@pytest.fixture(scope="module", autouse=True)
def can_be_injected() -> None:
    reason = strace_missing()
    if reason is not None:
        pytest.skip(reason)


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_whichever_call_fails(tmp_path: Path) -> None:
    tally = sweep(tmp_path, most=FAULTS_PUT)
    assert tally.wrong == []
    assert tally.lost == 0
    assert tally.faults == FAULTS_PUT
    assert tally.killed > 0
    assert tally.acknowledged > 0, "a sweep in which nothing is acknowledged shows nothing"


def test_the_cases_are_every_call_of_every_process() -> None:
    counts = {role: {"pwrite64": 7, "fdatasync": 2} for role in ROLES}
    every = list(cases(counts))
    assert len(every) == len(set(every)) == len(ROLES) * len(FAULTS) * 9
    some = list(cases(counts, 3))
    assert set(some) < set(every)
    assert {(case.role, case.call, case.fault) for case in some} == {
        (case.role, case.call, case.fault) for case in every
    }
    assert {case.call for case in every} <= set(CALLS)


@pytest.mark.timeout(900)
def test_a_loss_would_be_noticed(tmp_path: Path) -> None:
    """The judge itself: an acknowledgement of an entry that is not there counts as lost."""
    from storage_faults import Tally, make_base

    base, tally = make_base(tmp_path), Tally()
    (base / "acknowledged").write_bytes(b"9999 " + b"00" * 32 + b"\n3 " + b"11" * 32 + b"\n")
    strike(tmp_path, base, Case("append", "pwrite64", 1, "kill"), tally)
    assert tally.lost == 2

"""The committed gas table is what the contracts cost, and keeps the budgets."""

import json

import pytest

from scripts.gas_table import BUDGETS, TABLE, measure


def test_the_table_keeps_every_budget() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    assert {name: table[name] for name, budget in BUDGETS.items() if table[name] > budget} == {}


@pytest.mark.chain
@pytest.mark.timeout(900)
def test_the_table_is_what_is_measured() -> None:
    assert measure() == json.loads(TABLE.read_text("utf-8")), "run scripts/measure_gas"

"""Whose a key is must be plain from the trust file; and what the verifier may import."""

import doctest
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import TrustUnusable
from ledger.formats.trust import parse_trust

CREDIT, ACCESS = "suzhou.example/credit", "suzhou.example/access"


@pytest.fixture
def trust(shared_data: Path) -> Any:
    return json.loads((shared_data / "conformance" / "trust.json").read_bytes())


def _twice_in_a_member(trust: Any) -> None:
    trust["members"][0]["keys"].append(trust["members"][0]["keys"][0])


def _twice_in_a_log(trust: Any) -> None:
    trust["logs"][CREDIT]["keys"].append(trust["logs"][CREDIT]["keys"][0])


def _twice_among_witnesses(trust: Any) -> None:
    keys = trust["logs"][CREDIT]["witnesses"]["keys"]
    keys.append({**keys[0], "until": "2027-01-01T00:00:00Z"})


def _index_name_twice(trust: Any) -> None:
    trust["logs"][CREDIT]["indexes"].append("subject")


def _index_name_with_nul(trust: Any) -> None:
    trust["logs"][CREDIT]["indexes"].append("sub\0ject")


def _epochs_zero(trust: Any) -> None:
    trust["logs"][CREDIT]["epochs"] = 0


def _witnesses_null(trust: Any) -> None:
    trust["logs"][CREDIT]["witnesses"] = None


def _role_for_no_kind(trust: Any) -> None:
    trust["logs"][CREDIT]["roles"] = {"credit": "publisher:credit"}


@pytest.mark.parametrize(
    "change",
    [
        _twice_in_a_member,
        _twice_in_a_log,
        _twice_among_witnesses,
        _index_name_twice,
        _index_name_with_nul,
        _epochs_zero,
        _witnesses_null,
        _role_for_no_kind,
    ],
)
def test_an_ambiguous_or_malformed_trust_file_is_unusable(trust: Any, change: Callable[[Any], None]) -> None:
    parse_trust(json.dumps(trust).encode())
    change(trust)
    with pytest.raises(TrustUnusable):
        parse_trust(json.dumps(trust).encode())


def test_one_witness_key_may_serve_several_logs(trust: Any) -> None:
    parsed = parse_trust(json.dumps(trust).encode())
    first, second = (parsed.logs[origin].witnesses for origin in (CREDIT, ACCESS))
    assert first is not None
    assert second is not None
    assert first.keys[0] == second.keys[0]


def test_the_offline_verifier_loads_no_server_chain_or_database() -> None:
    heavy = (
        "{'flask', 'web3', 'sqlite3', 'sqlite_utils', 'pydantic', 'requests', 'ledger.log', 'ledger.store'}"
    )
    code = f"import sys, ledger.verify.command; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["ledger.merkle.tree", "ledger.formats.strictjson", "ledger.formats.times"])
def test_documented_examples_are_true(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0

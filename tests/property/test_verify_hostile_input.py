"""Whatever is done to a good bundle or trust file, the verifier answers or says that it is unusable."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InputError
from ledger.formats.times import parse_time
from ledger.verify import VERDICTS, Question, verify_bundle

NOW = parse_time("2026-11-22T09:00:00Z")
NAMES = (
    "complete-all-shown",
    "sealed-disclosed",
    "finality-witnessed",
    "after-second-page",
    "none-other-key",
)


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "conformance"


def _answer(bundle: bytes, trust: bytes) -> None:
    try:
        report = verify_bundle(bundle, trust, Question(NOW))
    except InputError:
        return
    answer = report.as_json()
    json.dumps(answer)
    assert set(answer["verdicts"]) <= set(VERDICTS)
    assert answer["exit"] in (0, 1)


def _mutated(data: bytes, random_: random.Random) -> bytes:
    """Bytes with something flipped, cut, repeated or put in."""
    at = random_.randrange(len(data))
    to = min(len(data), at + random_.randrange(1, 40))
    return random_.choice(
        [
            data[:at] + bytes([random_.randrange(256)]) + data[at + 1 :],
            data[:at] + data[to:],
            data[:to] + data[at:],
            data[:at]
            + random_.choice([b"null", b"-1", b"{}", b"[]", b'""', b"1e9", b'"\\ud800"'])
            + data[at:],
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_random_bytes_changed_in_bundle_or_trust_file(folder: Path, name: str) -> None:
    bundle = (folder / "valid" / f"{name}.json").read_bytes()
    trust = (folder / "trust.json").read_bytes()
    random_ = random.Random(name)
    for _ in range(60):
        _answer(_mutated(bundle, random_), trust)
        _answer(bundle, _mutated(trust, random_))


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**53 - 1,
    2**63,
    "",
    "x",
    "ab" * 32,
    "0x" + "ab" * 32,
    [],
    {},
    [[]],
    {"a": 1},
]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        inner += _paths(item, (*path, key))
    return inner


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_any_value_replaced_by_an_odd_one(folder: Path, name: str) -> None:
    bundle = json.loads((folder / "valid" / f"{name}.json").read_bytes())
    trust = (folder / "trust.json").read_bytes()
    random_ = random.Random(name)
    for path in random_.sample(_paths(bundle), min(40, len(_paths(bundle)))):
        for odd in random_.sample(ODD, 4):
            _answer(json.dumps(_replaced(bundle, path, odd)).encode(), trust)


@given(st.binary(max_size=64), st.binary(max_size=64))
@settings(max_examples=100)
def test_bytes_that_are_no_bundle_are_unusable(bundle: bytes, trust: bytes) -> None:
    with pytest.raises(InputError):
        verify_bundle(bundle, trust, Question(NOW))

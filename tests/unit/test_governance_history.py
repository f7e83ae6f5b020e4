"""Keeping the registry's history beside a deployment: continued, read anew where it does not fit, refused."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from history_made import CHAIN_ID, CONSORTIUM, REGISTRY, made_history

from ledger.chain.port import Block, ChainDeployment
from ledger.deployment.governance import FILE, GovernanceReader, read_history, sync_history
from ledger.errors import ChainUnavailable, HistoryRefused, NotFound
from ledger.files import replace_file
from ledger.formats.abi import decode
from ledger.formats.history import History, format_history, parse_history

NOW = 1_795_334_400


@dataclass
class Registry:
    """The registry as one node tells it; `asked` are the record numbers that reading began with."""

    history: History
    consortium: str = CONSORTIUM
    away: bool = False

    def __post_init__(self) -> None:
        self.asked: list[int] = []

    @property
    def deployment(self) -> ChainDeployment:
        return ChainDeployment(CHAIN_ID, "0x" + "00" * 32, self.consortium, REGISTRY, 1)

    def history_from(self, start: int) -> Any:
        if self.away:
            raise ChainUnavailable("away")
        self.asked.append(start)
        at = Block(self.history.exported.block, "0x", self.history.exported.at // 1000)
        return list(self.history.records[start:]), self.history.head, at


class Port:
    """`RegistryPort`, as far as the history goes."""

    def __init__(self, registry: Registry) -> None:
        self.deployment = registry.deployment
        self.history = registry.history_from


def read(registry: Registry, known: History | None = None) -> History:
    return read_history(Port(registry), known)  # type: ignore[arg-type]


def test_what_is_known_is_continued() -> None:
    registry = Registry(made_history(NOW))
    assert read(registry, made_history(NOW, records=4)) == registry.history
    assert registry.asked == [4]


def test_a_history_of_another_registry_or_of_a_chain_set_back_is_read_anew() -> None:
    registry = Registry(made_history(NOW))
    other = replace(made_history(NOW), consortium="0x" + "33" * 20)
    assert read(registry, other) == registry.history
    assert registry.asked == [0]
    back = Registry(made_history(NOW, records=3))
    assert read(back, made_history(NOW)) == back.history
    assert back.asked == [6, 0]


def test_a_node_whose_records_do_not_hold_is_refused() -> None:
    good = made_history(NOW)
    bent = replace(good, records=good.records[:2] + good.records[3:])
    with pytest.raises(HistoryRefused):
        read(Registry(bent))


def test_only_what_holds_is_kept_and_what_is_wrong_keeps_nobody_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @dataclass
    class Place:
        folder: Path

    def sync(registry: Registry) -> None:
        sync_history(Place(tmp_path), Port(registry))  # type: ignore[arg-type]

    reader = GovernanceReader(tmp_path)
    with pytest.raises(NotFound):
        reader.read()
    sync(Registry(made_history(NOW, records=4)))
    assert len(reader.read().history.records) == 4
    good = made_history(NOW)
    sync(Registry(replace(good, records=good.records[:2] + good.records[3:])))
    assert "does not hold" in caplog.text
    sync(Registry(good, away=True))
    assert len(reader.read().history.records) == 4
    sync(Registry(good))
    assert reader.read().history == good
    replace_file(tmp_path / FILE, b"torn")
    sync(Registry(good))
    assert parse_history((tmp_path / FILE).read_bytes()) == good
    assert reader.read().history == good


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("uint32", b"\0" * 27 + b"\1" + b"\0" * 4),
        ("bool", b"\0" * 31 + b"\2"),
        ("bytes18", b"\1" * 19 + b"\0" * 13),
        ("address", b"\1" * 32),
        ("bytes", b"\xff" * 32),
        ("bytes", (32).to_bytes(32, "big") + (5).to_bytes(32, "big") + b"1234"),
        ("uint64[]", (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"\0" * 32),
        ("uint64", b"\0" * 31),
        ("bytes[]", b"".join(n.to_bytes(32, "big") for n in (32, 3, 96, 96, 96, 128)) + b"\1" * 128),
        ("int8", b"\0" * 32),
    ],
)
def test_what_a_contract_would_not_decode_is_unusable(kind: str, data: bytes) -> None:
    from ledger.errors import HistoryUnusable

    with pytest.raises(HistoryUnusable):
        decode((kind,), data)


def test_encoded_values_are_read_as_the_chain_s_own_decoder_reads_them() -> None:
    from eth_abi.abi import encode

    types = (
        "bytes18",
        "string",
        "address[]",
        "bytes32[]",
        "bytes[]",
        "uint64",
        "bool",
        "(uint32,uint32,uint32)",
    )
    values = [
        b"113501000099000133",
        "云岭市",
        ["0x" + "0a" * 20, "0x" + "0b" * 20],
        [b"r" * 32],
        [b"", b"x" * 33, b"y"],
        2**64 - 1,
        True,
        (1, 2, 3),
    ]
    assert decode(types, encode(types, values)) == values


def test_the_file_is_read_as_it_was_written() -> None:
    history = made_history(NOW)
    assert parse_history(format_history(history)) == history

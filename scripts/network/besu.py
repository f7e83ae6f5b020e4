"""Validators that are Hyperledger Besu nodes with QBFT."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rlp

from scripts.network.engine import Validator
from scripts.network.rpc import call

# "practical byzantine fault tolerance", as every Istanbul chain writes into its headers.
ISTANBUL_DIGEST = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
_VANITY = bytes(32)


class Besu:
    """Runs `binary`, the `besu` command."""

    name = "besu-qbft"

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def genesis(self, chain_id: int, addresses: Sequence[str], now: int) -> dict[str, Any]:
        return qbft_genesis(chain_id, addresses, now)

    def prepare(self, validator: Validator, peers: Sequence[Validator], genesis: Path) -> None:
        data = validator.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        others = [_enode(peer) for peer in peers if peer.index != validator.index]
        (data / "static-nodes.json").write_text(json.dumps(others, indent=1), encoding="utf-8")
        (data / "genesis.json").write_bytes(genesis.read_bytes())

    def command(self, validator: Validator, peers: Sequence[Validator], chain_id: int) -> list[str]:
        data = validator.folder / "data"
        options = {
            "data-path": data,
            "genesis-file": data / "genesis.json",
            "node-private-key-file": validator.folder / "nodekey",
            "static-nodes-file": data / "static-nodes.json",
            "network-id": chain_id,
            "p2p-host": validator.host,
            "p2p-interface": validator.host,
            "p2p-port": validator.p2p,
            "rpc-http-host": validator.host,
            "rpc-http-port": validator.rpc,
            "rpc-http-api": "ETH,NET,WEB3,QBFT,DEBUG,TXPOOL,ADMIN",
            "host-allowlist": "*",
            "min-gas-price": 0,
            "sync-mode": "FULL",
            "sync-min-peers": 1,
            "data-storage-format": "FOREST",
            "discovery-enabled": "false",
        }
        return [
            str(self._binary),
            "--rpc-http-enabled",
            *(f"--{name}={value}" for name, value in options.items()),
        ]

    def reconnect(self, caller: Validator, called: Validator) -> None:
        call(caller.url, "admin_addPeer", _enode(called))

    def environment(self) -> dict[str, str]:
        return {"JAVA_OPTS": "-Xmx512m"}


def qbft_genesis(chain_id: int, addresses: Sequence[str], now: int, period: int = 1) -> dict[str, Any]:
    """A QBFT chain with free gas and the rules of Shanghai from its first block on; `period` in seconds."""
    qbft = {"blockperiodseconds": period, "epochlength": 30_000, "requesttimeoutseconds": 2 * period}
    return {
        "config": {
            "chainId": chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "shanghaiTime": 0,
            "zeroBaseFee": True,
            "contractSizeLimit": 24_576,
            "qbft": qbft,
        },
        "nonce": "0x0",
        "timestamp": hex(now),
        "gasLimit": "0x1fffffffffffff",
        "difficulty": "0x1",
        "mixHash": ISTANBUL_DIGEST,
        "coinbase": "0x" + "00" * 20,
        "extraData": qbft_extra_data(addresses),
        "alloc": {},
    }


def qbft_extra_data(addresses: Sequence[str]) -> str:
    """RLP of [32 bytes of vanity, validators, no vote, round 0, no seals]."""
    validators = [bytes.fromhex(address[2:]) for address in addresses]
    encoded: bytes = rlp.encode([_VANITY, validators, [], b"", []])
    return "0x" + encoded.hex()


def _enode(peer: Validator) -> str:
    return f"enode://{peer.public}@{peer.host}:{peer.p2p}"

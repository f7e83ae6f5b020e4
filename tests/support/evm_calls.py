"""Many calls of a contract's views at once: one JSON-RPC batch over HTTP for a few hundred of them."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ledger.chain.artifact import _type, artifact

BATCH = 250
# Verifying on the slow path, or the root of a deep proof, beyond any node's default.
GAS = 50_000_000


def call_data(contract: str, function: str, *arguments: Any) -> bytes:
    """The calldata of a function of a contract whose artifact is committed."""
    (item,) = [i for i in artifact(contract).abi if i["type"] == "function" and i["name"] == function]
    types = [_type(argument) for argument in item["inputs"]]
    selector = keccak(text=f"{function}({','.join(types)})")[:4]
    return bytes(selector) + bytes(encode(types, list(arguments)))


def call_many(url: str, address: str, calls: Sequence[bytes]) -> Iterator[bytes]:
    """What each call returns, in order; a revert raises `AssertionError`."""
    for start in range(0, len(calls), BATCH):
        batch = [
            {
                "jsonrpc": "2.0",
                "id": i,
                "method": "eth_call",
                "params": [{"to": address, "data": "0x" + data.hex(), "gas": hex(GAS)}, "latest"],
            }
            for i, data in enumerate(calls[start : start + BATCH])
        ]
        request = urllib.request.Request(
            url, json.dumps(batch).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=900) as response:
            answers = {answer["id"]: answer for answer in json.load(response)}
        for i in range(len(batch)):
            assert "result" in answers[i], answers[i]
            yield bytes.fromhex(answers[i]["result"][2:])


def verdicts(url: str, address: str, calls: Sequence[bytes]) -> list[bool]:
    """Of calls that return one bool each."""
    return [bool(int.from_bytes(word, "big")) for word in call_many(url, address, calls)]

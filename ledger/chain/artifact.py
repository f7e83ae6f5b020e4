"""The committed artifacts: ABI, bytecode, and what a contract means by the bytes of a revert."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

CONSORTIUM = "ConsortiumRegistry"
CHECKPOINTS = "CheckpointRegistry"
# Solidity's own `Error(string)`: a `require` with a message.
_ERROR_STRING = bytes.fromhex("08c379a0")


@dataclass(frozen=True, slots=True)
class Artifact:
    name: str
    abi: list[dict[str, Any]]
    bytecode: str


@cache
def artifact(name: str) -> Artifact:
    content = json.loads((files("ledger.chain") / "artifacts" / f"{name}.json").read_text("utf-8"))
    return Artifact(name, content["abi"], content["bytecode"])


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    known = {}
    for name in (CONSORTIUM, CHECKPOINTS):
        for item in artifact(name).abi:
            if item["type"] == "error":
                types = tuple(argument["type"] for argument in item["inputs"])
                selector = keccak(text=f"{item['name']}({','.join(types)})")[:4]
                known[selector] = (item["name"], types)
    return known


def decode_revert(data: bytes) -> tuple[str, str]:
    """(the error's name, a sentence with its arguments) of the bytes that a contract reverted with."""
    selector, arguments = data[:4], data[4:]
    try:
        if selector == _ERROR_STRING:
            return "Error", str(decode(["string"], arguments)[0])
        name, types = _errors()[selector]
        values = [f"0x{v.hex()}" if isinstance(v, bytes) else str(v) for v in decode(types, arguments)]
    except (KeyError, DecodingError):
        return "", f"reverted with 0x{selector.hex()}" if data else "reverted without a reason"
    return name, f"{name}({', '.join(values)})"

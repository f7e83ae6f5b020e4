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
SM2 = "SM2"
SM2_DEPLOYMENT = "SM2Deployment"
EVIDENCE = "EvidenceVerifier"
DISPUTES = "DisputeRegistry"
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
    for name in (CONSORTIUM, CHECKPOINTS, SM2, EVIDENCE, DISPUTES):
        for item in artifact(name).abi:
            if item["type"] == "error":
                types = tuple(argument["type"] for argument in item["inputs"])
                selector = keccak(text=f"{item['name']}({','.join(types)})")[:4]
                known[selector] = (item["name"], types)
    return known


def _type(argument: dict[str, Any]) -> str:
    """A type as selectors are made from it: a struct is the tuple of its members."""
    if "components" not in argument:
        return str(argument["type"])
    inner = ",".join(_type(each) for each in argument["components"])
    return f"({inner}){argument['type'].removeprefix('tuple')}"


@cache
def _functions() -> dict[bytes, tuple[str, tuple[tuple[str, str], ...]]]:
    known = {}
    for item in artifact(CONSORTIUM).abi:
        if item["type"] == "function":
            inputs = tuple((argument["name"], _type(argument)) for argument in item["inputs"])
            selector = keccak(text=f"{item['name']}({','.join(kind for _, kind in inputs)})")[:4]
            known[selector] = (item["name"], inputs)
    return known


# A number that is no length, and a text that is no UTF-8, are not `DecodingError` to the decoder.
_UNREADABLE = (KeyError, DecodingError, UnicodeDecodeError, OverflowError)


def describe_call(call: bytes) -> str:
    """A proposed change as text, for the person who is to approve it: `setEpochs(logId=0x.., epochs=2)`.

    Ids, roles and index names are shown as the text that they are, lists and structs in brackets; times are
    seconds since 1970.
    """
    try:
        name, inputs = _functions()[call[:4]]
        values = decode([kind for _, kind in inputs], call[4:])
    except _UNREADABLE:
        return f"unknown change 0x{call.hex()}"
    told = (f"{argument}={_shown(value)}" for (argument, _), value in zip(inputs, values, strict=True))
    return f"{name}({', '.join(told)})"


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_shown(each) for each in value)}]"
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        is_text = bool(text) and text.isascii() and text.decode("ascii").isprintable()
        return text.decode("ascii") if is_text else f"0x{value.hex()}"
    # A name is whatever its proposer wrote: nothing in it may move the reader's terminal.
    return "".join(each if each.isprintable() else "?" for each in str(value))


def decode_revert(data: bytes) -> tuple[str, str]:
    """(the error's name, a sentence with its arguments) of the bytes that a contract reverted with."""
    selector, arguments = data[:4], data[4:]
    try:
        if selector == _ERROR_STRING:
            return "Error", str(decode(["string"], arguments)[0])
        name, types = _errors()[selector]
        values = [_shown(value) for value in decode(types, arguments)]
    except _UNREADABLE:
        return "", f"reverted with 0x{selector.hex()}" if data else "reverted without a reason"
    return name, f"{name}({', '.join(values)})"

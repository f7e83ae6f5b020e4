"""The committed ABI and bytecode are what the sources compile to, and what the chain then runs."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.artifact import (
    CHECKPOINTS,
    CONSORTIUM,
    DISPUTES,
    EVIDENCE,
    SM2,
    SM2_DEPLOYMENT,
    artifact,
    decode_revert,
    describe_call,
)

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "ledger" / "chain" / "artifacts"


@pytest.mark.chain
def test_the_artifacts_are_what_the_sources_compile_to() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "compile_contracts"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [CONSORTIUM, CHECKPOINTS, SM2, SM2_DEPLOYMENT, EVIDENCE, DISPUTES])
def test_an_artifact_was_made_from_the_sources_that_are_there(name: str) -> None:
    content = json.loads((ARTIFACTS / f"{name}.json").read_text("utf-8"))
    for source, digest in content["sources_sha256"].items():
        assert hashlib.sha256((ROOT / "contracts" / source).read_bytes()).hexdigest() == digest, source
    pinned = json.loads((ROOT / "contracts" / "package.json").read_text("utf-8"))["dependencies"]["solc"]
    assert content["compiler"].startswith(f"{pinned}+")
    assert f"pragma solidity {pinned};" in (ROOT / "contracts" / content["source"]).read_text("utf-8")
    assert content["settings"]["evmVersion"] == "london"
    assert content["deployed_size"] <= 24_576


@pytest.mark.chain
def test_the_chain_runs_the_committed_code(consortium: Any) -> None:
    node = consortium.chains[0]._nodes._nodes[0]
    code = node.web3.eth.get_code(node.contract(CONSORTIUM, consortium.deployment.consortium).address)
    content = json.loads((ARTIFACTS / f"{CONSORTIUM}.json").read_text("utf-8"))
    assert hashlib.sha256(code).hexdigest() == content["deployed_sha256"]


def test_every_error_of_the_contracts_is_decoded_by_name() -> None:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    zeros = {"bytes32": bytes(32), "bytes18": bytes(18), "address": "0x" + "00" * 20, "string": "s"}
    seen = set()
    for name in (CONSORTIUM, CHECKPOINTS, SM2, EVIDENCE, DISPUTES):
        for item in artifact(name).abi:
            if item["type"] == "error":
                types = [i["type"] for i in item["inputs"]]
                selector = keccak(text=f"{item['name']}({','.join(types)})")[:4]
                data = selector + encode(types, [zeros.get(t, 7) for t in types])
                reason, sentence = decode_revert(data)
                assert reason == item["name"]
                assert sentence.startswith(f"{reason}(")
                seen.add(reason)
    assert {"SizeNotGrowing", "NotOperator", "BelowThreshold", "OnlyByProposal"} <= seen


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xde\xad\xbe\xef", b"\xde\xad\xbe\xef" + bytes(64)])
def test_a_revert_of_no_known_error_has_no_name(data: bytes) -> None:
    assert decode_revert(data)[0] == ""


def test_a_truncated_error_has_no_name() -> None:
    from eth_utils.crypto import keccak

    assert decode_revert(keccak(text="SizeNotGrowing(uint64,uint64)")[:4] + bytes(33))[0] == ""


NOT_UTF_8 = (32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"\xff\xfe\xfd\xfc" + bytes(28)
BEYOND_ALL_LENGTHS = (2**63).to_bytes(32, "big") * 3


@pytest.mark.parametrize("arguments", [NOT_UTF_8, BEYOND_ALL_LENGTHS], ids=["not UTF-8", "no length"])
def test_what_no_decoder_can_read_is_neither_an_error_nor_a_change_by_name(arguments: bytes) -> None:
    from eth_utils.crypto import keccak

    assert decode_revert(keccak(text="Error(string)")[:4] + arguments)[0] == ""
    call = keccak(text="setName(bytes18,string)")[:4] + b"1" * 18 + bytes(14)
    offset = (64).to_bytes(32, "big") if arguments is NOT_UTF_8 else b""
    assert describe_call(call + offset + arguments[32:]).startswith("unknown change 0x")

"""On a node that was there before: deployed, anchored, final; and the chain holds nothing personal."""

import gzip
import hashlib
import json
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.embedded import EmbeddedChain
from ledger.client import Client
from ledger.gm import sm3
from scripts.samples import World, credit_sheets
from scripts.samples.writing import sheet_bytes

pytestmark = pytest.mark.chain
OPERATOR = "11990100MB0000019L"
CREDIT_ROLES = ("--role", "operator", "--role", "publisher:access", "--role", "publisher:credit")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """The consortium's node: to the deployment nothing but an address."""
    existing = EmbeddedChain(tmp_path / "existing")
    existing.start()
    yield existing
    existing.stop(save=False)


def rpc(url: str, method: str, *parameters: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        return json.load(response)["result"]


def test_an_existing_chain_anchors_and_learns_no_number(
    place: Any, node: EmbeddedChain, tmp_path: Path
) -> None:
    place.init("--chain", "external", "--rpc", "http://127.0.0.1:1", "--rpc", node.url)
    assert place.run("chain", "start").status == 2
    place.ok("deploy", *CREDIT_ROLES)
    again = place.run("deploy")
    assert (again.status, "already" in again.err) == (2, True)
    place.start("worker")
    place.start("serve")
    place.await_ready()

    world = World(7, date.today(), organisations=40, people=30)
    sheet = credit_sheets(world, penalties=120, licences=60, listed=(0, 0, 0))
    numbers = set()
    for each in sheet[:2]:
        path = tmp_path / each.name
        path.write_bytes(sheet_bytes(each))
        report = place.run("import", str(path), "--json").document
        assert report["accepted"] > 30
        text = json.dumps([[str(cell) for cell in row] for row in each.rows])
        numbers |= {person.number for person in world.people if person.number in text}
    assert len(numbers) > 5
    looked = min(numbers)
    reason = ("--operator", "desk-1", "--purpose", "审批", "--basis", "行政许可法")
    with Client(place.url) as client:
        place.until(lambda: client.ready()["logs"]["yunling.example/credit"].get("final", 0) > 180)
        lawful = (*reason, "--basis-code", "statutory-duty")
        asked = place.run("check", "--person", "--matter", "政府采购", *lawful, "--json", stdin=f"{looked}\n")
        assert asked.status in (0, 1), asked.err
        place.until(lambda: client.ready()["logs"]["yunling.example/access"].get("final", 0) > 0)

    calldata = [
        transaction["input"]
        for number in range(int(rpc(node.url, "eth_blockNumber"), 16) + 1)
        for transaction in rpc(node.url, "eth_getBlockByNumber", hex(number), True)["transactions"]
    ]
    assert len(calldata) > 4
    dumped = gzip.decompress(bytes.fromhex(rpc(node.url, "anvil_dumpState", True)[2:]))
    held = b"\n".join([dumped.lower(), *(data.lower().encode() for data in calldata)])
    raw = b"\n".join(bytes.fromhex(data[2:]) for data in calldata)
    # The search finds what is there: the operator's code stands in both forms.
    assert OPERATOR.encode().hex().encode() in held
    assert OPERATOR.encode() in raw
    for number in numbers:
        for form in forms(number):
            assert form not in raw
            assert form.lower() not in held
            assert form.hex().encode() not in held
    assert place.ok("audit", "--chain", "--json").document["clean"]


def forms(number: str) -> Iterator[bytes]:
    """A number, its digits, and its plain hashes, as bytes and as hex."""
    yield from (number.encode(), number[:17].encode(), bytes.fromhex(number[:16]))
    for digest in (
        sm3(number.encode()),
        *(hashlib.new(name, number.encode()).digest() for name in ("sha256", "sha1", "md5")),
    ):
        yield digest
        yield digest.hex().encode()

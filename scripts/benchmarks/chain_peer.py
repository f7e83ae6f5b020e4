"""The peer of appending: one transaction per record on the embedded chain, as ledgers on a chain do it.

Each transaction carries a record's 32-byte hash as calldata and nothing else; the node signs it for one of
its own accounts and mines a block every second, without limit of gas, at price zero. Requests go as JSON-RPC
over keep-alive connections. That is the least such a design can do: storing the hash in a contract, or
verifying the record's signature, costs more. The clock stops when the last transaction is mined.
"""

import base64
import json
import socket
import subprocess
import time
import urllib.request
from os import urandom
from pathlib import Path
from typing import Any

from ledger.ports import free_port
from scripts.benchmarks.http_load import LoadFailed, plain_request, run_load, write_requests
from scripts.environment import CONTRACTS

NAME = "one transaction per record"
_CONNECTIONS = 8
_SINK = "0x" + "11" * 20


def transactions_per_second(folder: Path, seconds: float) -> float:
    """Records per second, each in a transaction of its own."""
    port = free_port()
    # Mining at once, anvil's default, leaves transactions behind when several senders are quick.
    command = [str(_binary()), "--port", str(port), "--silent", "--block-time", "1"]
    command += ["--gas-limit", "2000000000", "--gas-price", "0", "--base-fee", "0", "--no-priority-fee"]
    node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        accounts: list[str] = _call(port, "eth_accounts", [])[:_CONNECTIONS]
        requests = folder / "transactions.bin"
        write_requests(requests, _requests(port, accounts, int(seconds * 6000)))
        load = run_load(port, requests, connections=_CONNECTIONS, seconds=seconds, expect=200, keep_every=100)
        _check(load.kept)
        waited = _until_mined(port, accounts, load.done)
        return load.done / (load.seconds + waited)
    finally:
        node.terminate()
        node.wait()


def _requests(port: int, accounts: list[str], count: int) -> list[bytes]:
    requests = []
    for number in range(count):
        transaction = {
            "from": accounts[number % len(accounts)],
            "to": _SINK,
            "data": "0x" + urandom(32).hex(),
        }
        transaction |= {"gas": "0xea60", "gasPrice": "0x0"}
        call = {"jsonrpc": "2.0", "id": number, "method": "eth_sendTransaction", "params": [transaction]}
        body = json.dumps(call).encode()
        requests.append(plain_request(f"127.0.0.1:{port}", "/", body, "application/json"))
    return requests


def _check(kept: list[tuple[int, str]]) -> None:
    for _, body in kept:
        answer = json.loads(base64.b64decode(body))
        if "result" not in answer:
            raise LoadFailed(f"the chain refused a transaction: {answer.get('error')}")


def _until_mined(port: int, accounts: list[str], count: int) -> float:
    """Wait until as many transactions are mined; the seconds waited."""
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        calls = [("eth_getTransactionCount", [account, "latest"]) for account in accounts]
        if sum(int(_call(port, method, params), 16) for method, params in calls) >= count:
            return time.perf_counter() - started
        time.sleep(0.02)
    raise LoadFailed("the chain did not mine all transactions within 60 s")


def _call(port: int, method: str, params: list[Any]) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return json.load(answer)["result"]


def _binary() -> Path:
    found = sorted((CONTRACTS / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    if not found:
        raise FileNotFoundError("the embedded chain's binary is missing: scripts/bench sets it up")
    return found[0]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.socket() as trial:
                trial.connect(("127.0.0.1", port))
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)

"""What the contracts cost: `contracts/gas.json`, measured on an embedded chain of its own.

Each figure is the gas of an execution: what a transaction used less its intrinsic gas (21,000, and 4 or 16
for each zero or other byte of calldata; of a deployment, all it used). Keys, signatures and trees are fixed,
so the same code gives the same figures; where a figure depends on the input it is the highest of several.

| row | what |
|---|---|
| sm2_verify, sm2_verify_shanghai | any key; compiled for the project's EVM version, and for Shanghai |
| sm2_verify_registered, sm2_register | a registered key; registering it |
| sm3_64, sm3_block | a message of 64 bytes, padded to two blocks; each further block |
| inclusion_20, consistency_20 | proofs in trees of 2^20 leaves |
| entry | a whole entry with 500 bytes of statement in a tree of 2^21 leaves |
| publish, cosign, challenge, answer, report_... | as named; proofs in trees of 2^20 leaves |
| deploy_... | contracts |
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from eth_account import Account

from ledger.chain import artifact, changes
from ledger.chain.account import ChainAccount
from ledger.chain.changes import Founder
from ledger.chain.disputes import Disputes, SignedText
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.evm import EvmChain, deploy
from ledger.chain.governance import agree
from ledger.chain.nodes import NodeSettings
from ledger.formats.envelope import STATEMENT_TYPE, Envelope, format_envelope, pae
from ledger.formats.note import Checkpoint, checkpoint_text
from ledger.gm import PublicKey
from ledger.gm.curve import G, N, multiply_and_add
from ledger.merkle import leaf_hash, node_hash

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "contracts" / "gas.json"
BUDGETS = {
    "sm2_verify": 120_000,
    "sm2_verify_shanghai": 115_000,
    "sm2_verify_registered": 60_000,
    "sm3_64": 2 * 21_000,
    "sm3_block": 21_000,
    "inclusion_20": 850_000,
}
"""The most that these rows may cost (DESIGN.md section 8)."""

_ORIGIN = "gas.example/credit"
_LOG = changes.log_id(_ORIGIN)
_OPERATOR, _WITNESS = "113501000099000133", "12350100009900021T"
_SIZE = 1 << 20
_FIRST = 0x7A5A5
_SAMPLES = 12


class _Key:
    """A key whose signatures come from a fixed sequence: for figures, never for signing."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)  # noqa: S311
        self._secret = self._source.randrange(1, N - 1)
        self.public = PublicKey(_point(self._secret))

    def sign(self, message: bytes) -> bytes:
        k = self._source.randrange(1, N)
        r = (int.from_bytes(self.public.digest(message), "big") + int.from_bytes(_point(k)[:32], "big")) % N
        s = (k - r * self._secret) * pow(1 + self._secret, -1, N) % N
        return r.to_bytes(32, "big") + int(s).to_bytes(32, "big")


def _point(d: int) -> bytes:
    point = multiply_and_add(d, 0, G)
    assert point is not None
    return b"".join(int(each).to_bytes(32, "big") for each in point)


class _Meter:
    """A consortium of two on a chain of its own, and what calls there cost."""

    def __init__(self, url: str) -> None:
        settings = NodeSettings((url,), timeout=120.0)
        # Fixed as well: contracts' addresses follow from them, and a zero byte in one costs less.
        accounts = [ChainAccount(Account.from_key(secret.to_bytes(32, "big"))) for secret in (1, 2)]
        self.key = _Key(1)
        founders = [
            Founder(uscc, uscc, (account.address,), ("operator",), ((_Key(9 + i).public.raw, 1, None),))
            for i, (uscc, account) in enumerate(zip((_OPERATOR, _WITNESS), accounts, strict=True))
        ]
        deployment = deploy(settings, accounts[0], founders, 1)
        self.chain, self.witness = (EvmChain(deployment, settings, account) for account in accounts)
        self.disputes = Disputes.of(self.chain)
        setup = [
            changes.define_log(_ORIGIN, _OPERATOR, ["subject"]),
            changes.add_log_key(_ORIGIN, self.key.public.raw, 1),
            changes.add_key(_OPERATOR, _Key(3).public.raw, 1),
            changes.add_witness(_ORIGIN, "gas.example/witness", _WITNESS, _Key(2).public.raw, 1),
            changes.set_witness_threshold(_ORIGIN, 1),
        ]
        agree([self.chain], setup, self.chain.head().timestamp + 3600)

    def used(self, tx_hash: str) -> int:
        """Gas of a transaction's execution."""
        mined = self.chain._nodes.wait_mined(tx_hash)
        sent = self.chain._nodes.ask(lambda node: node.transaction(tx_hash))
        assert sent is not None
        data = bytes(sent.fields["data"])
        return mined.gas_used - 21_000 - sum(16 if byte else 4 for byte in data)

    def send(self, build: Callable[[Any], Any]) -> int:
        return self.used(self.chain._send(build))

    def call(self, name: str, address: str | None, function: str, *arguments: Any) -> int:
        """Of a contract's function, views included; one that answers no is a fault of the measurement."""

        def build(node: Any) -> Any:
            called = node.contract(name, address).functions[function](*arguments)
            sender = node.web3.to_checksum_address(self.chain.account)
            assert called.call({"from": sender}) is not False, function
            return called

        return self.send(build)

    def deployed(self, name: str, *arguments: Any) -> int:
        sent = self.chain._send(lambda node: node.contract(name).constructor(*arguments))
        return self.chain._nodes.wait_mined(sent).gas_used


def measure() -> dict[str, int]:
    """Row -> gas, from a chain that is started and stopped here."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedChain(Path(folder))
        embedded.start()
        try:
            meter = _Meter(embedded.url)
            rows = (
                _signatures(meter) | _hashes(meter) | _trees(meter) | _disputes(meter) | _deployments(meter)
            )
        finally:
            embedded.stop(save=False)
    return dict(sorted(rows.items()))


def _signatures(meter: _Meter) -> dict[str, int]:
    sm2 = meter.chain.deployment.sm2
    key = _Key(4)
    x, y = key.public.raw[:32], key.public.raw[32:]
    cases = []
    for i in range(_SAMPLES):
        message = b"%d" % i
        signature = key.sign(message)
        cases.append((x, y, key.public.digest(message), signature[:32], signature[32:]))
    newer = _deploy_for(meter, "shanghai")
    return {
        "sm2_verify": max(meter.call(artifact.SM2, sm2, "verify", *case) for case in cases),
        "sm2_verify_shanghai": max(meter.call(artifact.SM2, newer, "verify", *case) for case in cases),
        "sm2_register": meter.call(artifact.SM2, sm2, "register", x, y),
        "sm2_verify_registered": max(
            meter.call(artifact.SM2, sm2, "verifyRegistered", *case) for case in cases
        ),
    }


def _deploy_for(meter: _Meter, evm: str) -> str:
    """The address of an SM2 contract compiled for another EVM version."""
    loader = SourceFileLoader("compile_contracts", str(ROOT / "scripts" / "compile_contracts"))
    spec = spec_from_loader("compile_contracts", loader)
    assert spec is not None
    compiler = module_from_spec(spec)
    loader.exec_module(compiler)
    made = json.loads(compiler.compile_all(evm, "SM2.sol")["SM2Deployment.json"])
    sent = meter.chain._send(
        lambda node: node.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"]).constructor()
    )
    meter.chain._nodes.wait_mined(sent)
    receipt = meter.chain._nodes.ask(lambda node: node.web3.eth.get_transaction_receipt(sent))  # type: ignore[arg-type]
    return str(receipt["contractAddress"])


def _hashes(meter: _Meter) -> dict[str, int]:
    def cost(length: int) -> int:
        address = meter.chain.deployment.evidence
        return meter.call(artifact.EVIDENCE, address, "hash", bytes(i & 0xFF for i in range(length)))

    return {"sm3_64": cost(64), "sm3_block": (cost(64 * 17) - cost(64)) // 16}


def _siblings(seed: int, count: int) -> list[bytes]:
    source = random.Random(seed)  # noqa: S311
    return [source.randbytes(32) for _ in range(count)]


def _root_above(leaf: bytes, index: int, proof: Sequence[bytes]) -> bytes:
    """The root of a tree with 2^len(proof) leaves."""
    for level, sibling in enumerate(proof):
        leaf = node_hash(sibling, leaf) if index >> level & 1 else node_hash(leaf, sibling)
    return leaf


def _roots_of_growth(proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots at `_FIRST` (odd) and at `_SIZE` leaves that a consistency proof leads to."""
    older = newer = proof[0]
    for level, part in enumerate(proof[1:]):
        if (_FIRST - 1) >> level & 1:
            older, newer = node_hash(part, older), node_hash(part, newer)
        else:
            newer = node_hash(newer, part)
    return older, newer


def _trees(meter: _Meter) -> dict[str, int]:
    evidence = meter.chain.deployment.evidence
    index = 0xA5A5A
    leaf, *proof = _siblings(20, 21)
    root = _root_above(leaf, index, proof)
    growth = _siblings(21, 21)
    older, newer = _roots_of_growth(growth)

    member = _Key(3)
    payload = b'{"body":"' + b"x" * 489 + b'"}'
    signature = member.sign(pae(STATEMENT_TYPE, payload))
    entry = format_envelope(Envelope(STATEMENT_TYPE, payload, member.public.keyid, signature, None))
    first = meter.chain.publish(_LOG, 1, bytes(32), bytes(32), bytes(32))
    meter.chain._nodes.wait_mined(first)
    anchored = _root_above(leaf_hash(entry), index, proof)
    published = meter.used(meter.chain.publish(_LOG, _FIRST, older, b"\x01" * 32, b"\x02" * 32))
    meter.used(meter.chain.publish(_LOG, _SIZE, newer, b"\x01" * 32, b"\x02" * 32))
    meter.used(meter.chain.publish(_LOG, 2 * _SIZE, node_hash(anchored, root), b"\x01" * 32, b"\x02" * 32))
    public = member.public.raw
    whole = (_LOG, 2 * _SIZE, index, entry, [*proof, root], _OPERATOR.encode(), public[:32], public[32:])
    return {
        "inclusion_20": meter.call(
            artifact.EVIDENCE, evidence, "verifyInclusion", leaf, index, _SIZE, proof, root
        ),
        "consistency_20": meter.call(
            artifact.EVIDENCE, evidence, "verifyConsistency", _FIRST, _SIZE, growth, older, newer
        ),
        "entry": meter.call(artifact.EVIDENCE, evidence, "verifyEntry", *whole),
        "publish": published,
        "cosign": meter.used(meter.witness.cosign(_LOG, _SIZE, b"\x02" * 32)),
    }


def _disputes(meter: _Meter) -> dict[str, int]:
    disputes = meter.chain.deployment.disputes
    growth = _siblings(21, 21)
    other = _siblings(22, 21)
    x, y = meter.key.public.raw[:32], meter.key.public.raw[32:]

    def note(size: int, root: bytes) -> tuple[bytes, bytes, bytes]:
        text = checkpoint_text(Checkpoint(_ORIGIN, size, root, bytes(32), 1_800_000_000))
        signed = SignedText(text, meter.key.sign(text))
        return signed.text, signed.signature[:32], signed.signature[32:]

    def call(function: str, *arguments: Any) -> int:
        return meter.call(artifact.DISPUTES, disputes, function, *arguments)

    older, newer = _roots_of_growth(other)
    inconsistent = (note(_FIRST, bytes(32)), note(_SIZE, newer))
    return {
        "challenge": call("challenge", _LOG, _FIRST, _SIZE),
        "answer": call("answer", 0, growth),
        "report_two_roots": call("reportTwoRoots", _LOG, x, y, note(9, older), note(9, newer)),
        "report_inconsistent": call("reportInconsistent", _LOG, x, y, *inconsistent, older, other),
    }


def _deployments(meter: _Meter) -> dict[str, int]:
    made = meter.chain.deployment
    sm2, registry, evidence = (
        meter.chain._nodes.ask(lambda node, a=address: node.web3.to_checksum_address(a))  # type: ignore[misc]
        for address in (made.sm2, made.registry, made.evidence)
    )
    return {
        "deploy_sm2": meter.deployed(artifact.SM2_DEPLOYMENT),
        "deploy_evidence_verifier": meter.deployed(artifact.EVIDENCE, sm2, registry),
        "deploy_dispute_registry": meter.deployed(artifact.DISPUTES, evidence, 3600),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the contracts cost into contracts/gas.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a figure differs")
    check = parser.parse_args().check
    rows = measure()
    for name, gas in rows.items():
        budget = f"  (budget {BUDGETS[name]:,})" if name in BUDGETS else ""
        print(f"{name:26} {gas:>12,}{budget}")
    over = [name for name, budget in BUDGETS.items() if rows[name] > budget]
    if over:
        print(f"over budget: {', '.join(over)}", file=sys.stderr)
    if not check:
        TABLE.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        return 1 if over else 0
    held = json.loads(TABLE.read_text("utf-8"))
    differing = sorted(name for name in held.keys() | rows.keys() if held.get(name) != rows.get(name))
    for name in differing:
        print(f"{name}: {held.get(name)} in gas.json, measured {rows.get(name)}", file=sys.stderr)
    return 1 if differing or over else 0


if __name__ == "__main__":
    sys.exit(main())

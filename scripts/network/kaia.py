"""Validators that are Kaia consensus nodes: Istanbul BFT, the protocol that QBFT continues.

A block is final when more than two thirds of the validators sealed it: with four, three must be there. The
program is built from the Go module in `kaia/` beside this file.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rlp

from scripts.network.engine import NetworkFault, Validator
from scripts.network.rpc import call

# All forks from the first block on: the rules are those of Ethereum's Cancun.
_FORKS = ("istanbul", "london", "ethTxType", "magma", "kore", "shanghai", "cancun", "kaia")
_VANITY, _SEAL = bytes(32), bytes(65)
# After a proposer was silent for so long, the next one proposes. Kaia's own value is 10,000.
ROUND_MS = 2_000
# By default a transaction that computes for long is refused however much gas it has; here gas alone decides.
_NO_LIMIT = str(10**12)


class Kaia:
    """Runs `binary`, the program of the Go module."""

    name = "kaia-istanbul"

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def genesis(self, chain_id: int, addresses: Sequence[str], now: int) -> dict[str, Any]:
        free = {
            "lowerboundbasefee": 0,
            "upperboundbasefee": 0,
            "gastarget": 30_000_000,
            "maxblockgasusedforbasefee": 60_000_000,
            "basefeedenominator": 20,
        }
        reward = {
            "mintingAmount": 0,
            "ratio": "100/0/0",
            "kip82ratio": "20/80",
            "useGiniCoeff": False,
            "deferredTxFee": True,
            "stakingUpdateInterval": 86_400,
            "proposerUpdateInterval": 3_600,
            "minimumStake": 0,
        }
        governance = {
            # Validators vote; none of them governs alone.
            "governanceMode": "ballot",
            "governingNode": addresses[0],
            "govParamContract": "0x" + "00" * 20,
            "reward": reward,
            "kip71": free,
        }
        config: dict[str, Any] = {"chainId": chain_id}
        config |= {f"{fork}CompatibleBlock": 0 for fork in _FORKS}
        # Everyone of the council sits in the committee of every block, and proposes in turn.
        config["istanbul"] = {"epoch": 604_800, "policy": 0, "sub": max(len(addresses), 22)}
        config |= {"unitPrice": 0, "deriveShaImpl": 0, "governance": governance}
        return {
            "config": config,
            "timestamp": hex(now),
            "extraData": extra_data(addresses),
            "blockScore": "0x1",
            "alloc": {},
            "number": "0x0",
            "gasUsed": "0x0",
            "parentHash": "0x" + "00" * 32,
        }

    def prepare(self, validator: Validator, peers: Sequence[Validator], genesis: Path) -> None:
        data = validator.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        # Each calls those before it: two that call each other at the same moment both hang up, and try again
        # together 30 s later.
        called = [_enode(peer) for peer in peers if peer.index < validator.index]
        (data / "static-nodes.json").write_text(json.dumps(called, indent=1), encoding="utf-8")
        if (data / "initialised").exists():
            return
        command = [str(self._binary), "init", "--datadir", str(data), *_STORAGE, str(genesis)]
        done = subprocess.run(command, env=self._whole_environment(), capture_output=True, text=True)
        (validator.folder / "init.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip().rpartition("\n")[2]
            raise NetworkFault(f"validator {validator.index} does not take the genesis: {said}")
        # Without this stamp, after a kill, it is written again, which changes nothing that is there.
        (data / "initialised").touch()

    def command(self, validator: Validator, peers: Sequence[Validator], chain_id: int) -> list[str]:
        options = {
            "datadir": validator.folder / "data",
            "nodekey": validator.folder / "nodekey",
            "networkid": chain_id,
            "port": validator.p2p,
            "rewardbase": validator.address,
            "rpcaddr": validator.host,
            "rpcport": validator.rpc,
            "rpcvhosts": "*",
            "rpcapi": "eth,net,web3,kaia,istanbul,debug,governance,admin,txpool",
            "maxconnections": 4 * len(peers),
            "verbosity": 3,
            "syncmode": "full",
            "gcmode": "archive",
            "rwtimerinterval": 1_000,
            "opcode-computation-cost-limit": _NO_LIMIT,
            "state.cache-size": 16,
            "state.trie-cache-limit": 16,
            "txpool.pricelimit": 0,
            "txpool.lifetime": "3h",
        }
        command = [
            str(self._binary),
            "--rpc",
            "--nodiscover",
            "--ipcdisable",
            "--ntp.disable",
            "--nat",
            "none",
        ]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        return [*command, *_STORAGE, "--db.leveldb.cache-size", "16"]

    def reconnect(self, caller: Validator, called: Validator) -> None:
        # Whom it called in the last 30 s, in vain, it calls again only after it was told to forget.
        call(caller.url, "admin_removePeer", _enode(called))
        call(caller.url, "admin_addPeer", _enode(called))

    def environment(self) -> dict[str, str]:
        # One processor's worth of threads: a network on one machine shares it with what it is for.
        return {"XINZHENG_ROUND_MS": str(ROUND_MS), "GOMAXPROCS": "2"}

    def _whole_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment()}


_STORAGE = ["--dbtype", "LevelDB", "--db.single"]


def extra_data(addresses: Sequence[str]) -> str:
    """32 bytes of vanity and the RLP of [validators, proposer's seal, committed seals]."""
    validators = [bytes.fromhex(address[2:]) for address in addresses]
    encoded: bytes = rlp.encode([validators, _SEAL, []])
    return "0x" + (_VANITY + encoded).hex()


def _enode(peer: Validator) -> str:
    return f"kni://{peer.public}@{peer.host}:{peer.p2p}?discport=0&ntype=cn"

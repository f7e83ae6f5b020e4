"""Fixtures that several rooms of the tests share."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger.chain.changes import Change, Founder
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.governance import agree
from ledger.chain.nodes import NodeSettings
from ledger.chain.port import ChainDeployment
from ledger.chain.registry import Proposal, Thresholds

if TYPE_CHECKING:
    from ledger.chain.account import ChainAccount
    from ledger.chain.evm import EvmChain


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test data beside the project, or where XINZHENG_SHARED says."""
    root = Path(__file__).resolve().parent.parent
    shared = Path(os.environ.get("XINZHENG_SHARED", root.parent / "shared"))
    data = shared / "data"
    if not data.is_dir():
        pytest.fail(f"no shared test data at {data}; set XINZHENG_SHARED to the folder that holds data/")
    return data


# Invented organisations with valid check digits.
USCCS = ("113501000099000133", "12350100009900021T", "91350100MA99000369", "92350100MA99000441")


def sm2_point(seed: int) -> bytes:
    """x || y of a point of the SM2 curve whose private key nobody knows, another one for each seed."""
    p = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    x = (seed + 1) << 64
    while True:
        y = pow(x**3 - 3 * x + b, (p + 1) // 4, p)
        if (y * y - x**3 + 3 * x - b) % p == 0:
            return x.to_bytes(32, "big") + y.to_bytes(32, "big")
        x += 1


@dataclass(frozen=True)
class Consortium:
    """A consortium on a chain of its own making: member i is `USCCS[i]` with `chains[i]` as its account."""

    deployment: ChainDeployment
    settings: NodeSettings
    accounts: tuple["ChainAccount", ...]
    chains: tuple["EvmChain", ...]
    threshold: int | Thresholds

    def in_an_hour(self) -> int:
        """By the chain's clock, which tests set forward."""
        return self.chains[0].head().timestamp + 3600

    def agree(self, *changes: Change) -> Proposal:
        """Propose and have as many members approve as it takes."""
        return agree(self.chains, changes, self.in_an_hour())[-1]


@pytest.fixture(scope="session")
def embedded_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedChain]:
    """One anvil for all tests that do not kill it. Deploy contracts of your own on it."""
    chain = EmbeddedChain(tmp_path_factory.mktemp("chain"))
    chain.start()
    yield chain
    chain.stop(save=False)


@pytest.fixture(scope="session")
def point() -> Callable[[int], bytes]:
    return sm2_point


@pytest.fixture(scope="session")
def found() -> Callable[..., Consortium]:
    """Founds a consortium: `found(url, members=3, threshold=2)`; member i's key is `point(i)`."""

    # Imported here for web3 takes two seconds, and most tests need no chain.
    from ledger.chain.account import ChainAccount
    from ledger.chain.evm import EvmChain, deploy
    from ledger.chain.evm_node import EvmNode

    # By chain: its deployment takes longer than all the others', and it is no consortium's own.
    sm2: dict[str, str | None] = {}

    def deployed_sm2(url: str) -> str | None:
        # Another chain may have been started at the same port since.
        known = sm2.get(url)
        return (
            known
            if known and EvmNode(url, 10.0, None).plain("eth_getCode", known, "latest") != "0x"
            else None
        )

    def founded(url: str, members: int = 3, threshold: int | Thresholds = 2) -> Consortium:
        accounts = tuple(ChainAccount.generate() for _ in range(members))
        settings = NodeSettings((url,), timeout=10.0, rounds=2, backoff=0.05)
        founders = [
            Founder(uscc, f"单位{i}", (account.address,), ("publisher:credit",), ((sm2_point(i), 0, None),))
            for i, (uscc, account) in enumerate(zip(USCCS, accounts, strict=False))
        ]
        deployment = deploy(settings, accounts[0], founders, threshold, sm2=deployed_sm2(url))
        sm2[url] = deployment.sm2
        chains = tuple(EvmChain(deployment, settings, account) for account in accounts)
        return Consortium(deployment, settings, accounts, chains, threshold)

    return founded


@pytest.fixture
def consortium(embedded_chain: EmbeddedChain, found: Callable[..., Consortium]) -> Consortium:
    """Three members, of whom two decide, on the shared chain."""
    return found(embedded_chain.url)

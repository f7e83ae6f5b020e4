"""A network of four validators, and networks of one's own to break."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.network import binary
from scripts.network.consortium import Network
from scripts.network.engine import NetworkFault


def _needed() -> None:
    """Skip where no network can be started, with what to install; in continuous integration, fail."""
    reason = binary.lacking()
    if reason is None and binary.besu() is None:
        try:
            binary.build()
        except NetworkFault as fault:
            reason = str(fault)
    if reason and os.environ.get("XINZHENG_CONSORTIUM") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def network_possible() -> None:
    """For those that start a network by themselves: here one can be started."""
    _needed()


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory, network_possible: None) -> Iterator[Network]:
    """Four validators for all tests that break nothing. Deploy contracts of your own on it."""
    made = Network(tmp_path_factory.mktemp("network"))
    try:
        made.up(4)
        yield made
    finally:
        if made.exists:
            made.down()


@pytest.fixture
def make_network(tmp_path: Path, network_possible: None) -> Iterator[Callable[..., Network]]:
    """`make_network(4)`: a network of one's own, to break; taken down at the end."""
    made: list[Network] = []

    def up(count: int = 4, *, in_namespaces: bool = False) -> Network:
        network = Network(tmp_path / f"network-{len(made)}")
        made.append(network)
        network.up(count, in_namespaces=in_namespaces)
        return network

    yield up
    for network in made:
        if network.exists:
            network.down()


@pytest.fixture
def own_network(make_network: Callable[..., Network]) -> Network:
    """Four validators, to break."""
    return make_network(4)

"""Ports that a server finds again after it was away."""

import socket
from pathlib import Path

import pytest

from ledger import ports


def test_they_differ_and_no_outgoing_connection_takes_one() -> None:
    found = ports.free_ports(50)
    assert len(set(found)) == 50
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    # Where it cannot be read: what Linux has unless told otherwise; others begin higher.
    first = int(limits.read_text("ascii").split()[0]) if limits.exists() else 32_768
    assert max(found) < first


def test_what_somebody_listens_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as server:
        taken = server.getsockname()[1]
        assert not ports.is_free(taken)
        monkeypatch.setattr(ports, "_RANGE", range(taken, taken + 1))
        with pytest.raises(OSError, match="no free port"):
            ports.free_port()
    assert ports.free_port() == taken

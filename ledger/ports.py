"""Ports of this machine for servers that come back on the same one."""

import random
import socket
from collections.abc import Iterator
from itertools import islice

# Below what systems take for the local end of outgoing connections (Linux from 32768, others from 49152): a
# port from there can become some connection's while its server is away, which then could not come back.
_RANGE = range(20_000, 32_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port now; one that an earlier run left in TIME_WAIT is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports that nobody uses and no outgoing connection takes. Raises `OSError` if none is left."""
    found = list(islice(_free(), count))
    if len(found) < count:
        raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop}")
    return found


def free_port() -> int:
    """One of `free_ports`."""
    return free_ports(1)[0]


def _free() -> Iterator[int]:
    # At random, so that two programs that choose at the same time choose differently.
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        if is_free(port):
            yield port

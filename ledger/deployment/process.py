"""What the processes of a deployment owe others: to end with their parent, to take nobody's port, and to let
those go first for whom somebody waits.
"""

import ctypes
import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from ledger.errors import AddressTaken, ConfigurationError

_PR_SET_PDEATHSIG = 1
_NICE = 10
"""A tenth of the processor time of somebody of usual rank, where both want all of it."""


def end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent is killed, so that nothing is left running; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def give_way() -> None:
    """Rank behind processes of usual rank when processors are scarce; the system may refuse, and that is all.

    Linux shares its processors among sessions first where it groups by them (autogroup), and by rank only
    inside of each: a process that leads a session of its own is ranked as that session too.
    """
    with suppress(OSError):
        os.nice(_NICE)
        if sys.platform == "linux" and os.getsid(0) == os.getpid():
            Path("/proc/self/autogroup").write_text(str(_NICE), encoding="ascii")


def check_address(host: str, port: int) -> None:
    """Raise `AddressTaken` when another program listens there.

    The server itself sets SO_REUSEPORT, with which the system lets two of them share a port and sends each
    request to either; so it is tried first without.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise ConfigurationError(f"api.host {host} is not an address of this machine") from None
    with socket.socket(family, kind, protocol) as probe:
        # A port that an earlier run left in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressTaken(
                    f"another program listens on {host}:{port}; choose another --port"
                ) from None
            raise ConfigurationError(f"{host}:{port} cannot be listened on: {error.strerror}") from None

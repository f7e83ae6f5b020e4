"""The scripts' own processes: gone means gone."""

import os
import platform
import sys
import time
from pathlib import Path

import pytest

from scripts.demo_steps.processes import Processes

FIRST_THREAD_ENDS = """
import ctypes, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=time.sleep, args=(600,)).start()
open(sys.argv[1], "w").close()
ctypes.CDLL(None).syscall(60, 0)
"""


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="ends a thread by its system call there"
)
def test_a_process_whose_first_thread_is_gone_is_alive_and_is_waited_for(tmp_path: Path) -> None:
    processes, ready = Processes(tmp_path / "run"), tmp_path / "ready"
    command = [sys.executable, "-c", FIRST_THREAD_ENDS, str(ready)]
    processes.start("server", command, env=dict(os.environ), cwd=tmp_path)
    pid = processes._remembered("server")[0]
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 30
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # Another run, whose child it is not, has only what stands in /proc.
    assert Processes(tmp_path / "run").alive("server")
    assert processes.alive("server")
    processes.kill("server")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[17] == "1"
    assert not Processes(tmp_path / "run").alive("server")

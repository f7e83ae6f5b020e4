"""A process that waits in short steps ends whenever it is told to, be it in the middle of a step."""

import signal
import subprocess
import sys
import time

WAITS = """
import threading
from ledger.signals import on_end
told = [0]
waited = threading.Event()
def stop():
    told[0] += 1
    waited.set()
on_end(stop)
print("up", flush=True)
while told[0] < 3000:
    waited.wait(0.0002)
    waited.clear()
print(told[0], flush=True)
"""


def test_being_told_while_it_takes_a_lock_does_not_stop_it() -> None:
    # With the Event set in the handler itself this stood still after some hundred signals.
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        deadline = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < deadline, "it stands still"
            process.send_signal(signal.SIGTERM)
            time.sleep(0.0001)
        assert int(process.stdout.readline()) >= 3000

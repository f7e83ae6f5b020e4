"""Time as this process saw it: a machine that slept, or a process that was stopped, does not count.

    waited = Waited()
    while not done():
        if waited.seconds > 60: ...
        waited.rest()

A deadline in plain time would be over at once when the machine wakes up, though nothing was awaited.
"""

import threading
import time

_LONGEST_STEP = 2.0


class Waited:
    """`seconds` that were really waited; of each step at most two seconds count."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = time.monotonic()

    def rest(self, pause: float = 0.1) -> None:
        time.sleep(pause)
        now = time.monotonic()
        self.seconds += min(now - self._last, _LONGEST_STEP)
        self._last = now


class Suspensions:
    """How long this process was not running although nothing kept it, from `start` on."""

    def __init__(self, interval: float = 0.25) -> None:
        self.seconds = 0.0
        self._interval = interval
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="suspensions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(5)

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._ending.wait(self._interval):
            now = time.monotonic()
            if now - last > _LONGEST_STEP:
                self.seconds += now - last - self._interval
            last = now

"""What a process does when it is told to end."""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue


def on_end(stop: Callable[[], None]) -> None:
    """Call `stop`, in a thread of its own, whenever this process gets SIGTERM or SIGINT.

    Not in the handler: it runs between two instructions of the main thread, and would wait for ever for a
    lock that this one holds there, such as that of the `Event` it is waiting for. A `SimpleQueue` may be put
    into at any moment. Call it in the main thread.
    """
    told: SimpleQueue[int] = SimpleQueue()

    def listen() -> None:
        while True:
            told.get()
            stop()

    threading.Thread(target=listen, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: told.put(number))

"""Named points at which a test can kill the process, to see what a crash there leaves behind.

`point("publish.signed")` does nothing unless the environment variable `XINZHENG_FAULT` names that point;
then the process gets SIGKILL there, as from a power cut: no handler runs, nothing is flushed.
`XINZHENG_FAULT=publish.signed:3` kills it the third time it comes by. Points are named
`<module>.<what has just happened>`; each stands where a commit point's comment says what remains.
"""

import os
import signal
import threading

VARIABLE = "XINZHENG_FAULT"


def _armed(setting: str) -> tuple[str, int]:
    name, _, times = setting.partition(":")
    return name, int(times or "1")


_name, _left = _armed(os.environ.get(VARIABLE, ""))
_lock = threading.Lock()


def point(name: str) -> None:
    """Die here by SIGKILL if this point is the armed one and its count is reached."""
    if name != _name:
        return
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

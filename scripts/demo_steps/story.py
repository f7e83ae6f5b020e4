"""What the demo says: numbered steps, Chinese first and English after, with a sign of life on long ones."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SIGN_OF_LIFE_SECONDS = 5.0


class Story:
    """Tells the steps on standard output. `steps` is how many there will be."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._terminal = sys.stdout.isatty()

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        """One numbered step; its seconds are told at its end."""
        self._step += 1
        started = time.monotonic()
        print(f"\n[{self._step}/{self._steps}] {zh}  {en}", flush=True)
        yield
        self.say(f"{time.monotonic() - started:.1f} s")

    def say(self, zh: str, en: str = "") -> None:
        """One line of the present step."""
        self._clear()
        print(f"    {zh}  {en}".rstrip(), flush=True)

    def progress(self, what: str, total: int) -> "Progress":
        """A counter for a long piece of work."""
        return Progress(what, total, self._terminal)

    def _clear(self) -> None:
        if self._terminal:
            print("\r\033[K", end="", flush=True)


class Silent(Story):
    """Tells nothing: for benchmarks and tests that need a deployment and no story."""

    def __init__(self) -> None:
        super().__init__(0)

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        yield

    def say(self, zh: str, en: str = "") -> None:
        return


class Progress:
    """Shows `done of total` in place on a terminal, and now and then as a line elsewhere."""

    def __init__(self, what: str, total: int, terminal: bool) -> None:
        self._what = what
        self._total = total
        self._terminal = terminal
        self._shown = time.monotonic()

    def at(self, done: int) -> None:
        """Tell how far it is."""
        now = time.monotonic()
        text = f"    {self._what} {done:,}/{self._total:,}"
        if self._terminal:
            print(f"\r\033[K{text}", end="", flush=True)
            if done >= self._total:
                print("\r\033[K", end="", flush=True)
        elif now - self._shown >= _SIGN_OF_LIFE_SECONDS:
            print(text, flush=True)
            self._shown = now

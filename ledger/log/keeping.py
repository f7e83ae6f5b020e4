"""A small cache: bounded, and read without a lock."""

import threading
from collections import OrderedDict
from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Kept(OrderedDict[_Key, _Value]):
    """A dictionary that is added to by `keep` and forgets what it has known longest; for any threads."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._lock = threading.Lock()

    def keep(self, key: _Key, value: _Value) -> None:
        """Add an item, and forget the oldest if there are too many."""
        with self._lock:
            self[key] = value
            if len(self) > self._most:
                self.popitem(last=False)

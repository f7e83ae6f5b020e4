"""What a contract refuses, by the name of its error."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ledger.errors import ChainRefused


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The contract must refuse with this error."""
    with pytest.raises(ChainRefused) as caught:
        yield
    assert caught.value.reason == reason

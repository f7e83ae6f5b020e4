"""Which validators are linked with each other, asked of the validators themselves.

Istanbul sends each of its messages once, to whoever is linked then, and each round that fails lasts twice as
long as the one before: a network that loses a validator before its mesh is whole stands still for minutes.
"""

from collections.abc import Sequence
from itertools import combinations

from scripts.network.engine import Validator
from scripts.network.rpc import NoAnswer, call

_ANSWER_SECONDS = 2.0


def apart(validators: Sequence[Validator]) -> list[tuple[Validator, Validator]]:
    """Every two that are not linked, the earlier first; a link is there when both ends have it.

    Who does not answer is linked with nobody.
    """
    linked = {validator.index: _linked_with(validator) for validator in validators}
    return [
        (one, other)
        for one, other in combinations(validators, 2)
        if other.public not in linked[one.index] or one.public not in linked[other.index]
    ]


def _linked_with(validator: Validator) -> set[str]:
    """The public keys of those that it exchanges consensus messages with."""
    try:
        peers = call(validator.url, "admin_peers", timeout=_ANSWER_SECONDS)
    except NoAnswer:
        return set()
    # While two are still shaking hands, a word stands where the protocol's state will be.
    return {
        str(peer["id"]).removeprefix("0x")
        for peer in peers
        if any(isinstance(state, dict) for state in peer["protocols"].values())
    }

"""What is done to a site. Each fault is struck, held for so many seconds, and mended; what follows is judged.

A fault's `strike` leaves the site broken, `mend` makes it whole again; the load goes on all the while.
`needs` says why a fault cannot be put to a site, as a sentence.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.network.consortium import Network
from scripts.soaking.relay import AnotherChain, Drops, Garbage, Hangs, Late, Mood, Stale
from scripts.soaking.site import Site

Act = Callable[[Site], None]
_ANCHORED_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`held` multiplies the seconds that the schedule gives."""

    name: str
    strike: Act
    mend: Act
    held: float = 1.0
    needs: Callable[[Site], str | None] = lambda site: None


def chain_faults(stranger: "Stranger") -> list[Fault]:
    """All faults of validators, links, nodes and clocks. `stranger` is a chain that is not ours."""
    return [*_validator_faults(), *_link_faults(), *_node_faults(stranger), *_process_faults()]


# Validators


def _validator_faults() -> list[Fault]:
    return [
        Fault("one validator killed", lambda s: _kill(s, 1), _restart),
        Fault("two validators killed", lambda s: _kill(s, 2), _restart),
        Fault("all validators killed", lambda s: _kill(s, len(s.network.validators)), _restart),
        Fault("all validators set back", _set_back, _restart, held=0.2),
        Fault("one validator away for long", lambda s: s.network.end(0), _restart, held=3.0),
        Fault("one validator wiped", _wipe, _restart, held=0.2),
    ]


def _kill(site: Site, count: int) -> None:
    """The last ones first: the worker asks the first."""
    for index in reversed(range(len(site.network.validators) - count, len(site.network.validators))):
        site.network.kill(index)


def _set_back(site: Site) -> None:
    """Let anchors become final, and then put all disks back to before: the chain lost them."""
    network, validators = site.network, site.network.validators
    for validator in validators:
        network.end(validator.index)
        shutil.copytree(validator.folder / "data", validator.folder / "earlier")
    network.up(len(validators))
    due = site.sizes()
    site.until("something is final that will be lost", lambda: site.final(due), _ANCHORED_SECONDS)
    _kill(site, len(validators))
    for validator in validators:
        network.wipe(validator.index)
        (validator.folder / "earlier").rename(validator.folder / "data")


def _wipe(site: Site) -> None:
    last = len(site.network.validators) - 1
    site.network.kill(last)
    site.network.wipe(last)


def _restart(site: Site) -> None:
    # All at once: each moment that some are alone, their rounds go apart from the others'.
    site.network.up(len(site.network.validators))


# Links


def _link_faults() -> list[Fault]:
    return [Fault("two cut from two", _cut, _join, needs=_links_lacking)]


def _links_lacking(site: Site) -> str | None:
    if site.network.validators[0].namespace:
        return None
    return "the validators share one network: run it as root on Linux with iproute2"


def _halves(site: Site) -> tuple[range, range]:
    count = len(site.network.validators)
    return range(count // 2), range(count // 2, count)


def _cut(site: Site) -> None:
    site.network.partition(*_halves(site))


def _join(site: Site) -> None:
    site.network.heal(*_halves(site))


# The worker's nodes


class Stranger:
    """A chain of one validator with the same number as ours and another genesis; started when first asked."""

    def __init__(self, folder: Path) -> None:
        self._network = Network(folder)

    @property
    def url(self) -> str:
        if not self._network.exists:
            self._network.up(1)
        return self._network.urls[0]

    def close(self) -> None:
        if self._network.exists:
            self._network.down()


def _node_faults(stranger: Stranger) -> list[Fault]:
    def fault(name: str, mood: Callable[[Site], Mood], held: float = 1.0) -> Fault:
        return Fault(name, lambda site: _set_all(site, mood), _honest, held)

    return [
        fault("every node hangs", lambda _: Hangs()),
        Fault("one node hangs", _hang_first, _honest),
        fault("every node answers late", lambda _: Late(2.0)),
        fault("every node answers garbage", lambda _: Garbage()),
        fault("every node stands still in the past", _stale),
        fault("every node is on another chain", lambda _: AnotherChain(stranger.url)),
        fault("transactions are dropped", lambda _: Drops(), held=0.5),
    ]


def _hang_first(site: Site) -> None:
    site.relays[0].mood = Hangs()


def _stale(site: Site) -> Mood:
    """As of some blocks ago, so that newer anchors seem to be lost."""
    return Stale(max(1, site.network.await_block() - 10))


def _set_all(site: Site, mood: Callable[[Site], Mood]) -> None:
    for relay in site.relays:
        relay.mood = mood(site)


def _honest(site: Site) -> None:
    for relay in site.relays:
        relay.mood = None


# The worker


def _process_faults() -> list[Fault]:
    return [
        Fault("the worker killed", lambda site: site.kill_worker(), lambda site: site.start_worker(), 0.3),
        Fault("the worker's clock ahead", lambda s: s.start_worker(90), lambda s: s.start_worker()),
        Fault("the worker's clock behind", lambda s: s.start_worker(-90), lambda s: s.start_worker()),
    ]


@contextmanager
def struck(fault: Fault, site: Site) -> Iterator[None]:
    """Within, the fault holds; afterwards, however that ends, it is mended."""
    fault.strike(site)
    try:
        yield
    finally:
        fault.mend(site)

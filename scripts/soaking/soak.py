"""One soak: faults in turn upon one site under load, each followed by a full judgement."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.network import namespaces
from scripts.network.consortium import Network
from scripts.soaking.faults import Fault, Stranger, chain_faults, struck
from scripts.soaking.load import Load
from scripts.soaking.site import Site, SiteFault
from scripts.soaking.verdict import Verdict, judge, unkept

Tell = Callable[[str], None]
# A stalled network waits longer with each round it fails to agree in, and so takes that long to go on.
CATCH_UP_SECONDS = 240.0
# In which the worker notices that the chain lost anchors, and anchors them again.
REGAIN_SECONDS = 60.0
_SHORTEST, _LONGEST = 4.0, 60.0


@dataclass(slots=True)
class Struck:
    """One fault as it went; times in seconds. `anchored_after`: until everything accepted before the mending
    was final on the chain, and everything that the chain had lost was on it again."""

    name: str
    held: float
    anchored_after: float
    acknowledged: int
    wrong: list[str]


@dataclass(slots=True)
class Report:
    """What a soak found. The last five are the figures that everybody asks for.

    `suspended_s`: how long the soak itself did not run (a machine that slept); no stall counts that.
    """

    minutes: float = 0.0
    validators: int = 0
    engine: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    each: list[Struck] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    checks: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    anchors: int = 0
    suspended_s: float = 0.0
    acknowledged: int = 0
    lost: int = 0
    faults: int = 0
    longest_stall_s: float = 0.0
    catch_up_s: float = 0.0

    @property
    def sound(self) -> bool:
        return not self.lost and not self.wrong and self.faults > 0

    def document(self) -> dict[str, Any]:
        return asdict(self)


class Soak:
    """A network, a site on it and its load, in `folder`; `close` ends all of it, however far it came."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._site: Site | None = None
        self._load: Load | None = None
        self.network = Network(folder / "network", tell)
        self.stranger = Stranger(folder / "stranger")
        self.report = Report()

    @property
    def site(self) -> Site:
        assert self._site is not None, "the soak has not begun"
        return self._site

    @property
    def load(self) -> Load:
        assert self._load is not None, "the soak has not begun"
        return self._load

    def begin(self, validators: int) -> None:
        """Start the network, deploy on it, and start the load."""
        self.network.up(validators, in_namespaces=namespaces.lacking() is None)
        self.report.validators, self.report.engine = validators, self.network.engine_name
        self._tell("deploying on it, and starting the load")
        self._site = Site(self._folder / "site", self.network)
        self._site.found()
        self._load = Load(self._site, self._folder / "acknowledged.jsonl")
        self._load.start()

    def faults(self, chosen: Sequence[str] = ()) -> list[Fault]:
        """Those that can be put to this site, only the `chosen` when any are; the others stand in the report
        with the reason."""
        possible = []
        for fault in chain_faults(self.stranger):
            if chosen and fault.name not in chosen:
                continue
            reason = fault.needs(self.site)
            if reason is None:
                possible.append(fault)
            else:
                self.report.left_out[fault.name] = reason
        return possible

    def put(self, fault: Fault, seconds: float) -> Struck:
        """Strike, hold, mend, wait until all is anchored, judge. Raises `SiteFault` when that never ends."""
        held = max(_SHORTEST, seconds) * fault.held
        self._tell(f"{fault.name}, for {held:.0f} s")
        with struck(fault, self.site):
            time.sleep(held)
        took = self._catch_up(f"after: {fault.name}")
        verdict = judge(self.site, self.load.acknowledged())
        figures = self.load.figures
        done = Struck(fault.name, round(held, 1), round(took, 1), figures.acknowledged, verdict.wrong)
        self._add(done, verdict)
        self._tell(f"  anchored {took:.1f} s after, {figures.acknowledged} acknowledged, {verdict.lost} lost")
        return done

    def end(self, minutes: float) -> Report:
        """Stop the load, judge once more, and tell."""
        self.load.stop()
        self._catch_up("at the end")
        verdict = judge(self.site, self.load.acknowledged())
        figures, report = self.load.figures, self.report
        report.minutes, report.anchors = round(minutes, 1), verdict.anchors
        report.wrong = list(dict.fromkeys([*report.wrong, *verdict.wrong]))
        report.lost = max(report.lost, verdict.lost)
        report.checks, report.refused = figures.checks, figures.reasons
        report.suspended_s = round(self.load.suspensions.seconds, 1)
        report.acknowledged = figures.acknowledged
        report.longest_stall_s = round(figures.longest_stall, 2)
        return report

    def close(self) -> None:
        if self._load is not None:
            self._load.stop()
        if self._site is not None:
            self._site.close()
        self.stranger.close()
        if self.network.exists:
            self.network.down()

    def _catch_up(self, when: str) -> float:
        """Wait until all that is accepted now is final, and all that counts as anchored is; the seconds.

        Raises `SiteFault` when the first never ends; of the second the verdict tells what is still missing.
        """
        due = self.site.sizes()
        took = self.site.until(f"everything final {when}", lambda: self.site.final(due), CATCH_UP_SECONDS)
        with contextlib.suppress(SiteFault):
            return took + self.site.until("nothing lost", lambda: not unkept(self.site), REGAIN_SECONDS)
        return took + REGAIN_SECONDS

    def _add(self, done: Struck, verdict: Verdict) -> None:
        report = self.report
        report.each.append(done)
        report.faults += 1
        report.lost = max(report.lost, verdict.lost)
        report.wrong += [f"after {done.name}: {each}" for each in verdict.wrong]
        report.catch_up_s = max(report.catch_up_s, done.anchored_after)


def run(folder: Path, minutes: float, validators: int, tell: Tell, chosen: Sequence[str] = ()) -> Report:
    """Faults in turn until the time is up; every one of them once, where there is time for it.

    `chosen`: names of faults, when it is not to be all.
    """
    soak = Soak(folder, tell)
    try:
        soak.begin(validators)
        started = time.monotonic()

        def gone() -> float:
            """Minutes, without those in which the machine slept."""
            return (time.monotonic() - started - soak.load.suspensions.seconds) / 60

        faults = soak.faults(chosen)
        seconds = held_for(minutes, faults)
        while gone() < minutes:
            for fault in faults:
                if gone() >= minutes:
                    break
                soak.put(fault, seconds)
        return soak.end(gone())
    finally:
        soak.close()


def held_for(minutes: float, faults: Sequence[Fault]) -> float:
    """For how long faults are held, so that a round of all takes about as long as there is."""
    weight = sum(fault.held for fault in faults)
    # About half of a round is mending and judging.
    return min(_LONGEST, max(_SHORTEST, minutes * 60 * 0.4 / max(weight, 1.0)))

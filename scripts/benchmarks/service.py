"""A deployment to measure: founded as the demo founds it, with its worker and service as processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ledger.client import Client
from scripts.benchmarks.http_load import LoadFailed
from scripts.demo_steps import founding
from scripts.demo_steps.filling import await_ready
from scripts.demo_steps.scene import Scene
from scripts.demo_steps.story import Silent
from scripts.samples import World

INTEGRATION_LIMIT_SECONDS = 5.0


@contextmanager
def running_service(folder: Path) -> Iterator[Scene]:
    """A deployment in `folder` with chain, worker and service; all is stopped at the end."""
    founding.clear(folder / "deployment")
    try:
        world = World(1, date.today(), organisations=50, people=10)
        scene = founding.found(folder / "deployment", world, Silent())
        founding.start_service(scene)
        await_ready(scene)
        yield scene
    finally:
        founding.stop(folder / "deployment")


def port_of(scene: Scene) -> int:
    """The port on 127.0.0.1 where the service answers."""
    return scene.deployment.config.api.port


def host_of(scene: Scene) -> str:
    """What goes into the Host header."""
    return f"127.0.0.1:{port_of(scene)}"


def await_integrated(scene: Scene, short: str, limit: float = 120.0) -> float:
    """Wait until every accepted entry of a log is in its tree and index; the seconds that took."""
    origin = scene.deployment.logs[short].origin
    started = time.perf_counter()
    with Client(scene.url) as client:
        while True:
            scene.processes.check()
            log = client.ready()["logs"][origin]
            waited = time.perf_counter() - started
            if log.get("integrated", 0) >= log["accepted"]:
                return waited
            if waited > limit:
                raise LoadFailed(f"{log['accepted'] - log.get('integrated', 0)} entries are not integrated")
            time.sleep(0.05)

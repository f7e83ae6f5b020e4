"""A deployment to measure: founded as the demo founds it, with its worker and service as processes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.client import Client
from ledger.log.clock import system_clock
from ledger.services.evidence import today
from scripts.benchmarks.entries import listing_payloads, signed_batch_body
from scripts.benchmarks.http_load import LoadFailed, run_load, signed_request, write_requests
from scripts.demo_steps import founding
from scripts.demo_steps.filling import await_ready
from scripts.demo_steps.scene import Scene
from scripts.demo_steps.story import Silent
from scripts.samples import World

INTEGRATION_LIMIT_SECONDS = 5.0
_FILL_BATCH = 5_000
_FILL_ROUND = 200_000


@contextmanager
def running_service(folder: Path) -> Iterator[Scene]:
    """A deployment in `folder` with chain, worker and service; all is stopped at the end."""
    founding.clear(folder / "deployment")
    try:
        world = World(1, today(system_clock()), organisations=50, people=10)
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


def fill_credit(scene: Scene, subjects: int) -> None:
    """Enter organisations 0 to `subjects` - 1 in a list, in batches over HTTP; wait until all is indexed."""
    requests = scene.folder / "fill.bin"
    authority = scene.world.authorities[4].uscc
    for start in range(0, subjects, _FILL_ROUND):
        print(f"  {start:,} of {subjects:,} subjects", file=sys.stderr, flush=True)
        stop = min(subjects, start + _FILL_ROUND)
        bodies = (
            signed_batch_body(
                listing_payloads(scene.market.uscc, authority, first, min(_FILL_BATCH, stop - first)),
                "credit",
                scene.market,
            )
            for first in range(start, stop, _FILL_BATCH)
        )
        path, media_type = "/v1/logs/credit/batches", "application/x-ndjson"
        write_requests(
            requests,
            (signed_request(host_of(scene), path, body, media_type, scene.market.signer) for body in bodies),
        )
        run_load(port_of(scene), requests, connections=2, seconds=600, expect=201)
        await_integrated(scene, "credit")
    requests.unlink(missing_ok=True)
    await_published(scene, "credit")


def await_published(scene: Scene, short: str, limit: float = 60.0) -> None:
    """Wait until every accepted entry of a log stands under a published checkpoint."""
    origin = scene.deployment.logs[short].origin
    deadline = time.monotonic() + limit
    with Client(scene.url) as client:
        while time.monotonic() < deadline:
            log = client.ready()["logs"][origin]
            if log.get("published", 0) >= log["accepted"]:
                return
            time.sleep(0.05)
    raise LoadFailed(f"{short} is not published after {limit:.0f} s")

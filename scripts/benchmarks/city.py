"""A city's credit log of a given size, filled once and perhaps kept, with its processes running."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.deployment.config import WorkerConfig
from ledger.log.clock import system_clock
from ledger.log.status import read_status
from ledger.services.evidence import today
from scripts.benchmarks.fill import fill
from scripts.benchmarks.http_load import LoadFailed
from scripts.benchmarks.population import Population
from scripts.benchmarks.service import await_published
from scripts.demo_steps import founding
from scripts.demo_steps.filling import await_ready
from scripts.demo_steps.scene import Scene
from scripts.demo_steps.story import Silent
from scripts.samples import World

RECORDS_EACH = 5
"""Records for each subject."""
_SEED = 1
_SIZE_FILE = "size.json"
_LONGEST_REGISTER_SECONDS = 1_800
_LONGEST_MEMORY_SECONDS = 300


@contextmanager
def running_city(folder: Path, subjects: int) -> Iterator[Scene]:
    """The city in `folder`, filled if it is not there yet; chain, worker and service run meanwhile.

    A folder that was filled before, with as many subjects, is used again. Raises `LoadFailed` for one that
    was filled otherwise.
    """
    world = World(_SEED, today(system_clock()), organisations=50, people=10)
    scene = _reopened(folder, world, subjects) or _filled(folder, world, subjects)
    try:
        founding.start_service(scene)
        await_ready(scene)
        await_published(scene, "credit", 600)
        _await_register(scene)
        _await_memory(scene)
        # What the filling left to be written would delay every commit of a measurement.
        os.sync()
        yield scene
    finally:
        scene.deployment.close()
        founding.stop(folder)


def _filled(folder: Path, world: World, subjects: int) -> Scene:
    founding.clear(folder)
    scene = founding.found(folder, world, Silent(), WorkerConfig())
    deployment = scene.deployment
    now = deployment.clock()
    population = Population(
        subjects,
        subjects * RECORDS_EACH,
        _SEED,
        now,
        today(now),
        deployment.config.origin("credit"),
        scene.market.uscc,
        [(authority.uscc, authority.name) for authority in world.authorities],
    )
    fill(deployment, folder / "members" / "market.pem", population)
    (folder / _SIZE_FILE).write_text(json.dumps({"subjects": subjects}))
    return scene


def _reopened(folder: Path, world: World, subjects: int) -> Scene | None:
    """The city that an earlier run left in `folder`; None where there is none."""
    try:
        size = json.loads((folder / _SIZE_FILE).read_text())
    except FileNotFoundError:
        return None
    if size != {"subjects": subjects}:
        raise LoadFailed(f"{folder.name} holds a city of {size['subjects']:,} subjects")
    founding.stop(folder)
    return founding.reopen(folder, world, Silent())


def _await_register(scene: Scene) -> None:
    """Wait until the worker's register has followed the log, so that nothing is measured beside that."""
    register = scene.deployment.loop.register
    deadline = time.monotonic() + _LONGEST_REGISTER_SECONDS
    told = 0.0
    accepted = scene.deployment.logs["credit"].store.size()
    while (scanned := register.catch_up(0)) < accepted:
        scene.processes.check()
        if time.monotonic() > deadline:
            raise LoadFailed(f"the register has followed {scanned:,} of {accepted:,} entries")
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  register: {scanned:,} of {accepted:,} entries", file=sys.stderr, flush=True)
        time.sleep(0.5)


def _await_memory(scene: Scene) -> None:
    """Wait until the worker has brought the logs' files into memory, once since it was started."""
    deployment = scene.deployment
    deadline = time.monotonic() + _LONGEST_MEMORY_SECONDS
    started = deployment.clock()
    while True:
        status = read_status(deployment.status_path)
        done = status.chores["memory"].done_at if status is not None and "memory" in status.chores else None
        if done is not None and done >= started:
            return
        scene.processes.check()
        if time.monotonic() > deadline:
            raise LoadFailed("the worker does not get the logs' files into memory")
        time.sleep(0.5)

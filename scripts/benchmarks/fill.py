"""Filling a log with an invented population, as fast as the disk and two processors allow.

What is written is what admission over HTTP would have written: statements whose bodies the domain validated,
in batches under manifests that a member signed, appended by the store in one transaction a batch, and
integrated by the worker's own code. Left out are HTTP, the log's check of signatures made a moment ago, and
receipts. `xinzheng audit` finds it clean, which a test tries on a small one.

Building runs in processes of its own beside the appending; integrating takes large stretches, so that a page
of the index is written once for many entries.
"""

import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from ledger.deployment import Deployment
from ledger.deployment.keyring import load_private_key
from ledger.formats.envelope import sign_batch
from ledger.formats.statement import format_statement, new_id
from ledger.gm import Signer, signer
from ledger.log.admission_batch import admit_own_batch
from ledger.log.integrate import integrate
from ledger.store.port import NewEntry
from scripts.benchmarks.population import Population

BATCH = 5_000
STRETCH = 500_000
"""Entries integrated at once: a gigabyte of memory, and few rewrites of the same pages."""
_BUILDERS = 2
_AHEAD = 6
"""Batches that may be ready before they are appended, some 20 MB each."""


class _Builder:
    """What a building process needs; made once in each."""

    def __init__(self, folder: Path, key: Path, population: Population) -> None:
        deployment = Deployment.open(folder)
        self.admission = deployment.logs["credit"].admission
        self.signer: Signer = signer(load_private_key(key, deployment.keyring.passphrase))
        self.population = population

    def build(self, first: int, count: int) -> list[NewEntry]:
        """Records `first` on, as a signed batch: the manifest's entry and theirs."""
        population = self.population
        statements = [population.statement(number) for number in range(first, first + count)]
        at = statements[-1].at
        manifest, entries = sign_batch(
            [format_statement(statement) for statement in statements],
            log=population.log,
            issuer=population.issuer,
            id=new_id(at, os.urandom(10)),
            at=at,
            signer=self.signer,
        )
        return admit_own_batch(self.admission, manifest, entries, statements).entries


_builder: _Builder | None = None


def _start(folder: Path, key: Path, population: Population) -> None:
    global _builder
    _builder = _Builder(folder, key, population)


def _build(first: int, count: int) -> list[NewEntry]:
    assert _builder is not None
    return _builder.build(first, count)


def fill(deployment: Deployment, key: Path, population: Population, *, batch: int = BATCH) -> None:
    """Append and integrate the whole population to an empty credit log that no process uses.

    `key` is the private key's file of the member that publishes.
    """
    store = deployment.logs["credit"].store
    started = time.monotonic()
    appended = 0
    for entries in _batches(deployment.folder, key, population, batch):
        store.append([entries], deployment.clock())
        appended += len(entries) - 1
        if store.size() - store.integrated().size >= STRETCH:
            integrate(store, STRETCH)
            _tell(appended, population.records, started)
    while integrate(store, STRETCH):
        pass
    _tell(appended, population.records, started)


def _batches(folder: Path, key: Path, population: Population, batch: int) -> Iterator[list[NewEntry]]:
    """The population's batches in order, a few built ahead."""
    numbers = range(0, population.records, batch)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_BUILDERS, context, _start, (folder, key, population)) as pool:
        ready: deque[Future[list[NewEntry]]] = deque()
        for first in numbers:
            ready.append(pool.submit(_build, first, min(batch, population.records - first)))
            if len(ready) >= _AHEAD:
                yield ready.popleft().result()
        while ready:
            yield ready.popleft().result()


def _tell(appended: int, records: int, started: float) -> None:
    seconds = time.monotonic() - started
    print(f"  {appended:,} of {records:,} records, {seconds:.0f} s", file=sys.stderr, flush=True)

"""One network of validators in one folder.

    network = Network(folder)
    network.up(4)          # each is linked with each, and blocks are being made, when it returns
    network.urls           # where to ask, Ethereum JSON-RPC
    network.kill(3)        # SIGKILL; `start(3)` lets it catch up
    network.stop()         # all end in order; `up(4)` goes on from where it was
    network.down()         # and nothing is left

The folder holds `network.json` (who the validators are and where they listen), `genesis.json`, one folder for
each validator with its key and data, and what the processes said. Everything listens on loopback, or in
namespaces of its own. One program at a time changes a network.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_keys.datatypes import PrivateKey

from ledger.files import create_file, replace_file
from ledger.ports import free_ports, is_free
from scripts.demo_steps.processes import ProcessDied, Processes
from scripts.network import binary, mesh, namespaces
from scripts.network.besu import Besu
from scripts.network.engine import Engine, NetworkFault, Validator
from scripts.network.kaia import Kaia
from scripts.network.rpc import NoAnswer, call, height

CHAIN_ID = 20_264
MOST = 32
START_SECONDS = 120.0
_ANSWER_SECONDS, _STEP, _LONGEST_STEP = 1.0, 0.1, 10.0
# Two that are apart find each other by themselves within this time, or are told to.
_LINK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ValidatorStatus:
    """`height` and `peers` are None where the validator does not answer."""

    index: int
    address: str
    url: str
    running: bool
    height: int | None
    peers: int | None


class Network:
    """See the module. `tell` is given a line whenever there is something to say."""

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder.absolute()
        self._tell = tell
        self._processes = Processes(self.folder / "run")
        self._engine: Engine | None = None

    # What there is

    @property
    def exists(self) -> bool:
        return (self.folder / "network.json").exists()

    @property
    def chain_id(self) -> int:
        return int(self._described()["chainId"])

    @property
    def engine_name(self) -> str:
        return str(self._described()["engine"])

    @property
    def validators(self) -> list[Validator]:
        return [
            Validator(index, self.folder / f"validator-{index}", **each)
            for index, each in enumerate(self._described()["validators"])
        ]

    @property
    def urls(self) -> list[str]:
        """Where each validator answers, in their order."""
        return [validator.url for validator in self.validators]

    def height(self, index: int) -> int:
        """The newest block's number at one validator; raises `NoAnswer`."""
        return height(self.urls[index])

    def running(self, index: int) -> bool:
        return self._processes.alive(f"validator-{index}")

    def status(self) -> list[ValidatorStatus]:
        return [self._status_of(validator) for validator in self.validators]

    # Starting and ending

    def up(self, count: int = 4, *, chain_id: int = CHAIN_ID, in_namespaces: bool = False) -> None:
        """Make the network if there is none, start whoever does not run, and wait until all are linked and
        blocks are made.

        Raises `NetworkFault`, also when the folder holds a network of another size.
        """
        if not 1 <= count <= MOST:
            raise NetworkFault(f"a network has 1 to {MOST} validators")
        if not self.exists:
            self._found(count, chain_id, in_namespaces)
        elif len(self.validators) != count:
            raise NetworkFault(
                f"{self.folder} holds a network of {len(self.validators)}; remove it with `down`, "
                "or use another --dir"
            )
        self._restore_namespaces()
        for validator in self.validators:
            self._launch(validator)
        self.await_mesh()
        self.await_block()

    def start(self, index: int) -> None:
        """Start one validator again, whatever ended it, and wait until it is linked with those that run."""
        self._restore_namespaces()
        self._launch(self._validator(index))
        self.await_mesh()

    def kill(self, index: int) -> None:
        """SIGKILL one validator: nothing of it is written or said any more."""
        self._validator(index)
        self._processes.kill(f"validator-{index}")

    def end(self, index: int) -> None:
        """End one validator in order."""
        self._validator(index)
        self._processes.stop(f"validator-{index}")

    def wipe(self, index: int) -> None:
        """Remove the chain of a validator that does not run; its key stays, and it fetches the chain anew."""
        validator = self._validator(index)
        if self.running(index):
            raise NetworkFault(f"validator {index} is running; kill or stop it first")
        shutil.rmtree(validator.folder / "data", ignore_errors=True)

    def stop(self) -> None:
        """End all in order; everything stays for the next `up`."""
        if self.exists:
            self._processes.stop_all()

    def down(self) -> None:
        """End all and remove what this network put in its folder."""
        if not self.exists:
            raise NetworkFault(f"there is no network in {self.folder}")
        self.stop()
        if self.validators[0].namespace:
            self._namespaces.remove(len(self.validators))
        for validator in self.validators:
            shutil.rmtree(validator.folder, ignore_errors=True)
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        (self.folder / "genesis.json").unlink(missing_ok=True)
        # Last, so that a kill in the middle leaves a network that can be taken down again.
        (self.folder / "network.json").unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    # Links

    def partition(self, *groups: Iterable[int]) -> None:
        """Cut the links between these groups; only for a network in namespaces."""
        self._linked().partition(self._grouped(groups))

    def heal(self, *groups: Iterable[int]) -> None:
        """Join the links between these groups again, and wait until those that run are linked."""
        self._linked().heal(self._grouped(groups))
        self.await_mesh()

    # Waiting

    def await_mesh(self, seconds: float = START_SECONDS) -> None:
        """Wait until each two of those that run are linked; those that stay apart are told to call.

        Raises `NetworkFault` when that takes more than `seconds`, or when one of them ended.
        """
        running = [validator for validator in self.validators if self.running(validator.index)]
        apart: list[tuple[Validator, Validator]] = []
        told = 0.0
        for waited in self._steps(running, seconds):
            apart = mesh.apart(running)
            if not apart:
                return
            if waited - told > _LINK_SECONDS:
                told = waited
                for earlier, later in apart:
                    # Who does not listen yet is told the next time.
                    with contextlib.suppress(NoAnswer):
                        self._program().reconnect(later, earlier)
        pairs = ", ".join(f"{one.index} and {other.index}" for one, other in apart)
        raise NetworkFault(f"after {seconds:g} s these validators are not linked: {pairs}")

    def await_block(
        self, beyond: int = 0, among: Sequence[int] | None = None, seconds: float = START_SECONDS
    ) -> int:
        """Wait until each of `among` (all) has a block above `beyond`; the lowest of their newest numbers.

        Raises `NetworkFault` when that takes more than `seconds`, or when one of them ended.
        """
        chosen = [
            self._validator(index) for index in (range(len(self.validators)) if among is None else among)
        ]
        heights: list[int | None] = []
        told = 0.0
        for waited in self._steps(chosen, seconds):
            heights = [self._height_or_none(validator) for validator in chosen]
            reached = [number for number in heights if number is not None and number > beyond]
            if len(reached) == len(chosen):
                return min(reached)
            if waited - told > 10:
                self._tell(f"waiting for blocks: {heights}")
                told = waited
        raise NetworkFault(f"no block after {beyond} within {seconds:g} s (heights: {heights})")

    # Within

    def _described(self) -> Any:
        try:
            return json.loads((self.folder / "network.json").read_text("utf-8"))
        except FileNotFoundError:
            raise NetworkFault(f"there is no network in {self.folder}; start one with `up`") from None
        except ValueError:
            raise NetworkFault(f"{self.folder / 'network.json'} is damaged") from None

    def _validator(self, index: int) -> Validator:
        validators = self.validators
        if not 0 <= index < len(validators):
            raise NetworkFault(f"there are validators 0 to {len(validators) - 1}, and no {index}")
        return validators[index]

    def _found(self, count: int, chain_id: int, in_namespaces: bool) -> None:
        """Keys, ports and genesis; `network.json` comes last, so a kill before it leaves no network."""
        reason = namespaces.lacking() if in_namespaces else None
        if reason:
            raise NetworkFault(f"{reason}; without them validators share one network, which cannot be cut")
        engine = self._program()
        self._tell(f"making a network of {count} ({engine.name})")
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = free_ports(2 * count)
        described, addresses = [], []
        for index in range(count):
            key = _node_key(self.folder / f"validator-{index}")
            addresses.append(key.public_key.to_address())
            described.append(
                {
                    "address": key.public_key.to_address(),
                    "public": key.public_key.to_bytes().hex(),
                    "host": self._namespaces.host(index) if in_namespaces else "127.0.0.1",
                    "p2p": 30_303 if in_namespaces else ports[2 * index],
                    "rpc": 8_545 if in_namespaces else ports[2 * index + 1],
                    "namespace": self._namespaces.name(index) if in_namespaces else "",
                }
            )
        # A block's time is after its parent's and not in the future of those who check it.
        genesis = engine.genesis(chain_id, addresses, int(time.time()) - 5)
        replace_file(self.folder / "genesis.json", json.dumps(genesis, indent=1).encode())
        network = {"engine": engine.name, "chainId": chain_id, "validators": described}
        replace_file(self.folder / "network.json", json.dumps(network, indent=1).encode())

    def _launch(self, validator: Validator) -> None:
        name = f"validator-{validator.index}"
        if self._processes.alive(name):
            return
        self._processes.stop(name)
        if not validator.namespace:
            _check_free(validator)
        engine, peers = self._program(), self.validators
        if engine.name != self.engine_name:
            raise NetworkFault(f"this network was made for {self.engine_name}; here is {engine.name}")
        engine.prepare(validator, peers, self.folder / "genesis.json")
        command = engine.command(validator, peers, self.chain_id)
        if validator.namespace:
            command = ["ip", "netns", "exec", validator.namespace, *command]
        self._tell(f"starting validator {validator.index} at {validator.url}")
        environment = {**os.environ, **engine.environment()}
        self._processes.start(name, command, env=environment, cwd=validator.folder)

    def _program(self) -> Engine:
        if self._engine is None:
            besu = binary.besu()
            self._engine = Besu(besu) if besu else Kaia(binary.build())
        return self._engine

    @property
    def _namespaces(self) -> namespaces.Namespaces:
        return namespaces.Namespaces(self.folder)

    def _restore_namespaces(self) -> None:
        """They go with the machine's restart, and the network does not."""
        validators = self.validators
        if validators[0].namespace and not self._namespaces.present(len(validators)):
            self._namespaces.make(len(validators))

    def _linked(self) -> namespaces.Namespaces:
        if not self.validators[0].namespace:
            raise NetworkFault("only a network in namespaces can be cut (`up --namespaces`, as root)")
        return self._namespaces

    def _grouped(self, groups: Sequence[Iterable[int]]) -> list[list[Validator]]:
        return [[self._validator(index) for index in group] for group in groups]

    def _steps(self, validators: Sequence[Validator], seconds: float) -> Iterator[float]:
        """The seconds waited until now, again and again while they are not too many and all these live.

        Counted in steps, so that a machine that slept meanwhile has not waited.
        """
        waited = 0.0
        while waited <= seconds:
            before = time.monotonic()
            self._check_alive(validators)
            yield waited
            time.sleep(_STEP)
            waited += min(time.monotonic() - before, _LONGEST_STEP)

    def _check_alive(self, validators: Sequence[Validator]) -> None:
        try:
            self._processes.check()
        except ProcessDied as death:
            raise NetworkFault(str(death)) from death
        for validator in validators:
            if not self.running(validator.index):
                said = self._processes.tail(f"validator-{validator.index}")
                raise NetworkFault(f"validator {validator.index} is not running.\n{said}")

    def _height_or_none(self, validator: Validator) -> int | None:
        try:
            return height(validator.url, timeout=_ANSWER_SECONDS)
        except NoAnswer:
            return None

    def _status_of(self, validator: Validator) -> ValidatorStatus:
        peers: int | None = None
        try:
            peers = int(call(validator.url, "net_peerCount", timeout=2), 16)
        except (NoAnswer, TypeError, ValueError):
            try:
                peers = int(call(validator.url, "net_peerCount", timeout=2))
            except (NoAnswer, TypeError, ValueError):
                peers = None
        return ValidatorStatus(
            validator.index,
            validator.address,
            validator.url,
            self.running(validator.index),
            self._height_or_none(validator),
            peers,
        )


def _node_key(folder: Path) -> PrivateKey:
    """A validator's key, made once; only its owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nodekey"
    if not path.exists():
        create_file(path, os.urandom(32).hex().encode())
    return PrivateKey(bytes.fromhex(path.read_text("ascii").strip()))


def _check_free(validator: Validator) -> None:
    for port in (validator.p2p, validator.rpc):
        if not is_free(port, validator.host):
            raise NetworkFault(
                f"port {port} of validator {validator.index} is taken by another program; "
                "end that, or make the network anew (`down`, then `up`)"
            )

"""A deployment run by its own commands: `xinzheng` in processes of their own, on an embedded chain."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ledger.cli import main
from ledger.client import Client
from ledger.deployment import Deployment
from ledger.errors import ServiceUnreachable
from ledger.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = "11990100MB0000019L"
PASSPHRASE = "for tests only"


@dataclass
class Done:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Place:
    """A folder with a deployment, and the processes that were started for it."""

    folder: Path
    port: int = field(default_factory=free_port)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        """Run `xinzheng` to its end, in this process: importing web3 takes two seconds each time."""
        out, err = io.StringIO(), io.StringIO()
        given = {"XINZHENG_DIR": str(self.folder), "XINZHENG_KEY_PASSPHRASE": PASSPHRASE} | environment
        with (
            mock.patch.dict(os.environ, given),
            mock.patch("sys.stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            main(arguments)
        return Done(int(left.value.code or 0), out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        done = self.run(*arguments, stdin=stdin, **environment)
        assert done.status == 0, f"{arguments}: {done.err}"
        return done

    def init(self, *more: str) -> None:
        given = ("--domain", "yunling.example", "--operator", OPERATOR, "--port", str(self.port))
        self.ok("init", *given, *more)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on; what it says is in `<command>.log`."""
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ledger.cli", *arguments, "--dir", str(self.folder)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def said(self, command: str) -> str:
        return (self.folder / f"{command}.log").read_text("utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def deployment(self) -> Deployment:
        return Deployment.open(self.folder)

    def await_ready(self) -> None:
        def ready() -> bool:
            try:
                return bool(Client(self.url, attempts=1).ready()["worker"]["alive"])
            except ServiceUnreachable:
                return False

        self.until(ready)

    def until(self, condition: Any, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for process in self.started:
                assert process.poll() is None, [path.read_text() for path in self.folder.glob("*.log")]
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.1)

    def stop(self) -> None:
        for process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        self.started.clear()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "city")
    yield made
    made.stop()
    if (made.folder / "chain").is_dir():
        with_chain = Deployment.open(made.folder)
        if with_chain.config.chain.mode == "embedded":
            with_chain.embedded.stop(save=False)

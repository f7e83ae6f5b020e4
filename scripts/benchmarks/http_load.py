"""Requests made and signed before the clock starts, and the load process that sends them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import urandom
from pathlib import Path
from time import time
from typing import Any

from ledger.formats.http_signature import NONCE_BYTES, sign_request
from ledger.gm import Signer, sm3
from scripts.environment import ROOT


class LoadFailed(Exception):
    """The load could not be sent, or an answer was not the one expected."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """`done` answers of the expected status in `seconds`; `kept`: some bodies, base64, by number."""

    done: int
    seconds: float
    median_ms: float
    p99_ms: float
    kept: list[tuple[int, str]]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.done / self.seconds


def signed_request(host: str, path: str, body: bytes, media_type: str, signer: Signer) -> bytes:
    """A whole POST, signed for now."""
    headers = sign_request(
        signer, "POST", path, "", sm3(body), created=int(time()), nonce=urandom(NONCE_BYTES)
    )
    return plain_request(host, path, body, media_type, headers)


def plain_request(
    host: str, path: str, body: bytes, media_type: str, headers: Any = None, method: str = "POST"
) -> bytes:
    """A whole request with the headers given."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {media_type}"]
    lines += [
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def write_requests(path: Path, requests: Iterable[bytes]) -> int:
    """Write requests as `load` reads them; return how many."""
    count = 0
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "big") + request)
            count += 1
    return count


def run_load(
    port: int, requests: Path, *, connections: int, seconds: float, expect: int, keep_every: int = 0
) -> LoadResult:
    """Send the requests from a process of its own. Raises `LoadFailed` when any was refused."""
    command = [
        sys.executable,
        "-m",
        "scripts.benchmarks.load",
        "--port",
        str(port),
        "--requests",
        str(requests),
    ]
    command += ["--connections", str(connections), "--seconds", str(seconds), "--expect", str(expect)]
    command += ["--keep-every", str(keep_every)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=seconds + 120
    )
    if done.returncode != 0:
        raise LoadFailed(done.stderr.strip()[-800:])
    answer = json.loads(done.stdout)
    if answer["refused"] or not answer["done"]:
        raise LoadFailed(f"refused {answer['refused']}: {answer['first_refusal']}")
    kept = [(int(number), str(body)) for number, body in answer["kept"]]
    return LoadResult(answer["done"], answer["seconds"], answer["median_ms"], answer["p99_ms"], kept)


def chunks(items: list[bytes], size: int) -> Iterator[list[bytes]]:
    """`items` in lists of `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

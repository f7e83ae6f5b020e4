"""The README's walk through does what it shows: its lines are run in an empty folder, its output compared."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
MARK = "@@ line"
ANY = "…"
SECONDS = 280


@dataclass
class Step:
    """A command with the output that the README shows."""

    command: str
    shown: list[str] = field(default_factory=list)


def steps(readme: str) -> list[Step]:
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```$", readme, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
            elif line.startswith("> "):
                found[-1].command += "\n" + line[2:]
            else:
                found[-1].shown.append(line)
    return found


@pytest.mark.chain
def test_the_walk_through_says_what_the_readme_shows(tmp_path: Path) -> None:
    port = str(free_port())
    walk = steps((ROOT / "README.md").read_text("utf-8"))
    assert len(walk) > 15
    lines = ["set -u"]
    for number, step in enumerate(walk):
        lines += [f"echo '{MARK} {number}'", step.command.replace("8750", port)]
    script = tmp_path / "walk.sh"
    script.write_text("\n".join(lines) + "\n", "utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("XINZHENG_")}
    # A session of its own, so that whatever happens nothing of it is left running.
    process = subprocess.Popen(
        ["bash", str(script)],
        cwd=folder,
        env=clean | {"PATH": path, "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            subprocess.run(["pkill", "-TERM", "-s", str(process.pid)], check=False)
            process.wait(60)
    parts = re.split(rf"^{MARK} \d+\n", said, flags=re.M)[1:]
    assert len(parts) == len(walk), said
    # All that differs at once: a run of the walk takes a minute.
    differing = []
    for step, part in zip(walk, parts, strict=True):
        pattern = "\n".join(re.escape(line).replace(re.escape(ANY), ".*") for line in step.shown)
        if not re.fullmatch(pattern, part.rstrip("\n")):
            shown = "\n".join(step.shown)
            differing.append(f"$ {step.command}\n{part}instead of\n{shown}\n")
    assert not differing, "\n".join(differing)

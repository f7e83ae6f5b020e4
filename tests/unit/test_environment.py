"""Which Python the checkout's environment is made of."""

import shutil
import sys
from pathlib import Path

import pytest

from scripts import environment


def test_a_python_is_timed_and_what_is_none_is_never_taken(tmp_path: Path) -> None:
    assert 0 < environment._seconds(sys.executable) < 10
    assert environment._seconds(str(tmp_path / "python3")) == float("inf")
    too_old = tmp_path / "old"
    too_old.write_text("#!/bin/sh\necho too old\n")
    too_old.chmod(0o700)
    assert environment._seconds(str(too_old)) == float("inf")


@pytest.mark.parametrize(("seconds", "makes"), [(0.5, True), (0.95, False), (float("inf"), False)])
def test_the_systems_python_is_taken_where_it_is_clearly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, makes: bool
) -> None:
    system = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    monkeypatch.setattr(shutil, "which", lambda name, path=None: system)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr(environment, "_seconds", lambda python: seconds if python == system else 1.0)
    made: list[str] = []
    monkeypatch.setattr(environment, "run_step", lambda title, command: made.append(command[0]))
    monkeypatch.setattr(environment, "_venv_works", lambda: True)
    assert environment._made_of_a_faster_python() is makes
    assert made == ([system] if makes else [])


def test_without_another_python_the_one_that_runs_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    assert environment._made_of_a_faster_python() is False

"""Master keys from a file, an environment variable or a command: what is taken, what is refused, unquoted."""

import sys
import time
from pathlib import Path

import pytest

from ledger.deployment import Config, SealingConfig, format_config, parse_config
from ledger.deployment.masters import OUTPUT_LIMIT, add_master_key, open_master_keys
from ledger.errors import ConfigurationError, KeyUnusable
from ledger.log.masters import master_key_id

OLD, NEW = bytes(range(16)), bytes(range(16, 32))
SECRET = OLD.hex()
OPERATOR = "11990100MB0000019L"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sealing.keys"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def python(program: str) -> str:
    return f"command:{sys.executable} -c '{program}'"


def test_a_file_is_read_and_read_again_when_it_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masters = open_master_keys("file", path, 1)
    assert masters.current == (master_key_id(OLD), OLD)
    add_master_key(path, NEW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == f"{SECRET}\n{NEW.hex()}\n"
    monkeypatch.setattr("ledger.log.masters.RELOAD_SECONDS", 0.0)
    assert masters.current == (master_key_id(NEW), NEW)
    assert masters.key(master_key_id(OLD)) == OLD


def test_an_environment_variable_is_taken(path: Path) -> None:
    text = f"{SECRET}\n{NEW.hex()}"
    assert open_master_keys("env:CITY_KEYS", path, 1, {"CITY_KEYS": text}).current[1] == NEW


def test_a_command_is_run_without_a_shell(path: Path, tmp_path: Path) -> None:
    masters = open_master_keys(python(f'print("{SECRET}")'), path, 20)
    assert masters.current[1] == OLD
    marker = tmp_path / "made"
    with pytest.raises(ConfigurationError):
        open_master_keys(f"command:/bin/echo {SECRET} ; touch {marker}", path, 20)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("env:CITY_KEYS", "CITY_KEYS"),
        (python(f'print("{SECRET}z")'), "32 hex digits"),
        (python(f'import sys; print("{SECRET}"); sys.exit(3)'), "status 3"),
        (python(f'import sys; sys.exit("{SECRET}")'), "status 1"),
        (python(f'print("{SECRET}" * {OUTPUT_LIMIT})'), "over"),
        (python(f'while 1: print("{SECRET}" * 1000)'), "over"),
        ("command:/nonexistent/keystore", "cannot be run"),
        ("command:'", "not in form"),
        ("magic", "file, env:NAME or command"),
    ],
    ids=[
        "not-set",
        "not-keys",
        "failed",
        "failed-loudly",
        "long",
        "endless",
        "missing",
        "quoting",
        "unknown",
    ],
)
def test_a_source_that_gives_no_keys_is_refused_by_name_and_unquoted(
    path: Path, source: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_master_keys(source, path, 20, {})
    assert said in str(refused.value)
    assert SECRET[:8] not in str(refused.value)
    assert SECRET[:8] not in "".join(capfd.readouterr())


def test_a_command_that_hangs_is_ended_with_its_children(path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as refused:
        open_master_keys("command:/bin/sh -c 'sleep 60 & sleep 60'", path, 0.3)
    assert "0.3 seconds" in str(refused.value)
    assert time.monotonic() - began < 20


def test_a_command_whose_agent_keeps_its_output_open_is_not_waited_for(path: Path) -> None:
    """A child in a session of its own is not ended with the command's."""
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as refused:
        open_master_keys(f"command:/bin/sh -c 'echo {'0f' * 16}; setsid sleep 25 &'", path, 0.5)
    assert "0.5 seconds" in str(refused.value)
    assert time.monotonic() - began < 20


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(ConfigurationError) as refused:
        open_master_keys("file", path, 1)
    assert "chmod 600" in str(refused.value)
    path.chmod(0o600)
    path.write_text("not keys")
    for broken in (path, path.with_name("none")):
        with pytest.raises(ConfigurationError):
            open_master_keys("file", broken, 1)
        with pytest.raises(ConfigurationError):
            add_master_key(broken, NEW)


def test_a_key_of_another_size_is_not_added(path: Path) -> None:
    with pytest.raises(KeyUnusable):
        add_master_key(path, b"short")
    assert path.read_text() == f"{SECRET}\n"


@pytest.mark.parametrize("source", ["file", "env:CITY_KEYS", "command:/opt/hsm/get --slot 1 'a b'"])
def test_the_configuration_names_the_source(source: str) -> None:
    config = Config("yunling.example", OPERATOR, sealing=SealingConfig(source, 3.5))
    assert parse_config(format_config(config).encode()) == config


@pytest.mark.parametrize(
    "line",
    ['source = ""', 'source = "env:1"', 'source = "command:"', 'source = "File"', "timeout_seconds = 0"],
    ids=repr,
)
def test_a_source_out_of_form_is_refused_with_its_name(line: str) -> None:
    text = f'version = 1\ndomain = "yunling.example"\noperator = "{OPERATOR}"\n[sealing]\n{line}\n'
    with pytest.raises(ConfigurationError) as refused:
        parse_config(text.encode())
    assert "sealing." in str(refused.value)

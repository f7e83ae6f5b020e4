"""The ready files for production: each is in form, and they agree with one another and with our code."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from scripts.network.besu import qbft_extra_data, qbft_genesis

FILES = Path(__file__).resolve().parents[2] / "scripts" / "production"
UNITS = sorted((FILES / "systemd").glob("*.service"))
ENODE = re.compile(r"enode://[0-9a-f]{128}@[0-9.]+:\d+")


def test_the_genesis_that_we_make_has_the_rules_of_the_ready_file() -> None:
    ready = json.loads((FILES / "besu" / "qbft-config.json").read_text("utf-8"))["genesis"]
    made = qbft_genesis(ready["config"]["chainId"], ["0x" + "11" * 20], 0, period=2)
    assert made.pop("extraData").startswith("0x")
    assert made == ready


def test_extra_data_is_that_of_besus_documentation() -> None:
    # besu.hyperledger.org, "Configure QBFT consensus", example genesis: four validators.
    addresses = [
        "0x64a702e6263b7297a96638cac6ae65e6541f4169",
        "0x943923390ad55e90c237593b3b0e401f3b08a031",
        "0x9aefdb9a738c9f433e5b6b212a6d62f6370c2f69",
        "0xc7eeb9a4e00ce683cf93039b212648e01c6c6b78",
    ]
    expected = "0xf87aa0" + "00" * 32 + "f854" + "".join("94" + a[2:] for a in addresses) + "c080c0"
    assert qbft_extra_data(addresses) == expected


def test_the_nodes_configuration_is_toml_and_names_the_other_files() -> None:
    config = tomllib.loads((FILES / "besu" / "config.toml").read_text("utf-8"))
    assert config["discovery-enabled"] is False
    assert config["rpc-http-host"] == "127.0.0.1"
    named = {Path(str(value)).name for value in config.values() if str(value).startswith("/etc/besu/")}
    assert named == {"genesis.json", "nodekey", "static-nodes.json", "permissions_config.toml"}


def test_whom_a_validator_connects_to_it_also_allows() -> None:
    allowed = tomllib.loads((FILES / "besu" / "permissions_config.toml").read_text("utf-8"))
    peers = json.loads((FILES / "besu" / "static-nodes.json").read_text("utf-8"))
    assert all(ENODE.fullmatch(each) for each in (*allowed["nodes-allowlist"], *peers))
    assert set(peers) < set(allowed["nodes-allowlist"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine: on Debian or Ubuntu, sudo apt install systemd")
    assert len(UNITS) == 3
    for each in UNITS:
        # Only the programs are not here.
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", each.read_text("utf-8"))
        (tmp_path / each.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "xinzheng" in line]) == (0, [])


def test_compose_opens_nothing_of_the_chain_but_the_validators_port() -> None:
    compose = yaml.safe_load((FILES / "compose" / "compose.yaml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"validator", "worker", "api"}
    assert [port.rpartition(":")[2] for port in services["validator"]["ports"]] == ["30303/tcp"]
    assert all(port.startswith("127.0.0.1:") for port in services["api"]["ports"])
    assert "ports" not in services["worker"]
    known = set(compose["networks"])
    assert all(set(service["networks"]) <= known for service in services.values())
    assert compose["networks"]["inside"]["internal"] is True


def test_the_image_is_built_from_what_is_in_the_repository() -> None:
    root = FILES.parents[1]
    for line in (FILES / "compose" / "Dockerfile").read_text("utf-8").splitlines():
        if line.startswith("COPY "):
            assert all((root / source).exists() for source in line.split()[1:-1]), line

"""`deployment.toml` is parsed strictly, and what is written reads back the same."""

from pathlib import Path

import pytest

from ledger.deployment import (
    ApiConfig,
    ChainConfig,
    Config,
    Deployment,
    NoticesConfig,
    WorkerConfig,
    format_config,
    load_private_key,
    parse_config,
)
from ledger.errors import ConfigurationError, KeyUnusable

OPERATOR = "11990100MB0000019L"
PINNED = ChainConfig(
    "external",
    ("http://127.0.0.1:8545", "https://node.example/rpc"),
    "depth:12",
    chain_id=4242,
    genesis="0x" + "ab" * 32,
    consortium="0x" + "01" * 20,
    registry="0x" + "02" * 20,
    deployed_block=7,
)
NOTICES = NoticesConfig(("a.example", "127.0.0.1"), 3)
FULL = Config(
    "yunling.example", OPERATOR, ApiConfig("0.0.0.0", 80, 4, 3), PINNED, WorkerConfig(0.5, 3), notices=NOTICES
)
SHORT = f'version = 1\ndomain = "yunling.example"\noperator = "{OPERATOR}"\n'


def test_what_is_written_reads_back_the_same() -> None:
    assert parse_config(format_config(FULL).encode()) == FULL
    assert FULL.chain.pinned


def test_what_is_left_out_has_its_default() -> None:
    assert parse_config(SHORT.encode()) == Config("yunling.example", OPERATOR)
    assert not Config("yunling.example", OPERATOR).chain.pinned


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("surprise = 1", "surprise"),
        ("[api]\nsurprise = 1", "api.surprise"),
        ("[api]\nport = 0", "api.port"),
        ("[api]\nport = true", "api.port"),
        ('[api]\nport = "80"', "api.port"),
        ('[api]\nhost = "a b"', "api.host"),
        ("[api]\nprocesses = 0", "api.processes"),
        ("[api]\nprocesses = 65", "api.processes"),
        ('[chain]\nmode = "magic"', "chain.mode"),
        ('[chain]\nrpc = "http://one"', "chain.rpc"),
        ('[chain]\nrpc = ["ftp://one"]', "chain.rpc"),
        ('[chain]\nfinality = "soon"', "chain.finality"),
        ('[chain]\nregistry = "0xAB"', "chain.registry"),
        ("[chain]\ngas_price = -1", "chain.gas_price"),
        ('[notices]\nallow = "a.example"', "notices.allow"),
        ('[notices]\nallow = ["A.example"]', "notices.allow"),
        ("[notices]\nattempts = 0", "notices.attempts"),
        ("[notices]\ntimeout_seconds = 61", "notices.timeout_seconds"),
        ("[worker]\npublish_seconds = 0.0", "worker.publish_seconds"),
        ("[worker]\npublish_seconds = nan", "worker.publish_seconds"),
        ("worker = 1", "[worker]"),
    ],
)
def test_a_wrong_member_is_refused_by_name(more: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_config((SHORT + more).encode())
    assert named in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "version = 2" + SHORT[11:],
        SHORT.replace("version = 1\n", ""),
        SHORT.replace(OPERATOR, OPERATOR[:-1] + "A"),
        SHORT.replace("yunling", "Yunling"),
        "version = ",
        "\udcff",
    ],
)
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_config(text.encode("utf-8", "surrogateescape"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XINZHENG_PASSPHRASE", "XINZHENG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "city"


def test_a_deployment_opens_as_it_was_created(folder: Path) -> None:
    created = Deployment.create(folder, Config("yunling.example", OPERATOR), iterations=1000)
    opened = Deployment.open(folder)
    assert opened.config == created.config
    public = created.keyring.log_signer("credit").public
    assert opened.keyring.log_signer("credit").public == public
    assert opened.keyring.person_tag_keys() == created.keyring.person_tag_keys()


def test_secrets_are_for_their_owner_only_and_encrypted(folder: Path) -> None:
    Deployment.create(folder, Config("yunling.example", OPERATOR), iterations=1000)
    secret = [folder / "passphrase", *(folder / "keys").iterdir()]
    assert len(secret) == 7
    assert {oct(path.stat().st_mode & 0o777) for path in secret} == {"0o600"}
    assert b"ENCRYPTED" in (folder / "keys" / "operator.pem").read_bytes()
    with pytest.raises(KeyUnusable):
        load_private_key(folder / "keys" / "operator.pem", b"wrong")


def test_an_existing_deployment_is_not_made_again(folder: Path) -> None:
    Deployment.create(folder, Config("yunling.example", OPERATOR), iterations=1000)
    with pytest.raises(ConfigurationError):
        Deployment.create(folder, Config("yunling.example", OPERATOR), iterations=1000)


def test_a_folder_without_a_deployment_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Deployment.open(tmp_path)
    assert "xinzheng init" in refused.value.detail


def test_without_a_passphrase_nothing_opens(folder: Path) -> None:
    created = Deployment.create(folder, Config("yunling.example", OPERATOR), iterations=1000)
    (folder / "passphrase").unlink()
    with pytest.raises(ConfigurationError):
        created.keyring.operator_signer()

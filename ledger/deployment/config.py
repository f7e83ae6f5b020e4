"""`deployment.toml`: what a deployment is, strictly parsed.

    version = 1
    domain = "yunling.example"
    operator = "91530000MA6K00000X"

    [api]
    host = "127.0.0.1"
    port = 8750
    threads = 16                   # of each process
    processes = 2                  # if not given, one for each processor, at most 8

    [chain]
    mode = "embedded"              # or "external", or "none"
    rpc = ["http://127.0.0.1:8545"]
    finality = "instant"           # or "depth:12", "finalized"
    chain_id = 4242                # the rest is pinned when the contracts are deployed
    genesis = "0x..."
    consortium = "0x..."
    registry = "0x..."
    deployed_block = 1
    sm2 = "0x..."                  # the three that verify and settle disputes on the chain; an older
    evidence = "0x..."             # deployment has none until `xinzheng deploy` adds them
    disputes = "0x..."

    [worker]
    publish_seconds = 1.0
    anchor_seconds = 2.0
    memory_share = 0.75            # of the memory that is available, for keeping the logs' files in it

    [limits]
    in_flight = 256

    [notices]
    allow = ["approvals.intranet.example"]  # hosts of webhooks that may have an address that is not public
    attempts = 12                           # of one notice, before it is a dead letter
    timeout_seconds = 10.0

    [witnesses]
    patience_seconds = 30.0        # how long a checkpoint waits for its quorum, see ledger.log.witnessing

    [sealing]
    source = "file"                # or "env:NAME", "command:/path/to program"; see `masters`
    timeout_seconds = 10.0

A member that is not known here, of another type or out of its range is refused with its name. Secrets never
stand in this file.
"""

import json
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from ledger.deployment.masters import SOURCE
from ledger.errors import ConfigurationError, LedgerError
from ledger.identifiers import check_uscc

VERSION = 1
FILE_LIMIT = 64 << 10
LOGS = ("credit", "access", "certificate")
"""Short names of the logs that every deployment has; the origin is `<domain>/<short name>`."""

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_URL = re.compile(r"(?:https?|wss?)://[^\s\"\\]{1,500}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_FINALITY = re.compile(r"instant|finalized|depth:[1-9][0-9]{0,4}")

ChainMode = Literal["embedded", "external", "none"]


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Where the service listens, and with how many processes of how many threads."""

    host: str = "127.0.0.1"
    port: int = 8750
    threads: int = 16
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """The chain. `chain_id`, `genesis` and the contracts' addresses are pinned at deployment."""

    mode: ChainMode = "embedded"
    rpc: tuple[str, ...] = ()
    finality: str = "instant"
    gas_price: int = 0
    chain_id: int | None = None
    genesis: str | None = None
    consortium: str | None = None
    registry: str | None = None
    deployed_block: int | None = None
    sm2: str | None = None
    evidence: str | None = None
    disputes: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether the contracts were deployed and everything is pinned."""
        pinned = (self.chain_id, self.genesis, self.consortium, self.registry, self.deployed_block)
        return None not in pinned


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How often the worker publishes, anchors and asks the registry, in seconds; and which share of the
    memory that is available it may use to keep the logs' files in memory for all that read them."""

    publish_seconds: float = 1.0
    anchor_seconds: float = 2.0
    registry_seconds: float = 30.0
    memory_share: float = 0.75


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What each process of the service takes on at once."""

    in_flight: int = 256


@dataclass(frozen=True, slots=True)
class NoticesConfig:
    """Where notices to subscribers may go, and how often they are tried; see `ledger.services.notices`."""

    allow: tuple[str, ...] = ()
    attempts: int = 12
    first_pause_seconds: float = 2.0
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class WitnessesConfig:
    """How long a checkpoint waits for its witnesses, and answers for a checkpoint that has them."""

    patience_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class SealingConfig:
    """Where the master keys of sealed content come from (see `masters`), and how long a command may take."""

    source: str = "file"
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file; `operator` is the USCC of the member that runs this deployment."""

    domain: str
    operator: str
    api: ApiConfig = field(default_factory=ApiConfig)
    chain: ChainConfig = field(default_factory=ChainConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    notices: NoticesConfig = field(default_factory=NoticesConfig)
    witnesses: WitnessesConfig = field(default_factory=WitnessesConfig)
    sealing: SealingConfig = field(default_factory=SealingConfig)

    def origin(self, short: str) -> str:
        """The origin of a log by its short name."""
        return f"{self.domain}/{short}"

    def with_chain(self, **changes: Any) -> "Config":
        """The same with another chain section."""
        return replace(self, chain=replace(self.chain, **changes))


_SECTIONS: dict[str, type] = {
    "api": ApiConfig,
    "chain": ChainConfig,
    "worker": WorkerConfig,
    "limits": LimitsConfig,
    "notices": NoticesConfig,
    "witnesses": WitnessesConfig,
    "sealing": SealingConfig,
}
_RANGES: dict[str, tuple[float, float]] = {
    "api.port": (1, 65535),
    "api.threads": (1, 512),
    "api.processes": (1, 64),
    "chain.gas_price": (0, 10**15),
    "chain.chain_id": (1, 2**53 - 1),
    "chain.deployed_block": (0, 2**53 - 1),
    "worker.publish_seconds": (0.05, 3600),
    "worker.anchor_seconds": (0.05, 86400),
    "worker.registry_seconds": (0.05, 86400),
    "worker.memory_share": (0, 0.95),
    "limits.in_flight": (1, 10_000),
    "notices.attempts": (1, 20),
    "notices.first_pause_seconds": (0.05, 3600),
    "notices.timeout_seconds": (0.1, 60),
    "witnesses.patience_seconds": (0.5, 3600),
    "sealing.timeout_seconds": (0.1, 300),
}
_FORMS: dict[str, re.Pattern[str]] = {
    "api.host": _HOST,
    "chain.rpc": _URL,
    "chain.finality": _FINALITY,
    "chain.genesis": _HASH,
    "chain.consortium": _ADDRESS,
    "chain.registry": _ADDRESS,
    "chain.sm2": _ADDRESS,
    "chain.evidence": _ADDRESS,
    "chain.disputes": _ADDRESS,
    "notices.allow": re.compile(r"[a-z0-9._:-]{1,253}"),
    "sealing.source": SOURCE,
}
_LISTS = frozenset({"chain.rpc", "notices.allow"})


def read_config(path: Path) -> Config:
    """Read `deployment.toml`; raises `ConfigurationError`."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no deployment here: {path.name} is missing (xinzheng init)"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > FILE_LIMIT:
        raise ConfigurationError(f"{path.name} is over {FILE_LIMIT} bytes")
    return parse_config(data)


def parse_config(data: bytes) -> Config:
    """Parse the file's bytes; raises `ConfigurationError` that names the member."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"deployment.toml is not TOML in UTF-8: {error}") from None
    version = document.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise ConfigurationError(f"version must be {VERSION}")
    unknown = document.keys() - {"domain", "operator", *_SECTIONS}
    if unknown:
        raise ConfigurationError(f"unknown member {min(unknown)}")
    domain, operator = document.get("domain"), document.get("operator")
    if not isinstance(domain, str) or _DOMAIN.fullmatch(domain) is None:
        raise ConfigurationError("domain must be lowercase letters, digits, dots and hyphens")
    if not isinstance(operator, str):
        raise ConfigurationError("operator must be a unified social credit code")
    try:
        check_uscc(operator)
    except LedgerError as error:
        raise ConfigurationError(f"operator: {error.detail or error.en}") from None
    sections = {name: _parse_section(name, kind, document.get(name, {})) for name, kind in _SECTIONS.items()}
    return Config(domain, operator, **sections)


def _parse_section(section: str, kind: type, document: Any) -> Any:
    if not isinstance(document, dict):
        raise ConfigurationError(f"[{section}] must be a table")
    known = {item.name: item.type for item in fields(kind)}
    values = {}
    for name, value in document.items():
        if name not in known:
            raise ConfigurationError(f"unknown member {section}.{name}")
        values[name] = _checked(f"{section}.{name}", known[name], value)
    return kind(**values)


def _checked(name: str, kind: Any, value: Any) -> Any:
    if name == "chain.mode":
        if value not in get_args(ChainMode):
            raise ConfigurationError(f"{name} must be one of {', '.join(get_args(ChainMode))}")
        return value
    if name in _RANGES:
        low, high = _RANGES[name]
        wanted = (int, float) if kind is float else (int,)
        if type(value) not in wanted or not low <= value <= high:
            raise ConfigurationError(f"{name} must be a number from {low} to {high}")
        return value
    texts = value if name in _LISTS else [value]
    form = _FORMS[name]
    if not isinstance(texts, list) or not all(
        isinstance(text, str) and form.fullmatch(text) for text in texts
    ):
        raise ConfigurationError(f"{name} is not in form")
    return tuple(texts) if name in _LISTS else value


def parse_chain(document: Any) -> ChainConfig:
    """A `[chain]` section as of `deployment.toml`; raises `ConfigurationError`."""
    parsed: ChainConfig = _parse_section("chain", ChainConfig, document)
    return parsed


def format_config(config: Config) -> str:
    """The file's text; `parse_config` reads the same configuration from it."""
    lines = [
        f"version = {VERSION}",
        f"domain = {_toml(config.domain)}",
        f"operator = {_toml(config.operator)}",
    ]
    for name in _SECTIONS:
        lines += ["", *format_section(name, getattr(config, name))]
    return "\n".join(lines) + "\n"


def format_section(name: str, section: Any) -> list[str]:
    """The lines of one section."""
    lines = [f"[{name}]"]
    for item in fields(section):
        value = getattr(section, item.name)
        if value is not None:
            lines.append(f"{item.name} = {_toml(value)}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # A JSON string without control characters is a TOML basic string.
    return json.dumps(value, ensure_ascii=False)

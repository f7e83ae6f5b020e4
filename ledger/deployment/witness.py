"""A witness's own folder: its configuration, its key, and what it is made of when it runs.

    witness.toml
        version = 1
        name = "hezhou.example/witness"        # in its signature lines
        member = "11990100MB0000027F"          # the member that it is
        interval_seconds = 5.0

        [[log]]
        origin = "yunling.example/credit"
        url = "https://xinzheng.yunling.example"

        [chain]                                # as in deployment.toml; none: the log alone is followed
        mode = "external"

    keys/witness.pem             its SM2 key, under the folder's passphrase (see `keyring`; one is made if
                                 none is given)
    keys/chain-account.json      the member's account, if it is to cosign on the chain
    trust.json                   what it believes; renewed from the registry where there is a chain
    logs/<origin>/               its memory of each log (`ledger.witness.store`)
    evidence/                    proofs of misbehaviour
    run/                         lock and status

The memory must never be put back to an earlier state: from a copy, a witness could vouch for a second
history. A witness that lost it begins anew, in a new folder with a new key.
"""

import re
import secrets
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.deployment.config import FILE_LIMIT, ChainConfig, format_section, parse_chain
from ledger.deployment.keyring import find_passphrase, load_private_key, save_private_key, write_secret
from ledger.deployment.trusting import exported_trust
from ledger.errors import ConfigurationError, LedgerError
from ledger.files import create_file
from ledger.formats.members import is_origin
from ledger.formats.note import WITNESS_IDENTIFIER, VerificationKey, verification_key
from ledger.formats.trust import format_trust
from ledger.gm import PrivateKey, Signer, signer
from ledger.identifiers import check_uscc
from ledger.log.clock import Clock, system_clock
from ledger.log.directory import Directory, write_snapshot
from ledger.witness.anchors import AnchorWatch
from ledger.witness.follower import Cosigner, Follower
from ledger.witness.runner import Followed
from ledger.witness.source import HttpSource
from ledger.witness.store import WitnessStore

if TYPE_CHECKING:
    from ledger.chain.evm import EvmChain

VERSION = 1
_is_name = re.compile(r"[!-*,-~]{1,128}").fullmatch
_is_url = re.compile(r"https?://[^\s\"\\]{1,500}").fullmatch
_MEMBERS = frozenset({"name", "member", "interval_seconds", "log", "chain"})


@dataclass(frozen=True, slots=True)
class FollowedLog:
    """A log and where its service is."""

    origin: str
    url: str


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """The whole of `witness.toml`."""

    name: str
    member: str
    logs: tuple[FollowedLog, ...]
    interval_seconds: float = 5.0
    chain: ChainConfig = field(default_factory=lambda: ChainConfig(mode="none"))


def parse_witness_config(data: bytes) -> WitnessConfig:
    """Parse `witness.toml`; raises `ConfigurationError` that names the member."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"witness.toml is not TOML in UTF-8: {error}") from None
    version = document.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise ConfigurationError(f"version must be {VERSION}")
    unknown = document.keys() - _MEMBERS
    if unknown:
        raise ConfigurationError(f"unknown member {min(unknown)}")
    name, member = document.get("name"), document.get("member")
    if not isinstance(name, str) or not _is_name(name):
        raise ConfigurationError("name must be printable ASCII without space and plus")
    if not isinstance(member, str):
        raise ConfigurationError("member must be a unified social credit code")
    try:
        check_uscc(member)
    except LedgerError as error:
        raise ConfigurationError(f"member: {error.detail or error.en}") from None
    interval = document.get("interval_seconds", 5.0)
    if type(interval) not in (int, float) or not 0.05 <= interval <= 86_400:
        raise ConfigurationError("interval_seconds must be a number from 0.05 to 86400")
    logs = document.get("log", [])
    if not isinstance(logs, list) or not logs:
        raise ConfigurationError("a witness follows at least one [[log]]")
    parsed = tuple(_parse_log(log) for log in logs)
    if len({log.origin for log in parsed}) != len(parsed):
        raise ConfigurationError("an origin stands twice")
    return WitnessConfig(
        name, member, parsed, float(interval), parse_chain(document.get("chain", {"mode": "none"}))
    )


def _parse_log(value: Any) -> FollowedLog:
    if not isinstance(value, dict) or value.keys() != {"origin", "url"}:
        raise ConfigurationError("a [[log]] has an origin and a url")
    origin, url = value["origin"], value["url"]
    if not is_origin(origin):
        raise ConfigurationError("log.origin must be an origin such as yunling.example/credit")
    if not isinstance(url, str) or not _is_url(url):
        raise ConfigurationError("log.url must be http(s)://host[:port][/path]")
    return FollowedLog(origin, url)


def format_witness_config(config: WitnessConfig) -> str:
    """The file's text; `parse_witness_config` reads the same configuration from it."""
    lines = [
        f"version = {VERSION}",
        f'name = "{config.name}"'.replace("\\", "\\\\"),
        f'member = "{config.member}"',
        f"interval_seconds = {config.interval_seconds}",
    ]
    for log in config.logs:
        lines += ["", "[[log]]", f'origin = "{log.origin}"', f'url = "{log.url}"']
    return "\n".join([*lines, "", *format_section("chain", config.chain)]) + "\n"


class WitnessPlace:
    """A witness's folder, opened; nothing is read before it is asked for."""

    def __init__(self, folder: Path, config: WitnessConfig, clock: Clock = system_clock) -> None:
        self.folder = folder
        self.config = config
        self.clock = clock
        self._followed: list[Followed] = []

    @classmethod
    def create(
        cls, folder: Path, config: WitnessConfig, *, trust: bytes | None, iterations: int | None = None
    ) -> "WitnessPlace":
        """Make the folder, the key and the configuration; nothing that exists is replaced.

        `iterations` lowers the cost of guessing the passphrase, for tests. Raises `ConfigurationError`.
        """
        if (folder / "witness.toml").exists():
            raise ConfigurationError(f"{folder.name} already holds a witness")
        for part in ("", "keys", "logs", "evidence", "run"):
            (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        place = cls(folder, config)
        try:
            find_passphrase(folder)
        except ConfigurationError:
            write_secret(folder / "passphrase", f"{secrets.token_urlsafe(32)}\n".encode())
        save_private_key(folder / "keys" / "witness.pem", PrivateKey.generate(), place.passphrase, iterations)
        if trust is not None:
            write_snapshot(place.trust_path, trust)
        # Last, so that a folder that was cut off while being made is not taken for a witness.
        create_file(folder / "witness.toml", format_witness_config(config).encode("utf-8"))
        return place

    @classmethod
    def open(cls, folder: Path, clock: Clock = system_clock) -> "WitnessPlace":
        """Open the witness in a folder; raises `ConfigurationError`."""
        try:
            with (folder / "witness.toml").open("rb") as file:
                data = file.read(FILE_LIMIT + 1)
        except OSError:
            raise ConfigurationError(
                "there is no witness here: witness.toml is missing (xinzheng witness init)"
            ) from None
        if len(data) > FILE_LIMIT:
            raise ConfigurationError(f"witness.toml is over {FILE_LIMIT} bytes")
        return cls(folder, parse_witness_config(data), clock)

    @property
    def passphrase(self) -> bytes:
        return find_passphrase(self.folder)

    @property
    def trust_path(self) -> Path:
        return self.folder / "trust.json"

    @property
    def account_path(self) -> Path:
        return self.folder / "keys" / "chain-account.json"

    @property
    def status_path(self) -> Path:
        return self.folder / "run" / "status.json"

    @property
    def lock_path(self) -> Path:
        return self.folder / "run" / "witness.lock"

    @cached_property
    def signer(self) -> Signer:
        return signer(load_private_key(self.folder / "keys" / "witness.pem", self.passphrase))

    @property
    def vkey(self) -> VerificationKey:
        """The witness's key as trust files and notes name it."""
        return verification_key(self.config.name, WITNESS_IDENTIFIER, self.signer.public)

    @cached_property
    def directory(self) -> Directory:
        """The trust file, followed as it is replaced; raises `ConfigurationError`."""
        return Directory.from_file(self.trust_path, self.clock)

    @cached_property
    def chain(self) -> "EvmChain | None":
        """The chain, where there is one; it can be written to where the folder holds an account."""
        if self.config.chain.mode == "none":
            return None
        from ledger.chain.account import ChainAccount
        from ledger.chain.evm import EvmChain
        from ledger.chain.nodes import NodeSettings
        from ledger.chain.port import FinalityPolicy
        from ledger.deployment.pinned import pinned_deployment

        chain = self.config.chain
        account = None
        if self.account_path.exists():
            account = ChainAccount.load(self.account_path, self.passphrase)
        settings = NodeSettings(
            chain.rpc, gas_price=chain.gas_price, finality=FinalityPolicy.parse(chain.finality)
        )
        return EvmChain(pinned_deployment(chain), settings, account)

    def sync_trust(self) -> bool:
        """Take the registry's snapshot into the trust file; whether it changed. Raises as the chain does."""
        if self.chain is None:
            return False
        trust = exported_trust(self.chain, self.config.chain.finality)
        return write_snapshot(self.trust_path, format_trust(trust))

    def store(self, origin: str) -> WitnessStore:
        """The memory of one log."""
        return WitnessStore(self.folder / "logs" / origin.replace("/", "~"))

    def followed(self, progress: Callable[[str, int, int], None] | None = None) -> Sequence[Followed]:
        """All logs, ready to be followed; `progress` is told origin, size derived and size aimed at."""
        if not self._followed:
            self._followed = [self._follow(log, progress) for log in self.config.logs]
        return self._followed

    def _follow(self, log: FollowedLog, progress: Callable[[str, int, int], None] | None) -> Followed:
        followed: list[Followed] = []

        def tell(size: int, target: int) -> None:
            followed[0].standing.deriving = (size, target)
            if progress is not None:
                progress(log.origin, size, target)

        follower = Follower(
            log.origin,
            HttpSource(log.url, log.origin, self.signer),
            self.store(log.origin),
            lambda: self.directory.trust,
            Cosigner(self.config.name, self.signer),
            self.folder / "evidence",
            self.clock,
            tell,
        )
        watch = None
        if self.chain is not None:
            watch = AnchorWatch(self.chain, follower, self.clock, cosigns=self.account_path.exists())
        followed.append(Followed(follower, watch))
        return followed[0]

    def close(self) -> None:
        """Close the databases."""
        for each in self._followed:
            each.follower.store.close()

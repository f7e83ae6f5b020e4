"""The keys of a deployment: files in `keys/`, readable by their owner only.

    log-<short>.pem        SM2 key of a log: signs its checkpoints and receipts
    operator.pem           SM2 key of the member that runs the deployment
    chain-account.json     that member's account on the chain
    person-tags.keys       person-tag keys, 64 hex digits a line; the line number is the epoch, from 0
    sealing.keys           master keys that wrap the data keys of sealed content, 32 hex digits a line, the
                           last in force; not used where they come from elsewhere (see `masters`)

The PEM files and the chain account are encrypted under the deployment's passphrase, which comes from the
environment (`XINZHENG_PASSPHRASE`, or a file that `XINZHENG_PASSPHRASE_FILE` names) or else from the file
`passphrase` in the deployment's folder, for machines where nobody types it.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from ledger.deployment.config import SealingConfig
from ledger.deployment.masters import open_master_keys
from ledger.errors import ConfigurationError, KeyUnusable
from ledger.files import create_file
from ledger.gm import PrivateKey, Signer, signer
from ledger.log.masters import MasterKeys
from ledger.log.sealer import create_master_key_file

PASSPHRASE_VARIABLE = "XINZHENG_PASSPHRASE"  # noqa: S105 - the variable's name
PASSPHRASE_FILE_VARIABLE = "XINZHENG_PASSPHRASE_FILE"  # noqa: S105 - the variable's name
PASSPHRASE_LIMIT = 1024
PERSON_TAG_KEY_BYTES = 32
_KEY_FILE_LIMIT = 16 << 10


class Keyring:
    """The folder `keys/`; nothing is read before it is asked for."""

    def __init__(self, folder: Path, passphrase: Callable[[], bytes]) -> None:
        self._folder = folder
        self._passphrase = passphrase

    def create(self, logs: tuple[str, ...], iterations: int | None = None) -> None:
        """Make all keys but the chain account; refuses to replace one. `iterations`: PBKDF2's, for tests."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for name in (*(f"log-{short}" for short in logs), "operator"):
            save_private_key(
                self._folder / f"{name}.pem", PrivateKey.generate(), self._passphrase(), iterations
            )
        write_secret(
            self._folder / "person-tags.keys", f"{secrets.token_hex(PERSON_TAG_KEY_BYTES)}\n".encode()
        )
        create_master_key_file(self.sealing_path)

    def log_signer(self, short: str) -> Signer:
        """The signer of a log's checkpoints and receipts."""
        return self._signer(f"log-{short}")

    def operator_signer(self) -> Signer:
        """The signer of the member that runs the deployment."""
        return self._signer("operator")

    def person_tag_keys(self) -> Mapping[int, bytes]:
        """Epoch to 32-byte key; raises `KeyUnusable`."""
        try:
            lines = read_secret(self._folder / "person-tags.keys").decode("ascii").split()
            keys = [bytes.fromhex(line) for line in lines]
        except ValueError:
            keys = []
        if not keys or any(len(key) != PERSON_TAG_KEY_BYTES for key in keys):
            raise KeyUnusable("person-tags.keys must hold 64 hex digits a line")
        return dict(enumerate(keys))

    def master_keys(self, sealing: SealingConfig) -> MasterKeys:
        """The master keys from where the configuration says; raises `ConfigurationError`."""
        return open_master_keys(sealing.source, self.sealing_path, sealing.timeout_seconds)

    @property
    def sealing_path(self) -> Path:
        """The master key file."""
        return self._folder / "sealing.keys"

    @property
    def chain_account_path(self) -> Path:
        """The chain account's keystore file."""
        return self._folder / "chain-account.json"

    @property
    def passphrase(self) -> bytes:
        """The deployment's passphrase; raises `KeyUnusable`."""
        return self._passphrase()

    def _signer(self, name: str) -> Signer:
        return signer(load_private_key(self._folder / f"{name}.pem", self._passphrase()))


def load_private_key(path: Path, passphrase: bytes | None) -> PrivateKey:
    """An SM2 private key from a PEM file; raises `KeyUnusable`."""
    return PrivateKey.from_pem(read_secret(path), passphrase)


def save_private_key(
    path: Path, key: PrivateKey, passphrase: bytes | None, iterations: int | None = None
) -> None:
    """Write a key encrypted under `passphrase`; refuses to replace a file."""
    pem = key.to_pem(passphrase) if iterations is None else key.to_pem(passphrase, iterations=iterations)
    write_secret(path, pem)


def read_secret(path: Path) -> bytes:
    """A small file; raises `KeyUnusable`."""
    try:
        with path.open("rb") as file:
            data = file.read(_KEY_FILE_LIMIT + 1)
    except OSError as error:
        raise KeyUnusable(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > _KEY_FILE_LIMIT:
        raise KeyUnusable(f"{path.name} is over {_KEY_FILE_LIMIT} bytes")
    return data


def write_secret(path: Path, data: bytes) -> None:
    """Write a new file that only its owner may read, durably; raises `KeyUnusable` if it is there."""
    try:
        create_file(path, data)
    except FileExistsError:
        raise KeyUnusable(f"{path.name} exists already and is not replaced") from None
    except OSError as error:
        raise KeyUnusable(f"{path.name} cannot be written: {error.strerror}") from None


def find_passphrase(folder: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """The deployment's passphrase; raises `ConfigurationError` that says where it may stand."""
    given = environment.get(PASSPHRASE_VARIABLE)
    if given is not None:
        passphrase = given.encode("utf-8")
    else:
        named = environment.get(PASSPHRASE_FILE_VARIABLE)
        path = Path(named) if named else folder / "passphrase"
        if not path.is_file():
            raise ConfigurationError(
                f"no passphrase: set {PASSPHRASE_VARIABLE} or {PASSPHRASE_FILE_VARIABLE}, "
                "or put it into the file passphrase of the deployment"
            )
        passphrase = read_secret(path).rstrip(b"\r\n")
    if not passphrase or len(passphrase) > PASSPHRASE_LIMIT:
        raise ConfigurationError(f"the passphrase must have 1 to {PASSPHRASE_LIMIT} bytes")
    return passphrase

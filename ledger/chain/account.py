"""A member's account on the chain: a secp256k1 key that signs transactions locally.

It pays for nothing and proves nothing to a verifier; it only says to the contracts which member is calling.
"""

import json
import os
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.errors import KeyUnusable
from ledger.files import create_file

# The cost of guessing a passphrase: n of scrypt, a power of two (2^18 takes about a second).
SCRYPT_N = 2**18


class ChainAccount:
    """`address` is lowercase hex with 0x."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.address: str = account.address.lower()

    @classmethod
    def generate(cls) -> "ChainAccount":
        """From the system's generator."""
        return cls(Account.from_key(_secret()))

    @classmethod
    def load(cls, path: Path, passphrase: bytes) -> "ChainAccount":
        """From an encrypted keystore file (Web3 Secret Storage, version 3); raises `KeyUnusable`."""
        try:
            keystore = json.loads(path.read_text("utf-8"))
            return cls(Account.from_key(Account.decrypt(keystore, passphrase.decode("utf-8"))))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KeyUnusable(f"the chain account in {path.name} cannot be opened") from error

    def save(self, path: Path, passphrase: bytes, scrypt_n: int = SCRYPT_N) -> None:
        """Write an encrypted keystore file that only its owner may read; never overwrites one."""
        keystore = Account.encrypt(self._account.key, passphrase.decode("utf-8"), "scrypt", scrypt_n)
        create_file(path, json.dumps(keystore).encode("utf-8"))

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        """(raw transaction, its hash) of a legacy transaction; the same input gives the same bytes."""
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

    def __repr__(self) -> str:
        return f"ChainAccount({self.address})"


def _secret() -> bytes:
    """32 random bytes in the range of a private key; out of range about once in 2^128."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    while True:
        secret = os.urandom(32)
        if 0 < int.from_bytes(secret, "big") < order:
            return secret

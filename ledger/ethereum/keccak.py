"""Keccak-256 as Ethereum uses it: the submission to the SHA-3 contest, with its original padding."""

from Cryptodome.Hash import keccak


def keccak256(data: bytes) -> bytes:
    """The 32-byte digest."""
    return keccak.new(digest_bits=256, data=data).digest()

"""SM4-GCM (GB/T 32907-2016, RFC 8998) through `cryptography`."""

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ledger.errors import BackendMissing, DecryptionFailed, KeyUnusable

KEY_SIZE = 16
NONCE_SIZE = 12
TAG_SIZE = 16


def _cipher(key: bytes, mode: modes.GCM) -> Cipher[modes.GCM]:
    return Cipher(algorithms.SM4(key), mode)


def _check(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise KeyUnusable(f"an SM4 key has {KEY_SIZE} bytes, not {len(key)}")
    if len(nonce) != NONCE_SIZE:
        raise KeyUnusable(f"an SM4-GCM nonce has {NONCE_SIZE} bytes, not {len(nonce)}")


def sm4_gcm_encrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    """Return ciphertext || 16-byte tag; a nonce (12 bytes) serves once per key (16 bytes).

    Raises KeyUnusable for wrong sizes, BackendMissing where `cryptography` lacks SM4.
    """
    _check(key, nonce)
    try:
        encryptor = _cipher(key, modes.GCM(nonce)).encryptor()
    except UnsupportedAlgorithm as error:
        raise BackendMissing("the installed cryptography package lacks SM4") from error
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def sm4_gcm_decrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    """Return the plaintext of ciphertext || tag.

    Raises DecryptionFailed if key, nonce, data and aad do not belong together; KeyUnusable, BackendMissing
    as `sm4_gcm_encrypt`.
    """
    _check(key, nonce)
    if len(data) < TAG_SIZE:
        raise DecryptionFailed("the ciphertext is shorter than its tag")
    try:
        decryptor = _cipher(key, modes.GCM(nonce, data[-TAG_SIZE:])).decryptor()
    except UnsupportedAlgorithm as error:
        raise BackendMissing("the installed cryptography package lacks SM4") from error
    decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(data[:-TAG_SIZE]) + decryptor.finalize()
    except InvalidTag as error:
        raise DecryptionFailed("the ciphertext, its key, nonce or context was changed") from error

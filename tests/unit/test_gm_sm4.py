import pytest

from ledger.errors import DecryptionFailed, KeyUnusable
from ledger.gm import sm4_gcm_decrypt, sm4_gcm_encrypt

KEY, NONCE, AAD = bytes(range(16)), bytes(12), b"context"


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5])
def test_sm4_gcm_goes_there_and_back(data: bytes) -> None:
    sealed = sm4_gcm_encrypt(KEY, NONCE, data, AAD)
    assert len(sealed) == len(data) + 16
    assert sm4_gcm_decrypt(KEY, NONCE, sealed, AAD) == data


def test_every_single_bit_of_the_ciphertext_counts() -> None:
    sealed = sm4_gcm_encrypt(KEY, NONCE, b"personal", AAD)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecryptionFailed):
            sm4_gcm_decrypt(KEY, NONCE, bytes(changed), AAD)


def test_key_nonce_context_and_length_count() -> None:
    sealed = sm4_gcm_encrypt(KEY, NONCE, b"personal", AAD)
    for key, nonce, data, aad in [
        (KEY[::-1], NONCE, sealed, AAD),
        (KEY, b"\1" * 12, sealed, AAD),
        (KEY, NONCE, sealed, b"other"),
        (KEY, NONCE, sealed[:-1], AAD),
        (KEY, NONCE, sealed[:15], AAD),
        (KEY, NONCE, b"", AAD),
    ]:
        with pytest.raises(DecryptionFailed):
            sm4_gcm_decrypt(key, nonce, data, aad)


@pytest.mark.parametrize(("key", "nonce"), [(KEY[1:], NONCE), (KEY * 2, NONCE), (KEY, b""), (KEY, bytes(13))])
def test_keys_and_nonces_of_other_sizes_are_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(KeyUnusable):
        sm4_gcm_encrypt(key, nonce, b"", AAD)
    with pytest.raises(KeyUnusable):
        sm4_gcm_decrypt(key, nonce, bytes(16), AAD)

"""National cryptography: SM3, SM2 keys, signing and verification, SM4-GCM.

The only home of gmssl, tongsuopy and gmpy2, and of every read of a signature's bytes.
"""

from ledger.gm.backends import Backend, Signer, backend, installed, signer
from ledger.gm.der import der_decode, der_encode, split_raw
from ledger.gm.keys import SIGNER_ID, PrivateKey, PublicKey
from ledger.gm.known_answers import self_test
from ledger.gm.sm3 import Sm3, hmac_sm3, sm3, sm3_prefixed
from ledger.gm.sm4 import sm4_gcm_decrypt, sm4_gcm_encrypt
from ledger.gm.verifier import Verifier, default_verifier, verify

__all__ = [
    "SIGNER_ID",
    "Backend",
    "PrivateKey",
    "PublicKey",
    "Signer",
    "Sm3",
    "Verifier",
    "backend",
    "default_verifier",
    "der_decode",
    "der_encode",
    "hmac_sm3",
    "installed",
    "self_test",
    "signer",
    "sm3",
    "sm3_prefixed",
    "sm4_gcm_decrypt",
    "sm4_gcm_encrypt",
    "split_raw",
    "verify",
]

import contextlib
import secrets

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import SignatureInvalid
from ledger.gm import (
    PrivateKey,
    PublicKey,
    Sm3,
    Verifier,
    der_decode,
    der_encode,
    installed,
    signer,
    sm3,
    sm4_gcm_decrypt,
    sm4_gcm_encrypt,
)
from ledger.gm.curve import N
from ledger.gm.known_answers import verify_plainly
from ledger.identifiers import ResidentId, is_uscc, resident_check_character, uscc_check_character

KEY = PrivateKey.generate()
VERIFIER = Verifier(native=False)
VERIFIER.warm(KEY.public)

scalars = st.integers(1, N - 1)
secrets_of_keys = st.integers(1, N - 2).map(lambda value: value.to_bytes(32, "big"))


@given(scalars, scalars)
def test_der_goes_there_and_back(r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if r + s == N:
        return
    der = der_encode(raw)
    assert der_decode(der) == raw
    assert len(der) <= 72


@given(st.binary(max_size=80) | st.binary(min_size=6, max_size=70).map(lambda b: bytes((0x30, len(b))) + b))
def test_what_der_decode_takes_is_the_one_form(der: bytes) -> None:
    try:
        raw = der_decode(der)
    except SignatureInvalid:
        return
    assert der_encode(raw) == der


@given(scalars, scalars, st.data())
def test_a_changed_byte_of_der_is_refused_or_is_another_signature(
    r: int, s: int, data: st.DataObject
) -> None:
    if r + s == N:
        return
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    changed = bytearray(der_encode(raw))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(SignatureInvalid):
        assert der_decode(bytes(changed)) != raw


@settings(max_examples=25, deadline=None)
@given(secrets_of_keys, st.none() | st.binary(min_size=1, max_size=40))
def test_a_key_file_goes_there_and_back(secret: bytes, passphrase: bytes | None) -> None:
    key = PrivateKey(secret)
    pem = key.to_pem(passphrase, iterations=2)
    again = PrivateKey.from_pem(pem, passphrase)
    assert again.secret_bytes() == secret
    assert again.public == key.public
    assert PublicKey.from_pem(key.public.to_pem()) == key.public


@settings(max_examples=15, deadline=None)
@given(secrets_of_keys, st.binary(max_size=300))
def test_all_backends_tables_and_plain_path_agree(secret: bytes, message: bytes) -> None:
    key = PrivateKey(secret)
    for signing in installed():
        signature = signer(key, signing.name).sign(message)
        changed = bytearray(signature)
        changed[secrets.randbelow(64)] ^= 1 << secrets.randbelow(8)
        for verifying in installed():
            assert verifying.verify(key.public, message, signature)
        assert verify_plainly(key.public, message, signature)
        try:
            assert not verify_plainly(key.public, message, bytes(changed))
        except SignatureInvalid:
            continue
        assert not any(verifying.verify(key.public, message, bytes(changed)) for verifying in installed())


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 511))
def test_a_changed_bit_of_a_signature_is_refused_by_the_tables(message: bytes, bit: int) -> None:
    signature = signer(KEY).sign(message)
    VERIFIER.verify(KEY.public, message, signature)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        VERIFIER.verify(KEY.public, message, bytes(changed))
    except SignatureInvalid:
        return
    raise AssertionError("a changed signature was accepted")


@given(st.lists(st.binary(max_size=150), max_size=6))
def test_sm3_does_not_depend_on_how_the_data_is_cut(pieces: list[bytes]) -> None:
    hasher = Sm3()
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digest() == sm3(b"".join(pieces))


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=12, max_size=12), st.binary(), st.binary())
def test_sm4_gcm_goes_there_and_back(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> None:
    assert sm4_gcm_decrypt(key, nonce, sm4_gcm_encrypt(key, nonce, data, aad), aad) == data


@given(
    st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=9, max_size=9),
)
def test_a_made_uscc_is_one(first: str, region: str, organisation: str) -> None:
    start = first + region + organisation
    assert is_uscc(start + uscc_check_character(start))


@given(st.text("0123456789", min_size=6, max_size=6), st.dates(), st.integers(0, 999))
def test_a_made_resident_id_is_one_if_born_after_1800(region: str, born, serial: int) -> None:
    start = f"{region}{born.year:04d}{born.month:02d}{born.day:02d}{serial:03d}"
    if born.year >= 1800:
        assert ResidentId.parse(start + resident_check_character(start)).born == born

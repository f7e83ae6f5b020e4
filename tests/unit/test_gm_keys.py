import copy
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.errors import KeyUnusable
from ledger.gm import PrivateKey, PublicKey, sm3
from ledger.gm.curve import G, N
from ledger.gm.curve import P as PRIME

FAST = 1000


def raw(x: int, y: int) -> bytes:
    return int(x).to_bytes(32, "big") + int(y).to_bytes(32, "big")


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def openssl(tmp_path: Path):
    if shutil.which("openssl") is None:
        pytest.fail("the openssl command is needed to prove that keys interoperate")

    def run(*arguments: str) -> bytes:
        done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("why", "point"),
    [
        ("empty", b""),
        ("63 bytes", raw(*G)[1:]),
        ("65 bytes", b"\x04" + raw(*G)),
        ("zero", bytes(64)),
        ("off the curve", raw(G[0], G[1] + 1)),
        ("swapped", raw(G[1], G[0])),
        ("all ones", b"\xff" * 64),
    ],
)
def test_a_public_key_that_is_no_point_is_refused(why: str, point: bytes) -> None:
    with pytest.raises(KeyUnusable):
        PublicKey(point)


def test_a_coordinate_not_below_p_is_refused() -> None:
    """x = 0 is on the curve (b is a square), so x = p names the same point a second time."""
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    y = pow(b, (int(PRIME) + 1) // 4, int(PRIME))
    assert y * y % PRIME == b
    PublicKey(raw(0, y))
    with pytest.raises(KeyUnusable):
        PublicKey(raw(PRIME, y))


def test_a_public_key_is_a_value(key: PrivateKey) -> None:
    same = PublicKey(key.public.raw)
    assert same == key.public
    assert hash(same) == hash(key.public)
    assert same != PrivateKey.generate().public
    assert same.keyid == sm3(same.raw).hex()
    assert pickle.loads(pickle.dumps(same)) == copy.deepcopy(same) == same
    with pytest.raises(AttributeError):
        same.raw = bytes(64)  # type: ignore[misc]
    assert PublicKey.from_pem(same.to_pem()) == same


@pytest.mark.parametrize("scalar", [0, N - 1, N, 2**256 - 1])
def test_a_private_key_out_of_range_is_refused(scalar: int) -> None:
    with pytest.raises(KeyUnusable):
        PrivateKey(scalar.to_bytes(32, "big"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_private_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(KeyUnusable):
        PrivateKey(b"\x01" * size)


def test_the_largest_and_smallest_private_keys_are_taken() -> None:
    assert PrivateKey((1).to_bytes(32, "big")).public.raw == raw(*G)
    PrivateKey((N - 2).to_bytes(32, "big"))


def test_a_private_key_never_shows_its_secret(key: PrivateKey) -> None:
    secret = key.secret_bytes()
    shown = f"{key!r} {key!s} {[key]}"
    assert secret.hex() not in shown
    assert str(int.from_bytes(secret, "big")) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        copy.deepcopy(key)


def test_an_encrypted_key_opens_with_its_passphrase_only(key: PrivateKey) -> None:
    pem = key.to_pem("口令".encode(), iterations=FAST)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert PrivateKey.from_pem(pem, "口令".encode()).secret_bytes() == key.secret_bytes()
    for wrong in (None, b"", b"other"):
        with pytest.raises(KeyUnusable):
            PrivateKey.from_pem(pem, wrong)


def test_an_empty_passphrase_is_refused(key: PrivateKey) -> None:
    with pytest.raises(KeyUnusable):
        key.to_pem(b"")


def test_two_files_of_one_key_differ(key: PrivateKey) -> None:
    assert key.to_pem(b"p", iterations=FAST) != key.to_pem(b"p", iterations=FAST)


def test_a_damaged_key_file_is_refused(key: PrivateKey) -> None:
    lines = key.to_pem(None).splitlines(keepends=True)
    for damaged in (b"", b"no pem at all", b"".join(lines[:-1]), lines[0] + b"AAAA\n" + lines[-1]):
        with pytest.raises(KeyUnusable):
            PrivateKey.from_pem(damaged, None)
    with pytest.raises(KeyUnusable):
        PrivateKey.from_pem(b"x" * 70_000, None)
    with pytest.raises(KeyUnusable):
        PrivateKey.from_pem(key.public.to_pem(), None)
    with pytest.raises(KeyUnusable):
        PublicKey.from_pem(key.to_pem(None))


def test_every_single_bit_change_of_a_key_file_is_refused_or_harmless(key: PrivateKey) -> None:
    """Whatever is changed, no other key than this one comes out of the file's DER."""
    from asn1crypto import pem as asn1_pem

    _, _, der = asn1_pem.unarmor(key.to_pem(None))
    for bit in range(len(der) * 8):
        changed = bytearray(der)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            other = PrivateKey.from_pem(asn1_pem.armor("PRIVATE KEY", bytes(changed)), None)
        except KeyUnusable:
            continue
        assert other.public == key.public


def test_a_key_with_a_public_half_of_another_is_refused(key: PrivateKey) -> None:
    from ledger.gm.pem import format_private

    pem = format_private(key.secret_bytes(), PrivateKey.generate().public.raw, None, FAST)
    with pytest.raises(KeyUnusable):
        PrivateKey.from_pem(pem, None)


@pytest.mark.parametrize("passphrase", [None, b"a passphrase"])
def test_openssl_reads_our_private_keys(passphrase: bytes | None, openssl, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.to_pem(passphrase, iterations=FAST))
    public = openssl("pkey", "-in", "key.pem", "-passin", "pass:a passphrase", "-pubout")
    assert PublicKey.from_pem(public) == key.public
    assert public == key.public.to_pem()


@pytest.mark.parametrize(
    "encryption",
    [
        ["-nocrypt"],
        ["-v2", "sm4-cbc"],
        ["-v2", "sm4-cbc", "-v2prf", "hmacWithSHA512"],
        ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
        ["-v2", "aes-256-cbc"],
    ],
    ids=" ".join,
)
def test_we_read_openssl_private_keys(encryption: list[str], openssl, tmp_path: Path) -> None:
    openssl("genpkey", "-algorithm", "SM2", "-out", "plain.pem")
    openssl("pkcs8", "-topk8", "-in", "plain.pem", "-out", "key.pem", "-passout", "pass:secret", *encryption)
    public = PublicKey.from_pem(openssl("pkey", "-in", "plain.pem", "-pubout"))
    assert PrivateKey.from_pem((tmp_path / "key.pem").read_bytes(), b"secret").public == public


def test_we_read_openssl_sec1_keys_behind_their_parameters(openssl) -> None:
    pem = openssl("ecparam", "-name", "SM2", "-genkey")
    assert pem.startswith(b"-----BEGIN ")
    PrivateKey.from_pem(pem, None)


def test_keys_of_other_curves_and_ciphers_are_refused(openssl, tmp_path: Path) -> None:
    pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    with pytest.raises(KeyUnusable, match="SM2 curve"):
        PrivateKey.from_pem(pem, None)
    with pytest.raises(KeyUnusable, match="SM2 curve"):
        PrivateKey.from_pem(openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"), None)
    with pytest.raises(KeyUnusable, match="elliptic"):
        PrivateKey.from_pem(openssl("genpkey", "-algorithm", "ED25519"), None)
    openssl("genpkey", "-algorithm", "SM2", "-out", "plain.pem")
    for options, reason in [
        (("-v2", "des3"), "neither"),
        (("-v2", "sm4-cbc", "-scrypt"), "PBKDF2"),
        (("-v2", "sm4-cbc", "-v2prf", "hmacWithSHA224"), "HMAC"),
    ]:
        encrypted = openssl("pkcs8", "-topk8", "-in", "plain.pem", "-passout", "pass:s", *options)
        with pytest.raises(KeyUnusable, match=reason):
            PrivateKey.from_pem(encrypted, b"s")

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.errors import BackendMissing
from ledger.gm import PrivateKey, Signer, backend, installed, signer, verify
from ledger.gm import backends as registry

NAMES = [found.name for found in installed()]


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def run_without(modules: list[str], code: str, **environment: str) -> str:
    """Run `code` in a fresh interpreter in which these modules cannot be imported."""
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in modules)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{hidden}{code}"],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_backend_is_installed_for_the_tests_to_mean_something() -> None:
    assert "gmssl" in NAMES
    assert set(NAMES) & {"openssl", "tongsuopy"}
    assert sorted(NAMES, key=registry.ORDER.index) == NAMES


@pytest.mark.parametrize("signing", NAMES)
@pytest.mark.parametrize("verifying", NAMES)
def test_every_backend_verifies_every_other(signing: str, verifying: str, key: PrivateKey) -> None:
    for message in (b"", b"x", bytes(range(256)) * 20):
        signature = signer(key, signing).sign(message)
        assert len(signature) == 64
        verify(key.public, message, signature)
        assert backend(verifying).verify(key.public, message, signature)
        assert not backend(verifying).verify(key.public, message + b"\0", signature)


@pytest.mark.parametrize("name", NAMES)
def test_a_signer_draws_a_new_nonce_each_time(name: str, key: PrivateKey) -> None:
    made = signer(key, name)
    assert len({made.sign(b"same") for _ in range(5)}) == 5
    assert made.public == key.public


def test_gmssl_nonces_do_not_come_from_the_random_module(key: PrivateKey) -> None:
    made = signer(key, "gmssl")
    random.seed(1)
    first = made.sign(b"same")
    random.seed(1)
    assert made.sign(b"same") != first


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_begins_with_04_or_zero_works_everywhere(name: str) -> None:
    """gmssl strips such digits from a key; x = 0 is a point of the curve, and 04.. is found by search."""
    for wanted in (b"\x04", b"\x00", b"\x40"):
        scalar = 1
        while True:
            key = PrivateKey(scalar.to_bytes(32, "big"))
            if key.public.raw[:1] == wanted:
                break
            scalar += 1
        signature = signer(key, name).sign(b"message")
        assert all(backend(other).verify(key.public, b"message", signature) for other in NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gmssl"])
def test_one_signer_serves_many_threads(name: str, key: PrivateKey) -> None:
    made: Signer = signer(key, name)
    signatures: list[tuple[bytes, bytes]] = []

    def work(thread: int) -> None:
        for step in range(25):
            message = b"%d-%d" % (thread, step)
            signatures.append((message, made.sign(message)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signatures) == 200
    for message, signature in signatures:
        verify(key.public, message, signature)


def test_an_unknown_backend_is_named_as_missing(key: PrivateKey) -> None:
    with pytest.raises(BackendMissing, match="none of"):
        signer(key, "bouncycastle")


def test_the_environment_chooses_the_backend(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.ENVIRONMENT, "gmssl")
    assert type(signer(key)).__name__ == "GmsslSigner"
    assert type(signer(key, NAMES[0])).__name__ != "GmsslSigner"
    monkeypatch.setenv(registry.ENVIRONMENT, "nothing")
    with pytest.raises(BackendMissing):
        signer(key)


def test_a_libcrypto_that_is_none_is_reported_and_the_next_backend_serves() -> None:
    printed = run_without(
        [],
        "from ledger.gm import installed, backend\n"
        "from ledger.errors import BackendMissing\n"
        "print([found.name for found in installed()])\n"
        "try: backend('openssl')\nexcept BackendMissing as error: print(error.detail)\n",
        XINZHENG_LIBCRYPTO=__file__,
    )
    assert "'openssl'" not in printed.splitlines()[0]
    assert printed.splitlines()[1].startswith("openssl: ")


def test_the_base_install_signs_and_verifies_in_pure_python() -> None:
    printed = run_without(
        ["gmpy2", "tongsuopy"],
        "from ledger.gm import *\n"
        "from ledger.gm import curve\n"
        "self_test()\n"
        "key = PrivateKey.generate()\n"
        "made = signer(key)\n"
        "verifier = Verifier(uses_before_table=10**9)\n"
        "verifier.verify(key.public, b'm', made.sign(b'm'))\n"
        "own = Verifier()\n"
        "own.warm(key.public)\n"
        "own.verify(key.public, b'm', made.sign(b'm'))\n"
        "try: own.verify(key.public, b'n', made.sign(b'm'))\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print([found.name for found in installed()], curve.NATIVE_NUMBERS, own.has_table(key.public))\n",
        XINZHENG_LIBCRYPTO="/nowhere/libcrypto.so",
    )
    assert printed.splitlines() == ["SignatureInvalid", "['gmssl'] False True"]


def test_without_fast_numbers_a_native_library_is_preferred_to_tables() -> None:
    if not set(NAMES) & {"openssl", "tongsuopy"}:
        pytest.fail("no native backend is installed")
    printed = run_without(
        ["gmpy2"],
        "from ledger.gm import *\n"
        "key = PrivateKey.generate()\n"
        "own = Verifier()\n"
        "own.warm(key.public)\n"
        "own.verify(key.public, b'm', signer(key).sign(b'm'))\n"
        "print(own.has_table(key.public))\n",
    )
    assert printed.split() == ["False"]


def test_no_backend_at_all_is_said_plainly() -> None:
    printed = run_without(
        ["gmssl", "tongsuopy"],
        "from ledger.gm import PrivateKey, signer\n"
        "from ledger.errors import BackendMissing\n"
        "try: signer(PrivateKey.generate())\nexcept BackendMissing as error: print(error.detail)\n",
        XINZHENG_LIBCRYPTO="/nowhere/libcrypto.so",
    )
    assert "install" in printed

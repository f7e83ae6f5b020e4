import threading
import time

import pytest

from ledger.errors import SignatureInvalid
from ledger.gm import PrivateKey, PublicKey, Verifier, signer, verify
from ledger.gm.curve import N
from ledger.gm.verifier import _COUNTED_SIGNERS, _Signer

MESSAGE = b"statement"


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def signature(key: PrivateKey) -> bytes:
    return signer(key).sign(MESSAGE)


@pytest.fixture(params=["table", "native", "plain"])
def verifier(request: pytest.FixtureRequest, key: PrivateKey) -> Verifier:
    if request.param == "table":
        made = Verifier(native=False)
        made.warm(key.public)
        assert made.has_table(key.public)
        return made
    return Verifier(native=request.param == "native", uses_before_table=10**9)


def until(condition, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(condition())


def test_a_right_signature_passes_silently(verifier: Verifier, key: PrivateKey, signature: bytes) -> None:
    assert verifier.verify(key.public, MESSAGE, signature) is None
    assert verify(key.public, MESSAGE, signature) is None


def test_another_message_or_key_is_refused(verifier: Verifier, key: PrivateKey, signature: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        verifier.verify(key.public, MESSAGE + b"\0", signature)
    with pytest.raises(SignatureInvalid):
        verifier.verify(PrivateKey.generate().public, MESSAGE, signature)
    x, y = key.public.raw[:32], int.from_bytes(key.public.raw[32:], "big")
    negated = (0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF - y).to_bytes(32, "big")
    with pytest.raises(SignatureInvalid):
        verifier.verify(PublicKey(x + negated), MESSAGE, signature)


def test_values_out_of_range_are_refused(verifier: Verifier, key: PrivateKey, signature: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    forged = [(0, s), (r, 0), (N, s), (r, N), (r, N - r), (s, r), (N - r, s), (r, N - s)]
    forged += [(value + N, other) for value, other in [(r, s)] if value + N < 2**256]
    for left, right in forged:
        with pytest.raises(SignatureInvalid):
            verifier.verify(key.public, MESSAGE, left.to_bytes(32, "big") + right.to_bytes(32, "big"))


@pytest.mark.parametrize("size", [0, 63, 65, 71])
def test_a_signature_of_another_length_is_refused(verifier: Verifier, key: PrivateKey, size: int) -> None:
    with pytest.raises(SignatureInvalid):
        verifier.verify(key.public, MESSAGE, b"\x01" * size)


def test_every_single_bit_of_a_signature_counts(key: PrivateKey, signature: bytes) -> None:
    verifier = Verifier(native=False)
    verifier.warm(key.public)
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureInvalid):
            verifier.verify(key.public, MESSAGE, bytes(changed))


def test_verify_many_names_the_first_bad_one(key: PrivateKey, signature: bytes) -> None:
    good = (key.public, MESSAGE, signature)
    verifier = Verifier()
    verifier.verify_many([good, good])
    verifier.verify_many([])
    with pytest.raises(SignatureInvalid, match="item 2"):
        verifier.verify_many([good, good, (key.public, b"other", signature), good])


def test_a_table_is_built_only_for_a_signer_seen_often(key: PrivateKey, signature: bytes) -> None:
    verifier = Verifier(uses_before_table=4)
    for _ in range(3):
        verifier.verify(key.public, MESSAGE, signature)
    time.sleep(0.05)
    assert not verifier.has_table(key.public)
    verifier.verify(key.public, MESSAGE, signature)
    assert until(lambda: verifier.has_table(key.public))
    verifier.verify(key.public, MESSAGE, signature)


def test_wrong_signatures_earn_no_table(key: PrivateKey, signature: bytes) -> None:
    verifier = Verifier(uses_before_table=2)
    for _ in range(5):
        with pytest.raises(SignatureInvalid):
            verifier.verify(key.public, b"other", signature)
    time.sleep(0.05)
    assert not verifier.has_table(key.public)
    assert verifier._signers == {}


def test_tables_are_bounded_and_the_least_used_goes() -> None:
    keys = [PrivateKey.generate() for _ in range(3)]
    verifier = Verifier(capacity=2)
    for key in keys[:2]:
        verifier.warm(key.public)
    verifier.verify(keys[0].public, MESSAGE, signer(keys[0]).sign(MESSAGE))
    verifier.warm(keys[2].public)
    assert [verifier.has_table(key.public) for key in keys] == [True, False, True]
    for key in keys:
        verifier.verify(key.public, MESSAGE, signer(key).sign(MESSAGE))


def test_equally_busy_signers_do_not_push_each_other_out() -> None:
    keys = [PrivateKey.generate() for _ in range(3)]
    signed = [(key.public, MESSAGE, signer(key).sign(MESSAGE)) for key in keys]
    verifier = Verifier(capacity=1, uses_before_table=4)
    for _ in range(4):
        verifier.verify(*signed[0])
    assert until(lambda: verifier.has_table(keys[0].public))
    for _ in range(40):
        verifier.verify_many(signed)
    time.sleep(0.15)
    assert [verifier.has_table(key.public) for key in keys] == [True, False, False]


def test_a_far_busier_newcomer_takes_the_place() -> None:
    keys = [PrivateKey.generate() for _ in range(2)]
    old, new = [(key.public, MESSAGE, signer(key).sign(MESSAGE)) for key in keys]
    verifier = Verifier(capacity=1, uses_before_table=4)
    for _ in range(4):
        verifier.verify(*old)
    assert until(lambda: verifier.has_table(keys[0].public))
    for _ in range(30):
        verifier.verify(*new)
    assert until(lambda: verifier.has_table(keys[1].public))
    assert not verifier.has_table(keys[0].public)


def test_the_number_of_counted_signers_is_bounded(key: PrivateKey) -> None:
    verifier = Verifier()
    for number in range(_COUNTED_SIGNERS - 1):
        seen = _Signer(key.public)
        seen.uses = 5
        verifier._signers[number.to_bytes(64, "big")] = seen
    for _ in range(20):
        verifier._count(PrivateKey.generate().public)
    assert len(verifier._signers) <= _COUNTED_SIGNERS


def test_many_threads_may_verify_while_tables_come_and_go() -> None:
    keys = [PrivateKey.generate() for _ in range(3)]
    signed = [(key.public, MESSAGE, signer(key).sign(MESSAGE)) for key in keys]
    verifier = Verifier(capacity=1, uses_before_table=3)
    wrong: list[Exception] = []

    def work(turn: int) -> None:
        try:
            for step in range(60):
                public, message, signature = signed[(turn + step // 20) % 3]
                verifier.verify(public, message, signature)
                if step % 10 == 0:
                    verifier.warm(public)
                with pytest.raises(SignatureInvalid):
                    verifier.verify(public, b"other", signature)
        except Exception as error:  # noqa: BLE001 the thread's failure is judged below
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(verifier.has_table(key.public) for key in keys) == 1

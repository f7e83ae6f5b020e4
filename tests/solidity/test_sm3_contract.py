"""`SM3.sol` on a real EVM, through `EvidenceVerifier.hash`."""

import random
from typing import Any

import pytest
from evm_calls import call_data, call_many

from ledger.chain.artifact import EVIDENCE
from ledger.gm import PrivateKey, sm3

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def world(embedded_chain: Any, found: Any) -> Any:
    return found(embedded_chain.url)


def hashes(url: str, world: Any, messages: list[bytes]) -> list[bytes]:
    calls = [call_data(EVIDENCE, "hash", message) for message in messages]
    return list(call_many(url, world.deployment.evidence, calls))


def test_the_examples_of_the_standard(embedded_chain: Any, world: Any) -> None:
    # GB/T 32905-2016, appendix A
    assert [h.hex() for h in hashes(embedded_chain.url, world, [b"abc", b"abcd" * 16])] == [
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
    ]


def test_every_length_from_0_to_200(embedded_chain: Any, world: Any) -> None:
    source = random.Random(32905)
    messages = [source.randbytes(length) for length in range(201)]
    assert hashes(embedded_chain.url, world, messages) == [sm3(message) for message in messages]


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_words_of_one_byte_repeated(embedded_chain: Any, world: Any, byte: int) -> None:
    messages = [bytes([byte]) * length for length in (55, 56, 63, 64, 119, 120, 1000)]
    assert hashes(embedded_chain.url, world, messages) == [sm3(message) for message in messages]


def test_the_state_that_stands_for_the_curves_parameters(embedded_chain: Any, world: Any) -> None:
    """`SM2Message` begins Z in the middle: a signature over a message shows that it is the right middle."""
    from ledger.gm import signer

    key = signer(PrivateKey.generate())
    public = key.public.raw
    messages = [b"", b"m", bytes(31), bytes(32), bytes(500)]
    signed = [key.sign(message) for message in messages]
    calls = [
        call_data(EVIDENCE, "verifySignature", public[:32], public[32:], message, s[:32], s[32:])
        for message, s in zip(messages, signed, strict=True)
    ]
    assert all(
        int.from_bytes(word, "big") == 1
        for word in call_many(embedded_chain.url, world.deployment.evidence, calls)
    )

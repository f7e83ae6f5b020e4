"""SM2 verification of a known signer, one core; beside tongsuopy and gmssl on the same signatures."""

from os import urandom

from ledger.errors import BackendMissing
from ledger.gm import PrivateKey, PublicKey, Verifier, backend, signer
from scripts.benchmarks.measuring import Options, Row, median_rate

_SIGNATURES = 512
_MESSAGE_BYTES = 400
"""About the size of a statement's PAE."""

Item = tuple[PublicKey, bytes, bytes]


def measure(options: Options) -> Row:
    """Verify signatures of one signer whose table is built, over messages of the size of a statement."""
    key = signer(PrivateKey.generate())
    items: list[Item] = []
    for _ in range(_SIGNATURES):
        message = urandom(_MESSAGE_BYTES)
        items.append((key.public, message, key.sign(message)))
    verifier = Verifier()
    verifier.warm(key.public)
    rate = median_rate(lambda _: verifier.verify_many(items), options.seconds, step=len(items))
    single = median_rate(lambda i: verifier.verify(*items[i % len(items)]), options.seconds / 2)
    row = Row("sm2_verify", rate, "verifications/s", budget=6000)
    row.notes = [
        f"{_SIGNATURES} signatures of one signer over {_MESSAGE_BYTES} bytes",
        f"one by one {single:,.0f}/s",
    ]
    for name in ("tongsuopy", "gmssl", "openssl"):
        peer = _peer(name, items, options.seconds / 2)
        if peer is not None:
            row.peers[name] = peer
    return row


def _peer(name: str, items: list[Item], seconds: float) -> float | None:
    """The library's own verification behind the same range checks; None where it is not installed."""
    try:
        library = backend(name)
    except BackendMissing:
        return None

    def one(index: int) -> None:
        public, message, signature = items[index % len(items)]
        if not library.verify(public, message, signature):
            raise AssertionError(f"{name} refuses a valid signature")

    return median_rate(one, seconds)

"""Verifying one bundle offline: the answer of a check that hit, with its completeness proof."""

from time import time

from ledger.errors import BackendMissing
from ledger.formats.strictjson import dumps
from ledger.gm import PrivateKey, backend, signer
from ledger.verify import Question, verify_bundle
from scripts.benchmarks.entries import subject_code
from scripts.benchmarks.measuring import Options, Row, median_seconds
from scripts.benchmarks.service import fill_credit, running_service

_SUBJECTS = 20_000
_SIGNATURES = 2
"""In such a bundle: the checkpoint's and the manifest's."""
_RUNS = 200


def measure(options: Options) -> Row:
    """Verify the same bundle again and again, in this process, the reading of its bytes included."""
    with running_service(options.folder) as scene:
        fill_credit(scene, _SUBJECTS)
        with scene.client(scene.approval) as client:
            answer = client.check(
                {"type": "organisation", "code": subject_code(_SUBJECTS // 2)},
                "government-procurement",
                operator="window-01",
                purpose="政府采购供应商资格审查",
                basis="政府采购法第二十二条",
            )
            trust = client.trust()
    bundle = dumps(answer["bundle"])

    def verify() -> None:
        report = verify_bundle(bundle, trust, Question(now=int(time() * 1000)))
        if report.exit_status != 0:
            raise AssertionError(f"the bundle does not verify: {report.as_json()}")

    median, p99 = median_seconds(verify, _RUNS)
    row = Row("bundle_verify", 1000 * median, "ms", budget=5, smaller_is_better=True)
    row.notes = [
        f"{len(bundle):,} bytes, {len(answer['bundle']['entries'])} entry, log of {_SUBJECTS:,} subjects",
        f"median of {_RUNS}; p99 {1000 * p99:.2f} ms",
        f"the peers only verify the bundle's {_SIGNATURES} signatures",
    ]
    for name in ("gmssl", "tongsuopy"):
        peer = _peer(name)
        if peer is not None:
            row.peers[name] = peer
    return row


def _peer(name: str) -> float | None:
    """Milliseconds that the library takes for as many signatures, and for nothing else."""
    try:
        library = backend(name)
    except BackendMissing:
        return None
    key = signer(PrivateKey.generate())
    message = bytes(400)
    signature = key.sign(message)

    def verify() -> None:
        for _ in range(_SIGNATURES):
            if not library.verify(key.public, message, signature):
                raise AssertionError(f"{name} refuses a valid signature")

    return 1000 * median_seconds(verify, 20)[0]

"""The offline verifier (DESIGN.md 4.6): a bundle, a trust file and a question in, a report out.

It needs neither a server nor a database nor the network (only `--rpc` asks the verifier's own chain node),
and imports nothing of the service.

What it cannot show: a stolen member key together with a dishonest log can backdate a statement to before
the key's revocation, because `at` is what the signer says. Only witnesses and anchors, which fix when an
entry was first seen, show that. Where it matters, require `witnesses`, `anchor` and `finality`.
"""

from ledger.verify.issuer import check_issuer
from ledger.verify.node import ChainNode, HttpRpc
from ledger.verify.question import Question, parse_after, parse_expect, parse_require
from ledger.verify.report import EXIT_NOT_PROVEN, EXIT_PROVEN, EXIT_UNUSABLE, Report
from ledger.verify.verdicts import FAIL, PASS, UNKNOWN, VERDICTS, Finding, Outcome
from ledger.verify.verifier import verify_bundle

__all__ = [
    "EXIT_NOT_PROVEN",
    "EXIT_PROVEN",
    "EXIT_UNUSABLE",
    "FAIL",
    "PASS",
    "UNKNOWN",
    "VERDICTS",
    "ChainNode",
    "Finding",
    "HttpRpc",
    "Outcome",
    "Question",
    "Report",
    "check_issuer",
    "parse_after",
    "parse_expect",
    "parse_require",
    "verify_bundle",
]

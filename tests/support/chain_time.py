"""The embedded chain's clock, set forward."""

import json
import urllib.request


def pass_time(url: str, seconds: int) -> None:
    """Let so many seconds pass on the chain, up to a new block."""
    for method, parameters in (("evm_increaseTime", [seconds]), ("evm_mine", [])):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            answer.read()

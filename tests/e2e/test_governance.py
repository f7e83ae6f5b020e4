"""The consortium's decisions by command and by API, and followed offline from one trust file to the next."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.chain

OPERATOR, MARKET = "11990100MB0000019L", "11990100MB0000027F"


def get(place: Any, path: str) -> Any:
    with urllib.request.urlopen(f"{place.url}{path}") as answer:
        return json.loads(answer.read())


def new_key(place: Any, path: Path) -> str:
    return str(place.ok("key", "generate", str(path), "--json").document["public"])


def test_decisions_from_proposal_to_the_trust_file_that_follows(place: Any, tmp_path: Path) -> None:
    place.init()
    place.start("up")
    place.await_ready()
    start, history, out = tmp_path / "start.json", tmp_path / "history.json", tmp_path / "next.json"
    place.ok("member", "export", "--out", str(start))

    # A second member; from now on two decide, but one can revoke.
    account = place.ok("key", "account", str(tmp_path / "market.json")).out.strip()
    keys = [new_key(place, tmp_path / f"m{i}.pem") for i in range(3)]
    admitted = ("--id", MARKET, "--name", "云岭市市场监督管理局", "--role", "officer", "--public", keys[0])
    place.ok("member", "propose", "add", *admitted, "--account", account)
    place.ok("member", "propose", "threshold", "2", "--emergency", "1")
    numbers = place.ok("member", "threshold", "--json").document
    assert numbers == {"ordinary": 2, "membership": 2, "emergency": 1, "active_members": 2}
    acting = ("--as-account", str(tmp_path / "market.json"))

    rotated = place.ok("member", "rotate-key", "--old", keys[0], "--new", keys[1], "--json").document
    assert (rotated["state"], rotated["class"], rotated["needed"]) == ("open", "ordinary", 2)
    assert (rotated["approvals"], rotated["missing"]) == ([OPERATOR], [MARKET])
    shown = place.ok("member", "proposals").out
    assert "表决中 open" in shown
    assert f"未同意 missing: {MARKET} 云岭市市场监督管理局" in shown
    early = place.run("member", "execute", str(rotated["id"]))
    assert (early.status, "同意的成员还不够" in early.err) == (1, True)
    assert place.run("member", "expire", str(rotated["id"])).status == 1
    assert (
        place.ok("member", "approve", str(rotated["id"]), *acting, "--json").document["state"] == "executed"
    )

    # In an emergency one suffices; and its own key a member revokes without a proposal.
    own = place.ok("member", "revoke-key", "--public", keys[1], *acting, "--json").document
    assert own["state"] == "revoked"
    late = place.run("member", "revoke-key", "--public", keys[0], "--at", "2020-01-01T00:00:00Z", *acting)
    assert (late.status, "30 天" in late.err) == (1, True)
    others = place.ok("member", "revoke-key", "--public", keys[0], "--json").document
    assert (others["state"], others["class"]) == ("executed", "emergency")
    withdrawn = place.ok("member", "propose", "name", "--id", MARKET, "--name", "市监局", "--json").document
    assert place.run("member", "cancel", str(withdrawn["id"]), *acting).status == 1
    assert place.ok("member", "cancel", str(withdrawn["id"]), "--json").document["state"] == "cancelled"

    # The same by the API, without a signature and page by page.
    overview = get(place, "/v1/governance")
    assert overview["thresholds"] == {"ordinary": 2, "membership": 2, "emergency": 1}
    listed, page = [], get(place, "/v1/governance/proposals?limit=2")
    while page["next"]:
        listed += page["proposals"]
        page = get(place, f"/v1/governance/proposals?limit=2&after={page['next']}")
    listed += page["proposals"]
    assert [each["id"] for each in listed] == list(range(overview["proposals"]))
    one = get(place, f"/v1/governance/proposals/{rotated['id']}")
    assert (one["state"], one["approvals"], one["missing"]) == ("executed", [OPERATOR, MARKET], [])
    (cancelled,) = get(place, "/v1/governance/proposals?state=cancelled")["proposals"]
    assert cancelled["id"] == withdrawn["id"]
    assert [m["id"] for m in get(place, "/v1/governance/members")["members"]] == [OPERATOR, MARKET]
    records = get(place, "/v1/governance/records?limit=1000")["records"]
    assert (records[0]["action"], len(records)) == ("founded", overview["records"])

    # Offline, from the trust file of the founding to the present one.
    place.ok("member", "history", "--out", str(history))
    with urllib.request.urlopen(f"{place.url}/v1/governance/history") as answer:
        served = json.loads(answer.read())
    kept = json.loads(history.read_bytes())
    assert (served["records"], served["head"]) == (kept["records"], kept["head"])
    verified = ("verify", str(history), "--trust", str(start), "--head", overview["head"])
    done = place.ok(*verified, "--out", str(out), "--json").document["history"]
    assert (done["head"], done["head_backed"]) == (overview["head"], "expected")
    place.ok("member", "export", "--out", str(tmp_path / "present.json"))
    present, followed = (json.loads((tmp_path / name).read_bytes()) for name in ("present.json", "next.json"))
    assert (followed["members"], followed["logs"]) == (present["members"], present["logs"])
    exported = place.ok("member", "export", "--from", str(start), "--history", str(history))
    assert json.loads(exported.out)["members"] == present["members"]
    assert "治理历史成立" in exported.err

    # A record too few is noticed.
    short = kept | {"records": kept["records"][:-1]}
    history.write_bytes(json.dumps(short, ensure_ascii=False, separators=(",", ":")).encode())
    refused = place.run(*verified)
    assert (refused.status, "do not add up to the head" in refused.err) == (1, True)

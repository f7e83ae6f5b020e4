"""What the service shows of the consortium's decisions: the history that it keeps."""

from typing import Any

import pytest
from history_made import ORIGIN, A, B, made_history

from ledger.deployment.governance import FILE
from ledger.files import replace_file
from ledger.formats.history import format_history
from ledger.verify.governance import replay


@pytest.fixture
def governed(city: Any) -> Any:
    """A deployment that keeps a history."""
    replace_file(city.deployment.folder / FILE, format_history(made_history(city.clock() // 1000)))
    return city


def test_before_the_history_was_read_there_is_none(city: Any) -> None:
    answer = city.request("GET", "/v1/governance")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_everybody_reads_thresholds_members_and_proposals(governed: Any) -> None:
    overview = governed.request("GET", "/v1/governance").json
    assert overview["thresholds"] == {"ordinary": 2, "membership": 2, "emergency": 1}
    assert len(overview["head"]) == 64
    members = governed.request("GET", "/v1/governance/members").json
    assert ([each["id"] for each in members["members"]], members["next"]) == ([A, B], None)
    proposals = governed.request("GET", "/v1/governance/proposals").json["proposals"]
    assert [(each["state"], each["approvals"], each["missing"]) for each in proposals] == [
        ("executed", [A, B], []),
        ("open", [B], [A]),
        ("expired", [A], [B]),
    ]
    assert "defineLog(logId=0x" in proposals[0]["changes"][0]
    assert ORIGIN in proposals[0]["changes"][0]


def test_lists_go_on_page_by_page_and_by_state(governed: Any) -> None:
    for path, name, total in (
        ("members", "members", 2),
        ("proposals", "proposals", 3),
        ("records", "records", 6),
    ):
        seen, after = [], ""
        while True:
            page = governed.request("GET", f"/v1/governance/{path}", query=f"limit=1{after}").json
            seen += page[name]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert len(seen) == total
    opened = governed.request("GET", "/v1/governance/proposals", query="state=open").json["proposals"]
    assert [each["id"] for each in opened] == [1]


def test_the_whole_file_is_what_is_kept(governed: Any) -> None:
    answer = governed.request("GET", "/v1/governance/history")
    assert answer.data == (governed.deployment.folder / FILE).read_bytes()
    assert answer.content_type == "application/vnd.xinzheng.history+json;v=1"


def test_what_is_not_there_or_not_in_form_is_said(governed: Any) -> None:
    assert governed.request("GET", "/v1/governance/proposals/3").status_code == 404
    assert governed.request("GET", "/v1/governance/proposals/x").status_code in (400, 404, 422)
    assert governed.request("GET", "/v1/governance/proposals", query="after=zz").status_code == 400
    for method in ("POST", "PUT", "DELETE"):
        assert governed.request(method, "/v1/governance/proposals", body=b"{}").status_code == 405


def test_a_newer_history_is_read_as_soon_as_it_is_kept(governed: Any) -> None:
    before = governed.request("GET", "/v1/governance").json["records"]
    shorter = made_history(governed.clock() // 1000, records=5)
    assert replay(shorter).count == before - 1
    replace_file(governed.deployment.folder / FILE, format_history(shorter))
    assert governed.request("GET", "/v1/governance").json["records"] == before - 1

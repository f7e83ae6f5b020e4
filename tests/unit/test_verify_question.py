"""The command line of the verifier: what it refuses, and what the age asked for means."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledger.errors import QuestionInvalid
from ledger.formats.tags import organisation_tag, resource_tag
from ledger.verify import EXIT_PROVEN, EXIT_UNUSABLE, HttpRpc
from ledger.verify.command import main
from ledger.verify.question import parse_expect

TAG = "ab" * 32
NOW = "2026-11-22T09:00:00Z"


@pytest.fixture
def run(shared_data: Path):  # type: ignore[no-untyped-def]
    folder = shared_data / "conformance"

    def invoke(*arguments: str, bundle: Path | None = None) -> Result:
        path = bundle or folder / "valid" / "single.json"
        return CliRunner().invoke(main, [str(path), "--trust", str(folder / "trust.json"), *arguments])

    return invoke


@pytest.mark.parametrize(
    "arguments",
    [
        ("--now", "yesterday"),
        ("--now", "2026-11-22T09:00:00+00:00"),
        ("--require", "everything"),
        ("--require", "anchor,,finality"),
        ("--expect", "subject"),
        ("--expect", "subject:" + TAG.upper()),
        ("--expect", "subject:" + TAG + "\n"),
        ("--after", f"subject:{TAG}:0:{TAG}:1"),
        ("--after", f"subject:{TAG}:01:{TAG}:1"),
        ("--after", f"subject:{TAG}:1:{TAG}:-1"),
        ("--after", f"subject:{TAG}:9999999999999999:{TAG}:1"),
        ("--after", f"subject:{TAG}:1:{TAG}:1", "--after", f"subject:{TAG}:2:{TAG}:1"),
        ("--max-age", "-1"),
        ("--max-age", "1.5"),
        ("--max-age", ""),
        ("--max-age", "8_640_000"),
        ("--max-age", " 8640000"),
        ("--max-age", "+8640000"),
        ("--trust-max-age", "\u0668\u0668\u0668\u0668\u0668\u0668"),
        ("--rpc", "file:///etc/hostname"),
        ("--rpc", "nowhere"),
    ],
)
def test_malformed_questions_exit_2_with_a_sentence(run, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = run(*arguments)
    assert result.exit_code == EXIT_UNUSABLE
    assert result.stderr.strip()
    assert "Traceback" not in result.output
    as_json = run("--json", *arguments)
    assert as_json.exit_code == EXIT_UNUSABLE
    assert json.loads(as_json.stdout)["error"]["code"] in ("question_invalid", "time_invalid")


def test_a_file_that_is_not_there_or_no_file_exits_2(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for path in (tmp_path / "none.json", tmp_path):
        result = run("--json", bundle=path)
        assert result.exit_code == EXIT_UNUSABLE
        assert json.loads(result.stdout)["error"]["code"] == "input_invalid"


def test_the_age_asked_for_holds_for_checkpoint_and_trust_file_unless_told_apart(run) -> None:  # type: ignore[no-untyped-def]
    def reasons(*arguments: str) -> dict[str, list[str]]:
        answer: dict[str, list[str]] = json.loads(run("--json", *arguments).stdout)["reasons"]
        return answer

    later = "2026-11-22T10:30:00Z"  # the checkpoint is 9,000 s old, the trust file 7,200 s
    assert "trust_stale" not in reasons("--now", later)["issuer"]
    assert "trust_stale" in reasons("--now", later, "--max-age", "7199")["issuer"]
    assert "trust_stale" not in reasons("--now", later, "--max-age", "7200")["issuer"]
    assert "trust_stale" in reasons("--now", later, "--trust-max-age", "7199")["issuer"]
    assert "trust_stale" not in reasons("--now", later, "--max-age", "0", "--trust-max-age", "7200")["issuer"]
    assert "stale" in reasons("--now", later, "--max-age", "8999")["checkpoint"]


def test_without_a_time_the_machines_clock_is_the_present(run) -> None:  # type: ignore[no-untyped-def]
    result = run("--json", "--max-age", "999999999999")
    assert result.exit_code in (EXIT_PROVEN, 1)
    assert "stale" not in json.loads(result.stdout)["reasons"]["checkpoint"]


def test_the_help_says_what_a_verifier_cannot_show(run) -> None:  # type: ignore[no-untyped-def]
    words = " ".join(CliRunner().invoke(main, ["--help"]).stdout.split())
    assert "can backdate a statement to before the key's revocation" in words
    assert "one --expect for each epoch" in words


def test_a_nodes_address_is_http() -> None:
    with pytest.raises(QuestionInvalid):
        HttpRpc("http://[")


def test_a_public_identifier_stands_for_its_tag() -> None:
    assert parse_expect(["subject:uscc:91320322MABLP2X24R", "resource:resource:tax.rating/年报"]) == (
        ("subject", organisation_tag("91320322MABLP2X24R")),
        ("resource", resource_tag("tax.rating/年报")),
    )
    # A person's number must never be hashed plainly, so there is no word for it.
    for text in ("subject:id:11010519491231002X", "subject:person:x", "subject:uscc:", "subject:uscc: x"):
        with pytest.raises(QuestionInvalid):
            parse_expect([text])

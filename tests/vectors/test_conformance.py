"""The conformance set of an independent implementation: `../shared/data/conformance/README.md`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.verify.command import main


@dataclass
class Case:
    """One bundle, how it is run, and what must come out."""

    bundle: Path
    trust: Path
    expect: dict[str, Any]

    @property
    def arguments(self) -> list[str]:
        return [str(self.bundle), "--trust", str(self.trust), "--json", *self.expect["args"]]

    def differences(self, status: int, output: str) -> list[str]:
        """What differs from the expectation; the output of status 2 must still be JSON."""
        answer = json.loads(output)
        if status not in _listed(self.expect["exit"]):
            return [f"exit {status}, expected {self.expect['exit']}: {answer.get('reasons')}"]
        if status == 2:
            return []
        verdicts, reasons = answer["verdicts"], answer["reasons"]
        found = [
            f"{verdict} is {verdicts.get(verdict)}, expected {allowed}: {reasons.get(verdict)}"
            for verdict, allowed in self.expect["verdicts"].items()
            if verdicts.get(verdict) not in _listed(allowed)
        ]
        return found + [
            f"{verdict} lacks the reason {code}"
            for verdict, codes in self.expect.get("reasons", {}).items()
            for code in codes
            if code not in reasons.get(verdict, [])
        ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _cases(folder: Path) -> list[Case]:
    cases = []
    for path in sorted(folder.glob("*/*.expect.json")):
        expect = json.loads(path.read_bytes())
        bundle = path.with_name(path.name.replace(".expect.json", ".json"))
        cases.append(Case(bundle, folder / expect.get("trust", "trust.json"), expect))
    return cases


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    return _cases(shared_data / "conformance")


def test_every_decided_case_comes_out_as_the_other_implementation_says(cases: list[Case]) -> None:
    assert len(cases) >= 400
    runner = CliRunner()
    failed = {}
    for case in cases:
        result = runner.invoke(main, case.arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), case.bundle
        differences = case.differences(result.exit_code, result.stdout)
        if differences and not case.expect.get("open"):
            failed[f"{case.bundle.parent.name}/{case.bundle.name}"] = differences
    assert failed == {}


def test_open_cases_have_the_exit_status_that_the_other_implementation_gives(cases: list[Case]) -> None:
    runner = CliRunner()
    undecided = [case for case in cases if case.expect.get("open")]
    assert undecided
    for case in undecided:
        assert runner.invoke(main, case.arguments).exit_code in _listed(case.expect["exit"]), case.bundle


@pytest.mark.parametrize(
    "name", ["valid/complete-all-shown", "bad/stale", "bad/bundle-nested-200000", "bad/bundle-not-utf8"]
)
def test_the_command_in_a_process_of_its_own_says_the_same(shared_data: Path, name: str) -> None:
    folder = shared_data / "conformance"
    expect = json.loads((folder / f"{name}.expect.json").read_bytes())
    case = Case(folder / f"{name}.json", folder / expect.get("trust", "trust.json"), expect)
    # An ASCII terminal must not stop the Chinese half of the report.
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "ledger.verify", *case.arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.stderr == ""
    assert case.differences(done.returncode, done.stdout) == []


def test_the_report_for_people_names_every_verdict_in_both_languages(cases: list[Case]) -> None:
    case = next(case for case in cases if case.bundle.name == "complete-some-undisclosed.json")
    arguments = [argument for argument in case.arguments if argument != "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    for words in ("签名 signature: 通过 pass", "出示 2 条，共 5 条", "2 of 5", "2026-11-22T08:30:00.000Z"):
        assert words in result.stdout

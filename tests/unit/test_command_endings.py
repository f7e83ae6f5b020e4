"""How commands end: files that cannot be written are refused before anything is asked, and whatever goes
wrong is one line with a status of its own."""

import errno
from pathlib import Path

import click
import pytest

import ledger.cli as command_line
from ledger.commands.output import OutFile
from ledger.errors import LedgerError, Unavailable

REASON = ("--operator", "w-1", "--purpose", "资格审查", "--basis", "政府采购法 22", "--matter", "bidding")
NOBODY = "http://127.0.0.1:9"  # never asked: the port of `discard`


def ends(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        command_line.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def ends_after(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The status of a command that raises."""

    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(command_line, "cli", failing)
    return ends([])


@pytest.mark.parametrize(
    "name", ["missing/result.xlsx", "result.csv", "."], ids=["folder", "ending", "is-folder"]
)
def test_where_nothing_can_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.BadParameter):
        OutFile(".xlsx").convert(str(tmp_path / name), None, None)
    assert OutFile(".xlsx").convert(str(tmp_path / "result.XLSX"), None, None) == tmp_path / "result.XLSX"


@pytest.mark.parametrize(
    "options", [("--out", "{}"), ("--out", "{}/no/result.xlsx")], ids=["over the list", "nowhere"]
)
def test_a_list_is_neither_written_over_nor_asked_about_in_vain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    sheet = tmp_path / "bidders.xlsx"
    sheet.write_bytes(b"the officer's list")
    named = options[1].format(sheet if options[1] == "{}" else tmp_path)
    assert ends(["check", "--file", str(sheet), options[0], named, "--url", NOBODY, *REASON]) == 2
    assert sheet.read_bytes() == b"the officer's list"
    assert "错误" in capsys.readouterr().err


def test_a_template_is_not_written_over_what_was_filled_in(tmp_path: Path) -> None:
    sheet = tmp_path / "list.xlsx"
    assert ends(["import", "--form", "list", "--template", str(sheet)]) == 0
    before = sheet.read_bytes()
    assert ends(["import", "--form", "list", "--template", str(sheet)]) == 2
    assert sheet.read_bytes() == before


def test_without_a_command_the_help_is_shown_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends([]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Usage:")
    assert err.count("Usage:") == 1
    assert "错误" not in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOENT, "No such file or directory", "/nowhere/x"), 2),
        (OSError(errno.ENOSPC, "No space left on device"), 3),
        (ValueError("11010519491231002X"), 3),
        (LedgerError("the service answered 500"), 3),
        (Unavailable(), 3),
    ],
    ids=["file", "disk", "bug", "service", "later"],
)
def test_whatever_goes_wrong_is_one_line_that_says_neither_yes_nor_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    monkeypatch.delenv(command_line.TRACEBACK_VARIABLE, raising=False)
    assert ends_after(monkeypatch, error) == status
    err = capsys.readouterr().err
    assert err.startswith("错误：")
    assert err.count("\n") == 1
    # Another's words may quote a person's number.
    assert "11010519491231002X" not in err

"""Small files are written whole, and read by their owner only."""

import stat
from pathlib import Path

import pytest

from ledger.files import create_file, replace_file


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    create_file(tmp_path / "key", b"secret")
    assert (tmp_path / "key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_created_anew(tmp_path: Path) -> None:
    create_file(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"


def test_replacing_leaves_only_the_new_file(tmp_path: Path) -> None:
    for content in (b"a long first content", b"short"):
        replace_file(tmp_path / "status", content)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("status", b"short")]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"kept")
    (tmp_path / "new").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        create_file(tmp_path / "new", b"other")
    replace_file(tmp_path / "new", b"other")
    assert (tmp_path / "target").read_bytes() == b"kept"
    assert not (tmp_path / "new").is_symlink()

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import SelfTestFailed
from ledger.gm import PrivateKey, backend, der_encode, installed, known_answers, self_test, signer
from ledger.gm import selftest as command
from ledger.gm.selftest import main


def line(**changes: object) -> dict[str, object]:
    key = PrivateKey.generate()
    signature = der_encode(signer(key).sign(b"message"))
    vector: dict[str, object] = {
        "desc": "made here",
        "ok": True,
        "pub": key.public.raw.hex(),
        "msg": b"message".hex(),
        "sig": signature.hex(),
    }
    return vector | changes


@pytest.fixture
def vectors_file(tmp_path: Path):
    def write(*vectors: object) -> str:
        path = tmp_path / "vectors.jsonl"
        path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in vectors) + "\n")
        return str(path)

    return write


def test_the_self_test_passes_here() -> None:
    self_test()


def test_a_library_that_accepts_everything_fails_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backend("gmssl")), "verify", lambda *_: True)
    with pytest.raises(SelfTestFailed, match="gmssl accepts"):
        self_test()


def test_a_library_that_refuses_everything_fails_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backend("gmssl")), "verify", lambda *_: False)
    with pytest.raises(SelfTestFailed, match="gmssl refuses"):
        self_test()


def test_wrong_sm3_and_sm4_fail_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(known_answers, "sm3", lambda data: bytes(32))
        with pytest.raises(SelfTestFailed, match="SM3"):
            self_test()
    with monkeypatch.context() as patch:
        patch.setattr(known_answers, "SM4_ANSWER", "00" * 16)
        with pytest.raises(SelfTestFailed, match="SM4"):
            self_test()
    self_test()


def test_right_vectors_exit_0(vectors_file) -> None:
    short = line(pub="00" * 63, ok=False)
    forged = line(msg="", ok=False)
    assert (
        main(
            [vectors_file(line(), "", short, forged, line(sig="", ok=False), line(sig="ff" * 500, ok=False))]
        )
        == 0
    )


def test_a_wrong_expectation_exits_1_and_names_line_and_judge(
    vectors_file, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([vectors_file(line(), line(ok=False))]) == 1
    printed = capsys.readouterr().out
    for name in [*(found.name for found in installed()), "table", "plain"]:
        assert f"line 2: {name} says valid, invalid is right (made here)" in printed
    assert "line 1" not in printed


def test_one_disagreeing_judge_exits_1(
    vectors_file, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "judges", lambda: {"lax": lambda *_: True, "broken": lambda *_: 1 / 0})
    assert main([vectors_file(line(), line(msg="", ok=False))]) == 1
    printed = capsys.readouterr().out
    assert "line 2: lax says valid" in printed
    assert "line 1: broken failed with ZeroDivisionError" in printed


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[1]",
        "null",
        '{"ok": true}',
        '{"ok": 1, "pub": "", "msg": "", "sig": ""}',
        '{"ok": true, "pub": "zz", "msg": "", "sig": ""}',
        '{"ok": true, "pub": "", "msg": 5, "sig": ""}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_vector_exits_2(bad: str, vectors_file, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([vectors_file(line(), bad)]) == 2
    assert "line 2" in capsys.readouterr().err


def test_unreadable_files_exit_2(tmp_path: Path, vectors_file) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main([]) == 2
    assert main(["a", "b"]) == 2
    assert main([str(tmp_path / "missing.jsonl")]) == 2
    assert main([str(tmp_path)]) == 2
    assert main([str(binary)]) == 2
    assert main([vectors_file("", "")]) == 2


def test_the_command_runs_as_a_module_without_noise(vectors_file) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ledger.gm.selftest", vectors_file(line())],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "plain: 1 of 1 judged right" in done.stdout

"""Who counts as linked: both ends say so, and consensus messages can pass."""

from pathlib import Path

import pytest

from scripts.network import mesh
from scripts.network.engine import Validator
from scripts.network.rpc import NoAnswer

ONE, TWO, THREE = (
    Validator(index, Path(), "0x", f"{index:02x}" * 64, "127.0.0.1", 0, index) for index in range(3)
)


def peer(of: Validator, state: object = None) -> dict[str, object]:
    return {"id": of.public, "protocols": {"istanbul": {"version": 65} if state is None else state}}


def test_two_are_linked_when_both_ends_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        ONE.url: [peer(TWO), peer(THREE)],
        TWO.url: [peer(ONE)],
        THREE.url: [peer(ONE)],
    }
    monkeypatch.setattr(mesh, "call", lambda url, *_, **__: said[url])
    assert mesh.apart([ONE, TWO, THREE]) == [(TWO, THREE)]
    said[ONE.url] = [peer(TWO)]
    assert mesh.apart([ONE, TWO, THREE]) == [(ONE, THREE), (TWO, THREE)]


def test_who_still_shakes_hands_is_not_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {ONE.url: [peer(TWO, "handshake")], TWO.url: [peer(ONE)]}
    monkeypatch.setattr(mesh, "call", lambda url, *_, **__: said[url])
    assert mesh.apart([ONE, TWO]) == [(ONE, TWO)]


def test_who_does_not_answer_is_linked_with_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> object:
        raise NoAnswer

    monkeypatch.setattr(mesh, "call", silent)
    assert mesh.apart([ONE, TWO]) == [(ONE, TWO)]
    assert mesh.apart([ONE]) == []

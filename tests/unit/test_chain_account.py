"""Chain accounts, and what cannot even be said to the registry."""

import stat
from pathlib import Path

import pytest

from ledger.chain import changes
from ledger.chain.account import ChainAccount
from ledger.errors import InputError, KeyUnusable

TRANSACTION = {
    "nonce": 0,
    "to": "0x" + "11" * 20,
    "value": 0,
    "data": "0x",
    "gas": 21_000,
    "gasPrice": 0,
    "chainId": 4242,
}


def test_an_account_comes_back_from_its_keystore(tmp_path: Path) -> None:
    account = ChainAccount.generate()
    path = tmp_path / "account.json"
    account.save(path, "口令".encode(), scrypt_n=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = ChainAccount.load(path, "口令".encode())
    assert loaded.address == account.address
    assert loaded.sign(dict(TRANSACTION)) == account.sign(dict(TRANSACTION))


def test_a_keystore_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        ChainAccount.generate().save(path, b"p", scrypt_n=2)
    assert path.read_text() == "precious"


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    ChainAccount.generate().save(path, b"right", scrypt_n=2)
    with pytest.raises(KeyUnusable) as caught:
        ChainAccount.load(path, b"wrong")
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"version": 3}', '"text"', '{"version": 3, "crypto": {}}']
)
def test_a_damaged_keystore_is_unusable(tmp_path: Path, content: str) -> None:
    path = tmp_path / "account.json"
    path.write_text(content)
    with pytest.raises(KeyUnusable):
        ChainAccount.load(path, b"p")


def test_an_account_does_not_show_its_key() -> None:
    account = ChainAccount.generate()
    assert repr(account) == f"ChainAccount({account.address})"


@pytest.mark.parametrize("role", ["", "x" * 33, "角色", "tab\t"])
def test_a_role_is_one_to_32_printable_ascii_characters(role: str) -> None:
    with pytest.raises(InputError):
        changes.set_roles("113501000099000133", [role])


@pytest.mark.parametrize("id_", ["", "1" * 17, "1" * 19, "1135010000358800 B", "１1350100003588000B"])
def test_a_member_id_is_18_ascii_letters_and_digits(id_: str) -> None:
    with pytest.raises(InputError):
        changes.suspend(id_)


def test_a_public_key_is_64_bytes() -> None:
    with pytest.raises(InputError):
        changes.revoke_key(bytes(65), 1)


@pytest.mark.parametrize("text", ["", "0x" + "1" * 39, "0x" + "1" * 41, "11" * 20, "0x" + "g" * 40])
def test_an_address_is_0x_and_40_hex_digits(text: str) -> None:
    with pytest.raises(InputError):
        changes.remove_account(text)


@pytest.mark.parametrize("time", [-1, 2**64])
def test_a_time_is_in_64_bits(time: int) -> None:
    with pytest.raises(InputError):
        changes.revoke_key(bytes(64), time)

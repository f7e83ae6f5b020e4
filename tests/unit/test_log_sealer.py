"""Sealed content at rest: what opens it, what does not, and what a new master key changes."""

import gc
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import ConfigurationError, SealedErased, SealedMismatch, Unavailable
from ledger.gm import sm4_gcm_encrypt
from ledger.log.masters import RELOAD_SECONDS, MasterKeys, master_key_id, parse_master_keys
from ledger.log.sealer import Sm4Sealer, create_master_key_file, is_erased, lacks_key
from ledger.store.port import DataKey, Sealed

ANN, BOB = "aa" * 32, "bb" * 32
OLD, NEW = b"o" * 16, b"n" * 16
SALT = bytes(range(32))


def sealed_by(sealer: Sm4Sealer, subject: str = ANN, id: str = "id") -> Sealed:
    return sealer.seal(subject, "issuer", id, SALT, b"content")


def changed(blob: bytes) -> list[bytes]:
    return [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(len(blob))]


def first_version(master: bytes, issuer: str = "issuer", id: str = "id") -> Sealed:
    """As the first version sealed: a data key of its own in the blob."""
    key, bound = b"d" * 16, f"{issuer}\0{id}".encode()
    wrapped = sm4_gcm_encrypt(master, b"w" * 12, key, bound)
    content = sm4_gcm_encrypt(key, b"c" * 12, SALT + b"content", bound)
    return Sealed(b"\x01" + b"w" * 12 + wrapped + b"c" * 12 + content, master_key_id(master))


def test_content_opens_for_its_own_subject_and_entry_only() -> None:
    sealer = Sm4Sealer([NEW])
    sealed = sealed_by(sealer)
    assert sealer.open(sealed, ANN, "issuer", "id") == (SALT, b"content")
    assert b"content" not in sealed.ciphertext
    for subject, issuer, id in ((BOB, "issuer", "id"), (ANN, "issue", "rid"), (ANN, "issuer", "other")):
        with pytest.raises(SealedMismatch):
            sealer.open(sealed, subject, issuer, id)


def test_content_or_key_changed_in_any_byte_does_not_open() -> None:
    sealer = Sm4Sealer([NEW])
    sealed = sealed_by(sealer)
    key = sealed.data_key
    assert key is not None
    assert key.wrapped is not None
    broken = [replace(sealed, ciphertext=blob) for blob in changed(sealed.ciphertext)[1:]]
    broken += [replace(sealed, ciphertext=sealed.ciphertext[:length]) for length in (1, 12, 60)]
    broken += [replace(sealed, data_key=replace(key, wrapped=blob)) for blob in changed(key.wrapped)]
    broken.append(replace(sealed, data_key=replace(key, wrapped=key.wrapped[:-1])))
    broken.append(replace(sealed, ciphertext=b"\x03" + sealed.ciphertext[1:]))
    for each in broken:
        with pytest.raises(SealedMismatch):
            sealer.open(each, ANN, "issuer", "id")


def test_a_key_that_was_given_to_another_subject_does_not_open() -> None:
    sealer = Sm4Sealer([NEW])
    anns, bobs = sealed_by(sealer), sealed_by(sealer, BOB)
    assert anns.data_key is not None
    assert bobs.data_key is not None
    moved = replace(anns.data_key, subject=BOB)
    with pytest.raises(SealedMismatch):
        sealer.open(replace(anns, data_key=moved), BOB, "issuer", "id")
    with pytest.raises(SealedMismatch):
        sealer.open(replace(anns, data_key=bobs.data_key), BOB, "issuer", "id")
    with pytest.raises(SealedMismatch):
        sealer.open(replace(anns, key_id=bobs.key_id), ANN, "issuer", "id")


def test_content_of_the_first_version_is_still_read_and_bound_to_its_entry() -> None:
    sealer = Sm4Sealer([OLD, NEW])
    sealed = first_version(OLD)
    assert sealer.open(sealed, ANN, "issuer", "id") == (SALT, b"content")
    for blob in changed(sealed.ciphertext):
        with pytest.raises((SealedMismatch, SealedErased)):
            sealer.open(replace(sealed, ciphertext=blob), ANN, "issuer", "id")
    with pytest.raises(SealedMismatch):
        sealer.open(sealed, ANN, "issuer", "other")
    with pytest.raises(SealedMismatch):
        sealer.open(replace(sealed, ciphertext=sealed.ciphertext[:70]), ANN, "issuer", "id")


def test_a_destroyed_key_says_erased_and_a_missing_one_damage() -> None:
    sealer = Sm4Sealer([NEW])
    sealed = sealed_by(sealer)
    assert sealed.data_key is not None
    destroyed = replace(sealed, data_key=replace(sealed.data_key, wrapped=None))
    for erased in (destroyed, Sealed(b"\x00", "")):
        assert is_erased(erased)
        with pytest.raises(SealedErased):
            sealer.open(erased, ANN, "issuer", "id")
    missing = replace(sealed, data_key=None)
    assert lacks_key(missing)
    assert not is_erased(missing)
    with pytest.raises(SealedMismatch):
        sealer.open(missing, ANN, "issuer", "id")


def test_statements_on_their_way_in_share_their_subjects_new_key() -> None:
    sealer = Sm4Sealer([NEW])
    first, second, other = sealed_by(sealer), sealed_by(sealer, id="2"), sealed_by(sealer, BOB)
    assert first.data_key is second.data_key
    assert first.key_id != other.key_id
    id = first.key_id
    # With the last statement that has it the key is forgotten: what was not stored is not used again.
    del first, second
    gc.collect()
    assert sealed_by(sealer).key_id != id


def test_content_is_not_refused_for_a_master_key_that_is_not_here() -> None:
    made = sealed_by(Sm4Sealer([OLD])).data_key
    assert made is not None
    standing = DataKey(made.id, made.subject, made.wrapped, made.master)
    with pytest.raises(Unavailable):
        sealed_by(Sm4Sealer([NEW], find=lambda _: standing))


def test_a_standing_key_is_used() -> None:
    standing = sealed_by(Sm4Sealer([NEW])).data_key
    sealer = Sm4Sealer([NEW], find=lambda subject: standing if subject == ANN else None)
    assert sealed_by(sealer).data_key is standing
    assert sealed_by(sealer, BOB).data_key is not standing


def test_what_lost_its_key_is_sealed_again_under_the_one_that_stands_or_a_new_one() -> None:
    sealer = Sm4Sealer([NEW])
    standing = sealed_by(Sm4Sealer([NEW])).data_key
    lost = sealed_by(sealer)
    finds: list[Callable[[str], DataKey | None]] = [lambda _: standing, lambda _: None]
    for find in finds:
        again = sealer.seal_again(lost, "issuer", "id", find)
        assert again.key_id != lost.key_id
        assert sealer.open(again, ANN, "issuer", "id") == (SALT, b"content")
    assert sealer.seal_again(lost, "issuer", "id", lambda _: standing).data_key is standing
    # Its own key stands after all: nothing is to be done.
    assert sealer.seal_again(lost, "issuer", "id", lambda _: lost.data_key) is lost


def test_a_new_master_key_opens_all_once_the_data_keys_are_wrapped_anew() -> None:
    before = Sm4Sealer([OLD])
    sealed, first = sealed_by(before), first_version(OLD)
    both, after = Sm4Sealer([OLD, NEW]), Sm4Sealer([NEW])
    assert both.open(sealed, ANN, "issuer", "id")[1] == b"content"
    with pytest.raises(SealedMismatch):
        after.open(sealed, ANN, "issuer", "id")
    with pytest.raises(SealedMismatch):
        after.open(first, ANN, "issuer", "id")
    key, name = sealed.data_key, master_key_id(NEW)
    assert key is not None
    rewrapped = replace(sealed, data_key=replace(key, wrapped=both.rewrap(key, name), master=name))
    assert rewrapped.ciphertext == sealed.ciphertext
    assert after.open(rewrapped, ANN, "issuer", "id") == (SALT, b"content")
    again = both.rewrap_first(first, "issuer", "id", name)
    # The content itself is as it was.
    assert again.ciphertext[45:] == first.ciphertext[45:]
    assert after.open(again, ANN, "issuer", "id") == (SALT, b"content")


def test_an_audits_other_process_gets_what_opens(tmp_path: Path) -> None:
    sealer = Sm4Sealer(MasterKeys(lambda: [OLD, NEW]), find=lambda _: None)
    sealed = sealed_by(sealer)
    copy = pickle.loads(pickle.dumps(sealer))
    assert copy.open(sealed, ANN, "issuer", "id") == (SALT, b"content")
    assert copy.masters.current == sealer.masters.current
    assert copy.open(first_version(OLD), ANN, "issuer", "id") == (SALT, b"content")


def test_the_master_key_file_is_its_owners_alone_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    create_master_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create_master_key_file(path)
    sealer = Sm4Sealer.from_file(path)
    assert sealer.open(sealed_by(sealer), ANN, "issuer", "id") == (SALT, b"content")
    with pytest.raises(ConfigurationError):
        Sm4Sealer.from_file(tmp_path / "none")


@pytest.mark.parametrize("text", [b"", b"\n", b"00", b"zz" * 16, b"00" * 16 + b"\n12", b"\xff"], ids=repr)
def test_master_keys_out_of_form_are_refused_unquoted(text: bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_master_keys(text)
    assert "zz" not in str(refused.value)
    with pytest.raises(ConfigurationError):
        Sm4Sealer([])


def test_a_process_that_runs_through_a_rotation_notices_it() -> None:
    source, stamp, now = [OLD], [0], [0.0]
    masters = MasterKeys(lambda: list(source), lambda: stamp[0], lambda: now[0])
    assert masters.current == (master_key_id(OLD), OLD)
    source.append(NEW)
    stamp[0] += 1
    assert masters.current[1] == OLD
    now[0] += RELOAD_SECONDS
    assert masters.current == (master_key_id(NEW), NEW)
    assert masters.ids == (master_key_id(OLD), master_key_id(NEW))


def test_a_key_not_known_yet_is_looked_for_at_its_source_but_not_all_the_time() -> None:
    source, now, loads = [OLD], [0.0], []

    def load() -> list[bytes]:
        loads.append(1)
        return list(source)

    masters = MasterKeys(load, monotonic=lambda: now[0])
    source.append(NEW)
    with pytest.raises(SealedMismatch):
        masters.key(master_key_id(NEW))
    now[0] += RELOAD_SECONDS
    assert masters.key(master_key_id(NEW)) == NEW
    for _ in range(5):
        with pytest.raises(SealedMismatch):
            masters.key("0" * 16)
    assert len(loads) == 2


def test_looking_for_changes_does_not_keep_an_unknown_key_from_being_looked_for() -> None:
    source, now = [OLD], [0.0]
    masters = MasterKeys(lambda: list(source), monotonic=lambda: now[0])
    source.append(NEW)
    for _ in range(3):
        now[0] += RELOAD_SECONDS * 0.9
        assert masters.current[1] == OLD
    assert masters.key(master_key_id(NEW)) == NEW

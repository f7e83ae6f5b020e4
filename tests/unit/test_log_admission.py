"""What the door of a log lets in, and with which error it refuses everything else."""

import json

import pytest
from log_world import ISSUER, ORIGIN, OTHER, PERSON, TAG_KEY, World

from ledger.errors import (
    BatchInvalid,
    BatchLineInvalid,
    EntryTooLarge,
    FormatError,
    IdReused,
    IssuerMismatch,
    KeyExpired,
    KeyRevoked,
    KeysMismatch,
    KeyUnknown,
    KindUnknown,
    LedgerError,
    LogMismatch,
    RoleMissing,
    SealedMismatch,
    SignatureInvalid,
    StatementTimeRefused,
)
from ledger.formats.encoding import b64encode
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ledger.formats.statement import parse_statement
from ledger.formats.tags import person_tag
from ledger.formats.trust import Window
from ledger.log.admission_batch import admit_batch
from ledger.merkle import index_key, leaf_hash
from ledger.verify.issuer import check_issuer

HOUR = 3600 * 1000


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def with_disclosure(entry: bytes, salt: bytes, content: bytes) -> bytes:
    disclosure = {"salt": salt.hex(), "content": b64encode(content)}
    return json.dumps({"entry": b64encode(entry), "disclosure": disclosure}).encode()


def test_an_admitted_entry_has_its_bytes_leaf_hash_and_index_keys(world: World) -> None:
    envelope = world.envelope()
    admitted = world.admission().admit(envelope)
    keys = {index_key(n, bytes.fromhex(t)) for n, tags in admitted.statement.keys.items() for t in tags}
    assert admitted.entry.entry == envelope
    assert admitted.entry.leaf_hash == leaf_hash(envelope)
    assert admitted.entry.index_keys == tuple(sorted(keys))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"log": "yunling.example/credit"}, LogMismatch),
        ({"issuer": OTHER}, IssuerMismatch),
        ({"kind": "access.event.invented"}, KindUnknown),
        ({"kind": "credit.list.entered"}, RoleMissing),
        ({"keys": {"subject": ("00" * 32,)}}, KeysMismatch),
        ({"sealed": b"\1" * 32}, SealedMismatch),
    ],
)
def test_a_statement_that_breaks_a_rule_is_refused_by_name(
    world: World, changes: dict[str, object], error: type[LedgerError]
) -> None:
    with pytest.raises(error):
        world.admission().admit(world.envelope(**changes))


@pytest.mark.parametrize(("offset", "fits"), [(-24.1, False), (-23.9, True), (0.08, True), (0.1, False)])
def test_the_time_of_signing_is_at_most_24_hours_before_and_5_minutes_after(
    world: World, offset: float, fits: bool
) -> None:
    envelope = world.envelope(at=world.clock() + int(offset * HOUR))
    if fits:
        world.admission().admit(envelope)
    else:
        with pytest.raises(StatementTimeRefused):
            world.admission().admit(envelope)


def test_an_unknown_key_and_a_wrong_signature_are_refused(world: World) -> None:
    with pytest.raises(KeyUnknown):
        world.admission().admit(sign_envelope(STATEMENT_TYPE, world.statement(), world.stranger))
    first, second = world.envelope(), world.envelope()
    swapped = first[: first.index(b'"sig"')] + second[second.index(b'"sig"') :]
    with pytest.raises(SignatureInvalid):
        world.admission().admit(swapped)


@pytest.mark.parametrize(
    ("start", "until", "revoked", "error"),
    [
        (-1, None, None, None),
        (1, None, None, KeyExpired),
        (-9, -1, None, KeyExpired),
        (-9, None, -1, KeyRevoked),
        (-9, None, 1, None),
    ],
)
def test_a_key_counts_within_its_window_only(
    world: World, start: int, until: int | None, revoked: int | None, error: type[LedgerError] | None
) -> None:
    now = world.clock()
    hours = [None if edge is None else now + edge * HOUR for edge in (until, revoked)]
    trust = world.trust(Window(now + start * HOUR, *hours))
    envelope = world.envelope()
    parsed = parse_envelope(envelope)
    verdict = check_issuer(trust, ORIGIN, parse_statement(parsed.payload), parsed.keyid)
    assert bool(verdict) == (error is not None), "the verifier judges the same"
    if error is None:
        world.admission(trust).admit(envelope)
    else:
        with pytest.raises(error):
            world.admission(trust).admit(envelope)


def test_a_revoked_key_signs_nothing_more_whatever_time_it_claims(world: World) -> None:
    trust = world.trust(Window(0, None, world.clock() - HOUR))
    with pytest.raises(KeyRevoked):
        world.admission(trust).admit(world.envelope(at=world.clock() - 2 * HOUR))


def test_a_member_without_the_role_is_refused(world: World) -> None:
    with pytest.raises(RoleMissing):
        world.admission(world.trust(roles=("auditor",))).admit(world.envelope())


@pytest.mark.parametrize("bad", [b"", b"[]", b"{", b'{"entry":1}', b'{"entry":"e30=","more":1}', b"\xff"])
def test_bytes_that_are_no_submission_are_refused(world: World, bad: bytes) -> None:
    with pytest.raises(FormatError):
        world.admission().admit(bad)


def test_an_envelope_over_48_kib_is_refused_before_it_is_read(world: World) -> None:
    with pytest.raises(EntryTooLarge):
        world.admission().admit(b'{"payloadType"' + b" " * (48 * 1024))


def test_sealed_content_is_taken_stored_encrypted_and_opens_again(world: World) -> None:
    envelope, salt, content = world.sealed()
    admitted = world.admission().admit(with_disclosure(envelope, salt, content))
    sealed = admitted.entry.sealed
    assert sealed is not None
    assert content not in sealed.ciphertext
    entry, tag = admitted.entry, person_tag(TAG_KEY, 0, PERSON)
    assert world.sealer.open(sealed, tag, entry.issuer, entry.id) == (salt, content)


def test_sealed_content_that_does_not_fit_is_refused(world: World) -> None:
    envelope, salt, content = world.sealed()
    refused = [
        envelope,
        with_disclosure(envelope, bytes(32), content),
        with_disclosure(envelope, salt, content + b" "),
        with_disclosure(world.envelope(), salt, content),
    ]
    # A person whose number is not the one that the tag in the body was made from.
    refused.append(with_disclosure(*world.sealed(number="110105194912310038")))
    for submission in refused:
        with pytest.raises(LedgerError) as error:
            world.admission().admit(submission)
        assert error.value.code in ("sealed_mismatch", "check_digit_wrong")
        assert "1949" not in str(error.value)


def test_a_batch_is_admitted_whole_with_its_manifest_first(world: World) -> None:
    lines = world.batch(5)
    batch = admit_batch(world.admission(), [line + b"\n" for line in lines])
    assert [entry.entry for entry in batch.entries] == lines
    assert batch.entries[0].index_keys == ()


def test_a_batch_with_a_bad_line_is_refused_and_the_line_is_named(world: World) -> None:
    lines = world.batch(4)
    other = world.batch(4)
    cases = [
        ([lines[1], *lines[1:]], 1, FormatError),
        ([*lines[:2], lines[3], lines[2], lines[4]], 3, BatchInvalid),
        ([*lines[:3], other[3], lines[4]], 4, BatchInvalid),
        ([*lines[:3], b"{}", lines[4]], 4, FormatError),
        ([*lines[:2], world.envelope(), *lines[3:]], 3, BatchInvalid),
        ([*lines, lines[4]], 6, BatchInvalid),
        (world.batch(3, id="01890000-0000-7000-8000-000000000001"), 3, IdReused),
        (world.batch(3, at=world.clock())[:1] + world.batch(3)[1:], 2, BatchInvalid),
        (world.batch(2, issuer=OTHER), 2, IssuerMismatch),
    ]
    for number, (bad, line, cause) in enumerate(cases):
        with pytest.raises(BatchLineInvalid) as error:
            admit_batch(world.admission(), bad)
        assert (error.value.line, isinstance(error.value.cause, cause)) == (line, True), number


def test_a_batch_that_ends_early_or_has_another_root_is_refused(world: World) -> None:
    lines = world.batch(4)
    with pytest.raises(BatchInvalid, match="announces 4"):
        admit_batch(world.admission(), lines[:-1])
    place = lines[2].index(b'"signatures"')
    forged = world.envelope()
    changed = forged[: forged.index(b'"signatures"')] + lines[2][place:]
    with pytest.raises(BatchInvalid, match="root"):
        admit_batch(world.admission(), [*lines[:2], changed, *lines[3:]])


def test_an_id_twice_in_a_batch_is_named_by_issuer_only(world: World) -> None:
    with pytest.raises(BatchLineInvalid) as error:
        admit_batch(world.admission(), world.batch(2, id="01890000-0000-7000-8000-000000000002"))
    assert ISSUER not in str(error.value)

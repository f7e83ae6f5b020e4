"""`format(parse(x)) == x`, and what is formatted parses to the same value."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import FormatError, ProofInvalid
from ledger.formats import strictjson
from ledger.formats.bundle import (
    After,
    Bundle,
    BundleBatch,
    BundleEntry,
    ChainLink,
    Completeness,
    Disclosure,
    ProvenEntry,
    chain_value,
    format_bundle,
    parse_bundle,
)
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.envelope import (
    BATCH_TYPE,
    STATEMENT_TYPE,
    BatchPlace,
    Envelope,
    format_envelope,
    parse_envelope,
    sign_batch,
)
from ledger.formats.finality import AnchorRecord, Finality, sign_finality
from ledger.formats.note import (
    Checkpoint,
    SignedNote,
    checkpoint_text,
    cosign,
    format_note,
    parse_note,
    parse_signature_lines,
    sign_note,
)
from ledger.formats.receipt import Receipt, ReceiptBatch, sign_receipt, verify_receipt
from ledger.formats.statement import (
    Manifest,
    Reference,
    Statement,
    format_manifest,
    format_statement,
    is_id,
    new_id,
    parse_manifest,
    parse_statement,
)
from ledger.formats.times import format_time, parse_time
from ledger.gm import PrivateKey, signer
from ledger.merkle import Absent, OtherKey, Present, batch_leaf_hash, verify_batch_path

ISSUERS = ("11320500MB0000001A", "11320500MB0000002D")
ORIGIN = "yunling.example/credit"
SIGNER = signer(PrivateKey.generate())
WITNESS = signer(PrivateKey.generate())

hashes = st.binary(min_size=32, max_size=32)
times = st.integers(parse_time("0001-01-01T00:00:00.000Z"), parse_time("9999-12-31T23:59:59.999Z"))
ids = st.builds(new_id, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
tags = st.lists(hashes.map(bytes.hex), min_size=1, max_size=3, unique=True).map(tuple)
statements = st.builds(
    Statement,
    id=ids,
    kind=st.from_regex(r"[a-z][a-z0-9-]{0,5}(\.[a-z0-9-]{1,5}){1,3}", fullmatch=True),
    log=st.just(ORIGIN),
    issuer=st.sampled_from(ISSUERS),
    at=times,
    keys=st.dictionaries(st.sampled_from(["subject", "authority", "case"]), tags, max_size=3),
    body=st.dictionaries(texts, values, max_size=4),
    sealed=st.none() | hashes,
    refers=st.lists(st.builds(Reference, st.sampled_from(ISSUERS), ids), max_size=3).map(tuple),
)
notes = st.builds(
    Checkpoint,
    origin=st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}(/[a-z0-9][a-z0-9._-]{0,8}){0,2}", fullmatch=True),
    size=st.integers(0, 2**53 - 1),
    root=hashes,
    index_root=hashes,
    time=times.map(lambda ms: ms // 1000),
)
places = st.integers(1, 65_535).flatmap(
    lambda size: st.builds(BatchPlace, hashes, st.integers(0, size - 1), st.just(size))
)


@given(values)
def test_json_reads_what_it_wrote(value: Any) -> None:
    assert strictjson.loads(strictjson.dumps(value)) == value


@given(st.binary(max_size=80))
def test_base64_reads_what_it_wrote(data: bytes) -> None:
    assert b64decode_strict(b64encode(data)) == data


@given(st.text("ABQgw+/=09", max_size=9))
def test_base64_has_one_form(text: str) -> None:
    try:
        data = b64decode_strict(text)
    except FormatError:
        return
    assert b64encode(data) == text


@given(times)
def test_times_read_what_they_wrote(ms: int) -> None:
    assert parse_time(format_time(ms)) == ms
    assert parse_time(format_time(ms, millis=False)) == ms - ms % 1000


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_new_ids_are_version_7_and_begin_with_their_time(ms: int, random: bytes) -> None:
    text = new_id(ms, random)
    assert is_id(text)
    assert int(text.replace("-", "")[:12], 16) == ms


@given(statements)
def test_statements_read_what_they_wrote(statement: Statement) -> None:
    assert parse_statement(format_statement(statement)) == statement


@given(
    st.builds(Manifest, st.just(ORIGIN), st.sampled_from(ISSUERS), ids, times, hashes, st.integers(1, 65_535))
)
def test_manifests_read_what_they_wrote(manifest: Manifest) -> None:
    assert parse_manifest(format_manifest(manifest)) == manifest


@given(st.binary(max_size=100), hashes, st.sampled_from([STATEMENT_TYPE, BATCH_TYPE]), places | st.none())
def test_envelopes_have_one_form(payload: bytes, keyid: bytes, type_: str, place: BatchPlace | None) -> None:
    signature = None if place else b"\x01" * 64
    envelope = Envelope(STATEMENT_TYPE if place else type_, payload, keyid.hex(), signature, place)
    data = format_envelope(envelope)
    assert parse_envelope(data) == envelope
    assert format_envelope(parse_envelope(data)) == data


_ENTRY = format_envelope(Envelope(STATEMENT_TYPE, b'{"a":1}', "ab" * 32, b"\x01" * 64, None))


@given(st.integers(0, len(_ENTRY) - 1), st.integers(0, 255))
def test_an_envelope_with_a_byte_changed_is_refused_or_is_its_own_one_form(at: int, byte: int) -> None:
    data = _ENTRY[:at] + bytes([byte]) + _ENTRY[at + 1 :]
    try:
        envelope = parse_envelope(data)
    except FormatError:
        return
    assert format_envelope(envelope) == data


@given(notes)
@settings(max_examples=30, deadline=None)
def test_notes_have_one_form(checkpoint: Checkpoint) -> None:
    text = checkpoint_text(checkpoint)
    data = text + b"\n" + sign_note(text, checkpoint.origin, SIGNER).encode()
    data += cosign(text, "witness.example", WITNESS, 1_795_334_460).encode()
    note = parse_note(data)
    assert note.checkpoint == checkpoint
    assert note.text == text
    assert format_note(note) == data


_TEXT = checkpoint_text(Checkpoint(ORIGIN, 40, b"\1" * 32, b"\2" * 32, 1_795_334_400))
_NOTE = (_TEXT + b"\n" + sign_note(_TEXT, ORIGIN, SIGNER).encode()).decode()


@given(st.integers(0, len(_NOTE)), st.sampled_from(["", "\n", " ", "0", "=", "A", "/", "—", "\r", "Z", "\0"]))
def test_a_note_with_a_character_changed_is_refused_or_is_its_own_one_form(at: int, put: str) -> None:
    for data in (_NOTE[:at] + put + _NOTE[at:], _NOTE[:at] + put + _NOTE[at + 1 :]):
        try:
            note = parse_note(data)
        except FormatError:
            continue
        assert format_note(note) == data.encode()


def _note() -> SignedNote:
    return parse_note(_NOTE)


_plain = st.builds(
    BundleEntry,
    st.builds(ProvenEntry, st.integers(0, 50), st.just(_ENTRY), st.lists(hashes, max_size=3).map(tuple)),
    st.none(),
    st.none() | st.builds(Disclosure, hashes, st.binary(max_size=9)),
)
_batched = st.builds(
    lambda index, place, path: BundleEntry(
        ProvenEntry(index, format_envelope(Envelope(STATEMENT_TYPE, b"{}", "cd" * 32, None, place)), ()),
        BundleBatch(ProvenEntry(0, _ENTRY, tuple(path)), tuple(path)),
    ),
    st.integers(51, 99),
    places,
    st.lists(hashes, max_size=3),
)
_chains = st.lists(st.builds(ChainLink, st.integers(0, 2**53 - 1), hashes), max_size=3).map(tuple)
_afters = st.none() | st.builds(After, st.integers(1, 2**53 - 1), hashes, st.integers(0, 2**53 - 1))


def _section(chain: Any, after: After | None, end: Any, siblings: Any) -> Completeness:
    end = Present(chain_value(chain, after)) if end is None else end
    return Completeness("subject", "ab" * 32, chain, tuple(siblings), end, after)


_sections = st.builds(
    _section,
    _chains,
    _afters,
    st.none() | st.just(Absent()) | st.builds(OtherKey, hashes, hashes),
    st.lists(hashes, max_size=3),
)
_chain_hashes = hashes.map(lambda raw: "0x" + raw.hex())
_anchors = st.builds(
    AnchorRecord,
    st.integers(0, 2**53 - 1),
    st.just("0x" + "ab" * 20),
    hashes,
    st.integers(0, 2**53 - 1),
    hashes,
    hashes,
    hashes,
    _chain_hashes,
    st.integers(0, 2**53 - 1),
    _chain_hashes,
    st.none() | st.builds(Finality, st.just("qbft"), members=st.just({"headers": ["aa"]})),
)


@given(
    _plain | st.none(),
    _batched | st.none(),
    st.none() | st.lists(_sections, max_size=1),
    st.none() | _anchors,
)
@settings(deadline=None)
def test_bundles_read_what_they_wrote(plain: Any, batched: Any, sections: Any, anchor: Any) -> None:
    entries = tuple(entry for entry in (plain, batched) if entry is not None)
    bundle = Bundle(ORIGIN, _note(), entries, None if sections is None else tuple(sections), anchor)
    data = format_bundle(bundle)
    assert parse_bundle(data) == bundle
    assert format_bundle(parse_bundle(data)) == data


def test_witnessed_finality_reads_what_it_wrote() -> None:
    anchor = AnchorRecord(
        4242, "0x" + "ab" * 20, b"\1" * 32, 40, b"\2" * 32, b"\3" * 32, b"\4" * 32, "0x" + "cd" * 32, 7,
        "0x" + "ef" * 32,
    )  # fmt: skip
    line = sign_finality(anchor, "witness.example", WITNESS, 1_795_334_460)
    final = AnchorRecord(
        *(getattr(anchor, name) for name in anchor.__slots__[:-1]),
        Finality("witnessed", parse_signature_lines(line)),
    )
    bundle = Bundle(ORIGIN, _note(), (), None, final)
    assert parse_bundle(format_bundle(bundle)) == bundle


@pytest.mark.parametrize("batch", [None, ReceiptBatch(13, 2, b"\5" * 32)])
def test_receipts_read_what_they_wrote_and_name_their_key(batch: ReceiptBatch | None) -> None:
    receipt = Receipt(ORIGIN, ISSUERS[0], new_id(1, bytes(10)), b"\1" * 32, 12, 1_795_334_460_123, batch)
    assert verify_receipt(sign_receipt(receipt, SIGNER), SIGNER.public) == receipt


def test_a_signed_batch_proves_each_of_its_statements() -> None:
    payloads = [b'{"n":%d}' % i for i in range(5)]
    manifest, entries = sign_batch(
        payloads, log=ORIGIN, issuer=ISSUERS[0], id=new_id(2, bytes(10)), at=1_795_334_460_000, signer=SIGNER
    )
    announced = parse_manifest(parse_envelope(manifest).payload)
    assert announced.size == 5
    for index, (payload, entry) in enumerate(zip(payloads, entries, strict=True)):
        envelope = parse_envelope(entry)
        assert envelope.payload == payload
        assert envelope.batch == BatchPlace(announced.root, index, 5)
    only = parse_envelope(entries[0])
    with pytest.raises(ProofInvalid, match="short"):
        verify_batch_path(batch_leaf_hash(only.pae), 0, 5, [], announced.root)

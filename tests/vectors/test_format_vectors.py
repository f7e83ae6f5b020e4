"""`vectors.json` of the conformance set: hashes, trees, proofs, keys, notes, envelopes, tags."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import InputError, SignatureInvalid
from ledger.formats.envelope import STATEMENT_TYPE, format_envelope, pae, parse_envelope
from ledger.formats.finality import AnchorRecord, finality_text, log_id, parse_anchor
from ledger.formats.note import (
    WITNESS_IDENTIFIER,
    checkpoint_text,
    cosigned_text,
    format_note,
    format_vkey,
    line_seconds,
    note_hash,
    parse_note,
    parse_vkey,
    verification_key,
    verify_log_line,
    verify_timed_line,
)
from ledger.formats.sealed import sealed_digest
from ledger.formats.tags import organisation_tag, person_tag
from ledger.gm import PublicKey, sm3, verify
from ledger.merkle import (
    EMPTY_HEAD,
    EMPTY_ROOT,
    Absent,
    BatchTree,
    End,
    Frontier,
    OtherKey,
    Present,
    batch_leaf_hash,
    batch_node_hash,
    chain_step,
    index_key,
    index_value,
    leaf_hash,
    node_hash,
    root_hash,
    verify_batch_path,
    verify_consistency,
    verify_inclusion,
    verify_index_proof,
)


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> Any:
    return json.loads((shared_data / "conformance" / "vectors.json").read_bytes())


def _bytes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_hashes_have_their_domains(vectors: Any) -> None:
    for vector in vectors["sm3"]:
        data = vector["utf8"].encode() if "utf8" in vector else bytes.fromhex(vector["hex"])
        assert sm3(data).hex() == vector["hash"]
    for vector in vectors["leaf"]:
        assert leaf_hash(bytes.fromhex(vector["entry"])).hex() == vector["hash"]
    for vector in vectors["node"]:
        left, right = _bytes([vector["left"], vector["right"]])
        assert node_hash(left, right).hex() == vector["hash"]
    assert EMPTY_ROOT.hex() == vectors["emptyRoot"]


def test_roots_of_growing_trees(vectors: Any) -> None:
    leaves = [leaf_hash(f"entry {i}".encode()) for i in range(len(vectors["leaves"]))]
    assert leaves == _bytes(vectors["leaves"])
    frontier = Frontier()
    for size, root in enumerate(_bytes(vectors["roots"])):
        assert root_hash(leaves[:size]) == root == frontier.root()
        if size < len(leaves):
            frontier.append(leaves[size])


def test_inclusion_and_consistency_proofs(vectors: Any) -> None:
    leaves, roots = _bytes(vectors["leaves"]), _bytes(vectors["roots"])
    for vector in vectors["inclusion"]:
        index, size = vector["index"], vector["size"]
        verify_inclusion(leaves[index], index, size, _bytes(vector["proof"]), roots[size])
    for vector in vectors["consistency"]:
        first, second = vector["first"], vector["second"]
        verify_consistency(first, second, _bytes(vector["proof"]), roots[first], roots[second])


def test_batch_trees(vectors: Any) -> None:
    batch = vectors["batch"]
    leaves = [batch_leaf_hash(pae(STATEMENT_TYPE, b'{"n":%d}' % i)) for i in range(len(batch["leaves"]))]
    assert leaves == _bytes(batch["leaves"])
    assert batch_node_hash(leaves[0], leaves[1]).hex() == batch["node"]
    for vector in batch["trees"]:
        tree = BatchTree(leaves[: vector["size"]])
        assert tree.root.hex() == vector["root"]
        for index, path in enumerate(vector["paths"]):
            assert tree.path(index) == _bytes(path)
            verify_batch_path(leaves[index], index, vector["size"], _bytes(path), tree.root)


def _end(value: Any, present: bytes | None) -> End:
    if value == "empty":
        return Absent()
    if value == "leaf":
        assert present is not None
        return Present(present)
    return OtherKey(bytes.fromhex(value["key"]), bytes.fromhex(value["value"]))


def test_index_keys_chains_and_proofs(vectors: Any) -> None:
    index = vectors["index"]
    keys, values = [], []
    for item in index["items"]:
        keys.append(index_key(item["name"], bytes.fromhex(item["tag"])))
        head = EMPTY_HEAD
        for link in item["chain"]:
            head = chain_step(head, link["index"], bytes.fromhex(link["leaf"]))
        values.append(index_value(len(item["chain"]), head))
        assert (keys[-1].hex(), head.hex(), values[-1].hex()) == (item["key"], item["head"], item["value"])
    absent = [index_key(item["name"], bytes.fromhex(item["tag"])) for item in index["absent"]]
    assert [key.hex() for key in absent] == [item["key"] for item in index["absent"]]
    for tree in index["sets"]:
        root = bytes.fromhex(tree["root"])
        for proof in tree["proofs"]:
            at = proof.get("item")
            key = absent[proof["absent"]] if at is None else keys[at]
            end = _end(proof["end"], None if at is None else values[at])
            verify_index_proof(root, key, _bytes(proof["siblings"]), end)


def test_an_index_proof_of_the_greatest_depth(vectors: Any) -> None:
    deep = vectors["index"]["deep"]
    key, value = bytes.fromhex(deep["keys"][0]), bytes.fromhex(deep["value"])
    siblings = _bytes(deep["siblingsOfFirst"])
    assert len(siblings) == 256
    verify_index_proof(bytes.fromhex(deep["root"]), key, siblings, Present(value))


def test_pae_and_keys(vectors: Any) -> None:
    for vector in vectors["pae"]:
        assert pae(vector["type"], bytes.fromhex(vector["payload"])).hex() == vector["pae"]
    for vector in vectors["keys"]:
        public = PublicKey(bytes.fromhex(vector["public"]))
        assert public.keyid == vector["keyid"]
        if "vkey" in vector:
            key = verification_key(vector["name"], vector["identifier"], public)
            assert key.key_hash.hex() == vector["keyHash"]
            assert format_vkey(key) == vector["vkey"]
            assert parse_vkey(vector["vkey"]) == key


def test_notes_and_cosignatures(vectors: Any) -> None:
    for vector in vectors["notes"]:
        note = parse_note(vector["note"])
        assert format_note(note).hex() == vector["noteHex"]
        assert note.text == vector["text"].encode() == checkpoint_text(note.checkpoint)
        assert note_hash(note.text).hex() == vector["noteHash"]
        assert (note.checkpoint.origin, note.checkpoint.size) == (vector["origin"], vector["size"])
        assert note.checkpoint.root.hex() == vector["root"]
        assert note.checkpoint.index_root.hex() == vector["indexRoot"]
        verify_log_line(note.text, note.signatures[0], parse_vkey(vector["logVkey"]))
        assert cosigned_text(note.text, vector["seconds"]) == vector["cosigned"].encode()
        for line, vkey in zip(note.signatures[1:], vector["witnessVkeys"], strict=True):
            assert parse_vkey(vkey).identifier == WITNESS_IDENTIFIER
            verify_timed_line(cosigned_text(note.text, line_seconds(line)), line, parse_vkey(vkey))


def test_envelopes_good_and_bad(vectors: Any) -> None:
    for vector in vectors["envelopes"]:
        data = b64decode(vector["envelope"])
        public = PublicKey(bytes.fromhex(vector["public"]))
        if vector["valid"]:
            envelope = parse_envelope(data)
            assert format_envelope(envelope) == data
            assert envelope.signature is not None
            verify(public, envelope.pae, envelope.signature)
        else:
            with pytest.raises((InputError, SignatureInvalid)):
                _verify(public, data)


def _verify(public: PublicKey, data: bytes) -> None:
    envelope = parse_envelope(data)
    assert envelope.signature is not None
    verify(public, envelope.pae, envelope.signature)


def test_sealed_digests_tags_and_log_ids(vectors: Any) -> None:
    for vector in vectors["sealed"]:
        salt, content = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["content"])
        assert sealed_digest(salt, vector["issuer"], vector["id"], content).hex() == vector["digest"]
    for vector in vectors["tags"]["organisation"]:
        assert organisation_tag(vector["code"]) == vector["tag"]
    for vector in vectors["tags"]["person"]:
        key = bytes.fromhex(vector["key"])
        assert person_tag(key, vector["epoch"], vector["number"]) == vector["tag"]
    for vector in vectors["logId"]:
        assert log_id(vector["origin"]).hex() == vector["logId"]


def test_the_text_of_finality(vectors: Any) -> None:
    vector = vectors["finality"]
    anchor: AnchorRecord = parse_anchor(vector["anchor"])
    assert finality_text(anchor, vector["seconds"]) == vector["text"].encode()

"""The stored index agrees with the index vectors of an independent implementation."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.merkle import Absent, OtherKey, Present, index_leaf, page_form, pages, verify_index_proof


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> Any:
    return json.loads((shared_data / "conformance" / "vectors.json").read_text())["index"]


def changes(items: list[Any]) -> dict[bytes, list[tuple[int, bytes]]]:
    return {
        bytes.fromhex(item["key"]): [(link["index"], bytes.fromhex(link["leaf"])) for link in item["chain"]]
        for item in items
    }


@pytest.mark.parametrize("max_records", [1, 2, 8, 16])
@pytest.mark.parametrize("stretch", [1, 7, 50])
def test_every_set_of_the_vectors_has_its_root_and_proofs(
    vectors: Any, max_records: int, stretch: int
) -> None:
    stored: dict[bytes, bytes] = {}

    def read(paths: Any) -> list[bytes | None]:
        return [stored.get(path) for path in paths]

    done = 0
    for case in vectors["sets"]:
        if case["keys"] not in (done, done + stretch):
            continue
        growth = pages.update(read, changes(vectors["items"][done : case["keys"]]), max_records=max_records)
        stored.update(growth.pages)
        done = case["keys"]
        root = bytes.fromhex(case["root"])
        assert growth.index_root == pages.index_root(read) == root
        for expected in case["proofs"]:
            item = (
                vectors["absent"][expected["absent"]]
                if "absent" in expected
                else vectors["items"][expected["item"]]
            )
            key = bytes.fromhex(item["key"])
            proof = pages.prove(read, key)
            assert [sibling.hex() for sibling in proof.siblings] == expected["siblings"]
            verify_index_proof(root, key, proof.siblings, proof.end)
            match expected["end"]:
                case "leaf":
                    assert proof.end == Present(bytes.fromhex(item["value"]))
                    assert (proof.count, proof.head.hex()) == (len(item["chain"]), item["head"])
                    assert proof.last == item["chain"][-1]["index"]
                case "empty":
                    assert proof.end == Absent()
                case other:
                    assert proof.end == OtherKey(bytes.fromhex(other["key"]), bytes.fromhex(other["value"]))
            if proof.end in (Absent(),) or isinstance(proof.end, OtherKey):
                assert (proof.count, proof.last) == (0, None)


def test_keys_that_share_nearly_all_bits_have_the_vectors_roots_and_siblings(vectors: Any) -> None:
    deep = vectors["deep"]
    keys = sorted(bytes.fromhex(key) for key in deep["keys"])
    leaves = [index_leaf(key, bytes.fromhex(deep["value"])) for key in keys]
    assert page_form.subtree_hash(keys, leaves, 0).hex() == deep["root"]
    first_two = sorted(bytes.fromhex(key) for key in deep["keys"][:2])
    assert (
        page_form.subtree_hash(
            first_two, [index_leaf(key, bytes.fromhex(deep["value"])) for key in first_two], 0
        ).hex()
        == deep["rootOfFirstTwo"]
    )
    siblings, position = page_form.prove_among(keys, leaves, 0, bytes.fromhex(deep["keys"][0]))
    assert [sibling.hex() for sibling in siblings] == deep["siblingsOfFirst"]
    assert position is not None
    assert keys[position].hex() == deep["keys"][0]

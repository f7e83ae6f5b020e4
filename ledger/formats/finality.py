"""Anchors, and what makes one final (DESIGN.md 4.6).

An anchor says in which block of which chain a checkpoint was recorded. Its finality is of some kind.

`witnessed`: signature lines by the log's witnesses over the lines `xinzheng/finality/v1`, chainId, registry,
logId, size, root, indexRoot, noteHash, txHash, blockNumber, blockHash and seconds.

`qbft`, `kaia`, `clique`: the block itself, as its validators sealed it, and the receipt that anchors in it:

    {"kind": "qbft", "header": "<base64 RLP>", "receipt": {"index": 0, "proof": ["<base64 node>", ...]},
     "following": ["<base64 RLP>", ...], "changes": ["<base64 RLP>", ...]}

`header` with its seals is the anchor's block, `receipt` proves the receipt of the block's transaction of that
index, root first. `following`, where the block's own seals are too few, are the headers that follow it one by
one; `changes`, where validators changed before, are headers that name the new ones. Neither is there empty.
What is not in this form is kept as it is and proves nothing, like a kind that is not known.

`unsealed`: nothing; the chain has no seals that could be shown, as the embedded one.
"""

from dataclasses import dataclass, field
from typing import Any

from ledger.errors import BundleUnusable, FormatError
from ledger.ethereum.headers import KINDS, MAX_HEADER
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.members import (
    read_address,
    read_chain_hash,
    read_hash,
    read_integer,
    read_list,
    read_object,
    read_text,
)
from ledger.formats.note import SignatureLine, parse_signature_lines, timed_line
from ledger.gm import Signer, sm3

WITNESSED = "witnessed"
UNSEALED = "unsealed"

MAX_NODES = 16
"""Most nodes of a receipt's proof; a block has fewer than 2^24 transactions."""
MAX_NODE = 1024 * 1024
"""Most bytes of a node: the last one holds the receipt."""
MAX_FOLLOWING = 1_024
MAX_CHANGES = 64

_OF_THE_LOG = ("chainId", "registry", "logId", "size", "root", "indexRoot", "noteHash")
_ANCHOR = frozenset((*_OF_THE_LOG, "txHash", "blockNumber", "blockHash"))
_WITNESSED = frozenset(("kind", "signatures"))
_SEALED = frozenset(("kind", "header", "receipt"))
_SEALED_OPTIONAL = frozenset(("following", "changes"))
_RECEIPT = frozenset(("index", "proof"))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block as its validators sealed it, and the proof of a receipt in it; headers and nodes in RLP."""

    header: bytes
    receipt_index: int
    receipt_proof: tuple[bytes, ...]
    following: tuple[bytes, ...] = ()
    changes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Finality:
    """Why an anchor will stay. `signatures` only for kind `witnessed`, `block` only for the kinds of sealed
    blocks, `members` only for kinds that are not known here."""

    kind: str
    signatures: tuple[SignatureLine, ...] = ()
    members: dict[str, Any] = field(default_factory=dict)
    block: SealedBlock | None = None


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """A checkpoint recorded on the chain. Hashes of the log are 32 bytes, those of the chain text with 0x."""

    chain_id: int
    registry: str
    log_id: bytes
    size: int
    root: bytes
    index_root: bytes
    note_hash: bytes
    tx_hash: str
    block_number: int
    block_hash: str
    finality: Finality | None = None


def log_id(origin: str) -> bytes:
    """The log's name on the chain: SM3(origin), 32 bytes."""
    return sm3(origin.encode())


def finality_text(anchor: AnchorRecord, seconds: int) -> bytes:
    """What a witness signs about an anchor at `seconds` since 1970."""
    lines = (
        "xinzheng/finality/v1",
        anchor.chain_id,
        anchor.registry,
        anchor.log_id.hex(),
        anchor.size,
        anchor.root.hex(),
        anchor.index_root.hex(),
        anchor.note_hash.hex(),
        anchor.tx_hash,
        anchor.block_number,
        anchor.block_hash,
        seconds,
    )
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def sign_finality(anchor: AnchorRecord, name: str, signer: Signer, seconds: int) -> str:
    """A witness's finality line about an anchor, newline included."""
    return timed_line(finality_text(anchor, seconds), name, signer, seconds)


def parse_anchor(value: Any) -> AnchorRecord:
    """An anchor from its JSON value. Raises a `FormatError`."""
    error = BundleUnusable
    members = read_object(value, "anchor", _ANCHOR, frozenset(("finality",)), error)
    return AnchorRecord(
        read_integer(members["chainId"], "anchor.chainId", error),
        read_address(members["registry"], "anchor.registry", error),
        read_hash(members["logId"], "anchor.logId", error),
        read_integer(members["size"], "anchor.size", error),
        read_hash(members["root"], "anchor.root", error),
        read_hash(members["indexRoot"], "anchor.indexRoot", error),
        read_hash(members["noteHash"], "anchor.noteHash", error),
        read_chain_hash(members["txHash"], "anchor.txHash", error),
        read_integer(members["blockNumber"], "anchor.blockNumber", error),
        read_chain_hash(members["blockHash"], "anchor.blockHash", error),
        parse_finality(members["finality"]) if "finality" in members else None,
    )


def parse_finality(value: Any) -> Finality:
    """What makes an anchor final, from its JSON value. Raises a `FormatError`."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise BundleUnusable("anchor.finality must be an object with a kind")
    kind = value["kind"]
    if kind in KINDS:
        try:
            return Finality(kind, block=_parse_block(value))
        except FormatError:
            # In another form than this one: proves nothing either, and leaves the rest of the bundle usable.
            pass
    if kind != WITNESSED:
        # A kind or a form of the future: its members are its own, and it proves nothing to this verifier.
        return Finality(kind, members={name: item for name, item in value.items() if name != "kind"})
    read_object(value, "anchor.finality", _WITNESSED, _NONE, BundleUnusable)
    lines = read_text(value["signatures"], "anchor.finality.signatures", BundleUnusable)
    return Finality(WITNESSED, parse_signature_lines(lines))


def _parse_block(value: Any) -> SealedBlock:
    error, what = BundleUnusable, "anchor.finality"
    members = read_object(value, what, _SEALED, _SEALED_OPTIONAL, error)
    receipt = read_object(members["receipt"], f"{what}.receipt", _RECEIPT, _NONE, error)

    def several(source: dict[str, Any], name: str, most: int, limit: int) -> tuple[bytes, ...]:
        items = read_list(source[name], f"{what}.{name}", error) if name in source else ()
        if name in source and not 1 <= len(items) <= most:
            raise error(f"{what}.{name} has 1 to {most} items")
        return tuple(_parse_bytes(item, f"{what}.{name}", limit) for item in items)

    return SealedBlock(
        _parse_bytes(members["header"], f"{what}.header", MAX_HEADER),
        read_integer(receipt["index"], f"{what}.receipt.index", error),
        several(receipt, "proof", MAX_NODES, MAX_NODE),
        several(members, "following", MAX_FOLLOWING, MAX_HEADER),
        several(members, "changes", MAX_CHANGES, MAX_HEADER),
    )


def _parse_bytes(value: Any, what: str, limit: int) -> bytes:
    data = b64decode_strict(read_text(value, what, BundleUnusable))
    if len(data) > limit:
        raise BundleUnusable(f"{what} has at most {limit} bytes")
    return data


def format_anchor(anchor: AnchorRecord) -> dict[str, Any]:
    """An anchor as a JSON value."""
    members: dict[str, Any] = {
        "chainId": anchor.chain_id,
        "registry": anchor.registry,
        "logId": anchor.log_id.hex(),
        "size": anchor.size,
        "root": anchor.root.hex(),
        "indexRoot": anchor.index_root.hex(),
        "noteHash": anchor.note_hash.hex(),
        "txHash": anchor.tx_hash,
        "blockNumber": anchor.block_number,
        "blockHash": anchor.block_hash,
    }
    finality = anchor.finality
    if finality is not None:
        members["finality"] = format_finality(finality)
    return members


def format_finality(finality: Finality) -> dict[str, Any]:
    """What makes an anchor final, as a JSON value."""
    members: dict[str, Any] = {"kind": finality.kind, **finality.members}
    if finality.kind == WITNESSED:
        members["signatures"] = "".join(line.format() for line in finality.signatures)
    block = finality.block
    if block is not None:
        proof = [b64encode(node) for node in block.receipt_proof]
        members["header"] = b64encode(block.header)
        members["receipt"] = {"index": block.receipt_index, "proof": proof}
        for name, headers in (("following", block.following), ("changes", block.changes)):
            if headers:
                members[name] = [b64encode(header) for header in headers]
    return members

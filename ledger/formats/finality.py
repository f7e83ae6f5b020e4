"""Anchors, and what makes one final (DESIGN.md 4.6).

An anchor says in which block of which chain a checkpoint was recorded. Its finality, where it is of kind
`witnessed`, is signature lines by the log's witnesses over the lines `xinzheng/finality/v1`, chainId,
registry, logId, size, root, indexRoot, noteHash, txHash, blockNumber, blockHash and seconds.
"""

from dataclasses import dataclass, field
from typing import Any

from ledger.errors import BundleUnusable
from ledger.formats.members import (
    read_address,
    read_chain_hash,
    read_hash,
    read_integer,
    read_object,
    read_text,
)
from ledger.formats.note import SignatureLine, parse_signature_lines, timed_line
from ledger.gm import Signer, sm3

WITNESSED = "witnessed"

_OF_THE_LOG = ("chainId", "registry", "logId", "size", "root", "indexRoot", "noteHash")
_ANCHOR = frozenset((*_OF_THE_LOG, "txHash", "blockNumber", "blockHash"))
_WITNESSED = frozenset(("kind", "signatures"))


@dataclass(frozen=True, slots=True)
class Finality:
    """Why an anchor will stay. `signatures` only for kind `witnessed`; `members` only for other kinds."""

    kind: str
    signatures: tuple[SignatureLine, ...] = ()
    members: dict[str, Any] = field(default_factory=dict)


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
        _parse_finality(members["finality"]) if "finality" in members else None,
    )


def _parse_finality(value: Any) -> Finality:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise BundleUnusable("anchor.finality must be an object with a kind")
    if value["kind"] != WITNESSED:
        # A kind of the future: its members are its own, and it proves nothing to this verifier.
        return Finality(value["kind"], members={name: item for name, item in value.items() if name != "kind"})
    read_object(value, "anchor.finality", _WITNESSED, frozenset(), BundleUnusable)
    lines = read_text(value["signatures"], "anchor.finality.signatures", BundleUnusable)
    return Finality(WITNESSED, parse_signature_lines(lines))


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
        members["finality"] = {"kind": finality.kind, **finality.members}
        if finality.kind == WITNESSED:
            members["finality"]["signatures"] = "".join(line.format() for line in finality.signatures)
    return members

"""Block headers that bear their validators' seals, and what those seals say.

Three engines are known, each by the kind of finality that its headers give:

- `qbft` (Besu and GoQuorum). `extraData` is RLP: [vanity of 32 bytes, [validators], vote, round, [seals]].
  The block's hash is that of the header with round 0 and no seals; a seal signs the hash of the header with
  its round and no seals. In the mode where a contract names the validators the list is empty.
- `kaia` (Kaia's Istanbul BFT). Another header, whose `extra` is a vanity of 32 bytes followed by RLP:
  [[validators], proposer's seal, [seals]]. The block's hash is that of the header without seals and with the
  vanity's last byte 0; a seal signs Keccak-256(block hash || 02).
- `clique` (go-ethereum and Besu). `extraData` is a vanity of 32 bytes, at epochs the signers, and one seal of
  65 bytes, which signs the hash of the header without it. The block's hash includes it.

A header of either of the first two is sealed by validators who committed to this block and to no other of its
height; one of the third by whoever's turn it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ledger.errors import ProofInvalid
from ledger.ethereum.keccak import keccak256
from ledger.ethereum.rlp import Item, decode, encode, read_bytes, read_integer, read_list
from ledger.ethereum.secp256k1 import SEAL_SIZE, recover_address

QBFT, KAIA, CLIQUE = "qbft", "kaia", "clique"

MAX_HEADER = 128 * 1024
"""Most bytes of a header that is read at all."""
MAX_VALIDATORS = 512
"""Most validators in a header, and most seals on it: each takes about a millisecond."""
QBFT_MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")

_HASH, _ADDRESS, _VANITY = 32, 20, 32
_NO_ROUND = b""
_KAIA_COMMIT = b"\x02"
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says. Hashes are 32 bytes, addresses lowercase hex with 0x.

    `validators` are those it names, none where it names none. `seals` sign `digest`.
    """

    number: int
    parent_hash: bytes
    hash: bytes
    receipts_root: bytes
    validators: tuple[str, ...]
    digest: bytes
    seals: tuple[bytes, ...]

    def sealers(self) -> frozenset[str]:
        """Who sealed it.

        Raises `ProofInvalid`: `seal_malformed`, `seal_repeated` where one sealed twice, `seal_of_stranger`
        where one is none of the validators that the header names.
        """
        found = [recover_address(self.digest, seal) for seal in self.seals]
        sealers = frozenset(found)
        if len(sealers) != len(found):
            raise ProofInvalid("seal_repeated", f"somebody sealed block {self.number} twice")
        if self.validators and not sealers <= frozenset(self.validators):
            raise ProofInvalid("seal_of_stranger", f"block {self.number} is sealed by a stranger")
        return sealers


@lru_cache(maxsize=_KEPT)
def parse_header(kind: str, data: bytes) -> Header:
    """A header of one of the three kinds. Raises `ProofInvalid` (`header_malformed`, `rlp_malformed`)."""
    if len(data) > MAX_HEADER:
        raise _malformed(f"a header has at most {MAX_HEADER} bytes")
    fields = read_list(decode(data), "a header", *_FIELDS[kind])
    return _PARSERS[kind](fields)


def _parse_qbft(fields: list[Item]) -> Header:
    if read_bytes(fields[13], "mixHash") != QBFT_MIX_HASH:
        raise _malformed("the header is none of QBFT's")
    extra = read_list(decode(read_bytes(fields[12], "extraData")), "extraData", 5, 5)
    vanity, validators, vote, round_, seals = extra
    # A longer vanity would let whoever proposed choose by which rule GoQuorum hashes the block.
    read_bytes(vanity, "the vanity", _VANITY)
    read_list(vote, "the vote", 0, 2)
    read_integer(round_, "the round", 4)

    def hashed(round_now: Item) -> bytes:
        bare = encode([vanity, validators, vote, round_now, []])
        return keccak256(encode([*fields[:12], bare, *fields[13:]]))

    return _ethereum(fields, _addresses(validators), hashed(_NO_ROUND), hashed(round_), _seals(seals))


def _parse_clique(fields: list[Item]) -> Header:
    extra = read_bytes(fields[12], "extraData")
    signers = extra[_VANITY:-SEAL_SIZE]
    if len(extra) < _VANITY + SEAL_SIZE or len(signers) % _ADDRESS:
        raise _malformed("extraData is none of Clique's")
    if len(signers) > MAX_VALIDATORS * _ADDRESS:
        raise _malformed(f"a header names at most {MAX_VALIDATORS} signers")
    named = [signers[at : at + _ADDRESS] for at in range(0, len(signers), _ADDRESS)]
    digest = keccak256(encode([*fields[:12], extra[:-SEAL_SIZE], *fields[13:]]))
    return _ethereum(
        fields, _addresses(list(named)), keccak256(encode(fields)), digest, (extra[-SEAL_SIZE:],)
    )


def _ethereum(
    fields: list[Item], validators: tuple[str, ...], hash_: bytes, digest: bytes, seals: tuple[bytes, ...]
) -> Header:
    parent, root = read_bytes(fields[0], "parentHash", _HASH), read_bytes(fields[5], "receiptsRoot", _HASH)
    return Header(read_integer(fields[8], "number"), parent, hash_, root, validators, digest, seals)


def _parse_kaia(fields: list[Item]) -> Header:
    extra = read_bytes(fields[11], "extra")
    if len(extra) <= _VANITY:
        raise _malformed("extra is none of Istanbul's")
    validators, proposer_seal, seals = read_list(decode(extra[_VANITY:]), "extra", 3, 3)
    read_bytes(proposer_seal, "the proposer's seal", SEAL_SIZE)
    bare = extra[: _VANITY - 1] + b"\0" + encode([validators, proposer_seal, []])
    hash_ = keccak256(encode([*fields[:11], bare, *fields[12:]]))
    parent, root = read_bytes(fields[0], "parentHash", _HASH), read_bytes(fields[4], "receiptsRoot", _HASH)
    number, digest = read_integer(fields[7], "number"), keccak256(hash_ + _KAIA_COMMIT)
    return Header(number, parent, hash_, root, _addresses(validators), digest, _seals(seals))


def _addresses(item: Item) -> tuple[str, ...]:
    items = read_list(item, "the validators", 0, MAX_VALIDATORS)
    found = tuple("0x" + read_bytes(each, "a validator", _ADDRESS).hex() for each in items)
    if len(set(found)) != len(found):
        raise _malformed("a validator is named twice")
    return found


def _seals(item: Item) -> tuple[bytes, ...]:
    items = read_list(item, "the seals", 0, MAX_VALIDATORS)
    return tuple(read_bytes(each, "a seal") for each in items)


def _malformed(detail: str) -> ProofInvalid:
    return ProofInvalid("header_malformed", detail)


_FIELDS: Mapping[str, tuple[int, int]] = {QBFT: (15, 24), CLIQUE: (15, 24), KAIA: (14, 24)}
"""How many fields a header has: the later ones came with forks."""
_PARSERS: Mapping[str, Callable[[list[Item]], Header]] = {
    QBFT: _parse_qbft,
    KAIA: _parse_kaia,
    CLIQUE: _parse_clique,
}
KINDS = tuple(_PARSERS)

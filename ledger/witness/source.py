"""A log as it shows itself to its witness, over HTTP; believed in nothing.

Sizes and times are bounded, so that a log which sends too much, or too slowly, costs its witness little; what
is not in form raises `SourceRefused`, what does not come at all `Unavailable`.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ledger.client.transport import Transport
from ledger.errors import AccessError, LedgerError, NotFound, SourceRefused, Unavailable
from ledger.formats.encoding import is_hash
from ledger.formats.entries import MAX_ANSWER, parse_entries
from ledger.formats.misbehaviour import MAX_PATH
from ledger.formats.note import SignedNote, parse_note
from ledger.gm import Signer

MOST_NOTE = 64 << 10
MOST_PROOF = 64 << 10
TIMEOUT_SECONDS, PATIENCE_SECONDS = 10.0, 60.0

T = TypeVar("T")


class LogSource(Protocol):
    """What a witness asks of a log. Raises `SourceRefused`, `Unavailable`, `NotFound`, `AccessError`."""

    def newest(self) -> SignedNote: ...

    def candidate(self) -> SignedNote:
        """The note that witnesses are asked to cosign."""

    def published(self, size: int, note_hash: bytes) -> SignedNote: ...

    def consistency(self, first: int, second: int) -> list[bytes]: ...

    def inclusion(self, leaf: bytes, size: int) -> tuple[int, list[bytes]]:
        """A leaf's index and inclusion proof."""

    def entries(self, start: int, stop: int) -> list[bytes]:
        """At least one of the entries start..stop-1, from `start` on."""

    def cosign(self, size: int, note_hash: bytes, line: str) -> None:
        """Hand in a cosignature."""


class HttpSource:
    """A log of a service at `url`; `signer` is the witness's key, which the log's entries are asked with."""

    def __init__(
        self,
        url: str,
        origin: str,
        signer: Signer,
        *,
        timeout: float = TIMEOUT_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._transport = Transport(url, signer, timeout=timeout, patience=patience, attempts=2)
        self._path = f"/v1/logs/{origin.rpartition('/')[2]}"

    def newest(self) -> SignedNote:
        return self._note("/checkpoint")

    def candidate(self) -> SignedNote:
        return self._note("/checkpoints/candidate")

    def published(self, size: int, note_hash: bytes) -> SignedNote:
        return self._note(f"/checkpoints/{size}", note_hash=note_hash.hex())

    def consistency(self, first: int, second: int) -> list[bytes]:
        return _path(self._proof("consistency", first=first, second=second).get("proof"))

    def inclusion(self, leaf: bytes, size: int) -> tuple[int, list[bytes]]:
        answer = self._proof("inclusion", leaf_hash=leaf.hex(), size=size)
        index = answer.get("leaf_index")
        if type(index) is not int or index < 0:
            raise SourceRefused("an inclusion proof names a leaf index")
        return index, _path(answer.get("proof"))

    def entries(self, start: int, stop: int) -> list[bytes]:
        query = {"start": start, "stop": stop}
        got = self._believing_nothing(
            lambda: parse_entries(
                self._transport.get(f"{self._path}/entries", query, limit=MAX_ANSWER).content
            )
        )
        if len(got) > stop - start:
            raise SourceRefused("more entries came than were asked for")
        return got

    def cosign(self, size: int, note_hash: bytes, line: str) -> None:
        self._believing_nothing(
            lambda: self._transport.post(
                f"{self._path}/checkpoints/{size}/cosignatures",
                f"{line}\n".encode(),
                "text/plain",
                signed=False,
                repeatable=True,
                query={"note_hash": note_hash.hex()},
            )
        )

    def close(self) -> None:
        self._transport.close()

    def _note(self, place: str, **query: str) -> SignedNote:
        return self._believing_nothing(
            lambda: parse_note(
                self._transport.get(self._path + place, query, signed=False, limit=MOST_NOTE).content
            )
        )

    def _proof(self, kind: str, **query: int | str) -> dict[str, Any]:
        answer = self._believing_nothing(
            lambda: (
                self._transport.get(
                    f"{self._path}/proofs/{kind}", query, signed=False, limit=MOST_PROOF
                ).document
            )
        )
        if not isinstance(answer, dict):
            raise SourceRefused("a proof is an object")
        return answer

    def _believing_nothing(self, ask: Callable[[], T]) -> T:
        """Whatever a log answers, or fails with, is no error of this program's own, and its words are shown
        as one line."""
        try:
            return ask()
        except (Unavailable, NotFound, AccessError) as error:
            raise _family(error)(_shown(error)) from error
        except LedgerError as error:
            raise SourceRefused(f"the log's answer is unusable: {_shown(error)}") from error


def _family(error: LedgerError) -> type[LedgerError]:
    return next(each for each in (Unavailable, NotFound, AccessError) if isinstance(error, each))


def _shown(error: LedgerError) -> str:
    text = f"{error.code}: {error.detail}"[:300]
    return "".join(each if each.isprintable() else "?" for each in text)


def _path(value: Any) -> list[bytes]:
    if not isinstance(value, list) or len(value) > MAX_PATH or not all(is_hash(item) for item in value):
        raise SourceRefused(f"a proof is a list of at most {MAX_PATH} hashes")
    return [bytes.fromhex(item) for item in value]

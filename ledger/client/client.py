"""The client: one method per question, each request signed, each receipt verified.

    client = Client("http://127.0.0.1:8750", signer, "91530000MA6K00000X", trust=trust_file)
    receipt = client.submit(entry)                          # a signed envelope
    submitted = client.publish("credit.list.entered", body) # or let the client make and sign it
    answer = client.check({"type": "organisation", "code": "..."}, "procurement", operator="desk-1",
                          purpose="...", basis="...")

Receipts are verified with the log keys of the trust file. Without one the client takes the service's own on
first use: good enough against accidents, not against the operator; give it one that somebody checked.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import urandom
from typing import Any

from ledger.client.compose import compose, with_disclosure
from ledger.client.loop import LoopCalls
from ledger.client.receipts import check_receipt, receipt_keys
from ledger.client.transport import Answer, Transport
from ledger.errors import ConfigurationError, NotFound
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict
from ledger.formats.envelope import STATEMENT_TYPE, parse_envelope, sign_batch, sign_envelope
from ledger.formats.receipt import Receipt, parse_receipt
from ledger.formats.statement import Reference, new_id, parse_manifest, parse_statement
from ledger.gm import PublicKey, Signer

ENVELOPE_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
JSON_MEDIA_TYPE = "application/json"
BATCH_MEDIA_TYPE = "application/x-ndjson"
XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A statement that was accepted: its id, the entry's bytes and the log's receipt."""

    id: str
    entry: bytes
    receipt: Receipt


class Client(LoopCalls):
    """A member's view of one service; thread-safe. See `Transport` for the other arguments.

    `signer` and `member` may be None for the open calls. Every method raises the `LedgerError` that the
    service's problem document names, and `ServiceUnreachable` when it does not answer.
    """

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        member: str | None = None,
        *,
        trust: bytes | None = None,
        domain: str | None = None,
        clock: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = urandom,
        **transport: Any,
    ) -> None:
        self._transport = Transport(url, signer, clock=clock, randomness=randomness, **transport)
        self._signer = signer
        self._member = member
        self._domain = domain
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._receipt_keys = receipt_keys(trust) if trust is not None else None

    # Submitting

    def submit(self, entry: bytes, disclosure: Mapping[str, str] | None = None) -> Receipt:
        """Submit one signed envelope, with its sealed part (`salt` hex, `content` base64) if it has one."""
        statement = parse_statement(parse_envelope(entry).payload)
        answer = self._transport.post(
            f"/v1/logs/{_short(statement.log)}/entries",
            with_disclosure(entry, disclosure),
            JSON_MEDIA_TYPE if disclosure else ENVELOPE_MEDIA_TYPE,
            repeatable=True,
        )
        return check_receipt(
            answer.content, entry, self._keys(), statement.log, statement.issuer, statement.id
        )

    def publish(
        self,
        kind: str,
        body: Json,
        *,
        personal: Json | None = None,
        refers: Sequence[Reference] = (),
        id: str | None = None,
    ) -> Submitted:
        """Make, sign and submit a statement in this member's name."""
        signer, member = self.identity()
        composed = compose(
            kind,
            body,
            domain=self.domain,
            issuer=member,
            now=int(self._clock() * 1000),
            randomness=self._randomness,
            personal=personal,
            refers=refers,
            id=id,
        )
        entry = sign_envelope(STATEMENT_TYPE, composed.payload, signer)
        return Submitted(composed.id, entry, self.submit(entry, composed.disclosure))

    def submit_batch(
        self, log: str, payloads: Sequence[bytes], disclosures: Sequence[Mapping[str, str] | None] = ()
    ) -> Receipt:
        """Sign statements (their exact bytes) as one batch and submit it; `log` is the origin.

        `disclosures`, where given, has one item per statement.
        """
        signer, member = self.identity()
        now = int(self._clock() * 1000)
        manifest, entries = sign_batch(
            payloads, log=log, issuer=member, id=new_id(now, self._randomness(10)), at=now, signer=signer
        )
        if disclosures:
            entries = [with_disclosure(*pair) for pair in zip(entries, disclosures, strict=True)]
        return self.submit_signed_batch(manifest, entries)

    def submit_signed_batch(self, manifest: bytes, lines: Sequence[bytes]) -> Receipt:
        """Submit a batch that is signed already: the manifest's envelope and the lines of its entries."""
        return self._submit_batch(manifest, lines)[1]

    def _submit_batch(self, manifest: bytes, lines: Sequence[bytes]) -> tuple[bytes, Receipt]:
        announced = parse_manifest(parse_envelope(manifest).payload)
        answer = self._transport.post_lines(
            f"/v1/logs/{_short(announced.log)}/batches", [manifest, *lines], BATCH_MEDIA_TYPE
        )
        receipt = check_receipt(
            answer.content, manifest, self._keys(), announced.log, announced.issuer, announced.id, announced
        )
        return answer.content, receipt

    def submit_lines(self, lines: Iterable[bytes]) -> bytes:
        """Submit a batch that is signed already, manifest line first; the verified receipt's envelope."""
        manifest, *entries = lines
        return self._submit_batch(manifest, entries)[0]

    def check_sheet(self, content: bytes, media_type: str = XLSX_MEDIA_TYPE) -> Any:
        """Have a sheet (XLSX, or CSV as text/csv) looked over before it is signed and imported."""
        return self._transport.post("/v1/sheets/check", content, media_type, repeatable=True).document

    def sheet_codes(self) -> Any:
        """The catalogue's codes that rows of sheets name, today in China, and the epoch of person tags."""
        return self._transport.get("/v1/sheets/codes").document

    def sheet_rows(self, rows: Sequence[bytes]) -> Any:
        """What would become of the statements of rows (JSON: `id`, `kind`, `body`, `refers`), in order."""
        return self._ask_again("/v1/sheets/rows", b'{"rows":[%b]}' % b",".join(rows))["outcomes"]

    def sheet_records(self, wanted: Sequence[Json]) -> Any:
        """This member's own records (`kind`, `number`, `subject`), a list for each that is wanted."""
        body = strictjson.dumps({"wanted": [dict(each) for each in wanted]})
        return self._ask_again("/v1/sheets/records", body)["found"]

    # Asking

    def check(
        self, subject: Json, matter: str, *, operator: str, purpose: str, basis: str, **more: Any
    ) -> Any:
        """A joint-punishment check; `subject` is {"type": "organisation" or "person", "code"}, with `name`,
        `related` (each {"role", "code"}) and `authorisation` where there are any.
        """
        question = {"subject": dict(subject), "matter": matter} | _reason(operator, purpose, basis, more)
        return self._ask("/v1/checks", question)

    def check_receipt(
        self, subject: Json, matter: str, *, operator: str, purpose: str, basis: str, **more: Any
    ) -> bytes:
        """The same check with a receipt (核查回执) for an answer: a PDF that carries its own proof."""
        question = {"subject": dict(subject), "matter": matter} | _reason(operator, purpose, basis, more)
        body = strictjson.dumps(question)
        return self._transport.post("/v1/checks/receipt", body, JSON_MEDIA_TYPE).content

    def check_many(
        self,
        subjects: Sequence[Json],
        matter: str,
        *,
        operator: str,
        purpose: str,
        basis: str,
        proofs: bool = False,
        **more: Any,
    ) -> Any:
        """A check of up to 10,000 subjects under one checkpoint; with `proofs` (up to 500) in one bundle."""
        question = {"subjects": [dict(subject) for subject in subjects], "matter": matter, "proofs": proofs}
        return self._ask("/v1/checks/batch", question | _reason(operator, purpose, basis, more))

    def trail(self, by: str, value: Any, *, operator: str, purpose: str, basis: str, **more: Any) -> Any:
        """One page of an access trail by `subject`, `resource` or `actor`."""
        return self._ask("/v1/trails", {by: value} | _reason(operator, purpose, basis, more))

    def own(self, subject: Json, *, operator: str, purpose: str, basis: str, **more: Any) -> Any:
        """A subject's own view (`records_after` or `trail_after`, `limit`, `level`); for its window."""
        return self._ask(
            "/v1/subjects/own", {"subject": dict(subject)} | _reason(operator, purpose, basis, more)
        )

    def authorisation(self, issuer: str, id: str) -> Any:
        """How far an authorisation goes, and how often it was used."""
        return self._transport.get(f"/v1/authorisations/{issuer}/{id}").document

    def certificate(self, identifier: str, file_sm3: str | None = None, level: str = "published") -> Any:
        """The four verdicts about an e-certificate; needs no key."""
        question = {"identifier": identifier, "file_sm3": file_sm3, "level": level}
        body = strictjson.dumps({name: value for name, value in question.items() if value is not None})
        return self._transport.post(
            "/v1/certificates/verify", body, JSON_MEDIA_TYPE, signed=False, repeatable=True
        ).document

    def bundle(self, log: str, issuer: str, id: str, level: str = "published") -> bytes:
        """The bundle of one statement: what `xinzheng verify` takes."""
        return self._transport.get(f"/v1/logs/{log}/bundles/{issuer}/{id}", {"level": level}).content

    def receipt(self, log: str, issuer: str, id: str) -> bytes:
        """The receipt of a statement, as the log signed it."""
        return self._transport.get(f"/v1/logs/{log}/receipts/{issuer}/{id}").content

    def entry(self, log: str, index: int) -> Any:
        """An entry by its leaf index."""
        return self._transport.get(f"/v1/logs/{log}/entries/{index}").document

    def find(self, log: str, issuer: str, id: str) -> bytes | None:
        """The entry that the log holds under (issuer, id); None if it holds none."""
        try:
            receipt, _ = parse_receipt(self.receipt(log, issuer, id))
        except NotFound:
            return None
        return b64decode_strict(self.entry(log, receipt.leaf_index)["entry"])

    def index(self, log: str, name: str, tag: str, **page: Any) -> Any:
        """One page of an index key's entries, with a bundle that proves it (`after`, `limit`, `level`)."""
        return self._transport.get(f"/v1/logs/{log}/index/{name}/{tag}", page).document

    def checkpoint(self, log: str) -> bytes:
        """The latest checkpoint, a signed note; needs no key."""
        return self._transport.get(f"/v1/logs/{log}/checkpoint", signed=False).content

    def checkpoints(self, log: str, **page: Any) -> Any:
        return self._transport.get(f"/v1/logs/{log}/checkpoints", page).document

    def inclusion(self, log: str, leaf_hash: str, size: int | None = None) -> Any:
        """An inclusion proof by leaf hash; needs no key."""
        query = {"leaf_hash": leaf_hash, "size": size}
        return self._transport.get(f"/v1/logs/{log}/proofs/inclusion", query, signed=False).document

    def consistency(self, log: str, first: int, second: int) -> Any:
        """A consistency proof between two tree sizes; needs no key."""
        query = {"first": first, "second": second}
        return self._transport.get(f"/v1/logs/{log}/proofs/consistency", query, signed=False).document

    def anchors(self, log: str, **page: Any) -> Any:
        return self._transport.get(f"/v1/logs/{log}/anchors", page).document

    def overdue(self, **asked: Any) -> Any:
        """Duties past their deadline and not done (`day`, `authority`, `kind`, `after`, `limit`)."""
        return self._transport.get("/v1/overdue", asked).document

    def members(self) -> Any:
        return self._transport.get("/v1/members").document

    def trust(self) -> bytes:
        """The trust file that the service offers; compare it once with another member's."""
        return self._transport.get("/v1/trust", signed=False).content

    def ready(self) -> Any:
        return self._transport.get("/readyz", signed=False).document

    @property
    def domain(self) -> str:
        """The deployment's domain: the part of the origins before the slash."""
        if self._domain is None:
            origins = strictjson.loads(self.trust())["logs"]
            self._domain = min(origins).rpartition("/")[0]
        return self._domain

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_again(self, path: str, body: bytes) -> Any:
        """Ask what may be asked twice: nothing is logged of it."""
        return self._transport.post(path, body, JSON_MEDIA_TYPE, repeatable=True).document

    def _ask(self, path: str, question: Json) -> Any:
        answer: Answer = self._transport.post(path, strictjson.dumps(dict(question)), JSON_MEDIA_TYPE)
        return answer.document

    def identity(self) -> tuple[Signer, str]:
        """The signer and the member; raises `ConfigurationError` where the client has none."""
        if self._signer is None or self._member is None:
            raise ConfigurationError("submitting needs a key and the member that it belongs to")
        return self._signer, self._member

    def _keys(self) -> Mapping[str, Sequence[PublicKey]]:
        with self._lock:
            if self._receipt_keys is None:
                self._receipt_keys = receipt_keys(self.trust())
            return self._receipt_keys


def _reason(operator: str, purpose: str, basis: str, more: Json) -> dict[str, Any]:
    given = {"operator": operator, "purpose": purpose, "basis": basis, **more}
    return {name: value for name, value in given.items() if value is not None}


def _short(origin: str) -> str:
    return origin.rpartition("/")[2]

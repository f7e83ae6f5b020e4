"""The receiver's side of a subscription: from an HTTP request to a notice that may be believed.

    desk = NoticeDesk(trust, operator="11990100MB0000019L", subscriptions={"0199..."})
    notice = desk.receive("POST", "/hooks/credit", "", request.headers, request.body)
    if not seen(notice.id):                     # a notice may come twice, always under the same id
        remember(notice.id); act_on(notice)

Answer 2xx when the notice is safely stored, anything else (or nothing within seconds) to have it again later.
Notices of one subscription come in the order of the log; one that was given up for a dead letter and is
tried again comes after others.

A notice is signed by the operator (RFC 9421, the same form as requests to the API). That says who sent it,
not that it is true: `bundle` proves the entry, and `xinzheng verify` or `ledger.verify` checks it.
"""

import hmac
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import LedgerError, NoticeRefused
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict
from ledger.formats.http_signature import (
    WINDOW_SECONDS,
    body_digest,
    parse_content_digest,
    parse_request_signature,
    signature_base,
)
from ledger.formats.statement import Reference
from ledger.formats.trust import MemberKey, parse_trust
from ledger.gm import verify
from ledger.merkle import leaf_hash

MEDIA_TYPE = "application/vnd.xinzheng.notice+json;v=1"
NOTICE_LIMIT = 1 << 20
"""Bytes of a notice; none is longer."""


@dataclass(frozen=True, slots=True)
class ReceivedNotice:
    """A notice that the operator signed for one of the receiver's subscriptions.

    `event`: `subscribed` (the first of all: nothing happened yet), `listed` or `published` (the record at
    `index` counts from now), `ended` (the record `record` counts no more, for `reason`: repaired, withdrawn,
    expired, lifted, replaced; the entry is the step that says so). `entry` are the log entry's bytes, and
    None where the record ended before it could be told; `bundle` proves it. `document` is all of it.
    """

    id: str
    subscription: str
    event: str
    log: str
    index: int
    checkpoint_size: int
    record: Reference | None
    kind: str | None
    list_code: str | None
    reason: str | None
    entry: bytes | None
    bundle: bytes | None
    document: Mapping[str, Any]


class NoticeDesk:
    """Checks notices. `trust` is a trust file that names the `operator` (a USCC), `subscriptions` are the
    receiver's own (None: any); `clock` gives seconds since 1970. Thread-safe.
    """

    def __init__(
        self,
        trust: bytes,
        operator: str,
        subscriptions: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        member = parse_trust(trust).members.get(operator)
        self._keys: dict[str, MemberKey] = {key.public.keyid: key for key in member.keys} if member else {}
        self._subscriptions = subscriptions
        self._clock = clock

    def receive(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> ReceivedNotice:
        """The notice in a request; `path` is decoded, `query` raw and without its `?`.

        Raises `NoticeRefused`: answer 400 and do nothing.
        """
        if len(body) > NOTICE_LIMIT:
            raise NoticeRefused(f"a notice has at most {NOTICE_LIMIT} bytes")
        named = {name.lower(): value for name, value in headers.items()}
        try:
            self._check_signature(method, path, query, named, body)
            return self._read(strictjson.loads(body))
        except NoticeRefused:
            raise
        except (LedgerError, KeyError, TypeError, ValueError) as error:
            code = error.code if isinstance(error, LedgerError) else "not in form"
            raise NoticeRefused(f"the notice or its signature is not in form: {code}") from None

    def _check_signature(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        digest_header = headers["content-digest"]
        signed = parse_request_signature(headers["signature-input"], headers["signature"])
        if not signed.covers_digest:
            raise NoticeRefused("the signature does not cover the body")
        now = self._clock()
        if abs(now - signed.created) > WINDOW_SECONDS:
            raise NoticeRefused(f"signed more than {WINDOW_SECONDS} seconds from now")
        key = self._keys.get(signed.keyid)
        if (
            key is None
            or not key.window.holds(signed.created * 1000)
            or key.window.is_revoked(int(now * 1000))
        ):
            raise NoticeRefused("the signing key is none of the operator's that counts now")
        if not hmac.compare_digest(parse_content_digest(digest_header), body_digest(body)):
            raise NoticeRefused("the body is not the one that was signed")
        verify(
            key.public,
            signature_base(method, path, query, digest_header, signed.parameters),
            signed.signature,
        )

    def _read(self, document: Mapping[str, Any]) -> ReceivedNotice:
        if document["mediaType"] != MEDIA_TYPE:
            raise NoticeRefused(f"the body is not of {MEDIA_TYPE}")
        subscription = document["subscription"]
        if self._subscriptions is not None and subscription not in self._subscriptions:
            # Somebody else's notice, sent on: its signature holds, and it is not for us.
            raise NoticeRefused("the notice is for another subscription")
        entry = b64decode_strict(document["entry"]) if document["entry"] is not None else None
        if entry is not None and leaf_hash(entry).hex() != document["leaf_hash"]:
            raise NoticeRefused("the entry does not have the leaf hash that is given with it")
        record, bundle = document["record"], document.get("bundle")
        return ReceivedNotice(
            id=str(document["id"]),
            subscription=str(subscription),
            event=str(document["event"]),
            log=str(document["log"]),
            index=int(document["index"]),
            checkpoint_size=int(document["checkpoint"]["size"]),
            record=Reference(record["issuer"], record["id"]) if record is not None else None,
            kind=record["kind"] if record is not None else None,
            list_code=record["list"] if record is not None else None,
            reason=document["reason"],
            entry=entry,
            bundle=strictjson.dumps(bundle) if bundle is not None else None,
            document=document,
        )

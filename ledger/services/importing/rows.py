"""One row of a sheet to one statement's body, personal part and id; or to the problems that it has.

Ids are derived from what the row says, so that the same row gives the same id in every import: UUIDv7 of the
decision's day (00:00 in China) and a digest of form, issuer, body and personal part. Where there is a
personal part the digest is an HMAC under the person-tag key: a plain hash would let anybody who guesses a
number confirm it.

A step (a removal, a commitment's performance) repeats the record that it is about, so it is built in two
halves: `build` gives what is wanted, and `finish` makes the statement of the record that was found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from ledger.catalog import Catalogue
from ledger.domain import (
    Body,
    LicencePublished,
    ListEntered,
    Personal,
    Record,
    dump_body,
    format_personal,
    identity_of,
    kind_of,
)
from ledger.errors import (
    DateInvalid,
    EntryTooLarge,
    LedgerError,
    RecordAmbiguous,
    RecordUnknown,
    StatementInvalid,
)
from ledger.formats.statement import MAX_STATEMENT, Reference, new_id
from ledger.formats.strictjson import dumps
from ledger.gm import hmac_sm3, sm3
from ledger.log.submission import CONTENT_LIMIT
from ledger.services.importing.bodies import Draft, Wanted, decided_column, draft_of
from ledger.services.importing.codes import SheetCodes
from ledger.services.importing.columns import Form
from ledger.services.importing.explaining import problems_of
from ledger.services.importing.reading import SheetRow
from ledger.services.importing.row_reader import PersonTags, RowProblem, RowReader

_CHINA_OFFSET_MS = 8 * 3600 * 1000
_MS_A_DAY = 86_400_000
_ID_DOMAIN = b"xinzheng/import/v1\x00"

__all__ = ["FoundRecord", "HalfRow", "PreparedRow", "RowBuilder", "RowProblem"]


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row that can be signed: its number, kind, deterministic id, body and index tags (as JSON), sealed
    content if any, and what it refers to; `record` is the same for rows about one record, "" for steps."""

    row: int
    kind: str
    id: str
    body: bytes
    keys: bytes
    personal: bytes | None
    refers: tuple[Reference, ...] = ()
    record: bytes = b""


@dataclass(frozen=True, slots=True)
class HalfRow:
    """A step that still needs the record that it is about."""

    row: int
    form: Form
    draft: Draft
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record of the row's own member that the log holds, with its body's members."""

    reference: Reference
    body: Mapping[str, Any]


class RowBuilder:
    """Builds statements from rows, for one issuer.

    `person_tag_key` is the key of `epoch`, the one in force, and `former_keys` are those of earlier epochs,
    under which a step's record may stand; `today` is the latest day a decision may bear.
    """

    def __init__(
        self,
        issuer: str,
        person_tag_key: bytes,
        epoch: int,
        catalogue: Catalogue | SheetCodes,
        today: date,
        former_keys: Mapping[int, bytes] | None = None,
    ) -> None:
        self.issuer = issuer
        self._tags = PersonTags({**(former_keys or {}), epoch: person_tag_key}, epoch)
        self._codes = SheetCodes.of(catalogue) if isinstance(catalogue, Catalogue) else catalogue
        self._today = today.isoformat()

    def build(
        self, form: Form, row: SheetRow, date1904: bool = False
    ) -> PreparedRow | HalfRow | list[RowProblem]:
        """The row's statement, a step that needs its record, or all problems found."""
        reader = RowReader(form, row, date1904, self._tags)
        draft = draft_of(form.name, reader, self._codes)
        if draft.day > self._today:
            error = DateInvalid("the decision lies in the future")
            reader.problem(decided_column(form.name), error, "日期不得晚于今天。")
        if reader.problems:
            return reader.problems
        if draft.wanted is not None:
            return HalfRow(row.number, form, draft, draft.wanted)
        return self._prepared(row.number, form, draft, ())

    def finish(self, half: HalfRow, found: Sequence[FoundRecord]) -> PreparedRow | list[RowProblem]:
        """The statement of a step, of the one record that was found for it; or why there is none."""
        wanted = half.wanted
        if wanted.entry is not None:
            found = [each for each in found if each.reference == wanted.entry]
        if not found:
            return [_problem(half.row, "", RecordUnknown())]
        if len(found) > 1:
            return [_problem(half.row, "", RecordAmbiguous())]
        record = found[0]
        name = record.body["subject"].get("name", "")
        if name and wanted.name != name:
            error = StatementInvalid("the subject's name is another than in the record")
            return [_problem(half.row, f"{half.form.prefix}_XDR_MC", error, "主体名称与原记录不一致。")]
        repeated = {name: record.body[name] for name in ("subject", "related") if name in record.body}
        half.draft.members |= repeated | {"authority": record.body["authority"]}
        return self._prepared(half.row, half.form, half.draft, (record.reference,))

    def _prepared(
        self, row: int, form: Form, draft: Draft, refers: tuple[Reference, ...]
    ) -> PreparedRow | list[RowProblem]:
        kind = kind_of(form.kind)
        members = {name: value for name, value in draft.members.items() if value not in _BLANK}
        if "until" in draft.members and form.name == "list":
            members["until"] = draft.members["until"]
        try:
            body = kind.model.model_validate(members)
            personal = format_personal(Personal(**draft.sealed)) if draft.sealed else None
        except ValidationError as error:
            return problems_of(error, form, row)
        except LedgerError as error:
            return [_problem(row, "", error)]
        said = dumps(dump_body(body))
        keys = dumps(kind.keys_of(self.issuer, body))
        if len(said) + len(keys) > _MOST_SAID or len(personal or b"") > CONTENT_LIMIT:
            return [_problem(row, "", EntryTooLarge("the row's texts are too long together"), _TOO_LONG)]
        id_ = self._id(form, said + _references(refers), personal, draft.day)
        return PreparedRow(row, form.kind, id_, said, keys, personal, refers, _record_key(body))

    def _id(self, form: Form, said: bytes, personal: bytes | None, decided_on: str) -> str:
        said = f"{form.kind}\0{self.issuer}\0".encode() + said
        if personal is None:
            digest = sm3(_ID_DOMAIN + said)
        else:
            digest = hmac_sm3(self._tags.key, _ID_DOMAIN + said + b"\0" + personal)
        days = (date.fromisoformat(decided_on) - date(1970, 1, 1)).days
        # UUIDv7 has no room for days before 1970; those sort first.
        return new_id(max(days * _MS_A_DAY - _CHINA_OFFSET_MS, 0), digest[:10])


_BLANK: tuple[Any, ...] = (None, "", [])
_MOST_SAID = MAX_STATEMENT - 1024
"""Bytes of a body and its tags: the statement round them takes some hundreds."""
_TOO_LONG = "该行文字合计过长（一条记录不超过 32 KiB），请精简。"


def _record_key(body: Body) -> bytes:
    if not isinstance(body, Record):
        return b""
    return sm3("\0".join((type(body).__name__, *decision_of(body))).encode())[:16]


def decision_of(body: Record) -> tuple[str, ...]:
    """What tells a record from all others of its kind and issuer: number and subject; of lists the list, and
    of licences, of which one document may grant several, the licence's own number."""
    own = ""
    if isinstance(body, ListEntered):
        own = body.list_code
    elif isinstance(body, LicencePublished):
        own = body.licence_number or ""
    return body.number, identity_of(body.subject), own


def _references(refers: tuple[Reference, ...]) -> bytes:
    return b"".join(f"\0{each.issuer}/{each.id}".encode() for each in refers)


def _problem(row: int, column: str, error: LedgerError, zh: str = "") -> RowProblem:
    return RowProblem(row, column, error.code, zh or error.zh, error.detail or error.en)

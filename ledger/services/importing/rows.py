"""One row of a sheet to one statement's body, personal part and id; or to the problems that it has.

A row is about an organisation (USCC filled, document blank) or about a natural person (the reverse). Of a
person, name, document, facts and content go into the sealed part; the body has the tag.

Ids are derived from what the row says, so that the same row gives the same id in every import: UUIDv7 of
the decision's day (00:00 in China) and a digest of form, issuer, body and personal part. Where there is a
personal part the digest is an HMAC under the person-tag key: a plain hash would let anybody who guesses a
number confirm it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError

from ledger.catalog import Catalogue
from ledger.domain import Personal, PersonDetails, dump_body, format_personal, kind_of, parse_body
from ledger.errors import DateInvalid, IdentifierInvalid, InputError, LedgerError, StatementInvalid
from ledger.formats.statement import new_id
from ledger.formats.strictjson import dumps
from ledger.formats.tags import person_tag
from ledger.gm import hmac_sm3, sm3
from ledger.identifiers import ResidentId
from ledger.services.importing import columns as c
from ledger.services.importing.cells import LONG_TERM, code_of, day_of, fen_of, text_of, uscc_of
from ledger.services.importing.reading import SheetRow

T = TypeVar("T")

_CHINA_OFFSET_MS = 8 * 3600 * 1000
_MS_A_DAY = 86_400_000
_ID_DOMAIN = b"xinzheng/import/v1\x00"
_LIST_SEPARATORS = str.maketrans(";；,，/、", "      ")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was not taken: sheet row (1-based), column code or "", stable code, and two sentences.

    Never quotes a cell.
    """

    row: int
    column: str
    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row that can be signed: its number, kind, deterministic id, body (its JSON, which takes a third of
    the memory of the model), index tags, and sealed content if any."""

    row: int
    kind: str
    id: str
    body: bytes
    keys: dict[str, tuple[str, ...]]
    personal: bytes | None


class RowBuilder:
    """Builds statements from rows, for one issuer.

    `person_tag_key` is the key of `epoch`, the one in force; `today` is the latest day a decision may bear.
    """

    def __init__(
        self, issuer: str, person_tag_key: bytes, epoch: int, catalogue: Catalogue, today: date
    ) -> None:
        self._issuer = issuer
        self._key = person_tag_key
        self._epoch = epoch
        self._catalogue = catalogue
        self._lists = {row.name: row.code for row in catalogue.lists.values()}
        self._today = today.isoformat()

    def build(self, form: c.Form, row: SheetRow, date1904: bool = False) -> PreparedRow | list[RowProblem]:
        """The row's statement, or all problems found in it."""
        reader = _RowReader(form, row, date1904)
        for column in form.columns:
            if column.filled and not reader.text(column.code):
                reader.problem(column.code, StatementInvalid("this cell must not be blank"))
        make = {"penalty": self._penalty, "licence": self._licence, "list": self._list}[form.name]
        kind = kind_of(form.kind)
        try:
            members, personal, decided_on = make(reader)
            if not reader.problems and decided_on > self._today:
                reader.problem(_DECIDED[form.name], DateInvalid("the decision lies in the future"))
            if reader.problems:
                return reader.problems
            body = parse_body(kind, _without_blanks(members))
            said = dumps(dump_body(body))
            content = format_personal(personal) if personal != _NOTHING_PERSONAL else None
        except ValidationError:
            reader.problem("", StatementInvalid("a text of the personal part is too long"))
            return reader.problems
        except LedgerError as error:
            reader.problem("", error)
            return reader.problems
        keys = kind.keys_of(self._issuer, body)
        return PreparedRow(
            row.number, form.kind, self._id(form, said, content, decided_on), said, keys, content
        )

    def _penalty(self, r: "_RowReader") -> tuple[dict[str, Any], Personal, str]:
        subject, details, subject_class = self._subject(r)
        texts = {
            "facts": r.text("CF_SY"),
            "content": r.text("CF_NR"),
            "remark": r.text("BZ"),
        }
        decided_on = r.day("CF_JDRQ")
        members = {
            "document": r.text("CF_WSH"),
            "subject": subject,
            "subject_class": subject_class,
            "other_codes": self._other_codes(r),
            "violation": r.text("CF_WFXW"),
            "basis": r.text("CF_YJ"),
            "penalty_kinds": r.codes("CF_CFLB", c.PENALTY_KINDS),
            "fine_fen": r.read("CF_NR_FK", fen_of),
            "confiscated_fen": r.read("CF_NR_WFFF", fen_of),
            "licence_revoked": r.text("CF_NR_ZKDX"),
            "decided_on": decided_on,
            "valid_until": r.end_day("CF_YXQ"),
            "published_until": r.end_day("CF_GSJZQ"),
            "authority": r.authority("CF_CFJG", "CF_CFJGDM"),
            "source": r.authority("CF_SJLY", "CF_SJLYDM"),
        }
        representative = r.representative("CF_FRDB", "CF_FR_ZJLX", "CF_FR_ZJHM")
        return (*_split(members, texts, details, representative), decided_on)

    def _licence(self, r: "_RowReader") -> tuple[dict[str, Any], Personal, str]:
        subject, details, subject_class = self._subject(r)
        texts = {"content": r.text("XK_NR"), "remark": r.text("BZ")}
        decided_on = r.day("XK_JDRQ")
        members = {
            "document": r.text("XK_WSH"),
            "document_name": r.text("XK_XKWS"),
            "subject": subject,
            "subject_class": subject_class,
            "other_codes": self._other_codes(r),
            "licence_kind": r.one_of("XK_XKLB", c.LICENCE_KINDS),
            "licence_name": r.text("XK_XKZS"),
            "licence_number": r.text("XK_XKBH"),
            "decided_on": decided_on,
            "valid_from": r.day("XK_YXQZ"),
            "valid_until": r.end_day("XK_YXQZI"),
            "authority": r.authority("XK_XKJG", "XK_XKJGDM"),
            "state": r.one_of("XK_ZT", c.LICENCE_STATES),
            "source": r.authority("XK_LYDW", "XK_LYDWDM"),
        }
        representative = r.representative("XK_FRDB", "", "XK_FR_SFZH")
        return (*_split(members, texts, details, representative), decided_on)

    def _list(self, r: "_RowReader") -> tuple[dict[str, Any], Personal, str]:
        subject, details, _ = self._subject(r)
        decided_on = r.day("MD_LRRQ")
        members = {
            "list": r.read("MD_LB", self._list_code),
            "subject": subject,
            "case": r.text("MD_WSH"),
            "authority": r.authority("MD_LRJG", "MD_LRJGDM"),
            "basis": r.text("MD_YJ"),
            "grounds": r.text("MD_SY"),
            "from": decided_on,
            "until": r.end_day("MD_YXQ"),
            "measures": r.read("MD_CS", self._measures),
        }
        return members, Personal(subject=details), decided_on

    def _list_code(self, cell: Any) -> str:
        name = text_of(cell)
        code = self._lists.get(name) or name.lower()
        if code not in self._catalogue.lists:
            raise StatementInvalid("the catalogue has no such list")
        return code

    def _measures(self, cell: Any) -> list[str] | None:
        codes = text_of(cell).lower().translate(_LIST_SEPARATORS).split()
        if any(code not in self._catalogue.measures for code in codes):
            raise StatementInvalid("the catalogue has no such measure")
        return sorted(set(codes)) or None

    def _subject(self, r: "_RowReader") -> tuple[dict[str, Any], PersonDetails | None, str]:
        """The subject's members, who a person is, and the subject's class."""
        prefix = r.form.prefix
        uscc, number = f"{prefix}_XDR_SHXYM", f"{prefix}_XDR_ZJHM"
        stated = r.one_of(f"{prefix}_XDR_LB", c.SUBJECT_CLASSES)
        person = stated == "natural-person" or (not stated and not r.text(uscc) and bool(r.text(number)))
        name = r.text(f"{prefix}_XDR_MC")
        if not person:
            if r.text(number):
                r.problem(number, StatementInvalid("an organisation's document number must be blank"))
            code = r.read(uscc, uscc_of)
            return {"type": "organisation", "uscc": code, "name": name}, None, stated or "organisation"
        for code in ("SHXYM", "GSZC", "ZZJG", "SWDJ", "SYDW", "SHZZ"):
            if r.text(f"{prefix}_XDR_{code}"):
                r.problem(f"{prefix}_XDR_{code}", StatementInvalid("a natural person's codes must be blank"))
        if r.one_of(f"{prefix}_XDR_ZJLX", c.DOCUMENT_TYPES) != "111":
            r.problem(f"{prefix}_XDR_ZJLX", StatementInvalid("only resident IDs (身份证) are taken so far"))
        resident = r.read(number, _resident_id)
        if resident is None:
            return {}, None, "natural-person"
        tag = person_tag(self._key, self._epoch, resident)
        details = PersonDetails(name=name or "?", document_type="111", document_number=resident)
        return {"type": "person", "person_tag": tag, "epoch": self._epoch}, details, "natural-person"

    def _other_codes(self, r: "_RowReader") -> dict[str, str] | None:
        names = {
            "registration": "GSZC",
            "organisation": "ZZJG",
            "tax": "SWDJ",
            "institution": "SYDW",
            "association": "SHZZ",
        }
        found = {name: r.text(f"{r.form.prefix}_XDR_{code}") for name, code in names.items()}
        return _without_blanks(found) or None

    def _id(self, form: c.Form, body: bytes, personal: bytes | None, decided_on: str) -> str:
        said = f"{form.kind}\0{self._issuer}\0".encode() + body
        if personal is None:
            digest = sm3(_ID_DOMAIN + said)
        else:
            digest = hmac_sm3(self._key, _ID_DOMAIN + said + b"\0" + personal)
        days = (date.fromisoformat(decided_on) - date(1970, 1, 1)).days
        # UUIDv7 has no room for days before 1970; those sort first.
        return new_id(max(days * _MS_A_DAY - _CHINA_OFFSET_MS, 0), digest[:10])


_NOTHING_PERSONAL = Personal()
_DECIDED = {"penalty": "CF_JDRQ", "licence": "XK_JDRQ", "list": "MD_LRRQ"}


class _RowReader:
    """Reads the cells of one row, collecting problems instead of stopping at the first."""

    def __init__(self, form: c.Form, row: SheetRow, date1904: bool) -> None:
        self.form = form
        self.problems: list[RowProblem] = []
        self._row = row
        self._date1904 = date1904

    def problem(self, column: str, error: LedgerError) -> None:
        self.problems.append(
            RowProblem(self._row.number, column, error.code, error.zh, error.detail or error.en)
        )

    def text(self, column: str) -> str:
        return text_of(self._row.cells.get(column))

    def read(self, column: str, parse: Callable[[Any], T]) -> T | None:
        """The cell as `parse` reads it; None, with a problem noted, where it cannot."""
        try:
            return parse(self._row.cells.get(column))
        except InputError as error:
            self.problem(column, error)
            return None

    def day(self, column: str) -> str:
        if not self.text(column):
            return ""
        return self.read(column, lambda cell: day_of(cell, self._date1904)) or ""

    def end_day(self, column: str) -> str | None:
        """A day until which something lasts; None where it is blank or said to be without end."""
        text = self.text(column)
        return None if not text or text in LONG_TERM else self.day(column) or None

    def one_of(self, column: str, table: dict[str, str]) -> str | None:
        text = self.text(column)
        if not text:
            return None
        code = table.get(text) or table.get(code_of(text))
        if code is None:
            self.problem(
                column, StatementInvalid(f"the value must be one of {', '.join(dict.fromkeys(table))}")
            )
        return code

    def codes(self, column: str, table: dict[str, str]) -> list[str]:
        """Several values of a table in one cell, separated by ; , 、 or spaces."""
        text = self.text(column)
        if text in table:
            return [table[text]]
        found = []
        for part in text.translate(_LIST_SEPARATORS).split():
            code = table.get(part) or table.get(part.partition("-")[2])
            if code is None:
                self.problem(
                    column, StatementInvalid(f"the values must be among {', '.join(dict.fromkeys(table))}")
                )
                return []
            found.append(code)
        return list(dict.fromkeys(found))

    def authority(self, name: str, code: str) -> dict[str, Any] | None:
        if not self.text(name) and not self.text(code):
            return None
        return {"uscc": self.read(code, uscc_of), "name": self.text(name)}

    def representative(self, name: str, document_type: str, number: str) -> PersonDetails | None:
        """The legal representative: a person, so sealed."""
        if not self.text(name):
            return None
        resident = None
        if self.text(number):
            kind = self.one_of(document_type, c.DOCUMENT_TYPES) if document_type else "111"
            resident = self.read(number, _resident_id if kind == "111" else code_of)
        return PersonDetails(
            name=self.text(name), document_type="111" if resident else None, document_number=resident
        )


def _resident_id(cell: Any) -> str:
    if isinstance(cell, int | float):
        raise IdentifierInvalid("the number was stored as a figure, which loses its last digits; use text")
    return ResidentId.parse(code_of(cell)).number


def _split(
    members: dict[str, Any],
    texts: dict[str, str],
    details: PersonDetails | None,
    representative: PersonDetails | None,
) -> tuple[dict[str, Any], Personal]:
    """Texts about an organisation into the body, about a person into the sealed part."""
    if members["subject"].get("type") == "organisation":
        return members | texts, Personal(legal_representative=representative)
    sealed = {name: text for name, text in texts.items() if text}
    return members, Personal(subject=details, legal_representative=representative, **sealed)


def _without_blanks(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "") or name == "until"}

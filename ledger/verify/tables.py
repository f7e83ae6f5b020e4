"""The tables of a catalogue's edition that tell a verifier which listings bear on a matter.

They come with a receipt as catalogue.json, and count only if they have the digests that the published edition
names in the log:

    {"mediaType": "application/vnd.xinzheng.catalogue+json;v=1",
     "files": {"lists.json": "<base64>", "rules.json": "<base64>"}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import AnswerUnusable
from ledger.formats import strictjson
from ledger.formats.encoding import b64decode_strict, b64encode
from ledger.formats.members import read_object, read_text
from ledger.gm import sm3
from ledger.verify.answer_document import ITSELF

MEDIA_TYPE = "application/vnd.xinzheng.catalogue+json;v=1"
FILES = ("lists.json", "rules.json")
MAX_TABLES = 4 << 20
"""Most bytes of the tables."""

_SEVERITIES = {"serious": "serious", "attention": "general"}
"""The class of a listing whose entry and list name none, by the list's kind."""
_MEMBERS = frozenset(("mediaType", "files"))


@dataclass(frozen=True)
class Tables:
    """The lists by code, and the rules; `digests` are the files' own."""

    lists: Mapping[str, Mapping[str, Any]]
    rules: tuple[Mapping[str, Any], ...]
    digests: Mapping[str, str]

    def are_of(self, edition: Mapping[str, Any]) -> bool:
        """Whether a published edition names exactly these digests."""
        files = edition.get("files")
        named = {
            str(file.get("name")): file.get("sm3")
            for file in (files if isinstance(files, list) else ())
            if isinstance(file, dict)
        }
        return all(named.get(name) == digest for name, digest in self.digests.items())

    def allowed(self, body: Mapping[str, Any], matter: str, role: str) -> frozenset[str]:
        """What a list entry in force may lead to, its subject standing in that role to the one asked about.

        `clear` is no hit. A hit all of whose measures have run out is a caution; so is a listing of the
        subject itself without a rule, unless the list is a red one.
        """
        row = self.lists.get(str(body.get("list")), {})
        severity = body.get("severity") or row.get("severity") or _SEVERITIES.get(str(row.get("kind")))
        rule = self._rule(body, matter, role, severity)
        if rule is not None:
            fallback = ("caution",) if rule.get("measures") else ()
            return frozenset((str(rule.get("decision")), *fallback))
        return frozenset(("clear" if row.get("kind") == "red" or role != ITSELF else "caution",))

    def _rule(
        self, body: Mapping[str, Any], matter: str, role: str, severity: object
    ) -> Mapping[str, Any] | None:
        """The rule for the entry's severity before the one for any."""
        fitting = {
            str(rule.get("severity")): rule
            for rule in self.rules
            if (rule.get("list"), rule.get("matter"), rule.get("role", ITSELF))
            == (body.get("list"), matter, role)
        }
        return fitting.get(str(severity)) or fitting.get(str(None))


def parse_tables(data: bytes) -> Tables:
    """The tables of catalogue.json. Raises `AnswerUnusable` or another `FormatError`."""
    if len(data) > MAX_TABLES:
        raise AnswerUnusable(f"the tables of a catalogue have at most {MAX_TABLES} bytes")
    members = read_object(strictjson.loads(data), "a catalogue", _MEMBERS, frozenset(), AnswerUnusable)
    if members["mediaType"] != MEDIA_TYPE:
        raise AnswerUnusable(f"mediaType must be {MEDIA_TYPE}")
    files = read_object(members["files"], "files", frozenset(FILES), frozenset(), AnswerUnusable)
    content = {name: b64decode_strict(read_text(files[name], name, AnswerUnusable)) for name in FILES}
    return read_tables(content)


def read_tables(content: Mapping[str, bytes]) -> Tables:
    """The tables from the files' bytes. Raises `AnswerUnusable` or another `FormatError`."""
    lists, rules = (_rows(name, content[name]) for name in FILES)
    by_code = {str(row.get("code")): row for row in lists}
    return Tables(by_code, rules, {name: sm3(content[name]).hex() for name in FILES})


def format_tables(content: Mapping[str, bytes]) -> bytes:
    """catalogue.json, from the files' bytes."""
    return strictjson.dumps(
        {"mediaType": MEDIA_TYPE, "files": {name: b64encode(content[name]) for name in FILES}}
    )


def _rows(name: str, data: bytes) -> tuple[Mapping[str, Any], ...]:
    rows = strictjson.loads(data)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerUnusable(f"{name} must be a list of rows")
    return tuple(rows)

"""What a verifier is asked: the present, the ages allowed, the verdicts required, the keys asked about."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from ledger.errors import QuestionInvalid
from ledger.formats.bundle import After
from ledger.formats.finality import AnchorRecord
from ledger.formats.strictjson import MAX_INTEGER
from ledger.formats.tags import tag_of
from ledger.verify.verdicts import VERDICTS, Finding

DEFAULT_MAX_AGE = 24 * 3600
"""Seconds that a checkpoint may be old where no age is asked for."""

CLOCK_SKEW_MS = 5 * 60 * 1000
"""How far clocks may differ: ahead of now, or of the checkpoint."""

_CHINA = timezone(timedelta(hours=8))
_LAST_MS = 253_402_214_400_000
"""The last day of the year 9999: times are read up to its end in UTC, for which China has no day."""

PUBLIC_PREFIXES = ("uscc", "resource", "certificate", "actor", "case", "exchange")
"""What public identifiers are hashed with (DESIGN.md 4.5)."""

Key = tuple[str, str]
"""An index name and a tag in hex."""

_is_age = re.compile(r"[0-9]{1,30}").fullmatch
_match_key = re.compile(r"([a-z][a-z0-9_.-]*):([0-9a-f]{64})").fullmatch
_match_identifier = re.compile(rf"([a-z][a-z0-9_.-]*):({'|'.join(PUBLIC_PREFIXES)}):(\S.{{0,511}})").fullmatch
_match_after = re.compile(
    r"([a-z][a-z0-9_.-]*):([0-9a-f]{64}):([1-9][0-9]{0,15}):([0-9a-f]{64}):(0|[1-9][0-9]{0,15})"
).fullmatch


def china_day(ms: int) -> str:
    """The day in China, YYYY-MM-DD, at a time in milliseconds since 1970: days of law are days there."""
    return datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, UTC).astimezone(_CHINA).date().isoformat()


class Node(Protocol):
    """A chain node that the verifier trusts because it is its own."""

    def findings(self, anchor: AnchorRecord) -> list[Finding]:
        """What the node says about an anchor: at least one finding of verdict `anchor`, never an error."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question put to the verifier.

    `now` in milliseconds since 1970; ages in seconds. `max_age` asked for applies to the trust file too,
    unless `trust_max_age` is given; with neither, the trust file may be of any age. `require`: verdicts
    required besides the default ones. `expect`: keys asked about. `after`: where pages ended that are
    already verified. `node`: the verifier's own node, if it is asked.
    """

    now: int
    max_age: int | None = None
    trust_max_age: int | None = None
    require: frozenset[str] = frozenset()
    expect: tuple[Key, ...] = ()
    after: Mapping[Key, After] = field(default_factory=dict)
    node: Node | None = None

    @property
    def checkpoint_age_ms(self) -> int:
        """How old a checkpoint may be."""
        return (DEFAULT_MAX_AGE if self.max_age is None else self.max_age) * 1000

    @property
    def trust_age_ms(self) -> int | None:
        """How old the trust file may be; None for any age."""
        age = self.max_age if self.trust_max_age is None else self.trust_max_age
        return None if age is None else age * 1000


def parse_age(text: str) -> int:
    """An age in seconds, in decimal digits and nothing else. Raises `QuestionInvalid`."""
    if _is_age(text) is None:
        raise QuestionInvalid("an age is a whole number of seconds, 0 or more, in decimal digits")
    return int(text)


def parse_require(text: str) -> frozenset[str]:
    """Verdict names joined by commas. Raises `QuestionInvalid`."""
    names = frozenset(text.split(",")) if text else frozenset()
    if not names <= set(VERDICTS):
        raise QuestionInvalid(f"verdicts are {', '.join(VERDICTS)}, joined by commas")
    return names


def parse_expect(texts: Iterable[str]) -> tuple[Key, ...]:
    """Keys as NAME:TAG, or as NAME:WHAT:IDENTIFIER for a public identifier. Raises `QuestionInvalid`.

    `subject:uscc:91320322MABLP2X24R` asks about that organisation; so whoever asks need not take the tag
    from the one who answers. A person's tag is made with a key, so it is always given as a tag.
    """
    keys = []
    for text in texts:
        tagged, named = _match_key(text), _match_identifier(text)
        if tagged is not None:
            keys.append((tagged[1], tagged[2]))
        elif named is not None:
            keys.append((named[1], tag_of(named[2], named[3])))
        else:
            raise QuestionInvalid(
                f"a key is NAME:TAG, the tag being 64 lowercase hex digits, or NAME:WHAT:IDENTIFIER, "
                f"WHAT being one of {', '.join(PUBLIC_PREFIXES)}"
            )
    return tuple(keys)


def parse_after(texts: Iterable[str]) -> dict[Key, After]:
    """Pages already verified, as NAME:TAG:COUNT:HEAD:LAST. Raises `QuestionInvalid`."""
    pages: dict[Key, After] = {}
    for text in texts:
        matched = _match_after(text)
        if matched is None or int(matched[3]) > MAX_INTEGER or int(matched[5]) > MAX_INTEGER:
            raise QuestionInvalid("a page already verified is NAME:TAG:COUNT:HEAD:LAST, count at least 1")
        key = (matched[1], matched[2])
        after = After(int(matched[3]), bytes.fromhex(matched[4]), int(matched[5]))
        if pages.setdefault(key, after) != after:
            raise QuestionInvalid("two different pages are given for one key")
    return pages

"""An XLSX workbook as a package: its sheets, its strings, its dates; nothing of it is believed beforehand.

An XLSX is a ZIP of XML. How many parts it has, and what each says it unpacks to, is limited before anything
is unpacked, and no part is read beyond what it said. A document type is refused, so that no entity can grow.
The strings that cells share are kept as bytes beside each other: a list of Python strings takes three times
the memory. The rows of a sheet are read by `sheet_rows`.
"""

import re
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from xml.parsers import expat

from ledger.errors import SheetDamaged, SheetFormatRefused, SheetInvalid, TooLarge
from ledger.services.importing.limits import SheetLimits

CHUNK = 1 << 20
_PARTS = 10_000
"""Parts of a package: a workbook has some dozens."""
_DIRECTORY_BYTES = 8 << 20
_SHEETS = 256
"""Sheets of a workbook; the first rows of each may be looked at."""
_SMALL_PART = 16 << 20
"""Bytes of a part that is read whole: the workbook's own, its relations, its styles."""
_LONGEST_STRING = 4 << 20
_END_RECORD = struct.Struct("<4s4H2LH")
_END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")
_WIDEST_COMMENT = 65_535
_PLAIN_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<sst(?:\s[^>]*[^>/])?>")
_PLAIN_STRING = re.compile(rb'\s*<si>\s*<t(?: xml:space="preserve")?>([^<&\r]*)</t>\s*\Z')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_FORMAT_TEXT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_DATE_LETTERS = re.compile(r"[ydYD年月日]|[mM](?!\.?0)")


@dataclass(frozen=True, slots=True)
class SheetPart:
    """One sheet of a workbook: its name, the part that holds it, and whether it is hidden."""

    name: str
    part: str
    hidden: bool


class SharedStrings:
    """The strings that cells refer to by number."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends = array("L")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        """Raises `IndexError`, also for a negative number."""
        if index < 0:
            raise IndexError
        start = self._ends[index - 1] if index else 0
        return self._data[start : self._ends[index]].decode()

    def append(self, text: bytes) -> None:
        self._data += text
        self._ends.append(len(self._data))


@dataclass(frozen=True)
class Workbook:
    """An opened workbook. `date_styles` are the cell styles that show a number as a date."""

    archive: zipfile.ZipFile
    sheets: tuple[SheetPart, ...]
    date1904: bool
    strings: SharedStrings
    date_styles: frozenset[int]


@contextmanager
def open_workbook(file: IO[bytes], limits: SheetLimits) -> Iterator[Workbook]:
    """Open a workbook; raises `SheetInvalid` (`SheetDamaged`, `SheetFormatRefused`) or `TooLarge`."""
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SheetDamaged("the file begins as XLSX and is no whole ZIP archive") from error
    with archive:
        with damaged_if_unreadable("the workbook"):
            workbook = _read_workbook(archive, limits)
        yield workbook


@contextmanager
def damaged_if_unreadable(what: str) -> Iterator[None]:
    """Turn what the libraries raise about a damaged package into `SheetDamaged`."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        expat.ExpatError,
        UnicodeDecodeError,
        KeyError,
        IndexError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise SheetDamaged(f"{what} cannot be read") from error


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a directory of parts that would fill the memory, before the archive's library reads it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _WIDEST_COMMENT - _END_RECORD.size))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END_RECORD.size:
        raise SheetDamaged("the file begins as XLSX and has no end: it is cut off")
    _, _, _, _, parts, directory, _, _ = _END_RECORD.unpack_from(tail, place)
    place64 = tail.rfind(b"PK\x06\x06", 0, place)
    if (
        (parts == 0xFFFF or directory == 0xFFFFFFFF)
        and place64 >= 0
        and place - place64 >= _END_RECORD_64.size
    ):
        parts, directory = _END_RECORD_64.unpack_from(tail, place64)[7:9]
    file.seek(0)
    if parts > _PARTS or directory > _DIRECTORY_BYTES:
        raise TooLarge(f"a workbook has at most {_PARTS} parts")


def _read_workbook(archive: zipfile.ZipFile, limits: SheetLimits) -> Workbook:
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise SheetFormatRefused("the archive is encrypted")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise SheetFormatRefused("the archive is packed in a way that workbooks are not")
    if sum(member.file_size for member in members) > limits.unpacked_bytes:
        raise TooLarge("the workbook's content is too large when unpacked; split it")
    parts = {member.filename.lstrip("/").lower(): member.filename for member in members}
    main = parts.get("xl/workbook.xml") or _main_part(archive, parts)
    folder = str(PurePosixPath(main).parent)
    relations = _Relations(archive, parts, main)
    reader = _WorkbookReader()
    _parse(archive, main, reader.start)
    sheets = tuple(
        SheetPart(name, relations.part(identifier), hidden)
        for name, identifier, hidden in reader.sheets
        if relations.part(identifier)
    )
    if not sheets:
        raise SheetInvalid("the workbook has no sheet")
    if len(sheets) > _SHEETS:
        raise TooLarge(f"a workbook has at most {_SHEETS} sheets")
    strings = SharedStrings()
    found = relations.of_type("sharedstrings") or parts.get(f"{folder}/sharedstrings.xml".lower())
    if found:
        _check_size(archive, found, limits.strings_bytes)
        _read_strings(archive, found, strings)
    styles = relations.of_type("styles") or parts.get(f"{folder}/styles.xml".lower())
    return Workbook(archive, sheets, reader.date1904, strings, _date_styles(archive, styles))


def _main_part(archive: zipfile.ZipFile, parts: dict[str, str]) -> str:
    for name in parts:
        if name.endswith("workbook.bin"):
            raise SheetFormatRefused("this is a binary workbook (XLSB)")
    if "content.xml" in parts and "mimetype" in parts:
        raise SheetFormatRefused("this is an OpenDocument file")
    relations = parts.get("_rels/.rels")
    if relations is not None:
        found = _Relations(archive, parts, "")
        main = found.of_type("officedocument")
        if main and main.lower().endswith("workbook.xml"):
            return main
    raise SheetFormatRefused("the ZIP archive holds no workbook")


class _Relations:
    """What a part refers to, by identifier and by type."""

    def __init__(self, archive: zipfile.ZipFile, parts: dict[str, str], part: str) -> None:
        self._targets: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._parts = parts
        self._folder = str(PurePosixPath(part).parent) if part else ""
        name = f"{self._folder}/_rels/{PurePosixPath(part).name}.rels" if part else "_rels/.rels"
        found = parts.get(name.lstrip("./").lower() if part else name)
        if found:
            _parse(archive, found, self._start)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if local(name) != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        path = target.lstrip("/") if target.startswith("/") else f"{self._folder}/{target}".lstrip("/")
        steps: list[str] = []
        for step in path.split("/"):
            if step == "..":
                steps = steps[:-1]
            elif step != ".":
                steps.append(step)
        stored = self._parts.get("/".join(steps).lower())
        if stored:
            self._targets[attributes.get("Id", "")] = stored
            self._types.setdefault(attributes.get("Type", "").rpartition("/")[2].lower(), stored)

    def part(self, identifier: str) -> str:
        """The part's name in the archive; "" where there is none."""
        return self._targets.get(identifier, "")

    def of_type(self, kind: str) -> str | None:
        return self._types.get(kind)


class _WorkbookReader:
    """Sheets and epoch, from the workbook's own part."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, bool]] = []
        self.date1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "workbookPr":
            self.date1904 = attributes.get("date1904", "0").lower() in ("1", "true")
        elif kind == "sheet":
            identifier = next((value for key, value in attributes.items() if local(key) == "id"), "")
            hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append((attributes.get("name", ""), identifier, hidden))


def _date_styles(archive: zipfile.ZipFile, part: str | None) -> frozenset[int]:
    if part is None:
        return frozenset()
    custom: set[int] = set()
    styles: list[int] = []
    within = [False]

    def start(name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "numFmt" and is_date_format(attributes.get("formatCode", "")):
            custom.add(int(attributes.get("numFmtId", "-1")))
        elif kind in ("cellXfs", "cellStyleXfs"):
            within[0] = kind == "cellXfs"
        elif kind == "xf" and within[0]:
            styles.append(int(attributes.get("numFmtId", "0")))

    _parse(archive, part, start)
    return frozenset(at for at, form in enumerate(styles) if form in custom or form in _BUILT_IN_DATES)


def is_date_format(code: str) -> bool:
    """Whether a number format shows a day or a time; texts and colours in it do not count."""
    plain = _FORMAT_TEXT.sub("", code.split(";")[0])
    return _DATE_LETTERS.search(plain) is not None and "General" not in plain


def _read_strings(archive: zipfile.ZipFile, part: str, strings: SharedStrings) -> None:
    """Each string in its order: the plain form by its bytes, any other by the parser."""
    with archive.open(part) as file:
        rest = file.read(CHUNK)
        head = _PLAIN_HEAD.match(rest)
        if head is None:
            reader = _StringReader(strings)
            while rest:
                reader.parser.Parse(rest)
                rest = file.read(CHUNK)
            reader.parser.Parse(b"", True)
            return
        rest = rest[head.end() :]
        while True:
            *items, rest = rest.split(b"</si>")
            for item in items:
                match = _PLAIN_STRING.match(item)
                if match:
                    strings.append(_unescaped(match[1]))
                else:
                    _StringReader(strings).parser.Parse(b"<sst>" + item + b"</si></sst>", True)
            if len(rest) > _LONGEST_STRING:
                raise SheetDamaged("one of the workbook's strings has no end")
            chunk = file.read(CHUNK)
            if not chunk:
                break
            rest += chunk
    # What is left ends the table; blank strings (`<si/>`) may stand before that.
    _StringReader(strings).parser.Parse(b"<sst>" + rest, True)


class _StringReader:
    """The texts of `si` elements: runs joined, phonetic hints left out."""

    def __init__(self, strings: SharedStrings) -> None:
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._strings = strings
        self._parts: list[str] = []
        self._keep = self._phonetic = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "si":
            self._parts.clear()
        self._phonetic = self._phonetic or kind == "rPh"
        self._keep = kind == "t" and not self._phonetic

    def _end(self, name: str) -> None:
        kind = local(name)
        if kind == "si":
            self._strings.append(unescape("".join(self._parts)).encode())
        elif kind == "rPh":
            self._phonetic = False
        self._keep = False

    def _text(self, text: str) -> None:
        if self._keep:
            self._parts.append(text)


def _unescaped(text: bytes) -> bytes:
    return unescape(text.decode()).encode() if b"_x" in text else text


def unescape(text: str) -> str:
    """Characters that XML cannot hold stand in a workbook as `_x000D_`."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code < 0xE000 else chr(code)


def local(name: str) -> str:
    """An element's or attribute's name without its prefix."""
    return name.rpartition(":")[2]


def new_parser() -> "expat.XMLParserType":
    """A parser that refuses a document type, and with it every entity of one's own."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise SheetDamaged("the workbook has a document type")


def _parse(archive: zipfile.ZipFile, part: str, start: object) -> None:
    """Read a small part whole, handing each element's beginning to `start`."""
    _check_size(archive, part, _SMALL_PART)
    parser = new_parser()
    parser.StartElementHandler = start  # type: ignore[assignment]
    parser.Parse(archive.read(part), True)


def _check_size(archive: zipfile.ZipFile, part: str, limit: int) -> None:
    if archive.getinfo(part).file_size > limit:
        raise TooLarge("the workbook's content is too large when unpacked; split it")

"""A check receipt (核查回执) as a file: a PDF that carries its own proof.

Exactly four files are attached to it, stored as they are, without any compression, so that reading one
cannot be a bomb:

    answer.json      the answer document in its canonical form (`formats.answer`)
    bundle.json      the bundle that proves it (DESIGN.md 4.6)
    catalogue.json   the tables of the edition applied that say which listings bear on a matter (`tables`)
    look.json        the proof that the look was logged, and with which answer (`formats.look`)

Everything else is refused: other, missing or repeated names, filters, encryption, scripts, updates appended
to the file. What stands on the page is drawn from answer.json, and is not examined here: whoever relies on
the page compares the SM3 of the whole file with the one that was logged (`xinzheng certificate`).
"""

import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger.errors import ReceiptUnusable, TooLarge

ANSWER, BUNDLE, CATALOGUE, LOOK = "answer.json", "bundle.json", "catalogue.json", "look.json"
ATTACHMENTS = (ANSWER, BUNDLE, CATALOGUE, LOOK)
"""Names of the attached files, in the order in which they stand."""
MAX_RECEIPT = 64 << 20
"""Most bytes of a receipt that is read at all."""

_MAX_OBJECTS = 4096
_MAX_DEPTH = 16
_MAX_INFLATED = 1 << 20
_START = b"%PDF-1."
_TAIL = re.compile(
    rb"xref\n0 ([0-9]{1,5})\n((?:[0-9]{10} [0-9]{5} [nf] \n)*)trailer\n(<<.{1,1000}?>>)\n"
    rb"startxref\n([0-9]{1,10})\n%%EOF\n",
    re.DOTALL,
)
"""One table of all objects, and the trailer."""
_ROW_BYTES = 20
_ACTIVE = frozenset(("/JS", "/JavaScript", "/OpenAction", "/AA", "/Launch", "/RichMedia", "/XFA"))

logging.getLogger("pypdf").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ReceiptParts:
    """The attached files, byte for byte; none of them is verified."""

    answer: bytes
    bundle: bytes
    catalogue: bytes
    look: bytes


def is_pdf(data: bytes) -> bool:
    """Whether these bytes say that they are a PDF."""
    return data.startswith(b"%PDF-")


def read_receipt(data: bytes) -> ReceiptParts:
    """What is attached to a receipt. Raises `TooLarge` above 64 MiB, else `ReceiptUnusable`."""
    if len(data) > MAX_RECEIPT:
        raise TooLarge(f"a receipt has at most {MAX_RECEIPT} bytes")
    if not data.startswith(_START):
        raise ReceiptUnusable("the file is not a PDF of version 1")
    _check_tail(data)
    # Imported here: only who has a PDF at hand needs it.
    from pypdf import PdfReader, apply_configuration

    limits: dict[str, Any] = {
        "maximum_declared_stream_length": MAX_RECEIPT,
        "zlib_maximum_output_length": _MAX_INFLATED,
        "zlib_maximum_recovery_input_length": 0,
        "lzw_maximum_output_length": _MAX_INFLATED,
        "run_length_maximum_output_length": _MAX_INFLATED,
        "brotli_maximum_output_length": _MAX_INFLATED,
        "stream_decoding_work_maximum_length": 4 * _MAX_INFLATED,
        "array_maximum_element_count": _MAX_OBJECTS,
        "dictionary_maximum_element_count": _MAX_OBJECTS,
        "disable_legacy_handling": True,
    }
    try:
        with apply_configuration(**limits):
            found = _attached(PdfReader(io.BytesIO(data), strict=True))
    except ReceiptUnusable:
        raise
    except MemoryError:
        raise ReceiptUnusable("the PDF asks for more memory than there is") from None
    except Exception as error:
        # The library has many ways to say that a file is no PDF; none of them is more than that to us.
        raise ReceiptUnusable(f"the PDF cannot be read: {type(error).__name__}") from error
    return ReceiptParts(found[ANSWER], found[BUNDLE], found[CATALOGUE], found[LOOK])


def _check_tail(data: bytes) -> None:
    """That the file ends with one table of all its objects: nothing is cut off, appended or updated."""
    where = re.search(rb"startxref\n([0-9]{1,10})\n%%EOF\n\Z", data[-64:])
    tail = _TAIL.fullmatch(data, int(where[1])) if where else None
    if tail is None or len(tail[2]) != _ROW_BYTES * int(tail[1]) or b"/Prev" in tail[3]:
        raise ReceiptUnusable("the PDF is cut off, was updated, or is written in another way than a receipt")


def _attached(reader: Any) -> dict[str, bytes]:
    """The attached files by name, after everything that a receipt does not have was refused."""
    if "/Encrypt" in reader.trailer:
        raise ReceiptUnusable("the PDF is encrypted")
    _refuse_foreign(reader)
    names = reader.root_object["/Names"].get_object()
    if list(names) != ["/EmbeddedFiles"]:
        raise ReceiptUnusable("the PDF has other names than those of attached files")
    tree = names["/EmbeddedFiles"].get_object()
    if list(tree) != ["/Names"]:
        raise ReceiptUnusable("the attached files are not one plain list")
    listed = tree["/Names"].get_object()
    if list(listed[::2]) != list(ATTACHMENTS) or len(listed) != 2 * len(ATTACHMENTS):
        raise ReceiptUnusable(f"a receipt has exactly the attached files {', '.join(ATTACHMENTS)}")
    pairs = zip(ATTACHMENTS, listed[1::2], strict=True)
    return {name: _content(name, specification.get_object()) for name, specification in pairs}


def _content(name: str, specification: Any) -> bytes:
    """The bytes of one attached file."""
    from pypdf.generic import StreamObject

    files = specification["/EF"].get_object()
    if specification.get("/Type") != "/Filespec" or list(files) != ["/F"]:
        raise ReceiptUnusable("an attached file is not described as one")
    if any(specification[key] != name for key in ("/F", "/UF") if key in specification):
        raise ReceiptUnusable("an attached file has two names")
    stream = files["/F"].get_object()
    if not isinstance(stream, StreamObject) or not set(stream) <= {"/Type", "/Subtype", "/Params", "/Length"}:
        raise ReceiptUnusable("an attached file is compressed, or stored in another way than as it is")
    return bytes(stream.get_data())


def _refuse_foreign(reader: Any) -> None:
    """Refuse a file attached in any other place, and whatever could act when the page is opened."""
    numbers = [(number, generation) for generation, at in reader.xref.items() for number in at]
    if len(numbers) > _MAX_OBJECTS:
        raise ReceiptUnusable(f"the PDF has more than {_MAX_OBJECTS} objects")
    files = 0
    for number, generation in numbers:
        if number == 0:
            continue
        for part in _dictionaries(_object(reader, number, generation), _MAX_DEPTH):
            if not _ACTIVE.isdisjoint(part) or part.get("/S") in _ACTIVE:
                raise ReceiptUnusable("the PDF holds a script or an action")
            files += "/EF" in part
    if files != len(ATTACHMENTS):
        raise ReceiptUnusable(f"{files} files are attached, a receipt has {len(ATTACHMENTS)}")


def _object(reader: Any, number: int, generation: int) -> Any:
    from pypdf.generic import IndirectObject

    return IndirectObject(number, generation, reader).get_object()


def _dictionaries(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The dictionaries in one object, without following references."""
    if depth == 0:
        raise ReceiptUnusable("an object of the PDF is nested too deep")
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _dictionaries(part, depth - 1)

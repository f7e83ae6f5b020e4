"""What is read from a PDF: the files that a receipt carries, and nothing of a file that is not quite one."""

import io
import re
import zlib
from collections.abc import Callable

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)
from reportlab.pdfgen.canvas import Canvas

from ledger.errors import ReceiptUnusable, TooLarge
from ledger.services.receipts.attach import attach
from ledger.verify import receipt_file
from ledger.verify.receipt_file import ATTACHMENTS, ReceiptParts, read_receipt

FILES = {name: f'{{"name":"{name}"}}'.encode() for name in ATTACHMENTS}


def page() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(100, 700, "receipt")
    canvas.save()
    return out.getvalue()


def receipt(files: dict[str, bytes] | None = None) -> bytes:
    return attach(page(), files or FILES)


def rewritten(change: Callable[[PdfWriter], None], *, files: dict[str, bytes] | None = None) -> bytes:
    """A receipt written again after somebody changed it."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(receipt(files))))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def specification(writer: PdfWriter, name: str) -> DictionaryObject:
    found = next(item for item in writer.attachment_list if item.name == name)
    return found.pdf_object


def stream(writer: PdfWriter, name: str) -> DictionaryObject:
    return specification(writer, name)["/EF"]["/F"].get_object()


def test_the_attached_files_come_out_as_they_went_in() -> None:
    files = {name: bytes(range(256)) * 300 + name.encode() for name in ATTACHMENTS}
    assert read_receipt(receipt(files)) == ReceiptParts(*(files[name] for name in ATTACHMENTS))


def test_the_same_input_makes_the_same_file() -> None:
    assert receipt() == receipt()


def test_what_stands_in_an_attached_file_cannot_be_taken_for_the_pdf_around_it() -> None:
    hostile = b"endstream\nendobj\ntrailer << /Root 1 0 R /Prev 5 >>\nstartxref\n0\n%%EOF\n/ObjStm /XRef"
    files = dict.fromkeys(ATTACHMENTS, hostile)
    assert read_receipt(receipt(files)).look == hostile


def add_file(name: str) -> Callable[[PdfWriter], None]:
    return lambda writer: writer.add_attachment(name, b"{}") and None


def compress(writer: PdfWriter) -> None:
    bomb = DecodedStreamObject()
    bomb.set_data(zlib.compress(bytes(50_000_000), 9))
    bomb[NameObject("/Filter")] = NameObject("/FlateDecode")
    specification(writer, "bundle.json")["/EF"][NameObject("/F")] = writer._add_object(bomb)


def hide_an_annotation(writer: PdfWriter) -> None:
    """A file attached to the page, where lists of attachments do not look."""
    data = DecodedStreamObject()
    data.set_data(b"{}")
    files = DictionaryObject({NameObject("/F"): writer._add_object(data)})
    spec = DictionaryObject({NameObject("/Type"): NameObject("/Filespec"), NameObject("/EF"): files})
    note = DictionaryObject({NameObject("/Subtype"): NameObject("/FileAttachment"), NameObject("/FS"): spec})
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])


def rename(writer: PdfWriter) -> None:
    specification(writer, "look.json")[NameObject("/F")] = TextStringObject("other.json")


def drop_a_file(writer: PdfWriter) -> None:
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]
    names.pop()
    names.pop()


def two_trees(writer: PdfWriter) -> None:
    tree = writer.root_object["/Names"]["/EmbeddedFiles"]
    tree[NameObject("/Kids")] = ArrayObject([writer._add_object(DictionaryObject())])


def open_action(writer: PdfWriter) -> None:
    script = DictionaryObject({NameObject("/S"): NameObject("/JavaScript")})
    script[NameObject("/JS")] = TextStringObject("app.alert('x')")
    writer.root_object[NameObject("/OpenAction")] = writer._add_object(script)


def many_objects(writer: PdfWriter) -> None:
    for _ in range(5000):
        writer._add_object(NumberObject(1))


def nest(writer: PdfWriter) -> None:
    deep = ArrayObject()
    for _ in range(40):
        deep = ArrayObject([deep])
    writer.root_object[NameObject("/Deep")] = deep


CHANGES: dict[str, tuple[Callable[[PdfWriter], object], str]] = {
    "extra file": (add_file("more.json"), "5 files are attached"),
    "a second file of the same name": (add_file("answer.json"), "5 files are attached"),
    "a file on an annotation": (hide_an_annotation, "5 files are attached"),
    "a missing file": (drop_a_file, "exactly the attached files"),
    "two trees of names": (two_trees, "not one plain list"),
    "a compressed bomb": (compress, "compressed"),
    "two names for one file": (rename, "two names"),
    "a script": (open_action, "script"),
    "too many objects": (many_objects, "more than 4096 objects"),
    "deep nesting": (nest, "nested too deep"),
    "a password": (lambda writer: writer.encrypt("secret", algorithm="RC4-128"), "encrypted"),
    "encryption without a password": (lambda writer: writer.encrypt("", algorithm="RC4-128"), "encrypted"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_receipt_that_somebody_changed_is_refused(name: str) -> None:
    change, said = CHANGES[name]
    with pytest.raises(ReceiptUnusable) as refused:
        read_receipt(rewritten(change))
    assert said in refused.value.detail


def test_a_bomb_is_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(*_: object) -> bytes:
        raise AssertionError("something was decompressed")

    pdf = rewritten(compress)
    monkeypatch.setattr("pypdf.filters.FlateDecode.decode", unpack)
    with pytest.raises(ReceiptUnusable, match="compressed"):
        read_receipt(pdf)


def test_a_file_that_was_updated_after_it_was_issued_is_refused() -> None:
    pdf = receipt()
    writer = PdfWriter(io.BytesIO(pdf), incremental=True)
    writer.add_metadata({"/Title": "another"})
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(pdf)
    with pytest.raises(ReceiptUnusable, match="updated"):
        read_receipt(out.getvalue())


def test_every_truncation_is_refused() -> None:
    pdf = receipt()
    for length in range(0, len(pdf) - 2, max(1, len(pdf) // 60)):
        with pytest.raises(ReceiptUnusable):
            read_receipt(pdf[:length])
        with pytest.raises(ReceiptUnusable):
            read_receipt(pdf[:length] + b"\n%%EOF\n")


NO_PDF = {
    "empty": b"",
    "json": b'{"mediaType":"x"}',
    "a header alone": b"%PDF-1.7\n%%EOF",
    "appended bytes": receipt() + b"more",
    "something before": b"\n" + receipt(),
    "version 2": receipt().replace(b"%PDF-1.7", b"%PDF-2.0", 1),
    "without names": page(),
    "a catalogue that refers to itself": re.sub(rb"/Names 1\d 0 R", b"/Names 1 0 R", receipt(), count=1),
}


@pytest.mark.parametrize("name", NO_PDF)
def test_what_is_no_receipt_is_refused(name: str) -> None:
    with pytest.raises(ReceiptUnusable):
        read_receipt(NO_PDF[name])


def test_a_file_beyond_the_limit_is_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_file, "MAX_RECEIPT", 100)
    with pytest.raises(TooLarge):
        read_receipt(receipt())


def test_a_changed_byte_outside_the_attachments_never_changes_what_they_hold() -> None:
    """Each byte in turn: refused, or what is read is what was attached, or differs in just that byte."""
    pdf = receipt()
    whole = read_receipt(pdf)
    for place in range(0, len(pdf), 37):
        changed = bytearray(pdf)
        changed[place] ^= 0x01
        try:
            parts = read_receipt(bytes(changed))
        except ReceiptUnusable:
            continue
        for name in ("answer", "bundle", "catalogue", "look"):
            before, after = getattr(whole, name), getattr(parts, name)
            assert len(before) == len(after)
            assert sum(a != b for a, b in zip(before, after, strict=True)) <= 1

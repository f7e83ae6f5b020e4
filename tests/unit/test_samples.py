"""The sample data: valid in form, about nobody, and the same bytes every time."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from datetime import date

import pytest
from openpyxl import load_workbook

from ledger.catalog import load_catalogue
from ledger.identifiers import CertificateIdentifier, ResidentId, UnifiedSocialCreditCode
from ledger.services.importing import PreparedRow, RowBuilder, open_sheet
from scripts.samples import (
    World,
    access_events,
    certificates,
    credit_sheets,
    further_sheets,
    write_samples,
)
from scripts.samples.writing import sheet_bytes

TODAY = date(2026, 11, 1)


@pytest.fixture(scope="module")
def world() -> World:
    return World(2026, TODAY)


def test_every_code_is_valid_in_form_and_of_a_region_that_does_not_exist(world):
    codes = [UnifiedSocialCreditCode.parse(o.uscc) for o in [*world.organisations, *world.authorities]]
    assert all(code.region.startswith("99") and code.has_organisation_check() for code in codes)
    assert len({str(code) for code in codes}) == len(codes)
    numbers = [person.number for person in world.people]
    assert all(ResidentId.parse(number) and number.startswith("99") for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_credit_sheets_hold_at_least_5000_rows_and_natural_persons_among_them(world):
    sheets = credit_sheets(world)
    assert sum(len(sheet.rows) for sheet in sheets) >= 5000
    penalties = sheets[0]
    at = {name: index for index, name in enumerate(penalties.columns)}
    people = [row for row in penalties.rows if row[at["CF_XDR_LB"]] == "自然人"]
    assert 100 < len(people) < len(penalties.rows) / 2
    for row in penalties.rows:
        person = row[at["CF_XDR_LB"]] == "自然人"
        assert bool(row[at["CF_XDR_ZJHM"]]) == person
        assert bool(row[at["CF_XDR_SHXYM"]]) != person


def test_list_codes_are_of_the_catalogue(world):
    catalogue = load_catalogue()
    lists = [sheet for sheet in credit_sheets(world) if sheet.kind == "list"]
    assert {row[0] for sheet in lists for row in sheet.rows} <= set(catalogue.lists)
    assert len(lists) == 3


def test_sheets_are_read_back_as_they_were_made(world):
    for sheet in credit_sheets(world, penalties=20, licences=20, listed=(10, 10, 10)):
        data = sheet_bytes(sheet)
        if sheet.encoding is None:
            rows = list(load_workbook(io.BytesIO(data), read_only=True).active.iter_rows(values_only=True))
        else:
            rows = [tuple(row) for row in csv.reader(io.StringIO(data.decode(sheet.encoding), newline=""))]
        assert tuple(rows[0]) == sheet.columns
        assert len(rows) == len(sheet.rows) + 1


def test_every_row_of_every_sheet_can_be_imported(world, tmp_path):
    builder = RowBuilder(world.authorities[2].uscc, b"k" * 32, 0, load_catalogue(), TODAY)
    kinds = set()
    for sheet in [*credit_sheets(world, penalties=200, licences=200), *further_sheets(world)]:
        path = tmp_path / sheet.name
        path.write_bytes(sheet_bytes(sheet))
        with open_sheet(path) as opened:
            assert opened.form.name == sheet.kind
            rows = [builder.build(opened.form, row, opened.date1904) for row in opened.rows]
        assert len(rows) == len(sheet.rows)
        assert [row for row in rows if not isinstance(row, PreparedRow)] == []
        kinds |= {row.kind for row in rows}
    assert len(kinds) == 7


def test_penalties_name_their_severity_and_lists_the_persons_behind(world):
    penalties, _, _, _, wages = credit_sheets(world)
    severities = [row[penalties.columns.index("CF_YZCD")] for row in penalties.rows]
    assert set(severities) == {"轻微", "一般", "严重", None}
    behind = [row[wages.columns.index("法定代表人证件号码")] for row in wages.rows]
    assert sum(number is not None for number in behind) > len(behind) / 2


def test_licences_are_in_gb18030_and_not_in_utf_8(world):
    licences = next(sheet for sheet in credit_sheets(world) if sheet.kind == "licence")
    with pytest.raises(UnicodeDecodeError):
        sheet_bytes(licences).decode("utf-8")


def test_events_come_in_the_order_of_their_times_and_each_exchange_once(world):
    events = list(access_events(world, 2000))
    times = [event["happened_at"] for event in events]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment) for moment in times)
    assert len({event["exchange"] for event in events}) == 2000


def test_certificates_are_half_ofd_half_pdf_with_valid_identifiers(world):
    made = list(certificates(world, 40))
    assert [c.format for c in made].count("ofd") == 20
    for certificate in made:
        identifier = CertificateIdentifier.parse(certificate.metadata["ZZBS"])
        assert identifier.issuer_code == certificate.metadata["ZZBFJGDM"]
        if certificate.format == "pdf":
            assert certificate.content.startswith(b"%PDF-1.4")
            assert certificate.content.endswith(b"%%EOF\n")
        else:
            assert certificate.metadata["ZZBH"] in _ofd_text(certificate.content)


def test_a_pdf_says_where_each_of_its_objects_begins(world):
    content = next(c.content for c in certificates(world, 2) if c.format == "pdf")
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    offsets = re.findall(rb"(\d{10}) 00000 n ", content[start:])
    assert len(offsets) == 8
    for number, offset in enumerate(offsets, start=1):
        assert content[int(offset) :].startswith(b"%d 0 obj\n" % number)


def test_the_same_seed_and_date_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_samples(World(7, TODAY), tmp_path / name, events=50, certificate_count=4)
    first = {p.relative_to(tmp_path / "a"): p.read_bytes() for p in (tmp_path / "a").rglob("*.*")}
    second = {p.relative_to(tmp_path / "b"): p.read_bytes() for p in (tmp_path / "b").rglob("*.*")}
    assert first == second
    assert len(first) == 5 + 4 + 1 + 1 + 4


def test_another_seed_gives_another_city(world):
    assert {p.number for p in World(8, TODAY).people} != {p.number for p in world.people}
    assert json.dumps(next(access_events(World(8, TODAY), 1))) != json.dumps(next(access_events(world, 1)))


def _ofd_text(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("OFD.xml"))
        space = {"ofd": "http://www.ofdspec.org/2016"}
        document = root.find("ofd:DocBody/ofd:DocRoot", space).text
        pages = ElementTree.fromstring(archive.read(document)).findall("ofd:Pages/ofd:Page", space)
        page = ElementTree.fromstring(archive.read(f"Doc_0/{pages[0].get('BaseLoc')}"))
        return "\n".join(code.text for code in page.iter("{http://www.ofdspec.org/2016}TextCode"))

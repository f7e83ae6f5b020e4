"""What each role sees of a person's name and number."""

from typing import get_args

import pytest

from ledger.domain import PersonDetails
from ledger.identifiers import ResidentId
from ledger.services.masking import SIGHT, Reader, mask_name, mask_number, show_person

NUMBER = "11010519491231002X"  # the standard's own textbook example
MASKED = "1101**********002X"


@pytest.mark.parametrize(
    ("reader", "name", "number"),
    [
        ("subject", "张三丰", NUMBER),
        ("auditor", "张**", MASKED),
        ("operator", "张**", MASKED),
        ("officer", "张**", MASKED),
        ("publisher", "张**", MASKED),
        ("partner", None, None),
    ],
)
def test_who_sees_what_of_a_person(reader: Reader, name: str | None, number: str | None) -> None:
    details = PersonDetails(name="张三丰", document_type="111", document_number=NUMBER)
    shown = show_person(details, reader)
    assert (shown.name, shown.number) == (name, number)
    nameless = show_person(PersonDetails(name="张三丰"), reader)
    assert nameless.number is None


def test_the_table_names_every_reader() -> None:
    assert set(SIGHT) == set(get_args(Reader))


@pytest.mark.parametrize("name", ["张", "张三", "欧阳修文", "J. Smith"])
def test_a_masked_name_tells_no_more_than_its_first_character(name: str) -> None:
    assert mask_name(name) == f"{name[0]}**"


@pytest.mark.parametrize(
    ("number", "masked"),
    [(NUMBER, MASKED), ("E12345678", "*********"), ("12345678901", "***********"), ("1", "*"), ("", "")],
)
def test_a_short_number_is_masked_whole(number: str, masked: str) -> None:
    assert mask_number(number) == masked


def test_a_resident_id_is_masked_the_same_everywhere() -> None:
    assert ResidentId.parse(NUMBER).mask() == mask_number(NUMBER)

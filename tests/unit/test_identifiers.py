import pytest

from ledger.errors import CheckDigitWrong, DateInvalid, IdentifierInvalid, LedgerError
from ledger.identifiers import (
    CertificateIdentifier,
    ResidentId,
    UnifiedSocialCreditCode,
    certificate_check_character,
    check_certificate_identifier,
    check_resident_id,
    check_uscc,
    is_uscc,
    organisation_check_character,
    resident_check_character,
    uscc_check_character,
)

USCC = "91320322MABLP2X24R"
RESIDENT = "11010519491231002X"
CERTIFICATE = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_a_uscc_shows_its_parts() -> None:
    code = UnifiedSocialCreditCode.parse(USCC)
    assert (code.department, code.kind, code.region) == ("9", "1", "320322")
    assert code.organisation_code == "MABLP2X24"
    assert code.has_organisation_check()
    assert str(code) == USCC
    assert code.mask() == "9132**********X24R"


def test_a_uscc_is_taken_though_its_organisation_code_has_another_check() -> None:
    first = "91320322MABLP2X25"
    code = UnifiedSocialCreditCode.parse(first + uscc_check_character(first))
    assert not code.has_organisation_check()


@pytest.mark.parametrize(
    "text",
    [
        "",
        USCC[:-1],
        USCC + "0",
        USCC.lower(),
        " " + USCC[1:],
        USCC + "\n",
        USCC.replace("M", "I"),
        USCC.replace("M", "O"),
        USCC.replace("M", "S"),
        USCC.replace("M", "V"),
        USCC.replace("M", "Z"),
        USCC[:2] + "A" + USCC[3:],
        "９" + USCC[1:],
        "91３20322MABLP2X24R",
    ],
)
def test_a_uscc_of_another_form_is_refused(text: str) -> None:
    assert not is_uscc(text)
    with pytest.raises(IdentifierInvalid) as caught:
        UnifiedSocialCreditCode.parse(text)
    assert not isinstance(caught.value, CheckDigitWrong)


def test_any_other_check_character_of_a_uscc_is_refused() -> None:
    for character in USCC_ALPHABET.replace(USCC[-1], ""):
        assert not is_uscc(USCC[:-1] + character)
        with pytest.raises(CheckDigitWrong):
            check_uscc(USCC[:-1] + character)


def test_any_single_changed_character_of_a_uscc_is_noticed() -> None:
    for position in range(18):
        for character in USCC_ALPHABET.replace(USCC[position], ""):
            assert not is_uscc(USCC[:position] + character + USCC[position + 1 :])


def test_a_resident_id_gives_its_birth_and_hides_itself() -> None:
    number = ResidentId.parse(RESIDENT)
    assert number.born.isoformat() == "1949-12-31"
    assert number.mask() == "1101**********002X"
    for shown in (repr(number), str(number), f"{number}", f"{[number]}"):
        assert RESIDENT not in shown
        assert "19491231" not in shown


def test_a_small_x_is_raised() -> None:
    assert ResidentId.parse(RESIDENT[:-1] + "x") == ResidentId.parse(RESIDENT)
    with pytest.raises(IdentifierInvalid):
        check_resident_id(RESIDENT[:-1] + "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        RESIDENT[:-1],
        RESIDENT + "X",
        "X" + RESIDENT[1:],
        RESIDENT[:-1] + "Y",
        RESIDENT + "\n",
        "１" + RESIDENT[1:],
    ],
)
def test_a_resident_id_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(IdentifierInvalid) as caught:
        ResidentId.parse(text)
    assert not isinstance(caught.value, CheckDigitWrong)


@pytest.mark.parametrize(
    "born", ["19490230", "19491301", "19490001", "19490100", "19500229", "00000101", "17991231"]
)
def test_a_resident_id_with_an_impossible_birth_is_refused(born: str) -> None:
    first = "110105" + born + "002"
    with pytest.raises(DateInvalid):
        ResidentId.parse(first + resident_check_character(first))


def test_a_leap_day_is_a_real_date() -> None:
    first = "11010519480229002"
    assert ResidentId.parse(first + resident_check_character(first)).born.day == 29


def test_any_other_check_digit_of_a_resident_id_is_refused_without_naming_anything() -> None:
    for character in "0123456789":
        wrong = RESIDENT[:-1] + character
        with pytest.raises(CheckDigitWrong) as caught:
            ResidentId.parse(wrong)
        text = f"{caught.value} {caught.value.detail}"
        assert not any(symbol.isdigit() for symbol in text)
        assert "X" not in text
        assert caught.value.__cause__ is None


def test_no_refusal_quotes_a_persons_number() -> None:
    for wrong in ("110105194912310020", "110105194902300020", "11010519491231002", "a" + RESIDENT):
        with pytest.raises(LedgerError) as caught:
            ResidentId.parse(wrong)
        assert wrong not in str(caught.value)
        assert wrong[6:14] not in str(caught.value)


def test_an_e_certificate_identifier_shows_its_parts() -> None:
    identifier = CertificateIdentifier.parse(CERTIFICATE)
    assert identifier.type_code == "11100000000013338W011"
    assert identifier.issuer_code == "11430000006122244L"
    assert (identifier.serial, identifier.version, identifier.check) == ("20230000403", "001", "U")
    assert str(identifier) == CERTIFICATE
    assert identifier.mask() == CERTIFICATE.replace("20230000403", "*******0403")


def test_an_e_certificate_identifier_is_made_with_its_check() -> None:
    made = CertificateIdentifier.make("11100000000013338W011", "11430000006122244L", "20230000403", 1)
    assert str(made) == CERTIFICATE
    with pytest.raises(IdentifierInvalid):
        CertificateIdentifier.make("T", "I", "S", 1000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CERTIFICATE + ".",
        CERTIFICATE + "\n",
        CERTIFICATE.lower(),
        CERTIFICATE.replace("1.2.156", "1.2.157"),
        CERTIFICATE.replace(".001.", ".01."),
        CERTIFICATE.replace(".001.", ".00A."),
        CERTIFICATE.replace(".20230000403.", ".."),
        CERTIFICATE.replace("20230000403", "2" * 65),
        CERTIFICATE[:-2],
        "1x2x156x3005x2" + CERTIFICATE[14:],
    ],
)
def test_an_e_certificate_identifier_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(IdentifierInvalid) as caught:
        check_certificate_identifier(text)
    assert not isinstance(caught.value, CheckDigitWrong)


def test_any_other_check_of_an_e_certificate_identifier_is_refused() -> None:
    for character in "0123456789ABCDEFGHIJKLMNOPQRSTVWXYZ":
        with pytest.raises(CheckDigitWrong):
            CertificateIdentifier.parse(CERTIFICATE[:-1] + character)


def test_check_characters_are_made_from_right_parts_only() -> None:
    for call in (
        lambda: uscc_check_character("short"),
        lambda: uscc_check_character("I" * 17),
        lambda: resident_check_character("1" * 16),
        lambda: resident_check_character("1" * 16 + "X"),
        lambda: resident_check_character("１" * 17),
        lambda: organisation_check_character("1234567"),
        lambda: organisation_check_character("1234567x"),
        lambda: certificate_check_character("a", "B", "C", "001"),
    ):
        with pytest.raises(IdentifierInvalid):
            call()
    assert uscc_check_character(USCC[:17]) == USCC[17]
    assert resident_check_character(RESIDENT[:17]) == RESIDENT[17]

"""Identifiers of organisations, persons and e-certificates: form, check character, masking.

    >>> UnifiedSocialCreditCode.parse("91320322MABLP2X24R").region
    '320322'
    >>> ResidentId.parse("11010519491231002X").mask()
    '1101**********002X'

Sources: GB 32100-2015 (unified social credit code), GB 11714-1997 (organisation code), GB 11643-1999
(resident ID), GB/T 36904-2018 (e-certificate identifier). Errors never quote an identifier, and for a
person never the right check digit.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass
from datetime import date
from operator import mul
from typing import Self

from ledger.errors import CheckDigitWrong, DateInvalid, IdentifierInvalid

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_USCC_FORM = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}", re.ASCII)

_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_RESIDENT_FORM = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)
_EARLIEST_BIRTH = date(1800, 1, 1)

_CERTIFICATE_PREFIX = "1.2.156.3005.2"
_CERTIFICATE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CERTIFICATE_FORM = re.compile(
    r"1\.2\.156\.3005\.2\.([0-9A-Z]{1,32})\.([0-9A-Z]{1,32})\.([0-9A-Z]{1,64})\.([0-9]{3})\.([0-9A-Z])",
    re.ASCII,
)


def uscc_check_character(first_17: str) -> str:
    """Return the check character of a code's first 17 characters (GB 32100-2015, 4.6).

    Raises IdentifierInvalid for another length or a character outside the code's alphabet.
    """
    if len(first_17) != 17 or not all(character in _USCC_VALUES for character in first_17):
        raise IdentifierInvalid("17 characters of 0-9 and A-Y without I, O, S, V are expected")
    total = sum(map(mul, _USCC_WEIGHTS, map(_USCC_VALUES.__getitem__, first_17)))
    return _USCC_ALPHABET[-total % 31]


def organisation_check_character(first_8: str) -> str:
    """Return the check character of an organisation code's first 8 characters (GB 11714-1997)."""
    if len(first_8) != 8 or not all(character in _CERTIFICATE_ALPHABET for character in first_8):
        raise IdentifierInvalid("8 characters of 0-9 and A-Z are expected")
    total = sum(
        weight * _CERTIFICATE_ALPHABET.index(character)
        for weight, character in zip(_ORGANISATION_WEIGHTS, first_8, strict=True)
    )
    return "0123456789X0"[11 - total % 11]


def resident_check_character(first_17: str) -> str:
    """Return the check character of a resident ID's first 17 digits (GB 11643-1999), for generators."""
    if len(first_17) != 17 or not (first_17.isascii() and first_17.isdigit()):
        raise IdentifierInvalid("17 digits are expected")
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT_WEIGHTS, first_17, strict=True))
    return _RESIDENT_CHECKS[total % 11]


def certificate_check_character(type_code: str, issuer_code: str, serial: str, version: str) -> str:
    """Return the check character of an e-certificate identifier (GB/T 36904-2018; ISO 7064 MOD 37,36)."""
    remainder = 36
    for character in type_code + issuer_code + serial + version:
        value = _CERTIFICATE_ALPHABET.find(character)
        if value < 0:
            raise IdentifierInvalid("the parts of an e-certificate identifier are made of 0-9 and A-Z")
        remainder = ((remainder + value) % 36 or 36) * 2 % 37
    return _CERTIFICATE_ALPHABET[(1 - remainder) % 36]


def is_uscc(text: str) -> bool:
    """Tell whether `text` is a unified social credit code.

    Not cached, on purpose: callers ask it about persons' numbers too, and those are not to be kept.
    """
    if _USCC_FORM.fullmatch(text) is None:
        return False
    total = sum(map(mul, _USCC_WEIGHTS, map(_USCC_VALUES.__getitem__, text)))
    return _USCC_ALPHABET[-total % 31] == text[17]


def check_uscc(text: str) -> None:
    """Raise IdentifierInvalid or CheckDigitWrong unless `text` is a unified social credit code."""
    if is_uscc(text):
        return
    if _USCC_FORM.fullmatch(text) is None:
        raise IdentifierInvalid(
            "a unified social credit code has 18 characters of 0-9 and A-Y without I, O, S, V, "
            "the third to eighth being digits"
        )
    raise CheckDigitWrong("the check character of the unified social credit code is wrong")


def check_resident_id(text: str) -> None:
    """Raise unless `text` is a resident ID with X in upper case; no message quotes it.

    IdentifierInvalid for the form, DateInvalid for a birth that does not exist or is before 1800,
    CheckDigitWrong for the check digit.
    """
    if _RESIDENT_FORM.fullmatch(text) is None:
        raise IdentifierInvalid("a resident ID has 17 digits and a check digit, which may be X")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise DateInvalid("the resident ID's date of birth does not exist") from None
    if born < _EARLIEST_BIRTH:
        raise DateInvalid("the resident ID's date of birth is before 1800")
    if resident_check_character(text[:17]) != text[17]:
        raise CheckDigitWrong("the resident ID's check digit is wrong")


def check_certificate_identifier(text: str) -> None:
    """Raise IdentifierInvalid or CheckDigitWrong unless `text` is an e-certificate identifier."""
    CertificateIdentifier.parse(text)


@dataclass(frozen=True, slots=True)
class UnifiedSocialCreditCode:
    """A unified social credit code (统一社会信用代码, GB 32100-2015) of 18 characters, checked."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check form and check character; raises IdentifierInvalid or CheckDigitWrong."""
        check_uscc(text)
        return cls(text)

    @property
    def department(self) -> str:
        """The registering department, 1 character."""
        return self.text[0]

    @property
    def kind(self) -> str:
        """The kind of organisation within the department, 1 character."""
        return self.text[1]

    @property
    def region(self) -> str:
        """The region of registration, 6 digits (GB/T 2260)."""
        return self.text[2:8]

    @property
    def organisation_code(self) -> str:
        """The organisation code, 9 characters with its own check (GB 11714)."""
        return self.text[8:17]

    def has_organisation_check(self) -> bool:
        """Tell whether the organisation code's own check holds; codes in force exist where it does not."""
        return organisation_check_character(self.text[8:16]) == self.text[16]

    def mask(self) -> str:
        """Return the code with all but its first 4 and last 4 characters hidden."""
        return _mask(self.text)

    def __str__(self) -> str:
        return self.text


class _PersonText:
    """Keeps a person's number out of repr, and so out of logs and tracebacks."""

    __slots__ = ()

    @abstractmethod
    def mask(self) -> str: ...

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mask()})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, repr=False)
class ResidentId(_PersonText):
    """A resident ID (公民身份号码, GB 11643-1999) of 18 characters, checked; X in upper case.

    `number` is the number itself; repr and str are masked.
    """

    number: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check form, date of birth and check digit; a final x is raised to X.

        Raises IdentifierInvalid, DateInvalid or CheckDigitWrong; none of them quotes the number.
        """
        number = text[:-1] + "X" if text[-1:] == "x" else text
        check_resident_id(number)
        return cls(number)

    @property
    def born(self) -> date:
        """The date of birth."""
        return date(int(self.number[6:10]), int(self.number[10:12]), int(self.number[12:14]))

    def mask(self) -> str:
        """Return the number with all but its first 4 and last 4 characters hidden."""
        return _mask(self.number)


@dataclass(frozen=True, slots=True)
class CertificateIdentifier:
    """An e-certificate identifier (电子证照标识, GB/T 36904-2018), checked.

    `1.2.156.3005.2.<type code>.<issuer code>.<serial>.<version, 3 digits>.<check>`.
    """

    type_code: str
    issuer_code: str
    serial: str
    version: str
    check: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check form and check character; raises IdentifierInvalid or CheckDigitWrong."""
        match = _CERTIFICATE_FORM.fullmatch(text)
        if match is None:
            raise IdentifierInvalid(
                f"an e-certificate identifier is {_CERTIFICATE_PREFIX}.<type>.<issuer>.<serial>."
                "<version, 3 digits>.<check>, each of 0-9 and A-Z"
            )
        type_code, issuer_code, serial, version, check = match.groups()
        if certificate_check_character(type_code, issuer_code, serial, version) != check:
            raise CheckDigitWrong("the check character of the e-certificate identifier is wrong")
        return cls(type_code, issuer_code, serial, version, check)

    @classmethod
    def make(cls, type_code: str, issuer_code: str, serial: str, version: int) -> Self:
        """Return the identifier of these parts with its check character; raises IdentifierInvalid."""
        digits = f"{version:03d}"
        check = certificate_check_character(type_code, issuer_code, serial, digits)
        return cls.parse(f"{_CERTIFICATE_PREFIX}.{type_code}.{issuer_code}.{serial}.{digits}.{check}")

    def mask(self) -> str:
        """Return the identifier with all but the last 4 characters of its serial hidden."""
        shown = self.serial[-4:] if len(self.serial) > 4 else ""
        serial = "*" * (len(self.serial) - len(shown)) + shown
        return (
            f"{_CERTIFICATE_PREFIX}.{self.type_code}.{self.issuer_code}.{serial}.{self.version}.{self.check}"
        )

    def __str__(self) -> str:
        return (
            f"{_CERTIFICATE_PREFIX}.{self.type_code}.{self.issuer_code}.{self.serial}"
            f".{self.version}.{self.check}"
        )


def _mask(text: str) -> str:
    return text[:4] + "*" * (len(text) - 8) + text[-4:]

"""Codes that are valid in form and belong to nobody: region 99xxxx, right check characters.

The check characters are computed here from the standards' own text, not by `ledger.identifiers`, so that
importing these samples tests the one against the other.
"""

from datetime import date

_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def organisation_code(serial: int) -> str:
    """Nine characters (GB 11714): `MA`-like body from a serial number, and its check character."""
    body = f"{serial:08d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    check = 11 - sum(_ORGANISATION_ALPHABET.index(c) * w for c, w in zip(body, weights, strict=True)) % 11
    return body + {10: "X", 11: "0"}.get(check, str(check))


def uscc(department: str, kind: str, region: str, serial: int) -> str:
    """Eighteen characters (GB 32100): department, kind, region, organisation code, check character."""
    body = department + kind + region + organisation_code(serial)
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(body, _USCC_WEIGHTS, strict=True))
    return body + _USCC_ALPHABET[(31 - total % 31) % 31]


def resident_id(region: str, born: date, sequence: int) -> str:
    """Eighteen characters (GB 11643): region, date of birth, sequence 0 to 999, check character."""
    body = f"{region}{born:%Y%m%d}{sequence:03d}"
    total = sum(int(c) * w for c, w in zip(body, _RESIDENT_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def certificate_identifier(type_code: str, issuer: str, serial: str, version: int) -> str:
    """An e-certificate identifier (GB/T 36904) with its ISO 7064 MOD 37,36 check character."""
    parts = (type_code, issuer, serial, f"{version:03d}")
    product = 36
    for character in "".join(parts):
        product = (product + _ORGANISATION_ALPHABET.index(character)) % 36 or 36
        product = product * 2 % 37
    check = _ORGANISATION_ALPHABET[(1 - product) % 36]
    return ".".join(("1.2.156.3005.2", *parts, check))

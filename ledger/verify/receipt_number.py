"""The number of a check receipt: an e-certificate identifier (GB/T 36904) that follows from the logged look.

    1.2.156.3005.2.<operator's USCC>901.<operator's USCC>.<id of the look>.001.<check>

The type code is the operator's own type 901, 核查回执: a type code is the code of who defined the type, and
three digits. The serial is the id of the look in the access log, 32 hex digits in upper case, so that one
look has one receipt, and whoever has the look can compute the number.
"""

from ledger.identifiers import CertificateIdentifier

TYPE_NUMBER = "901"
VERSION = 1


def type_code_of(operator: str) -> str:
    """The type code of an operator's check receipts; `operator` is its USCC."""
    return operator + TYPE_NUMBER


def receipt_identifier(operator: str, look_id: str) -> CertificateIdentifier:
    """The identifier of the receipt for a look; raises `IdentifierInvalid`."""
    serial = look_id.replace("-", "").upper()
    return CertificateIdentifier.make(type_code_of(operator), operator, serial, VERSION)

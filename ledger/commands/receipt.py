"""Check receipts on the command line: ask for one, keep the file, and show the answer that is in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.client import Client
from ledger.errors import AnswerInvalid, FormatError, InputError
from ledger.formats import strictjson
from ledger.verify.receipt_file import read_receipt


def keep_receipt(
    client: Client, subject: Mapping[str, Any], matter: str, path: Path, **question: Any
) -> dict[str, Any]:
    """Check a subject with one look, keep the receipt (PDF) in `path`, and return the answer with its bundle.

    `question` is what `Client.check` takes. Raises what the client raises, `AnswerInvalid` when what came is
    no receipt, and `InputError` when the file cannot be written.
    """
    pdf = client.check_receipt(subject, matter, **question)
    try:
        parts = read_receipt(pdf)
        answer, bundle = strictjson.loads(parts.answer), strictjson.loads(parts.bundle)
    except FormatError as error:
        raise AnswerInvalid(f"the service's receipt is not usable: {error.code}") from error
    try:
        path.write_bytes(pdf)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    return {**answer, "bundle": bundle}

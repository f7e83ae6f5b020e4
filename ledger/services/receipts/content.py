"""What stands on a receipt: the answer document, the logged look, and the few names that go with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """Everything that the page is drawn from, and nothing else.

    `answer` is the answer document whose digest is `answer_sm3`, `event` the body of the access event that
    logged it. Days are YYYY-MM-DD, `asked_at` is RFC 3339. `subject_name` is the name that the records shown
    give an organisation; None for a person, of whom no name is ever printed.
    """

    answer: Mapping[str, Any]
    answer_sm3: str
    event: Mapping[str, Any]
    look_origin: str
    look_index: int
    asked_at: str
    identifier: str
    operator: str
    operator_name: str
    member_name: str
    subject_name: str | None
    issued_on: str
    valid_until: str

"""What the commands about records, cases, quality and subscriptions share."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ledger.client import Client, Submitted
from ledger.commands.asking import read_number
from ledger.errors import NotYetPublished

CHINA = timedelta(hours=8)
LONGEST_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.2
_NAMED = re.compile(r"([0-9A-HJ-NP-RTUW-Y]{18}):([0-9a-f-]{36})").fullmatch

day_type = click.DateTime(["%Y-%m-%d"])
on_option = click.option("--on", type=day_type, help="日期 · The day it took effect; today if left out.")
desk_option = click.option(
    "--operator", default=None, help="The operator's id (a desk) within the member; logged."
)


def look_options(command: Any) -> Any:
    """Who looks and why; who handles what is looked at may leave purpose and basis out."""
    for option in (
        click.option("--basis", help="法律依据 · The legal basis; logged."),
        click.option("--purpose", help="用途 · The purpose; logged, and needed for what others handle."),
        desk_option,
    ):
        command = option(command)
    return command


if TYPE_CHECKING:
    _StatementType = click.ParamType[tuple[str, str]]
else:
    # Not generic in earlier versions of the package.
    _StatementType = click.ParamType


class StatementName(_StatementType):
    """A statement as ISSUER:ID."""

    name = "ISSUER:ID"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        found = _NAMED(value)
        if found is None:
            self.fail("a statement is named as ISSUER:ID, as answers show it", param, ctx)
        return found.group(1), found.group(2)


def day_of(on: datetime | None) -> str:
    """The day given, or today in China."""
    return (on or datetime.now(UTC) + CHINA).date().isoformat()


def read_person() -> dict[str, str]:
    """A person's number and name from the keyboard, unseen, or from two lines of standard input."""
    number = read_number("公民身份号码 · resident ID")
    return {"document_number": number, "name": read_number("姓名 · name")}


def await_published(client: Client, made: Submitted) -> bool:
    """Wait until a statement is under a checkpoint, so that answers show it; False where that takes long."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        try:
            client.bundle("credit", made.receipt.issuer, made.id)
        except NotYetPublished:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True


def accepted_line(issuer: str, id: str) -> str:
    """That a statement was accepted, and how others refer to it."""
    return f"已受理 · accepted: {issuer}:{id}"


NOT_SHOWN_YET = (
    "已受理，尚未进入检查点，请稍后再看。 Accepted, and not under a checkpoint yet; look again later."
)

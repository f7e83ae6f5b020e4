"""`overdue`: what was to be done by now and is not, for each authority."""

from datetime import datetime
from typing import Any

import click

from ledger.client import Client
from ledger.commands.common import client_options, json_option, print_json, say
from ledger.formats.words import DUTIES

EXIT_NO = 1


@click.command()
@client_options
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="As of this day; today if left out.")
@click.option("--authority", metavar="USCC", help="Only this authority's; all if left out.")
@click.option("--kind", type=click.Choice(list(DUTIES)), help="Only this kind; all if left out.")
@click.option("--after", help="The cursor of the next page.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@json_option
def overdue(client: Client, day: datetime | None, as_json: bool, **asked: Any) -> int:
    """List the duties that are past their deadline and not done. Exit status 1 when there are any."""
    answer = client.overdue(day=day.date().isoformat() if day else None, **asked)
    if as_json:
        print_json(answer)
        return EXIT_NO if answer["total"] else 0
    say(f"{answer['day']}: 逾期 overdue {answer['total']}")
    for count in answer["counts"]:
        say(
            f"  {count['authority']} {count['authority_name']}: {DUTIES[count['kind']]} {count['kind']} "
            f"{count['count']}, 最早 oldest {count['oldest']}"
        )
    for line in answer["lines"]:
        record, step = line["record"], line["started_by"]
        say(
            f"{line['due']}  {DUTIES[line['kind']]} {line['kind']}  {line['authority']}  "
            f"记录 record {record['issuer']}:{record['id']} (条目 entry {record['index']}), "
            f"起于 started by entry {step['index']}"
        )
    if answer["next"] is not None:
        say(f"下一页 next page: --after {answer['next']}")
    return EXIT_NO if answer["total"] else 0

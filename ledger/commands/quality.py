"""`quality`: an authority's figures for a month, reported and as the log shows them."""

from typing import Any

import click

from ledger.client import Client
from ledger.commands.asking import bundle_option
from ledger.commands.common import client_options, json_option, print_json, say, write_bundle
from ledger.commands.loop import accepted_line

_month = click.option("--month", metavar="YYYY-MM")
_HUNDREDTHS = 100


@click.group()
def quality() -> None:
    """数据质量 · Quality of publication: reported figures beside what the log shows."""


@quality.command()
@client_options
@click.option("--month", metavar="YYYY-MM", required=True)
@click.option("--decided", type=click.IntRange(0), required=True, help="作出决定数 · Decisions of the month.")
@click.option("--published", type=click.IntRange(0), required=True, help="公示数 · Of them published.")
@click.option("--conforming", type=click.IntRange(0), required=True, help="合规数 · Of these in good form.")
@click.option("--late", type=click.IntRange(0), required=True, help="迟报数 · Of these late.")
@click.option(
    "--withheld", type=click.IntRange(0), default=0, show_default=True, help="瞒报数 · Found withheld."
)
@click.option("--name", help="The authority's name; as registered, if left out.")
@json_option
def report(client: Client, month: str, name: str | None, as_json: bool, **figures: int) -> None:
    """Report this authority's figures for a month; the latest report of a month counts."""
    _, member = client.identity()
    authority = {"uscc": member, "name": name or name_of(client, member)}
    made = client.publish("credit.quality.reported", {"authority": authority, "month": month, **figures})
    if as_json:
        print_json({"issuer": member, "id": made.id})
    else:
        say(accepted_line(member, made.id))


@quality.command()
@client_options
@click.option("--authority", metavar="USCC", help="This authority; all, for auditors, if left out.")
@_month
@click.option("--after", help="The cursor `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@bundle_option
@json_option
def show(client: Client, bundle_path: Any, as_json: bool, **query: Any) -> int:
    """Show figures, newest month first. Exit status 1: report and log differ somewhere."""
    answer = client.quality(**query)
    write_bundle(answer["bundle"], bundle_path)
    differ = any(line["differences"] for line in answer["lines"])
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "bundle"})
        return int(differ)
    for line in answer["lines"]:
        _show_line(line)
    if not answer["lines"]:
        say("  没有数据 · no figures")
    say(f"已统计日志条目 · counted over {answer['scanned']} entries")
    if answer["next"]:
        say(f"下一页 · next page: --after {answer['next']}")
    return int(differ)


def name_of(client: Client, member: str) -> str:
    """A member's registered name."""
    names = {each["id"]: each["name"] for each in client.members()["members"]}
    return str(names.get(member, member))


def _show_line(line: Any) -> None:
    logged, reported = line["logged"], line["reported"]
    say(f"{line['month']}  {line['authority']}  {line['authority_name']}")
    if reported is None:
        say("  未上报 · not reported")
    else:
        say(
            f"  上报 reported: 决定 decided {reported['decided']}, 公示 published {reported['published']}, "
            f"合规率 conforming {_rate(reported['conformity_rate'])}, "
            f"迟报 late {reported['late']} ({_rate(reported['lateness_rate'])}), "
            f"瞒报 withheld {reported['withheld']}"
        )
    say(f"  日志 the log: 公示 published {logged['published']}, 迟报 late {logged['late']}")
    differences = [each for each in line["differences"] if each != "not_reported"]
    if differences:
        say(f"  不一致 · differ in: {', '.join(differences)}")


def _rate(rate: int | None) -> str:
    return "-" if rate is None else f"{rate // _HUNDREDTHS}.{rate % _HUNDREDTHS:02}%"

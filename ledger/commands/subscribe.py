"""`subscribe`: webhooks that are told of new and ended records, and what could not be told."""

from typing import Any

import click

from ledger.client import Client
from ledger.commands.asking import reason_options
from ledger.commands.common import client_options, json_option, print_json, say


@click.group()
def subscribe() -> None:
    """订阅 · Be told of new and ended records, by webhook."""


@subscribe.command()
@client_options
@reason_options
@click.option("--kind", "kinds", multiple=True, help="A kind of record; list entries if left out.")
@click.option("--list", "lists", multiple=True, help="A list of the catalogue; all if left out.")
@click.option("--persons", is_flag=True, help="Of natural persons too; needs --basis-code and --matter.")
@click.option("--matter", help="What persons' records are wanted for.")
@json_option
@click.argument("webhook", metavar="URL")
def add(
    client: Client,
    webhook: str,
    kinds: tuple[str, ...],
    lists: tuple[str, ...],
    as_json: bool,
    **more: Any,
) -> None:
    """Have notices posted to URL from now on; the first one says that it works."""
    made = client.subscribe(webhook, kinds=list(kinds), lists=list(lists), **more)
    _print(made, as_json)


@subscribe.command("list")
@client_options
@json_option
def list_(client: Client, as_json: bool) -> None:
    """This member's subscriptions, for the operator those of all."""
    found = client.subscriptions()
    if as_json:
        print_json(found)
        return
    for each in found["subscriptions"]:
        _print(each, False)
    if not found["subscriptions"]:
        say("  没有订阅 · no subscriptions")


@subscribe.command()
@client_options
@json_option
@click.argument("subscription")
def show(client: Client, subscription: str, as_json: bool) -> int:
    """How a subscription does. Exit status 1: its receiver does not take what it is sent."""
    found = client.subscription(subscription)
    _print(found, as_json)
    return int(bool(found["failure"] or found["dead_letters"]))


@subscribe.command()
@client_options
@json_option
@click.argument("subscription")
def remove(client: Client, subscription: str, as_json: bool) -> None:
    """End a subscription; what was not delivered is forgotten."""
    ended = client.unsubscribe(subscription)
    if as_json:
        print_json(ended)
    else:
        say(f"已取消订阅 · ended: {subscription}")


@subscribe.command("dead-letters")
@client_options
@click.option("--after", help="The cursor `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@json_option
@click.argument("subscription")
def dead_letters(client: Client, subscription: str, as_json: bool, **page: Any) -> None:
    """Notices that were given up."""
    found = client.dead_letters(subscription, **page)
    if as_json:
        print_json(found)
        return
    for each in found["dead_letters"]:
        waiting = "  将重试 to be tried" if each["waiting"] else ""
        say(
            f"  {each['number']}  {each['event']}  条目 entry {each['index']}  {each['failure']}  "
            f"尝试 tries {each['tries']}  {each['given_up_at']}{waiting}"
        )
    if not found["dead_letters"]:
        say("  没有死信 · no dead letters")
    if found["next"]:
        say(f"下一页 · next page: --after {found['next']}")


@subscribe.command()
@client_options
@click.option("--number", "numbers", type=int, multiple=True, help="One of them; all if left out.")
@json_option
@click.argument("subscription")
def retry(client: Client, subscription: str, numbers: tuple[int, ...], as_json: bool) -> None:
    """Have dead letters tried once more."""
    found = client.retry_dead_letters(subscription, numbers or None)
    if as_json:
        print_json(found)
    else:
        say(f"将重试 · to be tried once more: {found['retried']}")


def _print(found: Any, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    wanted = ", ".join(found["lists"] or found["kinds"])
    say(f"{found['subscription']}  {found['url']}")
    say(f"  {found['member']}  {wanted}  {found['purpose']} ({found['basis']})")
    say(
        f"  已送达 delivered {found['delivered']}, 死信 dead letters {found['dead_letters']}"
        + (f", 最近失败 last failure {found['failure']} {found['failed_at']}" if found["failure"] else "")
    )

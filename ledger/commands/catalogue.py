"""`catalogue`: which editions of the catalogue there are, whether one is in form, putting one in force."""

from pathlib import Path
from typing import Any

import click

from ledger.catalog import Catalogue, load_catalogue
from ledger.commands.common import folder_option, json_option, note, open_deployment, print_json
from ledger.deployment import Deployment
from ledger.errors import IntegrityError, LedgerError
from ledger.log.clock import china_day
from ledger.services.editions import edition_id, place_edition, state_editions

_TABLES = ("lists", "measures", "matters", "rules", "terms", "deadlines", "bases", "certificate_types")


@click.group()
def catalogue() -> None:
    """Show, check and publish editions of the catalogue: lists, measures, matters, rules, terms."""


@catalogue.command()
@folder_option
@json_option
def show(folder: Path, as_json: bool) -> None:
    """List the editions, from when each applies, and whether the log has its statement."""
    deployment = open_deployment(folder)
    today = china_day(deployment.clock())
    current = deployment.editions.current(today)
    rows = [_row(deployment, edition, edition is current) for edition in deployment.editions.all()]
    deployment.close()
    if as_json:
        print_json({"day": today, "current": current.edition, "editions": rows})
        return
    for row in rows:
        mark = "现行 in force" if row["current"] else "        "
        entry = "未入日志 not logged" if row["entry"] is None else f"条目 entry {row['entry']}"
        click.echo(f"{row['edition']}  {row['from']} 起 from  {mark}  {entry}  {row['sm3']}")


@catalogue.command()
@click.argument("source", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
def check(source: Path, as_json: bool) -> None:
    """Check that the edition in FOLDER is in form, whole, and agrees with itself."""
    edition = load_catalogue(source)
    if as_json:
        print_json(_summary(edition))
        return
    _print_edition(edition)


@catalogue.command()
@folder_option
@click.argument("source", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
def publish(folder: Path, source: Path, as_json: bool) -> None:
    """Put the edition in FOLDER in force from its day on, and state it in the log.

    A service and a worker that run take it up by themselves. Publishing the same edition again does nothing.
    """
    deployment = open_deployment(folder)
    today = china_day(deployment.clock())
    edition = place_edition(source, deployment.catalogue_path, deployment.editions, today)
    logged = True
    try:
        state_editions(deployment.editions, deployment.pen, deployment.log("credit").store)
    except IntegrityError:
        raise
    except LedgerError as error:
        # The edition is in place; the worker states it as soon as it can.
        note(f"尚未入日志，后台进程将补记 · not logged yet, the worker will: [{error.code}] {error.detail}")
        logged = False
    finally:
        deployment.close()
    if as_json:
        print_json(_summary(edition) | {"logged": logged})
        return
    _print_edition(edition)
    click.echo(f"已发布，{edition.from_day} 起适用 · published, applies from that day")


def _row(deployment: Deployment, edition: Catalogue, current: bool) -> dict[str, Any]:
    stated = deployment.log("credit").store.find(deployment.config.operator, edition_id(edition))
    return {
        "edition": edition.edition,
        "from": edition.from_day,
        "sm3": edition.sm3,
        "current": current,
        "entry": None if stated is None else stated.index,
    }


def _summary(edition: Catalogue) -> dict[str, Any]:
    counts = {table: len(getattr(edition, table)) for table in _TABLES}
    return {"edition": edition.edition, "from": edition.from_day, "sm3": edition.sm3, "rows": counts}


def _print_edition(edition: Catalogue) -> None:
    click.echo(f"版本 edition {edition.edition}, {edition.from_day} 起 from, SM3 {edition.sm3}")
    counts = _summary(edition)["rows"]
    click.echo("  " + ", ".join(f"{table} {count}" for table, count in counts.items()))

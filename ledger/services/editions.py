"""Editions of the catalogue: checked, put into a deployment whole or not at all, and stated in the log.

    edition = place_edition(folder, deployment.catalogue_path, deployment.editions, today)
    states = state_editions(deployment.editions, pen, store)

A new edition begins on the day it is placed or later, and after all others: what was decided under an
edition is never decided anew by one that came after it. Which edition applies on a day is read from the
editions themselves; the statement in the log binds the operator to their bytes.
"""

import os
import shutil
from dataclasses import asdict
from datetime import date
from pathlib import Path

import ledger.catalog
from ledger.catalog import Catalogue, Editions, load_catalogue
from ledger.domain.reports import CataloguePublished
from ledger.errors import ConfigurationError, EditionRefused, IdReused
from ledger.files import create_file
from ledger.formats.statement import Reference, new_id
from ledger.gm import sm3
from ledger.services.pen import Pen
from ledger.store.port import LogStore

KIND = "credit.catalogue.published"


def place_edition(source: Path, target: Path, editions: Editions, today: str) -> Catalogue:
    """Copy the edition in the folder `source` into `target/<edition>`, durably, and return it.

    An edition that is there already, byte for byte, is left as it is. Raises `ConfigurationError` when the
    edition is not in form, `EditionRefused` when its name is taken or it does not begin after all others, and
    when it begins before today.
    """
    edition = load_catalogue(source)
    known = editions.find(edition.edition)
    if known is not None:
        if known.sm3 != edition.sm3:
            raise EditionRefused(f"edition {edition.edition} is there already and has other files")
        return known
    latest = editions.all()[-1]
    if edition.from_day <= latest.from_day:
        raise EditionRefused(f"it must begin after edition {latest.edition}, which begins {latest.from_day}")
    if edition.from_day < today:
        raise EditionRefused(f"it begins on {edition.from_day}, which is over")
    _copy(source, target, edition)
    placed = load_catalogue(target / edition.edition)
    if placed.sm3 != edition.sm3:
        raise ConfigurationError("the files changed while they were copied; publish them again")
    return placed


def keep_shipped(target: Path) -> bool:
    """Keep the edition that ships with the package among the deployment's own; returns whether it was new.

    Else it would be gone when the package ships another, and with it what applied until then.
    """
    edition = load_catalogue()
    if (target / edition.edition).exists():
        return False
    _copy(Path(ledger.catalog.__file__).parent, target, edition)
    return True


def _copy(source: Path, target: Path, edition: Catalogue) -> None:
    """Write a folder elsewhere, sync it, rename it into place.

    The draft is not made in `target`, so that its one change is the edition's coming: readers look at nothing
    but the time of that.
    """
    draft = target.with_name(f".edition-{edition.edition}.{os.getpid()}")
    try:
        target.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for file in edition.files:
            create_file(draft / file.name, (source / file.name).read_bytes())
        _sync(draft)
        # A crash before this leaves a draft that nobody reads; a crash after it the whole edition, which the
        # worker states in the log.
        draft.rename(target / edition.edition)
        _sync(target)
        _sync(target.parent)
    except OSError as error:
        if (target / edition.edition).is_dir():
            # Another process put it there first; whether it is the same is for the caller to see.
            return
        raise ConfigurationError(f"the edition cannot be copied: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def edition_id(edition: Catalogue) -> str:
    """The id of the statement of an edition: always the same, so that it is stated once."""
    begins = date.fromisoformat(edition.from_day)
    milliseconds = round((begins - date(1970, 1, 1)).total_seconds() * 1000)
    return new_id(milliseconds, sm3(f"{KIND}\0{edition.edition}\0{edition.sm3}".encode())[:10])


def state_editions(editions: Editions, pen: Pen, store: LogStore) -> list[Reference]:
    """State every edition that the log does not have yet, in their order; returns the statements made.

    Raises what appending raises, `RoleMissing` among it.
    """
    made = []
    previous: Catalogue | None = None
    for edition in editions.all():
        id = edition_id(edition)
        if store.find(pen.issuer, id) is None:
            try:
                pen.state(KIND, _body(edition, previous), id=id)
                made.append(Reference(pen.issuer, id))
            except IdReused:
                # Another process stated it a moment ago.
                pass
        previous = edition
    return made


def _body(edition: Catalogue, previous: Catalogue | None) -> CataloguePublished:
    return CataloguePublished.model_validate(
        {
            "edition": edition.edition,
            "from": edition.from_day,
            "sm3": edition.sm3,
            "files": [asdict(file) for file in edition.files],
            "asks": {code: list(edition.asks(code)) for code in edition.matters},
            "previous": previous.edition if previous else None,
        }
    )

"""The files of a catalogue's edition as they were published, for those who verify a receipt offline."""

from collections.abc import Mapping
from pathlib import Path

from ledger.catalog import Catalogue
from ledger.errors import Unavailable
from ledger.gm import sm3
from ledger.verify.tables import FILES


def table_files(catalogue: Catalogue, folders: tuple[Path, ...]) -> Mapping[str, bytes]:
    """The bytes of the tables of `FILES` as they stand in the first of the folders that has this edition.

    Raises `Unavailable` when none has it: the digests must be those that were loaded.
    """
    digests = {row.name: row.sm3 for row in catalogue.files}
    for folder in folders:
        try:
            found = {name: (folder / name).read_bytes() for name in FILES}
        except OSError:
            continue
        if all(sm3(data).hex() == digests[name] for name, data in found.items()):
            return found
    raise Unavailable(f"the tables of edition {catalogue.edition} are not where they were read from")

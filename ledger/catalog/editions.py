"""All editions of the catalogue: the one that ships with the package, and those of a deployment.

A deployment's further editions are folders of its `catalogue/`, named by their edition. Put one there by
renaming a complete folder into place. Editions are read when first asked for and again when the folder
changed, so that every process sees a new one; an edition in it that cannot be read never takes away those
that were.
"""

import threading
from pathlib import Path

from ledger.catalog.loader import Catalogue, load_catalogue
from ledger.errors import ConfigurationError


class Editions:
    """The editions below `folder` (`<deployment>/catalogue`, which need not be there) and the shipped one.

    Thread-safe. The first use raises `ConfigurationError` when an edition cannot be read, when a folder does
    not bear its edition's name, or when it differs from the shipped edition of that name. Of two editions
    that begin on one day the later one counts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._loaded: tuple[Catalogue, ...] = ()

    def all(self) -> tuple[Catalogue, ...]:
        """Every edition, by the day from which it applies."""
        changed = self._changed()
        if self._loaded and changed == self._seen:
            return self._loaded
        with self._lock:
            if self._loaded and changed == self._seen:
                return self._loaded
            try:
                self._loaded = self._load()
            except ConfigurationError:
                if not self._loaded:
                    raise
            else:
                self._seen = changed
            return self._loaded

    def at(self, day: str) -> Catalogue:
        """The edition in force on a day (YYYY-MM-DD); before the first one began, the first."""
        editions = self.all()
        return next((row for row in reversed(editions) if row.from_day <= day), editions[0])

    def current(self, day: str) -> Catalogue:
        """The edition in force today; `day` is today, which the caller's clock knows."""
        return self.at(day)

    def before(self, catalogue: Catalogue) -> tuple[Catalogue, ...]:
        """The editions that were in force before one, the oldest first; for `rules_of`."""
        order = _order(catalogue)
        return tuple(row for row in self.all() if _order(row) < order)

    def find(self, edition: str) -> Catalogue | None:
        """An edition by name."""
        return next((row for row in self.all() if row.edition == edition), None)

    def _changed(self) -> int:
        if self._folder is None:
            return 0
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return 0

    def _load(self) -> tuple[Catalogue, ...]:
        shipped = load_catalogue()
        editions = {shipped.edition: shipped}
        for folder in self._folders():
            edition = load_catalogue(folder)
            if edition.edition != folder.name:
                raise ConfigurationError(f"the catalogue folder {folder.name} holds another edition")
            if editions.setdefault(edition.edition, edition).sm3 != edition.sm3:
                raise ConfigurationError(f"the catalogue edition {folder.name} is there twice, and differs")
        return tuple(sorted(editions.values(), key=_order))

    def _folders(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _order(row: Catalogue) -> tuple[str, tuple[int, ...]]:
    return row.from_day, tuple(int(part) for part in row.edition.split("."))

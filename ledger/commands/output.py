"""Files that commands write. Whether they can be is asked before anything else: a look is logged, an
authorisation used up and a sheet imported, whether or not the answer can then be kept."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _FilePath = click.Path[Path]
else:
    # Not generic in earlier versions of the package.
    _FilePath = click.Path


class OutFile(_FilePath):
    """A file to write, in a folder that is there; with `suffix`, of that ending, since it is of that form."""

    def __init__(self, suffix: str | None = None) -> None:
        super().__init__(path_type=Path, dir_okay=False, writable=True)
        self.suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(super().convert(value, param, ctx))
        folder = path.parent
        if not folder.is_dir():
            self.fail(f"文件夹不存在 · there is no folder {folder}", param, ctx)
        if not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"文件夹不可写 · the folder {folder} cannot be written to", param, ctx)
        if self.suffix is not None and path.suffix.lower() != self.suffix:
            self.fail(
                f"文件名须以 {self.suffix} 结尾 · the file's name must end in {self.suffix}", param, ctx
            )
        return path


def refuse_same(option: str, path: Path | None, source: Path) -> None:
    """Refuse to write over what is read; raises `click.UsageError`."""
    if path is not None and path.exists() and path.samefile(source):
        raise click.UsageError(f"不能覆盖输入文件 · {option} must be another file than {source}")

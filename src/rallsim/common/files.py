"""Where the package's own files are, and how files are written so that nothing is lost or half there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rallsim.errors import InputError, Problem

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """Return the folder `params` or `scenarios`: of the checkout, or of the installed wheel.

    >>> (shipped("params") / "evidence" / "sources.csv").exists()
    True
    """
    installed = PACKAGE / "data" / folder
    return installed if installed.is_dir() else PACKAGE.parents[1] / folder


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, moved over it when the block ends without an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror}", file=str(path))) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()

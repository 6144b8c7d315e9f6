"""How far something long is, shown on a terminal's standard error and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def bar_of(words: str, total: float, *, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """Show one bar; gives what takes the part just done, or None where nobody would see it."""
    with bars(quiet=quiet) as shown:
        if shown is None:
            yield None
            return
        task = shown.add_task(words, total=total)
        yield lambda finished: shown.advance(task, finished)


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress | None]:
    """Show bars with words, percentage and time left; None where nobody would see them."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield shown

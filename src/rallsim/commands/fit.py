"""`rallsim fit`: from the evidence to `params/fitted/`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rallsim.commands.options import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from rich.progress import TaskID

    from rallsim.fit.calibrate import Progress

PLACE = 75  # among the commands that `--help` lists


def fit(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the fitted files are current.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Calibrate again although nothing has changed.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the draws.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Threads that share the simulation; results are the same.")] = 2,
) -> None:
    """Fit parameters to the evidence, calibrate the rest to the trials, and write params/fitted/.

    First what single published numbers settle (one file a parameter file), then the joint posterior: every number drawn
    by its printed uncertainty, and what no paper prints calibrated to the trials with the whole model
    (calibrated.yaml, posterior.csv). Takes some minutes; interrupted, it leaves the old files. With --check nothing is
    written; the exit code is 1 when a fitted file is stale.
    """
    from rallsim.commands.shared import announce_compiling
    from rallsim.fit.posterior import is_stale, starting_point, write_posterior
    from rallsim.fit.run import stale_fits, write_fits

    changed = stale_fits() if check else write_fits()
    for path in changed:
        print(f"{'stale' if check else 'written'}: {path}")
    start = starting_point()
    stale = fresh or is_stale(start)
    if stale and check:
        print(f"stale: {start.folder / 'fitted' / 'calibrated.yaml'}")
    elif stale:
        announce_compiling("simulation.batch")
        try:
            with _progress() as progress:
                written = write_posterior(start, seed=seed, workers=workers, progress=progress)
        except KeyboardInterrupt:
            print("rallsim: interrupted, the old posterior stays", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        for path in written:
            print(f"written: {path}")
    elif not changed:
        print("All fitted files are current.")
    if check and (changed or stale):
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show what is being done and how far it is, on a terminal's standard error."""
    from rallsim.common.progress import bars

    with bars(quiet=False) as shown:
        if shown is None:
            yield None
            return
        tasks: dict[str, TaskID] = {}

        def progress(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=1.0)
            shown.update(tasks[what], completed=share)

        yield progress

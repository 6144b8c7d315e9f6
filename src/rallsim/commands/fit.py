"""`rallsim fit`: from the evidence to `params/fitted/`."""

from __future__ import annotations

from typing import Annotated

import typer

from rallsim.commands.options import FAILED

PLACE = 75  # among the commands that `--help` lists


def fit(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the fitted files are current.")] = False,
) -> None:
    """Fit what parameter files ask for to the evidence, and write params/fitted/.

    With --check nothing is written; the exit code is 1 when a fitted file is stale.
    """
    from rallsim.fit.run import stale_fits, write_fits

    changed = stale_fits() if check else write_fits()
    for path in changed:
        print(f"{'stale' if check else 'written'}: {path}")
    if not changed:
        print("All fitted files are current.")
    if check and changed:
        raise typer.Exit(FAILED)

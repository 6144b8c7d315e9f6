"""`rallsim explain`: one patient's story under every strategy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rallsim.commands.options import HorizonOption, JsonOption, ScenarioArgument, SeedOption, SetOption, VariantOption
from rallsim.errors import InputError, Problem

PLACE = 30  # among the commands that `--help` lists


def explain(
    scenario: ScenarioArgument,
    patient: Annotated[int, typer.Option("--patient", metavar="N", help="Number in the history, from 0.")],
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="ID", help="Only under this strategy. Repeatable; all when left out."),
    ] = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: Annotated[
        bool,
        typer.Option(
            "--costs",
            help="Add the ledger: every charge with quantity, price and source, and QALYs. Other prices by "
            "--set economics.costs=fr.",
        ),
    ] = False,
    horizon: HorizonOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.csv", help="With --costs: write the ledger to this new file too."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell one patient's story under every strategy, side by side, with where the paths part and why.

    The events are those of a run with the same seed, by whatever engine; only this patient is simulated. With --costs
    the story goes on for as long as costs are counted.

    Example: rallsim explain first_salvage --patient 17 --costs
    """
    from rallsim.commands.shared import announce_compiling, economic_options, economics_wanted, load_checked
    from rallsim.explain.show import print_story
    from rallsim.explain.story import explain as story_of
    from rallsim.report.terminal import records, terminal

    _check_out(out, horizon, costs)
    options = economic_options(horizon=horizon)
    loaded, parameters = load_checked(scenario, None, seed, settings, variant, options)
    economics = economics_wanted(loaded, parameters) if costs else None
    loaded = loaded.followed_for(economics.horizon_months) if economics else loaded
    announce_compiling("simulation.agents")  # the story leads the patient as the agents do
    story = story_of(loaded, patient, parameters, strategies=strategies or ())
    document = story.as_data() if as_json else {}
    if not as_json:
        print_story(story, terminal())
    if economics:
        from rallsim.common.files import written_atomically
        from rallsim.explain.bill import bill, print_bill, valuations_of

        valuations = valuations_of(story, economics)
        table = bill(story, valuations)
        if out:
            with written_atomically(out) as temporary:
                table.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")
        if as_json:
            document["economics"] = {
                **economics.as_data(),
                "ledger": records(table),
                "totals": {
                    name: {what: float(values[0]) for what, values in one.totals().items()}
                    for name, one in valuations.items()
                },
            }
        else:
            print_bill(story, economics, valuations, terminal())
            if out:
                print(f"\nSaved in {out}")
    if as_json:
        print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))


def _check_out(out: Path | None, horizon: str | float | None, costs: bool) -> None:
    """Refuse a file or a horizon for a ledger that is not asked for, and a file that is there already."""
    for option, given in (("--out", out), ("--horizon", horizon)):
        if given is not None and not costs:
            raise InputError(Problem("must come with --costs: there is no ledger without it", key=option))
    if out and out.exists():
        raise InputError(Problem("must be a new file: nothing is overwritten", file=str(out), allowed="a new file"))

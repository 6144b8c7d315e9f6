"""`rallsim explain`: one patient's story under every strategy."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rallsim.commands.options import JsonOption, ScenarioArgument, SeedOption, SetOption, VariantOption

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
    as_json: JsonOption = False,
) -> None:
    """Tell one patient's story under every strategy, side by side, with where the paths part and why.

    The events are those of a run with the same seed, by whatever engine; only this patient is simulated.

    Example: rallsim explain first_salvage --patient 17
    """
    from rallsim.commands.shared import announce_compiling, load_checked
    from rallsim.explain.show import print_story
    from rallsim.explain.story import explain as story_of
    from rallsim.report.terminal import terminal

    loaded, parameters = load_checked(scenario, None, seed, settings, variant)
    announce_compiling("agents")  # the story leads the patient as the agents do
    story = story_of(loaded, patient, parameters, strategies=strategies or ())
    if as_json:
        print(json.dumps(story.as_data(), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        print_story(story, terminal())

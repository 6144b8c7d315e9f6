"""Both structures side by side, printed in a terminal: the simulation, and partitioned survival from its own curves."""

from __future__ import annotations

import pandas as pd

from rallsim.economics import extrapolation, partitioned_survival
from rallsim.economics.evaluation import Evaluation
from rallsim.report.terminal import terminal


def print_structure(evaluation: Evaluation, structure: pd.DataFrame, tails: pd.DataFrame) -> None:
    """Say how far a partitioned-survival model of the same curves is from the simulation, and why."""
    console = terminal()
    scenario = evaluation.scenario
    labels = {name: strategy.label for name, strategy in scenario.strategies.items()}
    console.print(f"\n{scenario.title}: partitioned survival beside the simulation", style="bold", highlight=False)
    gains = partitioned_survival.increments(structure, scenario.reference)
    if gains.empty:
        console.print("· One strategy alone has no increments to compare; structure.csv holds both answers.")
    for sentence in partitioned_survival.in_words(gains, labels):
        console.print(f"· {sentence}", highlight=False)
    console.print("\nCurves cut at a trial's follow-up and extrapolated", style="bold", highlight=False)
    for sentence in extrapolation.in_words(tails, labels):
        console.print(f"· {sentence}", highlight=False)
    console.print()

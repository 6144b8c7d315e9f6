"""Options that several commands share, and the exit codes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from rallsim.simulation.engines import ENGINES

EngineName = StrEnum("EngineName", list(ENGINES))  # type: ignore[misc]  # choices from what exists
DEFAULT_ENGINE = EngineName(ENGINES[0])
FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

ScenarioArgument = Annotated[
    str, typer.Argument(help="A YAML file, or the id of a shipped scenario.", metavar="SCENARIO")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replace one value: a scenario key (patients=500) or a parameter (hsct.sos_fatality=0.2). Repeatable.",
    ),
]
PatientsOption = Annotated[int | None, typer.Option("--patients", metavar="N", help="Patients, instead of the file's.")]
SeedOption = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed, instead of the file's.")]
EngineOption = Annotated[
    EngineName,
    typer.Option("--engine", help="batch: compiled loop; agents: a SimPy process a patient. The results are the same."),
]
VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant", metavar="NAME", help="Switch on a structural alternative of params/variants. Repeatable."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]


def _rates(text: str) -> dict[str, float]:
    """Read RATE or COSTS,QALYS."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise typer.BadParameter(f"must be a rate, 0.035 for 3.5 % a year, or two as in 0.03,0.015, got {text!r}")
    return {"costs": numbers[0], "qalys": numbers[-1]}


CostsOption = Annotated[
    str | None,
    typer.Option(
        "--costs", metavar="ID|FILE", help="Prices: uk, fr, a YAML file of your own, or none for no economics."
    ),
]
PerspectiveOption = Annotated[
    str | None,
    typer.Option("--perspective", metavar="ID", help="Whose discount rates and thresholds: nice, has ..., or none."),
]
DiscountOption = Annotated[
    Any,
    typer.Option(
        "--discount",
        metavar="RATE[,RATE]",
        parser=_rates,
        help="Annual effective rate of costs and QALYs, or one for each.",
    ),
]


def _months(text: str) -> str | float:
    """Read lifetime or a number of months."""
    try:
        return text if text == "lifetime" else float(text)
    except ValueError:
        raise typer.BadParameter(f"must be lifetime, or months as in 120, got {text!r}") from None


HorizonOption = Annotated[
    Any,
    typer.Option(
        "--horizon",
        metavar="lifetime|MONTHS",
        parser=_months,
        help="How long costs, QALYs and life years are counted; for life when not given.",
    ),
]
WtpOption = Annotated[
    list[float] | None,
    typer.Option(metavar="AMOUNT", help="Willingness to pay for one QALY. Repeatable."),
]

"""What several commands do: load and check, say that they compile, show how far they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from rallsim.commands.options import INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path

    from rallsim.economics.settings.settings import EconomicSettings
    from rallsim.inputs.parameters import ParameterSet
    from rallsim.inputs.scenario import Scenario
    from rallsim.simulation.simulate import Simulation


def load_checked(
    scenario: str,
    patients: int | None,
    seed: int | None,
    settings: list[str] | None,
    variants: list[str] | None = None,
    economics: dict[str, object] | None = None,
) -> tuple[Scenario, ParameterSet]:
    """Load a scenario and the parameters, and check the one against the other completely."""
    from rallsim.inputs.parameter_cache import shipped_parameters
    from rallsim.inputs.scenario import load_scenario
    from rallsim.simulation.engine_inputs import check_scenario, parameters_for

    parameters = shipped_parameters()
    loaded = load_scenario(
        scenario,
        settings=settings or [],
        patients=patients,
        seed=seed,
        variants=variants or [],
        economics=economics,
        parameter_fault=parameters.fault,
    )
    parameters = parameters_for(loaded, parameters)
    check_scenario(loaded, parameters)
    return loaded, parameters


def economic_options(
    costs: str | None = None,
    perspective: str | None = None,
    discount: dict[str, float] | None = None,
    wtp: list[float] | None = None,
    horizon: str | float | None = None,
) -> dict[str, object]:
    """Return the options as keys of a scenario's `economics`; a file of costs is one of the current folder."""
    from pathlib import Path

    own = costs is not None and costs.endswith((".yaml", ".yml"))
    found = {
        "costs": str(Path(costs).absolute()) if own and costs else costs,
        "perspective": perspective,
        "discount": discount,
        "wtp": wtp or None,
        "horizon_months": horizon,
    }
    return {key: value for key, value in found.items() if value is not None}


def economics_checked(scenario: Scenario, parameters: ParameterSet) -> EconomicSettings | None:
    """Read and check what costs and QALYs are counted with; say on standard error why there are none, if unasked."""
    from rallsim.economics.settings.settings import economic_settings

    return economic_settings(scenario, parameters, lambda why: print(f"rallsim: {why}", file=sys.stderr))


def economics_wanted(scenario: Scenario, parameters: ParameterSet) -> EconomicSettings:
    """Read and check what costs and QALYs are counted with; refuse a scenario that has none."""
    from rallsim.economics.settings.settings import economic_settings
    from rallsim.errors import InputError, Problem

    reasons: list[str] = []
    found = economic_settings(scenario, parameters, reasons.append)
    if found is None:
        why = ", ".join(reasons) or "its economics.costs are none"
        raise InputError(Problem(f"cannot count costs and QALYs: {why}", file=str(scenario.path)))
    return found


def announce_compiling(module: str) -> None:
    """Say so on standard error when a module must compile the pathway first."""
    from rallsim.simulation.engines import must_compile

    if must_compile(module):
        print("Compiling the pathway for this machine, once: some 15 seconds ...", file=sys.stderr, flush=True)


def print_plan(scenario: Scenario, folder: Path, as_json: bool, economics: EconomicSettings | None = None) -> None:
    """Print what a run would do."""
    histories = scenario.patients * len(scenario.strategies)
    plan = {
        "scenario": scenario.id,
        "title": scenario.title,
        "strategies": list(scenario.strategies),
        "patients": scenario.patients,
        "histories": histories,
        "horizon_months": scenario.horizon_months,
        "seed": scenario.seed,
        "folder": str(folder),
        "economics": economics.as_data() if economics else None,
    }
    if as_json:
        print(json.dumps(plan, indent=2))
        return
    print(f"{scenario.title}: everything is in order, nothing was run.")
    print(f"  {scenario.patients:,} patients × {len(scenario.strategies)} strategies = {histories:,} histories")
    print(f"  strategies: {', '.join(scenario.strategies)}; reference: {scenario.reference}")
    print(f"  outcomes up to {scenario.horizon_months:g} months, seed {scenario.seed}")
    if economics:
        from rallsim.report.economics import basis_words

        print(f"  costs and QALYs: {basis_words(economics)}")
    print(f"  results would go to {folder}/")


def simulated(
    scenario: Scenario, parameters: ParameterSet, engine: str, *, quiet: bool, workers: int = 1, for_life: bool = False
) -> Simulation:
    """Simulate, saying how far it is and, before, that it compiles; an interruption ends the command.

    What is valued is simulated `for_life`, whatever the horizon of costs: severity and ICERs of life need it.
    """
    from rallsim.common.progress import bar_of
    from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
    from rallsim.simulation.simulate import simulate

    announce_compiling(f"simulation.{engine}")
    total = scenario.patients * len(scenario.strategies)
    with interruptible(), bar_of("Simulating", total, quiet=quiet) as progress:
        months = LIFETIME_MONTHS if for_life else None
        return simulate(scenario, parameters, months=months, engine=engine, workers=workers, progress=progress)


@contextmanager
def interruptible() -> Iterator[None]:
    """End the command on Ctrl-C, saying that nothing was written: for work that ends before anything is."""
    try:
        yield
    except KeyboardInterrupt:
        print("rallsim: interrupted, nothing was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def status_of(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Say what is being done, on a terminal's standard error."""
    if quiet or not sys.stderr.isatty():
        yield lambda words: None
        return
    from rich.console import Console

    with Console(stderr=True).status("...") as status:
        yield lambda words: status.update(f"{words} ...")

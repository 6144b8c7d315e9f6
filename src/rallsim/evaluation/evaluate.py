"""Strategies evaluated for sweeps: simulated and valued under every draw, with nothing kept but sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rallsim.common.records import words
from rallsim.economics.discounting import Discount
from rallsim.economics.settings.settings import EconomicSettings, check_economic_draws, is_economic
from rallsim.economics.valuation.costs import refuse_without_costs
from rallsim.errors import InputError, Problem
from rallsim.evaluation.loop import OUTCOMES, VALUES, Details, add_patients, details_of, empty_sums, tables_of
from rallsim.evaluation.sums import DRAWS, STRATEGIES, Estimates, Evaluation, Floats, Ints
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario
from rallsim.model.patient import PATIENT
from rallsim.model.population import PATHS, Values
from rallsim.model.random_numbers import BLOCK, uniforms_of_block
from rallsim.simulation.engine_inputs import check_draws, check_scenario, parameters_for, prepare
from rallsim.simulation.entrants import blocks_of, entrants_with
from rallsim.simulation.simulate import shared_out

__all__ = [
    "DRAWS",
    "STRATEGIES",
    "Estimates",
    "Evaluation",
    "evaluate",
    "measures_of",
]
DRAWS_AT_ONCE = 50  # in one call of the compiled loop
RECORDS_AT_ONCE = 6_250  # of patients at entry, under all draws in which they differ, held at the same time
HISTORIES_AT_ONCE = 20_000  # of a strategy in one cell, as far as whole blocks go


def measures_of(economics: EconomicSettings | None) -> tuple[str, ...]:
    """Return what is measured: outcomes and numbers of events, and with economics costs, QALYs, life years, resources.

    >>> measures_of(None)[:2], measures_of(None)[-1]
    (('os_months', 'efs_months'), 'events_censored')
    """
    return OUTCOMES if economics is None else (*OUTCOMES, *VALUES)


def evaluate(
    scenario: Scenario,
    parameters: ParameterSet | None = None,
    economics: EconomicSettings | None = None,
    draws: Mapping[str, np.ndarray] | None = None,
    *,
    strategies: Sequence[str] | None = None,
    replicate: int = 0,
    blocks: range | None = None,
    batches: int = 10,
    workers: int = 1,
    first_draw: int = 0,
    survival_at: Sequence[float] = (),
    stage_months: Discount | None = None,
) -> Evaluation:
    """Simulate and value strategies of a scenario under every draw, and keep sums only.

    Without `economics` nothing is valued, and only outcomes are measured.

    `draws` maps paths of parameters to arrays with one value a draw: of the model by their path, of economics as
    `costs.<name>` and `utilities.<name>`; without draws there is one, the base case. `strategies` are all of the
    scenario's when not given; `blocks` are numbers of the blocks of 1,000 patients that the scenario's
    patients fall into, by default all. Patient n belongs to batch n modulo `batches`. `first_draw` is the number of the
    first draw in the result. `workers` threads share the work; the sums do not depend on how many there are. Raises
    InputError with all faults when a path is unknown, a value impossible, or the scenario sets a parameter itself, and
    when a therapy is given that has no costs.

    Outcomes are those up to the scenario's horizon. Values, and with economics numbers of events, are those up to the
    horizon of `economics`, all of life unless it says otherwise.

    Two options measure more, and take more time. `survival_at` (months, up to the horizon) adds `os_at_<t>_months` and
    `efs_at_<t>_months`, the shares without the event; `stage_months` adds `months_in_<stage>`, discounted as it says.

    >>> from rallsim.economics.settings.settings import economic_settings
    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario, parameters = load_scenario("first_salvage", patients=50), load_parameters()
    >>> draws = {"utilities.remission": np.array([0.6, 0.8])}
    >>> found = evaluate(scenario, parameters, economic_settings(scenario, parameters), draws)
    >>> found.strategies, found.mean("qalys").shape
    (('chemotherapy', 'blinatumomab', 'inotuzumab'), (2, 3))
    """
    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    names = tuple(scenario.strategies if strategies is None else strategies)
    chosen = _chosen(blocks_of(scenario.patients), blocks)
    draws = draws or {}
    _check(scenario, parameters, economics, draws, names, survival_at)
    number = len(next(iter(draws.values()))) if draws else 1
    cells = _cells(number, chosen)
    more, details = details_of(scenario.horizon_months, survival_at, stage_months)
    measures = (*measures_of(economics), *more)
    longest = max(scenario.horizon_months, economics.horizon_months if economics else 0.0)
    cell = _Cell(
        scenario.followed_for(longest), parameters, economics, draws, names, replicate, batches, details, len(measures)
    )
    patients = np.zeros((number, len(names), batches), np.int64)
    sums = np.zeros((*patients.shape, len(measures)))
    for (some, _), found in zip(cells, shared_out(cell, cells, workers), strict=True):
        for counted, summed in found:  # block by block, so that sums do not depend on how cells are cut
            patients[some] += counted
            sums[some] += summed
    return Evaluation(names, measures, first_draw + np.arange(number), patients, sums)


@dataclass(frozen=True)
class _Cell:
    """What is done for some draws and some blocks of patients: the same work for every cell."""

    scenario: Scenario
    parameters: ParameterSet
    economics: EconomicSettings | None
    draws: Mapping[str, np.ndarray]
    names: tuple[str, ...]
    replicate: int
    batches: int
    details: Details
    measures: int

    def __call__(self, cell: tuple[slice, list[tuple[int, int]]]) -> list[tuple[Ints, Floats]]:
        """Return for each block the numbers of patients and the sums: draws × strategies × batches (× measures)."""
        some, blocks = cell
        size, scenario = some.stop - some.start, self.scenario
        here = {path: column[some] for path, column in self.draws.items()}
        drawn = {path: here.pop(path) for path in self.draws if is_economic(path)}
        values: Values = {**self.parameters.values(scenario.population_id), **here}
        strategies = [scenario.strategies[name] for name in self.names]
        prepared = [prepare(scenario, strategy, self.parameters, values) for strategy in strategies]
        therapies = tuple(self.parameters.therapies)
        tables = tables_of(self.economics, therapies, drawn, size if drawn else 1) if self.economics else None
        various = range(size) if any(path in PATHS for path in here) else (0,)  # draws whose patients differ at entry
        at_once = max(1, RECORDS_AT_ONCE // len(various))
        found = []
        for number, patients in blocks:
            luck = uniforms_of_block(scenario.seed, self.replicate, number)[:patients]
            of_strategies = [empty_sums(size, self.batches, len(therapies), self.measures) for _ in prepared]
            for start in range(0, patients, at_once):
                part = slice(start, min(start + at_once, patients))
                people = np.empty((len(various), part.stop - start), PATIENT)
                for draw in various:
                    words(people[draw])[:] = words(entrants_with(luck, prepared[0], number, draw, part))
                for one, sums in zip(prepared, of_strategies, strict=True):
                    add_patients(people, luck[part], one, tables, self.details, sums)
            if self.economics:
                given = np.sum([sums.given for sums in of_strategies], axis=0)
                named = (name for name, times in zip(therapies, given[1:], strict=True) if times)
                refuse_without_costs(named, self.economics.costs)
            counts, totals = ([getattr(sums, name) for sums in of_strategies] for name in ("counts", "sums"))
            found.append((np.stack(counts, axis=1), np.stack(totals, axis=1)))
        return found


def _chosen(known: list[tuple[int, int]], blocks: range | None) -> list[tuple[int, int]]:
    """Return the blocks with these numbers, by default all."""
    if blocks is None:
        return known
    if not blocks or not 0 <= min(blocks) <= max(blocks) < len(known):
        allowed = f"0 to {len(known) - 1}"
        raise InputError(Problem("must be blocks of patients", found=str(list(blocks)), allowed=allowed))
    return [known[number] for number in blocks]


def _cells(draws: int, blocks: list[tuple[int, int]]) -> list[tuple[slice, list[tuple[int, int]]]]:
    """Cut draws and blocks into cells with enough work in each to be worth preparing; draws go before blocks."""
    found = []
    for start in range(0, draws, DRAWS_AT_ONCE):
        some = slice(start, min(start + DRAWS_AT_ONCE, draws))
        many = max(1, HISTORIES_AT_ONCE // (BLOCK * (some.stop - some.start)))
        found += [(some, blocks[first : first + many]) for first in range(0, len(blocks), many)]
    return found


def _check(
    scenario: Scenario,
    parameters: ParameterSet,
    economics: EconomicSettings | None,
    draws: Mapping[str, np.ndarray],
    names: Sequence[str],
    survival_at: Sequence[float],
) -> None:
    """Refuse draws, strategies and times with all their faults."""
    economic = {path: column for path, column in draws.items() if is_economic(path)}
    problems = [
        Problem("must be a known strategy", found=name, allowed=", ".join(scenario.strategies))
        for name in names
        if name not in scenario.strategies
    ]
    problems += [
        Problem("must lie between entry and horizon", key="survival_at", found=f"{time:g}", allowed=f"0 to {end:g}")
        for end in [scenario.horizon_months]
        for time in survival_at
        if not 0.0 <= time <= end
    ]
    lengths = {path: len(column) for path, column in draws.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{path} {length}" for path, length in lengths.items())
        problems.append(Problem("must have columns of draws of one length", found=found))
    elif 0 in lengths.values():
        problems.append(Problem("must have draws"))
    if not problems:
        problems += check_economic_draws(economic, economics)
        try:
            check_draws({path: column for path, column in draws.items() if path not in economic}, scenario, parameters)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)

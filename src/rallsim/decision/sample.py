"""A probabilistic sample: what each strategy costs and yields in each draw of the parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from rallsim.decision.rounding import LARGEST, SAME, Floats, without_rounding
from rallsim.errors import InputError, Problem, nearest

R_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
R_NAME_RULE = "letters, digits, _ and ., beginning with a letter (names that R keeps as they are)"
RESERVED = ("pi", "letters", "month.abb", "month.name")  # voi's regression stops at parameters of these names
LEAST_DRAWS, LEAST_STRATEGIES = 2, 2
NUMBERING = re.compile(  # words that make up the name of a column that numbers the draws
    r"([^a-z]|simulations?|sims?|samples?|draws?|iterations?|iter|runs?|trials?|replicat(es?|ions?)|reps?|psa|obs"
    r"|observations?|rows?|names?|numbers?|num|nr|no|n|index|idx|id|unnamed|level|seq|key|x|v)*"
)
WIDEST_COUNT = 10  # how far apart such numbers lie at most, on average
LEAST_COUNTED = 10  # draws from which on a column that counts them is no coincidence
PARTS = ("costs", "effects", "life_years")
UNDISC = "_undisc"


@dataclass(frozen=True, eq=False)
class PsaSample:
    """Costs and effects of draws × strategies, and the parameters drawn. Row i of every part is the same draw.

    `costs` and `effects` (QALYs, or whatever is bought) are per patient, `life_years` too; `undiscounted` has the same
    under the names of PARTS. `parameters` has a column a parameter. The first strategy is the one others are compared
    with unless another is named. Values of one draw that differ by less than a billionth are made equal: the difference
    is rounding.

    Refuses parts of different shapes, fewer than two draws or strategies, cells that are no finite numbers up to 1e50
    in size, columns that number the draws, and names that the field's other tools would change.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> sample.draws, sample.position("new_drug")
    (2, 1)
    """

    strategies: tuple[str, ...]
    costs: Floats = field(repr=False)
    effects: Floats = field(repr=False)
    life_years: Floats | None = field(default=None, repr=False)
    parameters: pd.DataFrame | None = field(default=None, repr=False)
    undiscounted: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategies", tuple(str(name) for name in self.strategies))
        for part in PARTS:
            if getattr(self, part) is not None:
                object.__setattr__(self, part, np.asarray(getattr(self, part), float))
        undiscounted = {part: np.asarray(values, float) for part, values in self.undiscounted.items()}
        object.__setattr__(self, "undiscounted", undiscounted)
        problems = name_problems(self.strategies, "strategy") + self._shape_problems()
        if problems:
            raise InputError(problems)
        for part in PARTS:
            if getattr(self, part) is not None:
                object.__setattr__(self, part, without_rounding(getattr(self, part)))

    def _shape_problems(self) -> list[Problem]:
        problems = []
        if len(self.strategies) < LEAST_STRATEGIES:
            problems.append(
                Problem("must have enough strategies to compare", found=str(len(self.strategies)), allowed="2 or more")
            )
        shape = (len(self.costs), len(self.strategies))
        if shape[0] < LEAST_DRAWS:
            problems.append(Problem("must have enough draws", key="costs", found=str(shape[0]), allowed="2 or more"))
        unknown = [part for part in self.undiscounted if part not in PARTS]
        problems += [
            Problem("must be one of", key="undiscounted", found=part, allowed=", ".join(PARTS)) for part in unknown
        ]
        parts = {part: getattr(self, part) for part in PARTS}
        undiscounted = {f"undiscounted {part}": values for part, values in self.undiscounted.items()}
        for part, values in (parts | undiscounted).items():
            if values is not None and values.shape != shape:
                found, allowed = " × ".join(map(str, values.shape)), f"{shape[0]} draws × {shape[1]} strategies"
                problems.append(
                    Problem(
                        "must have a row for each draw and a column for each strategy",
                        key=part,
                        found=found,
                        allowed=allowed,
                    )
                )
            elif values is not None and not (np.abs(values) <= LARGEST).all():
                problems.append(Problem(f"must hold finite numbers up to {LARGEST:g} in size", key=part))
            elif values is not None and part in ("costs", "effects"):
                problems += numbering_problems(self.strategies, values)
        if self.parameters is not None:
            problems += name_problems([str(name) for name in self.parameters.columns], "parameter")
            if len(self.parameters) != shape[0]:
                found, allowed = f"{len(self.parameters)} rows", f"{shape[0]}, one a draw"
                problems.append(
                    Problem("must have a row for each draw", key="parameters", found=found, allowed=allowed)
                )
            numbers = self.parameters.apply(pd.to_numeric, errors="coerce").to_numpy(float)
            if not (np.abs(numbers) <= LARGEST).all():
                problems.append(Problem(f"must hold finite numbers up to {LARGEST:g} in size", key="parameters"))
            else:
                problems += numbering_problems([str(name) for name in self.parameters.columns], numbers)
        return problems

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.costs)

    def position(self, strategy: str, option: str = "strategy") -> int:
        """Column of a strategy; refuses one that is not in the sample."""
        if strategy not in self.strategies:
            raise InputError(
                Problem(
                    "must be a known strategy",
                    key=option,
                    found=repr(strategy),
                    allowed=", ".join(self.strategies),
                    hint=nearest(strategy, self.strategies),
                )
            )
        return self.strategies.index(strategy)

    def outcomes(self) -> Mapping[str, Floats]:
        """The parts with a column a strategy, by the names they have in psa_long.csv."""
        parts = {"costs": self.costs, "qalys": self.effects}
        return parts if self.life_years is None else {**parts, "lys": self.life_years}


def name_problems(names: Sequence[str], what: str, file: str | None = None) -> list[Problem]:
    """What is wrong with the names of strategies or parameters: R would change them, or they are given twice.

    >>> [str(problem) for problem in name_problems(["blin->hsct"], "strategy")]  # doctest: +ELLIPSIS
    ["strategy must be a name that R's packages keep (allowed: letters, ...), got 'blin->hsct'"]
    """
    line = 1 if file else None
    problems = []
    for place, name in enumerate(names):
        key = f"column {place + 1}" if file else what
        if name in names[:place]:
            problems.append(Problem(f"must be one {what}", file, line, key, found=repr(name)))
        elif not name.strip() or name.startswith("Unnamed: "):
            problems.append(
                Problem("cannot be a column of row numbers", file, line, key, found=repr(name), allowed=R_NAME_RULE)
            )
        elif not R_NAME.fullmatch(name):
            problems.append(
                Problem("must be a name that R's packages keep", file, line, key, found=repr(name), allowed=R_NAME_RULE)
            )
        elif what == "parameter" and name in RESERVED:
            problems.append(
                Problem("cannot be a word of R's own, at which voi stops", file, line, key, found=repr(name))
            )
    return problems


def numbering_problems(names: Sequence[str], values: Floats, file: str | None = None) -> list[Problem]:
    """Columns that number the draws, as many programs write them: they are neither strategies nor parameters.

    A column numbers the draws if its name is usual for such a column and it holds whole numbers, all different, that
    lie at most ten apart on average; or if it counts ten draws or more from 0 or 1, whatever its name.

    >>> [problem.found for problem in numbering_problems(["sim_id", "usual"], np.array([[3.0, 5.0], [4.0, 5.5]]))]
    ["'sim_id'"]
    """
    line = 1 if file else None
    draws = np.arange(len(values))
    problems = []
    for place, (name, column) in enumerate(zip(names, values.T, strict=True)):
        whole = (column == np.round(column)).all() and len(np.unique(column)) == len(column)
        close = np.ptp(column) <= WIDEST_COUNT * len(column)  # costs in whole pounds lie farther apart
        counts = len(draws) >= LEAST_COUNTED and any(np.array_equal(column, draws + start) for start in (0, 1))
        if counts or (NUMBERING.fullmatch(name.lower()) and whole and close):
            message = "must not number the draws: delete this column"
            problems.append(Problem(message, file, line, f"column {place + 1}" if file else None, found=repr(name)))
    return problems


def sample_tables(sample: PsaSample) -> dict[str, pd.DataFrame]:
    """Tables of a sample by file name without `.csv`, in the shape that BCEA, dampack, voi and hesim read as they are.

    `psa_costs`, `psa_effects` and `psa_life_years` have a row a draw and a column a strategy, undiscounted ones follow
    as `psa_costs_undisc` and so on; `psa_long` has a row a draw and strategy. `psa_parameters` has a column a parameter
    that varies and is no sum of those before it (BCEA and voi would drop the others without a word); these stand in
    `psa_parameters_left_out`, if there are any; `left_out` says which and why.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> list(sample_tables(sample)["psa_long"].columns)
    ['sample', 'strategy_id', 'strategy', 'grp_id', 'costs', 'qalys']
    """
    wide = {f"psa_{part}": getattr(sample, part) for part in PARTS}
    wide |= {f"psa_{part}{UNDISC}": sample.undiscounted.get(part) for part in PARTS}
    tables = {
        name: pd.DataFrame(values, columns=list(sample.strategies))
        for name, values in wide.items()
        if values is not None
    }
    if sample.parameters is not None:
        out = left_out(sample.parameters)
        varying = sample.parameters.reset_index(drop=True)
        tables["psa_parameters"] = varying.drop(columns=list(out))
        if out:
            tables["psa_parameters_left_out"] = varying[list(out)]
        if tables["psa_parameters"].empty:
            del tables["psa_parameters"]
    strategies = len(sample.strategies)
    tables["psa_long"] = pd.DataFrame(
        {
            "sample": np.repeat(np.arange(1, sample.draws + 1), strategies),
            "strategy_id": np.tile(np.arange(1, strategies + 1), sample.draws),
            "strategy": np.tile(np.array(sample.strategies, object), sample.draws),
            "grp_id": 1,
            **{name: values.ravel() for name, values in sample.outcomes().items()},
        }
    )
    return tables


def left_out(parameters: pd.DataFrame) -> dict[str, str]:
    """Parameters that a regression on the others cannot use, and why: they never change, or the others give them.

    A column is a sum of those before it when they explain all but SAME of it, by Gram and Schmidt in the order of the
    table: of a set of shares that sum to 1 the last is left out.

    >>> left_out(pd.DataFrame({"a": [0.2, 0.3, 0.9], "b": [0.8, 0.7, 0.1], "c": [1.0, 1.0, 1.0]}))
    {'b': 'a sum of the parameters before it', 'c': 'constant'}
    """
    reasons: dict[str, str] = {}
    most = len(parameters) - 1  # directions that draws less their mean can span
    directions, kept = np.empty((min(most, parameters.shape[1]), len(parameters))), 0
    for name in parameters.columns:
        values = parameters[name].to_numpy(dtype=np.float64)
        rest = values - values.mean()
        size = float(np.linalg.norm(rest))
        if size <= SAME * max(1.0, float(np.abs(values).max())) * np.sqrt(len(values)):
            reasons[str(name)] = "constant"
            continue
        if kept == most:
            continue
        for _ in range(2):  # twice is enough against rounding
            rest = rest - (directions[:kept] @ rest) @ directions[:kept]
        if float(np.linalg.norm(rest)) <= SAME * size:
            reasons[str(name)] = "a sum of the parameters before it"
        else:
            directions[kept] = rest / np.linalg.norm(rest)
            kept += 1
    return reasons


def order_and_baseline(strategies: Sequence[str], baseline: str) -> dict[str, object]:
    """What the files of a sample leave open: ids and order of strategies, which is the baseline, which way they differ.

    >>> order_and_baseline(["usual_care", "new_drug"], "usual_care")["strategies"]
    [{'strategy_id': 1, 'strategy': 'usual_care'}, {'strategy_id': 2, 'strategy': 'new_drug'}]
    """
    if baseline not in strategies:
        allowed, hint = ", ".join(strategies), nearest(baseline, list(strategies))
        raise InputError(
            Problem("must be a known strategy", key="reference", found=repr(baseline), allowed=allowed, hint=hint)
        )
    return {
        "strategies": [{"strategy_id": number, "strategy": name} for number, name in enumerate(strategies, 1)],
        "baseline": baseline,
        "direction": "a difference is a strategy minus the baseline; in BCEA `ref` is the strategy, not the baseline",
    }

"""What an analysis works with: a runner, its settings, base values, labels; and the manifest of its results."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rallsim.economics.settings.settings import EconomicSettings, is_economic
from rallsim.errors import InputError, Problem, nearest
from rallsim.evaluation.evaluate import Evaluation
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.sweep.draws import Draws, draws_of, owner_of
from rallsim.sweep.job_key import columns_of, fixed_by
from rallsim.sweep.labels import SIGNS, Labels, in_words
from rallsim.sweep.measures import check_outcomes, needed
from rallsim.sweep.runner import Runner
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.workers import Pool, pool_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = Mapping[str, Callable[[], "Figure"]]
DEFAULT_WTP = (30_000.0, 50_000.0)  # where a perspective states no threshold
OWNERS = {"costs": "Costs", "utilities": "Utilities", "hsct": "Transplant", "mortality": "Background mortality"}
LEAST_PATIENTS = 20  # two in every batch


@dataclass(eq=False)
class Study:
    """A runner and settings, with what every analysis needs of them."""

    runner: Runner
    settings: SweepSettings
    drawers: Pool = field(default=pool_of(1))  # processes of this machine that draw figures

    @property
    def scenario(self) -> Scenario:
        """The question."""
        return self.runner.model.scenario

    @property
    def parameters(self) -> ParameterSet:
        """Parameters of the model."""
        return self.runner.model.parameters

    @property
    def economics(self) -> EconomicSettings:
        """What histories are valued with."""
        assert self.runner.model.economics is not None
        return self.runner.model.economics

    @property
    def strategies(self) -> list[str]:
        """Ids of the strategies, in the order of the file."""
        return list(self.scenario.strategies)

    @property
    def reference(self) -> int:
        """Column of the strategy that others are compared with."""
        return self.strategies.index(self.scenario.reference)

    @cached_property
    def wtp(self) -> tuple[float, ...]:
        """Willingness to pay for a QALY: as asked, else the scenario's or perspective's; the first is the main one."""
        view = self.economics.perspective
        stated = self.economics.wtp or (view.thresholds() if view else ())
        return self.settings.wtp or stated or DEFAULT_WTP

    @property
    def patients(self) -> int:
        """Patients of analyses that are not probabilistic."""
        return self.settings.patients or self.scenario.patients

    @cached_property
    def base(self) -> dict[str, float]:
        """Base value of every parameter, of the model as the scenario sets it, and of economics."""
        values = dict(self.parameters.values(self.scenario.population_id))
        shared = [fixed_by(self.scenario, one, self.parameters) for one in self.scenario.strategies.values()]
        values |= {path: value for path, value in shared[0].items() if all(one.get(path) == value for one in shared)}
        return values | {path: entry.value for path, entry in self.economics.parameters().items()}

    def draws(self, number: int) -> Draws:
        """Draw everything uncertain that is relevant."""
        return draws_of(self.runner.model, number, self.settings.draw_seed)

    def evaluate(
        self, points: pd.DataFrame, *, patients: int | None = None, replicate: int = 0, words: str
    ) -> Evaluation:
        """Evaluate all strategies at points; measures are those of the outcomes asked for, and of net benefit."""
        return self.runner.evaluate(
            points,
            patients=patients or self.patients,
            replicate=replicate,
            measures=self._measures,
            words=words,
        )

    @cached_property
    def _measures(self) -> list[str]:
        always = ["costs_undisc", "qalys_undisc", "lys_undisc"]
        if self.economics.horizon_months < LIFETIME_MONTHS:
            always.append("events_censored")  # the share alive when costs and QALYs end, which ICERs are marked with
        return needed([*self.settings.outcomes, *self.settings.until, *always], self.wtp[0])

    def check(self) -> None:
        """Refuse what cannot be asked of this scenario, all at once."""
        from rallsim.decision.acceptability import checked_wtp

        problems: list[Problem] = []
        for check in (
            lambda: check_outcomes([*self.settings.outcomes, *self.settings.until], self.economics),
            lambda: self.check_paths(list(self.settings.ranges)),
            lambda: checked_wtp(self.wtp),
        ):
            try:
                check()
            except InputError as error:
                problems += error.problems
        if self.settings.patients is not None and self.settings.patients < LEAST_PATIENTS:
            found, allowed = str(self.settings.patients), f"{LEAST_PATIENTS} or more"
            problems.append(Problem("must be", key="--patients", found=found, allowed=allowed))
        for path, limits in self.settings.ranges.items():
            for value in limits or ():
                fault = self._fault(path, value)
                if fault and path in self.base:
                    problems.append(replace(fault, key=f"--parameter {path}"))
        if problems:
            raise InputError(problems)

    def _fault(self, path: str, value: float) -> Problem | None:
        if is_economic(path):
            return self.economics.fault(path, value)
        return self.parameters.fault(path, value)

    def check_paths(self, paths: Sequence[str]) -> None:
        """Refuse parameters that do not exist, that the scenario sets itself, or that no strategy depends on."""
        problems = []
        for path in paths:
            if path not in self.base:
                hint = nearest(path, list(self.base))
                problems.append(Problem("must be a known parameter", key="--parameter", found=path, hint=hint))
            elif not self.is_relevant(path):
                problems.append(
                    Problem(
                        "must change something: it is set by the scenario, or of a therapy that is not given",
                        "",
                        key=path,
                    )
                )
        if problems:
            raise InputError([replace(one, file=None) for one in problems])

    def is_relevant(self, path: str) -> bool:
        """Tell whether a parameter can change some strategy's results."""
        return path in self._relevant

    @cached_property
    def _relevant(self) -> frozenset[str]:
        """Parameters that can change some strategy's results."""
        every = self.scenario.strategies.values()
        return frozenset(path for one in every for path in columns_of(self.base, self.scenario, one, self.parameters))

    def labels(self) -> Labels:
        """Return labels, units and thresholds for figures and sentences."""
        currency = self.economics.costs.currency
        return Labels(
            title=self.scenario.title,
            strategies={name: one.label for name, one in self.scenario.strategies.items()},
            reference=self.scenario.reference,
            currency=SIGNS.get(currency, currency),
            wtp=self.wtp,
            parameters={path: self.label(path) for path in self.base if self.is_relevant(path)},
            units={path: self.unit(path) for path in self.base if self.is_relevant(path)},
            owners={name: self.owner(name) for name in dict.fromkeys(map(owner_of, self.base))},
            settings=self.settings.as_json(),
        )

    def label(self, path: str) -> str:
        """Name a parameter for people: whose it is, and what its last word says."""
        return f"{self.owner(owner_of(path))}: {in_words(path.rpartition('.')[2])}"

    def owner(self, name: str) -> str:
        """Name for people whose parameters some are: a therapy's label, or a word."""
        therapy = self.parameters.therapies.get(name)
        return therapy.label if therapy else OWNERS.get(name, name.capitalize())

    def unit(self, path: str) -> str:
        """Unit of a parameter as people read it."""
        if is_economic(path):
            return self.economics.parameters()[path].unit.replace("_", " ")
        return self.parameters.field_of(path).unit.replace("_", " ")

    def manifest(self, analysis: str, settings: Sequence[str]) -> dict[str, Any]:
        """Everything needed to make the results again, without anything that changes from run to run."""
        from rallsim.decision.sample import order_and_baseline
        from rallsim.output.manifest import manifest
        from rallsim.simulation.simulate import Simulation

        content = manifest(Simulation(self.scenario, self.parameters, {}), list(settings), self.runner.model.economics)
        content["packages"] |= {name: version(name) for name in ("SALib", "pyarrow")}
        return content | {
            "python": platform.python_version(),
            "analysis": analysis,
            "sample": order_and_baseline(self.strategies, self.scenario.reference),
            "labels": self.labels().as_json(),
        }


def best_of(values: np.ndarray) -> np.ndarray:
    """Place of the highest value along the last axis; of equal ones the first."""
    return np.asarray(values.argmax(axis=-1))

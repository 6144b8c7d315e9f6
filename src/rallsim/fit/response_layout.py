"""The response model's arms laid out in arrays: unknowns, cells, and the mixtures of patients in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from rallsim.fit.response import Counted, Printed, ResponseProblem
from rallsim.fit.response_file import OUTCOMES, Arm, Group, Owners, Shares, Spec, odds_ratios
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.spreads import log_sd


@dataclass(frozen=True)
class Layout:
    """The model in arrays, with what its unknowns are: parameters' paths first, then study effects."""

    problem: ResponseProblem
    paths: tuple[str, ...]  # of the unknowns that are parameters
    assumed_paths: tuple[str, ...]
    assumed: np.ndarray
    cells: tuple[tuple[str, Group], ...]  # what each cell is called, and its patients
    evidence: Mapping[str, tuple[str, ...]]  # by path


def laid_out(spec: Spec, owners: Owners, evidence: Evidence) -> Layout:
    """Lay the arms out: an unknown for each level, each odds ratio that asks for it, and each study's outcome."""
    levels = list(dict.fromkeys(owners.path(arm.therapy, OUTCOMES[arm.outcome]) for arm in spec.arms))
    ratios = list(dict.fromkeys(path for arm in spec.arms for path in odds_ratios(arm, owners)))
    free, assumed = [path for path in ratios if owners.asks(path)], [path for path in ratios if not owners.asks(path)]
    studies = list(dict.fromkeys(f"{arm.study}.{arm.outcome}" for arm in spec.arms))
    cells = _Cells([*levels, *free, *studies], assumed, owners)
    counted = []
    for arm in spec.arms:
        if arm.whole:
            counted.append(cells.add(arm, arm.name, [arm.whole], given_sum=False))
        for table, groups in arm.tables.items():
            counted.append(cells.add(arm, f"{arm.name}, {table}", groups, given_sum=not arm.tables_in_full))
    sds = {"log_odds": len(levels), "log_odds_ratio": len(free)}
    problem = ResponseProblem(
        names=tuple(cells.unknowns),
        prior_sd=np.array(
            [spec.priors[name] for name, size in sds.items() for _ in range(size)] + [math.nan] * len(studies)
        ),
        assumed=tuple(assumed),
        design=np.array(cells.design),
        of_assumed=np.array(cells.of_assumed).reshape(len(cells.design), len(assumed)),
        weights=cells.weights(),
        counted=tuple(counted),
        printed=tuple(_printed(cells.unknowns[path], rows, evidence) for path, rows in spec.odds_ratios.items()),
        tau_scale=spec.priors["study"],
    )
    values = owners.parameters.parameters
    return Layout(
        problem,
        (*levels, *free),
        tuple(assumed),
        np.array([math.log(values[path].value) for path in assumed]),
        tuple(cells.known_as),
        {path: _evidence(path, spec, owners) for path in (*levels, *free)},
    )


class _Cells:
    """The cells of all counts, and the points of their mixtures: which unknowns and assumed odds ratios apply."""

    def __init__(self, unknowns: Sequence[str], assumed: Sequence[str], owners: Owners) -> None:
        self.unknowns = {name: k for k, name in enumerate(unknowns)}
        self.assumed = {path: k for k, path in enumerate(assumed)}
        self.owners = owners
        self.known_as: list[tuple[str, Group]] = []
        self.design: list[np.ndarray] = []
        self.of_assumed: list[np.ndarray] = []
        self.shares: list[tuple[int, float]] = []  # cell of each point, and its share

    def add(self, arm: Arm, label: str, groups: Sequence[Group], *, given_sum: bool) -> Counted:
        """Add a cell for each group, and return what was counted in them."""
        first = len(self.known_as)
        for group in groups:
            for share, having in _mixture(group.mix):
                self._point(arm, having)
                self.shares.append((len(self.known_as), arm.treated * share))
            self.known_as.append((label, group))
        events, totals = np.array([group.events for group in groups]), np.array([group.total for group in groups])
        return Counted(tuple(range(first, len(self.known_as))), events, totals, given_sum)

    def _point(self, arm: Arm, having: Sequence[str]) -> None:
        row, rest = np.zeros(len(self.unknowns)), np.zeros(len(self.assumed))
        row[self.unknowns[self.owners.path(arm.therapy, OUTCOMES[arm.outcome])]] = 1.0
        row[self.unknowns[f"{arm.study}.{arm.outcome}"]] = 1.0
        for covariate in having:
            path = self.owners.path(arm.therapy, f"{arm.outcome}_odds_ratio_{covariate}")
            if path in self.unknowns:
                row[self.unknowns[path]] = 1.0
            else:
                rest[self.assumed[path]] = 1.0
        self.design.append(row)
        self.of_assumed.append(rest)

    def weights(self) -> np.ndarray:
        """Share of each point (columns) in each cell (rows)."""
        weights = np.zeros((len(self.known_as), len(self.shares)))
        for point, (cell, share) in enumerate(self.shares):
            weights[cell, point] = share
        return weights


def _evidence(path: str, spec: Spec, owners: Owners) -> tuple[str, ...]:
    """Evidence rows behind a parameter: its printed odds ratios, and those of every arm that it has a part in."""
    rows = [*spec.odds_ratios.get(path, ())]
    for arm in spec.arms:
        if path in (owners.path(arm.therapy, OUTCOMES[arm.outcome]), *odds_ratios(arm, owners)):
            rows += arm.evidence
    return tuple(dict.fromkeys(rows))


def _mixture(mix: Shares) -> list[tuple[float, tuple[str, ...]]]:
    """Share of patients with every combination of covariates that occurs."""
    alternatives = [
        [(1.0 - sum(item.values()), ()), *((share, (covariate,)) for covariate, share in item.items())] for item in mix
    ]
    combined = [
        (prod(share for share, _ in parts), tuple(one for _, having in parts for one in having))
        for parts in product(*alternatives)
    ]
    return [(share, having) for share, having in combined if share > 0.0]


def _printed(unknown: int, rows: Sequence[str], evidence: Evidence) -> Printed:
    """Odds ratios against the same others: mean of the logarithms and, since they go together, of their deviations."""
    found = [evidence.row(row) for row in rows]
    logs = [math.log(row.value or math.nan) for row in found]
    return Printed(unknown, float(np.mean(logs)), float(np.mean([log_sd(row) for row in found])))

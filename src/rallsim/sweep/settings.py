"""The settings of a sweep that its analyses read, in the form in which a manifest holds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rallsim.errors import InputError, Problem

SUFFIX = "_se"  # of what a sample grows until
Range = tuple[float, float]


@dataclass(frozen=True)
class SweepSettings:
    """Settings of a sweep. None means: the analysis chooses.

    `ranges` are the parameters asked for, with their limits where given; `groups` sets of parameters by name; `until`
    the Monte Carlo errors at which a sample is large enough; `cross` the variants to combine; `grid` the points along a
    parameter; `design` the size of what is no probabilistic sample: Morris' trajectories, Sobol's base sample, draws at
    each point of a two-way grid; `incidence`, `years` and `discount` whom a decision concerns; `wtp` thresholds and
    `outcomes` what is looked at; `draws` and `patients` how many; `draw_seed` which draws.

    >>> SweepSettings(draws=40, patients=100, ranges={"hsct.sos_fatality": (0.1, 0.5)}).grid is None
    True
    """

    draws: int | None = None
    design: int | None = None
    patients: int | None = None
    wtp: tuple[float, ...] = ()
    outcomes: tuple[str, ...] = ("nmb",)
    ranges: Mapping[str, Range | None] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    until: Mapping[str, float] = field(default_factory=dict)
    cross: tuple[str, ...] = ()
    grid: int | None = None
    incidence: float | None = None
    years: float = 10.0
    discount: float = 0.035
    draw_seed: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the settings as a manifest holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def combine(base: Callable[[], SweepSettings], **parts: Callable[[], Any]) -> SweepSettings:
    """Combine the parts of settings; refuses all that is wrong with any part at once."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, read in parts.items():
        try:
            values[name] = read()
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return replace(base(), **values)


def read_until(texts: Sequence[str]) -> dict[str, float]:
    """Read stop rules.

    >>> read_until(["nmb_se=500"])
    {'nmb': 500.0}
    """
    found, problems = {}, []
    for text in texts:
        name, _, value = text.partition("=")
        number = _number(value)
        if not name.endswith(SUFFIX) or not 0 < number < math.inf:
            allowed = "OUTCOME_se=NUMBER above 0, as nmb_se=500"
            problems.append(Problem("must be", key="--until", found=f"'{text}'", allowed=allowed))
        found[name.removesuffix(SUFFIX)] = number
    if problems:
        raise InputError(problems)
    return found


def read_ranges(texts: Sequence[str]) -> dict[str, Range | None]:
    """Read parameters with or without a range.

    >>> read_ranges(["hsct.sos_fatality", "costs.ward_day=100:900"])
    {'hsct.sos_fatality': None, 'costs.ward_day': (100.0, 900.0)}
    """
    found: dict[str, Range | None] = {}
    problems = []
    for text in texts:
        path, equals, limits = (part.strip() for part in text.partition("="))
        low, colon, high = (part.strip() for part in limits.partition(":"))
        limit = _number(low), _number(high)
        if equals and not (colon and math.isfinite(limit[0]) and math.isfinite(limit[1]) and limit[0] < limit[1]):
            allowed = "PATH=LO:HI with LO below HI, as costs.ward_day=100:900"
            problems.append(Problem("must be", key="--parameter", found=f"'{text}'", allowed=allowed))
        if path in found:
            problems.append(Problem("must be given once", key="--parameter", found=f"'{path}'"))
        found[path] = limit if equals else None
    if problems:
        raise InputError(problems)
    return found


def read_groups(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read groups of parameters.

    >>> read_groups(["prices=costs.drug,costs.ward_day"])
    {'prices': ('costs.drug', 'costs.ward_day')}
    """
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for text in texts:
        name, _, members = (part.strip() for part in text.partition("="))
        names = tuple(member.strip() for member in members.split(",") if member.strip())
        if not name or not names:
            problems.append(Problem("must be", key="--group", found=f"'{text}'", allowed="NAME=PARAMETER,PARAMETER"))
        elif name in found:
            problems.append(Problem("must be given once", key="--group", found=f"'{text}'"))
        found[name] = names
    if problems:
        raise InputError(problems)
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

"""How uncertain the numbers are: distributions of published and assumed numbers, and joint draws of all parameters.

A sampled number is the quantile of its distribution at a uniform of its own, so a draw stays what it is however many
there are and whatever else is drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Row
from rallsim.model.parameter_fields import UNITS
from rallsim.model.random_numbers import parameter_uniforms

if TYPE_CHECKING:
    from rallsim.inputs.parameters import Parameter, ParameterSet

Z = 1.959963984540054  # standard normal quantile at 0.975
POSTERIOR = "posterior.csv"
PLACES = "places."  # columns of the sample that are no parameters: odds ratios of response in studies
RATIOS = ("hazard_ratio", "odds_ratio", "ratio")
TIMES = ("months", "weeks", "days")
ORDER = "order of the posterior sample"
MEDIAN_SPREAD = 1.0 / math.log(2.0)  # sd of log(median of n exponential times) is this over sqrt(n)


@dataclass(frozen=True)
class Spread:
    """A distribution: its quantile function, and what kind it is for people."""

    kind: str
    quantile: Callable[[np.ndarray], np.ndarray]


class Ranged(Protocol):
    """A number with a range, such as a parameter or an economic entry."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def lo(self) -> float | None: ...  # noqa: D102
    @property
    def hi(self) -> float | None: ...  # noqa: D102


def beta(a: float, b: float) -> Spread:
    """Beta distribution with shapes a and b."""
    from scipy.special import betaincinv

    return Spread(f"beta({a:.4g}, {b:.4g})", lambda u: np.asarray(betaincinv(a, b, u)))


def log_normal(median: float, sd: float) -> Spread:
    """Log-normal distribution by its median and the standard deviation of the logarithm."""
    from scipy.special import ndtri

    return Spread(f"log-normal({median:.4g}, {sd:.3g})", lambda u: median * np.exp(sd * ndtri(u)))


def logit_normal(median: float, sd: float) -> Spread:
    """Normal on the scale of log odds."""
    from scipy.special import ndtri

    centre = math.log(median / (1.0 - median))
    return Spread(f"logit-normal({median:.4g}, {sd:.3g})", lambda u: 1.0 / (1.0 + np.exp(-(centre + sd * ndtri(u)))))


def normal(mean: float, sd: float) -> Spread:
    """Normal distribution."""
    from scipy.special import ndtri

    return Spread(f"normal({mean:.4g}, {sd:.3g})", lambda u: mean + sd * ndtri(u))


def pert(lo: float, mode: float, hi: float) -> Spread:
    """Beta distribution on [lo, hi] with this mode and the weight 4 that PERT gives it.

    Shapes 1 + 4 (mode - lo) / (hi - lo) and 1 + 4 (hi - mode) / (hi - lo).

    >>> float(pert(0.0, 0.5, 1.0).quantile(np.array([0.5]))[0])
    0.5
    """
    from scipy.special import betaincinv

    a, b = 1.0 + 4.0 * (mode - lo) / (hi - lo), 1.0 + 4.0 * (hi - mode) / (hi - lo)
    return Spread(f"PERT({lo:.4g}, {mode:.4g}, {hi:.4g})", lambda u: lo + (hi - lo) * np.asarray(betaincinv(a, b, u)))


def spread_of_range(number: Ranged) -> Spread:
    """Distribution of an assumed number: PERT between the ends of its range, its value the mode."""
    assert number.lo is not None
    assert number.hi is not None
    if number.lo == number.hi:
        return Spread("fixed", lambda u: np.full(len(u), number.value))
    return pert(number.lo, number.value, number.hi)


def spread_of_row(row: Row) -> Spread | None:
    """Distribution of a published number, None where it is a definition and not an estimate.

    - Proportions with counts or a size: beta by Jeffreys' prior. With a printed interval only: normal in log odds.
    - Ratios and times with a printed interval: log-normal. Median times of n patients without one: log-normal with
      sd 1 / (ln 2 sqrt(n)), that of the median of exponential times; ratios of n events: sd 2 / sqrt(n).
    - Rates per patient-year: log-normal with sd 1 / sqrt(events).
    - Without size and interval: as from the number of patients or events that `params/uncertainty.yaml` assumes.
    """
    if row.kind != "published" or row.value is None or row.quantity in _rules()["definitions"]["quantities"]:
        return None
    size = _size(row)
    if row.unit == "proportion":
        if (not row.total or row.value in (0.0, 1.0)) and (sd := _printed_sd(row, _logit)) is not None:
            return logit_normal(row.value, sd)
        events = row.events if row.events is not None else row.value * size
        return beta(events + 0.5, size - events + 0.5)
    if row.value <= 0.0:
        return None
    if row.unit in RATIOS:
        return log_normal(row.value, log_sd(row))
    if row.unit in TIMES or row.unit == "days (median)":
        sd = _printed_sd(row, math.log)
        return log_normal(row.value, MEDIAN_SPREAD / math.sqrt(size) if sd is None else sd)
    if row.unit == "events per patient-year":
        return log_normal(row.value, 1.0 / math.sqrt(_assumed("events_of_a_rate")))
    return None


def log_sd(row: Row) -> float:
    """Standard deviation of a ratio's logarithm: by its printed limits, else 2 / sqrt(n) for n patients or events."""
    sd = _printed_sd(row, math.log)
    return 2.0 / math.sqrt(_size(row)) if sd is None else sd


def parameter_draws(parameters: ParameterSet, draws: int, seed: int = 1) -> pd.DataFrame:
    """Return joint draws of the model's uncertain parameters: a row a draw, a column a parameter path.

    Rows come from the committed posterior sample (`params/fitted/posterior.csv`) in an order that the seed gives; row i
    is the same however many are asked for. Beyond the sample's size rows come again with a step of a smoothed
    bootstrap: (1 - h^2)^(1/2) of the distance from the mean kept and h times another row's added, h being Silverman's
    bandwidth, on the scale on which the parameter is unbounded.
    """
    sample = posterior_sample().filter(regex=f"^(?!{re.escape(PLACES)})")
    unknown = [path for path in sample.columns if path not in parameters.parameters]
    if unknown:
        raise InputError(Problem("must be a parameter of the model to be in the posterior sample", key=unknown[0]))
    size = len(sample)
    order = _order(size, seed)
    found = sample.iloc[order[: min(draws, size)]].reset_index(drop=True)
    if draws > size:
        found = pd.concat([found, _smoothed(sample, parameters, draws - size, seed)], ignore_index=True)
    taken_over = {path: found[origin] for path, origin in parameters.origins.items() if origin in found}
    return pd.concat([found, pd.DataFrame(taken_over)], axis=1)


def place_draws(draws: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of studies' odds ratios of response, in the rows of `parameter_draws`; beyond the sample again."""
    sample = posterior_sample().filter(regex=f"^{re.escape(PLACES)}")
    order = _order(len(sample), seed)
    return sample.iloc[np.resize(order, draws)].reset_index(drop=True)


def interval(parameter: Parameter) -> tuple[float, float]:
    """95 % interval of a parameter in the posterior sample, its own range where it is not drawn."""
    sample = posterior_sample()
    if parameter.path in sample.columns:
        lo, hi = np.quantile(sample[parameter.path], [0.025, 0.975])
        return float(lo), float(hi)
    lo, hi = parameter.lo, parameter.hi
    return (parameter.value if lo is None else lo), (parameter.value if hi is None else hi)


@lru_cache(maxsize=1)
def posterior_sample() -> pd.DataFrame:
    """The committed sample of the joint posterior, a row a draw; `rallsim fit` writes it."""
    path = shipped("params") / "fitted" / POSTERIOR
    if not path.exists():
        raise InputError(Problem("must exist: run 'rallsim fit'", file=str(path)))
    return pd.read_csv(path)


def unbounded(values: np.ndarray, unit: str) -> np.ndarray:
    """Values on a scale without bounds: log odds of shares and probabilities, logarithms of the rest."""
    low, high = UNITS[unit]
    if (low, high) == (0.0, 1.0):
        return np.asarray(np.log(values / (1.0 - values)))
    return np.asarray(np.log(values))


def bounded(values: np.ndarray, unit: str) -> np.ndarray:
    """The way back from `unbounded`."""
    low, high = UNITS[unit]
    if (low, high) == (0.0, 1.0):
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    return np.asarray(np.clip(np.exp(values), low, high))


def _order(size: int, seed: int) -> np.ndarray:
    """Rows of the sample in the order that the seed gives."""
    return np.argsort(parameter_uniforms(seed, size, [ORDER])[ORDER])


def _smoothed(sample: pd.DataFrame, parameters: ParameterSet, draws: int, seed: int) -> pd.DataFrame:
    units = [parameters.parameters[path].unit for path in sample.columns]
    tiny = 1e-9
    scaled = np.column_stack(
        [
            unbounded(np.clip(sample[path].to_numpy(), tiny, 1.0 - tiny if UNITS[unit][1] == 1.0 else np.inf), unit)
            for path, unit in zip(sample.columns, units, strict=True)
        ]
    )
    size = len(scaled)
    bandwidth = (4.0 / (3.0 * size)) ** 0.2
    names = ["row of the posterior sample", "other row of the posterior sample"]
    luck = parameter_uniforms(seed, draws, names)
    one, other = (np.minimum((luck[name] * size).astype(int), size - 1) for name in names)
    mean = scaled.mean(axis=0)
    moved = mean + math.sqrt(1.0 - bandwidth**2) * (scaled[one] - mean) + bandwidth * (scaled[other] - mean)
    columns = {path: bounded(moved[:, k], units[k]) for k, path in enumerate(sample.columns)}
    return pd.DataFrame(columns)


def _printed_sd(row: Row, scale: Callable[[float], float]) -> float | None:
    """Standard deviation on a scale from printed limits, one or both; None without any, or with a range."""
    try:
        level = float(row.ci_level)
    except ValueError:
        return None
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2.0))
    assert row.value is not None
    found = [limit for limit in (row.lo, row.hi) if limit is not None]
    if not found or (scale is _logit and not all(0.0 < one < 1.0 for one in (*found, row.value))):
        return None
    if len(found) == 2:
        return (scale(found[1]) - scale(found[0])) / (2.0 * z)
    return abs(scale(found[0]) - scale(row.value)) / z


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


def _size(row: Row) -> float:
    """Patients or events behind a number: printed beside it or in its population's words, else assumed."""
    return row.total or _size_in(row.population) or _assumed("patients_when_not_printed")


def _size_in(population: str) -> float | None:
    """Number of patients that a population's words tell: «(n=45)»."""
    found = re.search(r"\bn\s*=\s*(\d+)", population)
    return float(found.group(1)) if found else None


def _assumed(name: str) -> float:
    return float(_rules()[name]["value"])


@lru_cache(maxsize=1)
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = read_yaml(shipped("params") / "uncertainty.yaml").data
    return rules

"""Distributions of uncertain numbers: of published rows one by one, and of assumed numbers with their ranges.

A sampled number is the quantile of its distribution at a uniform of its own, so a draw stays what it is however many
there are and whatever else is drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.inputs.evidence import Row

Z = 1.959963984540054  # standard normal quantile at 0.975
RULES = "uncertainty.yaml"
RATIOS = ("hazard_ratio", "odds_ratio", "mortality_ratio", "ratio")
TIMES = ("months", "weeks", "days", "days (median)")
MEDIAN_SPREAD = 1.0 / math.log(2.0)  # sd of log(median of n exponential times) is this over sqrt(n)


@dataclass(frozen=True)
class Spread:
    """A distribution: its quantile function, and what kind it is for people."""

    kind: str
    quantile: Callable[[np.ndarray], np.ndarray]


class Ranged(Protocol):
    """A number with a unit and a range, such as a parameter or an economic entry."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def lo(self) -> float | None: ...  # noqa: D102
    @property
    def hi(self) -> float | None: ...  # noqa: D102


def beta(a: float, b: float, lo: float = 0.0, hi: float = 1.0) -> Spread:
    """Beta distribution with shapes a and b, scaled to [lo, hi]."""
    from scipy.special import betaincinv

    return Spread(f"beta({a:.4g}, {b:.4g})", lambda u: lo + (hi - lo) * np.asarray(betaincinv(a, b, u)))


def jeffreys(share: float, size: float) -> Spread:
    """Beta distribution of a share counted in `size` patients, half a patient added to either side."""
    return beta(share * size + 0.5, (1.0 - share) * size + 0.5)


def gamma(mean: float, relative_error: float) -> Spread:
    """Gamma distribution by its mean and its standard error relative to it."""
    from scipy.special import gammaincinv

    shape = 1.0 / relative_error**2
    return Spread(
        f"gamma({mean:.4g}, {relative_error:.0%})", lambda u: np.asarray(mean / shape * gammaincinv(shape, u))
    )


def log_normal(median: float, sd: float) -> Spread:
    """Log-normal distribution by its median and the standard deviation of the logarithm."""
    from scipy.special import ndtri

    return Spread(f"log-normal({median:.4g}, {sd:.3g})", lambda u: median * np.exp(sd * ndtri(u)))


def logit_normal(median: float, sd: float) -> Spread:
    """Normal on the scale of log odds."""
    from scipy.special import ndtri

    centre = logit(median)
    return Spread(f"logit-normal({median:.4g}, {sd:.3g})", lambda u: 1.0 / (1.0 + np.exp(-(centre + sd * ndtri(u)))))


def normal(mean: float, sd: float) -> Spread:
    """Normal distribution."""
    from scipy.special import ndtri

    return Spread(f"normal({mean:.4g}, {sd:.3g})", lambda u: mean + sd * ndtri(u))


def in_range(lo: float, mean: float, hi: float) -> Spread:
    """Beta distribution on [lo, hi] with this mean, and the ends of the range about its 95 % limits.

    With m = (mean - lo) / (hi - lo) the shapes are m s and (1 - m) s. The strength s = 1.96² - 1 gives the standard
    deviation sqrt((mean - lo) (hi - mean)) / 1.96, which is that of a normal distribution with the ends as its 95 %
    limits when the mean is the middle. It is raised as far as no shape is below 1: the ends are never most probable.

    >>> round(float(in_range(0.0, 0.5, 1.0).quantile(np.array([0.5]))[0]), 6)
    0.5
    """
    share = (mean - lo) / (hi - lo)
    strength = max(Z**2 - 1.0, 1.0 / share, 1.0 / (1.0 - share))
    found = beta(share * strength, (1.0 - share) * strength, lo, hi)
    return Spread(f"beta on {lo:.4g} to {hi:.4g}, mean {mean:.4g}", found.quantile)


def whole_numbers(lo: float, mean: float, hi: float) -> Spread:
    """Whole numbers from lo to hi with this mean: lo + binomial(hi - lo, (mean - lo) / (hi - lo)).

    >>> whole_numbers(1, 2, 4).quantile(np.array([0.01, 0.5, 0.99])).astype(int).tolist()
    [1, 2, 4]
    """
    from scipy.special import bdtr

    most = round(hi - lo)
    below = bdtr(np.arange(most), most, (mean - lo) / (hi - lo))
    return Spread(f"whole numbers {lo:.0f} to {hi:.0f}, mean {mean:.4g}", lambda u: lo + np.searchsorted(below, u))


def spread_of_range(number: Ranged) -> Spread:
    """Distribution of an assumed number between the ends of its range, its value the mean.

    Ratios are so on the scale of logarithms, where their value is the mean of the logarithms; numbers of cycles are
    whole.
    """
    assert number.lo is not None
    assert number.hi is not None
    if number.lo == number.hi:
        return Spread("fixed", lambda u: np.full(len(u), number.value))
    if number.unit == "cycles":
        return whole_numbers(number.lo, number.value, number.hi)
    if number.unit in RATIOS and number.lo > 0.0:
        of_logs = in_range(math.log(number.lo), math.log(number.value), math.log(number.hi))
        kind = f"log-beta on {number.lo:.4g} to {number.hi:.4g}, centre {number.value:.4g}"
        return Spread(kind, lambda u: np.exp(of_logs.quantile(u)))
    return in_range(number.lo, number.value, number.hi)


def spread_of_row(row: Row) -> Spread | None:
    """Distribution of a published number, None where it is a definition and not an estimate.

    - Shares at a time, with a printed interval (Kaplan and Meier, cumulative incidence): normal in log odds.
    - Other proportions with counts or a size: beta by Jeffreys' prior. With an interval only: normal in log odds.
    - Ratios and times with a printed interval: log-normal. Median times of n patients without one: log-normal with
      sd 1 / (ln 2 sqrt(n)), that of the median of exponential times; ratios of n events: sd 2 / sqrt(n).
    - Rates per patient-year: log-normal with sd 1 / sqrt(events).
    - Mean ages of n patients: normal with a standard error of sd / sqrt(n); their sd: log-normal, 1 / sqrt(2 n).
    - Without size and interval: as from the number of patients or events that `params/uncertainty.yaml` assumes.
    """
    if row.kind != "published" or row.value is None or row.quantity in rules()["definitions"]["quantities"]:
        return None
    size = size_of(row)
    if row.unit == "proportion":
        by_limits = printed_sd(row, logit) if 0.0 < row.value < 1.0 else None
        if by_limits is not None and (row.at_months is not None or not row.total):
            return logit_normal(row.value, by_limits)
        return jeffreys(row.value if row.events is None else row.events / size, size)
    if row.value <= 0.0:
        return None
    if row.unit in RATIOS:
        return log_normal(row.value, log_sd(row))
    if row.unit in TIMES:
        sd = printed_sd(row, math.log)
        return log_normal(row.value, MEDIAN_SPREAD / math.sqrt(size) if sd is None else sd)
    if row.unit == "events per patient-year":
        return log_normal(row.value, 1.0 / math.sqrt(assumed("events_of_a_rate")))
    if row.quantity == "mean_age":
        return normal(row.value, assumed("sd_of_ages") / math.sqrt(size))
    if row.quantity == "sd_age":
        return log_normal(row.value, 1.0 / math.sqrt(2.0 * size))
    return None


def log_sd(row: Row) -> float:
    """Standard deviation of a ratio's logarithm: by its printed limits, else 2 / sqrt(n) for n patients or events."""
    sd = printed_sd(row, math.log)
    return 2.0 / math.sqrt(size_of(row)) if sd is None else sd


def effective_size(row: Row) -> float:
    """Patients that a share rests on: by the printed interval of a share at a time, else as counted.

    With the standard deviation s of the log odds of a share p they are 1 / (s² p (1 - p)), which is fewer than were
    enrolled when some were censored.
    """
    sd = printed_sd(row, logit) if row.at_months is not None else None
    if sd is None or row.value is None:
        return size_of(row)
    return 1.0 / (sd**2 * row.value * (1.0 - row.value))


def printed_sd(row: Row, scale: Callable[[float], float]) -> float | None:
    """Standard deviation on a scale from printed limits, one or both; None without any, or with a range."""
    try:
        level = float(row.ci_level)
    except ValueError:
        return None
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2.0))
    assert row.value is not None
    limits = [limit for limit in (row.lo, row.hi) if limit is not None]
    if not limits or (scale is logit and not all(0.0 < each < 1.0 for each in (*limits, row.value))):
        return None
    if len(limits) == 2:
        return (scale(limits[1]) - scale(limits[0])) / (2.0 * z)
    return abs(scale(limits[0]) - scale(row.value)) / z


def logit(share: float) -> float:
    """Log odds of a share."""
    return math.log(share / (1.0 - share))


def size_of(row: Row) -> float:
    """Patients or events behind a number: printed beside it or in its population's words, else assumed."""
    return row.total or _size_in(row.population) or assumed("patients_when_not_printed")


def assumed(name: str) -> float:
    """Return a size or error that `params/uncertainty.yaml` assumes where a source prints none."""
    return float(rules()[name]["value"])


@lru_cache(maxsize=1)
def rules() -> dict[str, Any]:
    """What `params/uncertainty.yaml` says."""
    content: dict[str, Any] = read_yaml(shipped("params") / RULES).data
    return content


def _size_in(population: str) -> float | None:
    """Number of patients that a population's words hold: «(n=45)»."""
    match = re.search(r"\bn\s*=\s*(\d+)", population)
    return float(match.group(1)) if match else None

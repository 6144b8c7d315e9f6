"""Evidence rows as points of a curve: medians and landmarks, their spread and their patients."""

from __future__ import annotations

import math
import re

from scipy.special import ndtri

from rallsim.curves.published import Point
from rallsim.inputs.evidence import Row

LEAST_SHARE = 1e-3  # printed limits at 0 or 1 are moved this far inside, since ln(-ln S) has no value there


def patients_of(row: Row) -> float | None:
    """Return how many patients are behind a row: its total, or what `n=` in its population says."""
    said = re.search(r"\bn=(\d+)", row.population)
    return row.total if row.total is not None else float(said.group(1)) if said else None


def normal_quantile(row: Row) -> float:
    """Return the normal quantile of a row's interval: 1.96 at level 0.95."""
    return float(ndtri(0.5 + 0.5 * float(row.ci_level)))


def median_point(row: Row, patients: float) -> Point:
    """Return a median as the point (median, one half); one limit gives the spread where the other is not reached."""
    value = row.value if row.value is not None else math.nan
    sd = None
    if row.interval is not None:
        sd = math.log(row.interval[1] / row.interval[0]) / (2.0 * normal_quantile(row))
    elif row.lo is not None and row.lo < value:
        sd = math.log(value / row.lo) / normal_quantile(row)
    return Point("median", value, 0.5, sd, row.lo, row.hi, patients, (row.id,))


def landmark_point(row: Row, patients: float, is_incidence: bool) -> Point:
    """Return a landmark; its spread is half the width of the interval of ln(-ln S) over the normal quantile."""
    value = row.value if row.value is not None else math.nan
    limits = row.interval
    if is_incidence:
        value = 1.0 - value
        limits = None if limits is None else (1.0 - limits[1], 1.0 - limits[0])
    sd = None
    if limits is not None:
        ends = [math.log(-math.log(min(max(limit, LEAST_SHARE), 1.0 - LEAST_SHARE))) for limit in limits]
        sd = (ends[0] - ends[1]) / (2.0 * normal_quantile(row))
    lo, hi = limits or (None, None)
    return Point("landmark", row.at_months or math.nan, value, sd, lo, hi, patients, (row.id,))

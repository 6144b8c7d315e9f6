"""A simulated trial, and what its paper would print of the survival curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times

from rallsim.curves.distribution import TimeToEvent
from rallsim.curves.published import AtRisk, HazardRatio, Plausible, Point, PublishedCurve

Z = 1.959964
Floats = npt.NDArray[np.float64]


def a_curve(
    points: Sequence[Point] = (),
    at_risk: AtRisk | None = None,
    *,
    patients: float = 200.0,
    follow_up: float | None = None,
    hazard_ratio: HazardRatio | None = None,
    plausible: Sequence[Plausible] = (),
) -> PublishedCurve:
    """A published curve of overall survival made of given figures."""
    return PublishedCurve(
        id="made",
        label="Made up",
        endpoint="os",
        starts="randomisation",
        counts="death",
        censored="last contact",
        corresponds="nothing",
        patients=patients,
        background=None,
        points=tuple(points),
        at_risk=at_risk,
        shown_at_risk=None,
        follow_up=follow_up,
        digitised=None,
        hazard_ratio=hazard_ratio,
        plausible=tuple(plausible),
        note="",
        rows=(),
        not_used={},
        file=Path("made.yaml"),
    )


def landmark(months: float, survival: float, sd: float | None = None, patients: float = 200.0) -> Point:
    """A landmark with a standard deviation on the scale of ln(-ln S)."""
    return Point("landmark", months, survival, sd, None, None, patients, ())


def simulated_times(
    distribution: TimeToEvent, patients: int, rng: np.random.Generator, follow_up: tuple[float, float]
) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Times under observation, who had the event, and when each one's follow-up ends (uniform between two months)."""
    event = distribution.quantile(rng.uniform(size=patients))
    end = rng.uniform(*follow_up, size=patients)
    return np.minimum(event, end), event <= end, end


def printed(
    time: Floats,
    event: npt.NDArray[np.bool_],
    *,
    landmarks: Sequence[float] = (),
    at_risk: Sequence[float] = (),
    with_median: bool = True,
    with_follow_up: bool = True,
) -> PublishedCurve:
    """The curve a paper would print: Kaplan-Meier landmarks and median with 95 % intervals, numbers at risk."""
    fitter = KaplanMeierFitter().fit(time, event)
    limits = fitter.confidence_interval_
    points = []
    if with_median and math.isfinite(fitter.median_survival_time_):
        low, high = (float(value) for value in median_survival_times(limits).to_numpy()[0])
        median = float(fitter.median_survival_time_)
        upper = high if math.isfinite(high) else None
        sd = math.log(high / low) / (2 * Z) if upper else math.log(median / low) / Z if low < median else None
        points.append(Point("median", median, 0.5, sd, low, upper, float(len(time)), ()))
    for months in landmarks:
        survival = float(fitter.predict(months))
        low, high = limits.loc[:months].to_numpy()[-1]
        if 0.0 < survival < 1.0:
            sd = (math.log(-math.log(low)) - math.log(-math.log(high))) / (2 * Z)
            points.append(Point("landmark", months, survival, sd, low, high, float(len(time)), ()))
    table = None
    if at_risk:
        table = AtRisk(tuple(at_risk), tuple(int((time >= months).sum()) for months in at_risk), ("made",))
    follow_up = None
    if with_follow_up and table:
        median_followed = float(KaplanMeierFitter().fit(time, ~event).median_survival_time_)
        follow_up = median_followed if math.isfinite(median_followed) else None
    return a_curve(points, table, patients=float(len(time)), follow_up=follow_up)

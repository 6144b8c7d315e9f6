"""Fitting a family to individual data: times, who had the event, and when each patient came under observation.

For anyone who has patients instead of a paper: the same families, parameters and limits as for published curves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rallsim.curves.distribution import Form, form_called
from rallsim.curves.estimate import CurveEstimate
from rallsim.curves.families import Floats
from rallsim.curves.numeric import IMPOSSIBLE, hessian, inverse, lowest
from rallsim.errors import InputError, Problem

FEWEST_EVENTS = 2


def fit_individual(
    form: str,
    time: Sequence[float] | Floats,
    event: Sequence[float] | Floats,
    entry: Sequence[float] | Floats | None = None,
    background_hazard: Sequence[float] | Floats | None = None,
    weights: Sequence[float] | Floats | None = None,
) -> CurveEstimate:
    """Fit a form by maximum likelihood to right-censored, perhaps left-truncated times.

    ln L = sum of event * ln(h(time) + background) - (H(time) - H(entry))

    `time` months to the event or the end of observation; `event` 1 or 0; `entry` months at which a patient came under
    observation (0 when not given: whoever had the event before it was never seen); `background_hazard` the general
    population's hazard per month at each patient's time, which makes h and H those of the excess; `weights` how many
    patients each entry stands for.

    Refuses an unknown form, columns of different lengths, times that are not after entry, events other than 0 and 1,
    and fewer than two events.

    >>> fit = fit_individual("exponential", time=[2.0, 4.0, 6.0, 8.0], event=[1, 1, 0, 1])
    >>> round(fit.distribution.named()["rate"], 3)  # three events in twenty months
    0.15
    """
    wanted = form_called(form)
    times, events = np.asarray(time, float), np.asarray(event, float)
    entries = np.zeros_like(times) if entry is None else np.asarray(entry, float)
    others = np.zeros_like(times) if background_hazard is None else np.asarray(background_hazard, float)
    many = np.ones_like(times) if weights is None else np.asarray(weights, float)
    _check(times, events, entries, others, many)
    had = events > 0.0
    truncated = entries > 0.0

    def minus_log_likelihood(x: Floats) -> float:
        distribution = wanted.at(x)
        with np.errstate(all="ignore"):
            rates = many[had] @ np.log(distribution.hazard(times[had]) + others[had])
            spent = many @ distribution.cumulative_hazard(times)
            before = many[truncated] @ distribution.cumulative_hazard(entries[truncated]) if truncated.any() else 0.0
        value = float(spent - before - rates)
        return value if math.isfinite(value) else IMPOSSIBLE

    best = lowest(minus_log_likelihood, list(_starts(wanted, times, events, entries, many)))
    covariance, _ = inverse(hessian(minus_log_likelihood, best))
    log_likelihood = -minus_log_likelihood(best)
    return CurveEstimate(
        form=wanted,
        distribution=wanted.at(best),
        point=best,
        covariance=covariance,
        log_likelihood=log_likelihood,
        aic=2.0 * len(best) - 2.0 * log_likelihood,
        bic=len(best) * math.log(many.sum()) - 2.0 * log_likelihood,
    )


def _check(times: Floats, events: Floats, entries: Floats, others: Floats, many: Floats) -> None:
    lengths = {len(one) for one in (times, events, entries, others, many)}
    if len(lengths) > 1:
        raise InputError(Problem("must have columns of one length", found=", ".join(str(n) for n in sorted(lengths))))
    faults = []
    for name, wrong, allowed in (
        ("time", ~(np.isfinite(times) & (times > np.maximum(entries, 0.0))), "above 0 and above entry"),
        ("event", ~np.isin(events, (0.0, 1.0)), "0 or 1"),
        ("entry", ~(np.isfinite(entries) & (entries >= 0.0)), "0 or more"),
        ("background_hazard", ~(np.isfinite(others) & (others >= 0.0)), "0 or more"),
        ("weights", ~(np.isfinite(many) & (many > 0.0)), "above 0"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            faults.append(
                Problem(
                    "must be", key=name, found=f"{int(wrong.sum())} others, the first in row {first}", allowed=allowed
                )
            )
    if not faults and many @ events < FEWEST_EVENTS:
        faults.append(
            Problem("must have enough events", found=f"{many @ events:.0f}", allowed=f"{FEWEST_EVENTS} or more")
        )
    if faults:
        raise InputError(faults)


def _starts(form: Form, times: Floats, events: Floats, entries: Floats, many: Floats) -> list[Floats]:
    """Return starts at the constant hazard of the data, with shapes around no effect and a cured share of a fifth."""
    rate = float((many @ events) / (many @ (times - entries)))
    levels = {"rate": math.log(rate), "scale": -math.log(rate), "mu": -math.log(rate), "cure": -1.4, "q": 0.5}
    starts = []
    for steep in (0.0, 0.5, -0.4):
        shapes = {"shape": 0.02 * steep if form.family.name == "gompertz" else steep, "sigma": -steep}
        starts.append(np.array([{**levels, **shapes}[spec.name] for spec in form.parameters]))
    return starts

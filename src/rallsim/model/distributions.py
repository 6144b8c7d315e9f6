"""Times from uniforms: quantile functions of the distributions of the pathway.

Each takes a uniform `u` in [0, 1) and gives the time by which a share `u` has had the event. They rise with `u`
and fall with the hazard, so a patient with the same `u` under a better treatment has the same event later.
Times are months; an event that never comes is at infinity (NEVER).
"""

from __future__ import annotations

import math

from rallsim.common.compiled import compiled
from rallsim.model.world import Floats

NEVER = math.inf


@compiled
def exponential_quantile(u: float, rate: float) -> float:
    """Time by which a share `u` has had an event of constant hazard.

    t = -ln(1 - u) / rate

    `rate` is per month; at rate 0 the event never comes.

    >>> round(exponential_quantile(0.5, rate=0.1), 3)
    6.931
    """
    if rate <= 0.0:
        return NEVER
    return -math.log1p(-u) / rate


@compiled
def log_logistic_quantile(u: float, median: float, shape: float) -> float:
    """Time by which a share `u` has had an event whose log-odds rise with log time.

    t = median * (u / (1 - u)) ** (1 / shape)

    Used for waits, which have a typical length and a tail. A larger `shape` gives less spread.

    >>> log_logistic_quantile(0.5, median=1.9, shape=4.0)
    1.9
    """
    return float(median * (u / (1.0 - u)) ** (1.0 / shape))


@compiled
def weibull_quantile(u: float, median: float, shape: float, hazard_ratio: float) -> float:
    """Time by which a share `u` has had an event whose hazard rises or falls with a power of time.

    t = median * (-ln(1 - u) / (hazard_ratio * ln 2)) ** (1 / shape)

    At `shape` 1 the hazard is constant; below 1 it falls. `median` is that at hazard ratio 1.

    >>> weibull_quantile(0.5, median=3.0, shape=0.7, hazard_ratio=1.0)
    3.0
    >>> round(weibull_quantile(0.75, median=3.0, shape=1.0, hazard_ratio=2.0), 9)
    3.0
    """
    return float(median * (-math.log1p(-u) / (hazard_ratio * math.log(2.0))) ** (1.0 / shape))


@compiled
def mixture_cure_quantile(u: float, cure: float, scale: float, shape: float, hazard_ratio: float) -> float:
    """Time by which a share `u` has had an event that a fraction never has.

    S(t) = (cure + (1 - cure) * exp(-(t / scale) ** shape)) ** hazard_ratio,  t = S^-1(1 - u)

    `cure` is the plateau at hazard ratio 1; `scale` (months) is when 63 % of the others have had the event;
    `hazard_ratio` multiplies the hazard at all times, so the plateau under it is cure ** hazard_ratio.
    Infinite when `u` lies on the plateau.

    >>> round(mixture_cure_quantile(0.692, cure=0.2, scale=6.0, shape=1.0, hazard_ratio=1.0), 1)
    12.0
    >>> mixture_cure_quantile(0.8, cure=0.2, scale=6.0, shape=1.0, hazard_ratio=1.0)
    inf
    """
    surviving = 1.0 - u if hazard_ratio == 1.0 else (1.0 - u) ** (1.0 / hazard_ratio)
    if surviving <= cure:
        return NEVER
    time = -math.log((surviving - cure) / (1.0 - cure))
    return float(scale * (time if shape == 1.0 else time ** (1.0 / shape)))


@compiled
def mixture_cure_survival(t: float, cure: float, scale: float, shape: float, hazard_ratio: float) -> float:
    """Share without the event at time `t`: the inverse of `mixture_cure_quantile`.

    >>> round(mixture_cure_survival(12.0, cure=0.2, scale=6.0, shape=1.0, hazard_ratio=1.0), 3)
    0.308
    """
    return float((cure + (1.0 - cure) * math.exp(-((t / scale) ** shape))) ** hazard_ratio)


@compiled
def changed_hazard_quantile(
    u: float, cure: float, scale: float, shape: float, before: float, change: float, after: float
) -> float:
    """Time by which a share `u` has had an event whose hazard ratio changes from `before` to `after` at `change`.

    With S0 the mixture-cure curve at hazard ratio 1 and c the time of the change,
    S(t) = S0(t) ** before up to c, and S0(c) ** before * (S0(t) / S0(c)) ** after from then on.

    >>> changed_hazard_quantile(0.5, 0.2, 6.0, 1.0, 1.0, 100.0, 3.0) == mixture_cure_quantile(0.5, 0.2, 6.0, 1.0, 1.0)
    True
    >>> same = changed_hazard_quantile(0.5, 0.2, 6.0, 1.0, 2.0, 1.0, 2.0)
    >>> round(same, 9) == round(mixture_cure_quantile(0.5, 0.2, 6.0, 1.0, 2.0), 9)
    True
    """
    at_change = mixture_cure_survival(change, cure, scale, shape, before)
    if 1.0 - u >= at_change:
        return mixture_cure_quantile(u, cure, scale, shape, before)
    return later_quantile(1.0 - (1.0 - u) / at_change, cure, scale, shape, after, change)


@compiled
def later_quantile(u: float, cure: float, scale: float, shape: float, hazard_ratio: float, since: float) -> float:
    """Time by which a share `u` of those without the event at time `since` have had it.

    S(t) = (S0(t) / S0(since)) ** hazard_ratio with S0 the mixture-cure curve at hazard ratio 1; the time is counted
    from the beginning of the curve, so it is never before `since`.

    >>> later_quantile(0.5, 0.0, 10.0, 1.0, 1.0, 5.0) == 5.0 + mixture_cure_quantile(0.5, 0.0, 10.0, 1.0, 1.0)
    True
    """
    surviving = mixture_cure_survival(since, cure, scale, shape, 1.0) * (1.0 - u) ** (1.0 / hazard_ratio)
    return max(since, mixture_cure_quantile(1.0 - surviving, cure, scale, shape, 1.0))


@compiled
def probability_after_odds_ratio(probability: float, odds_ratio: float) -> float:
    """Probability after multiplying its odds.

    p' = p * OR / (1 - p + p * OR)

    >>> round(probability_after_odds_ratio(0.4, 2.0), 4)
    0.5714
    """
    return probability * odds_ratio / (1.0 - probability + probability * odds_ratio)


@compiled
def hazard_until(table: Floats, age: float) -> float:
    """Cumulative hazard of a life table from birth to `age` (years).

    H(a) = H(floor a) + (a - floor a) * (H(floor a + 1) - H(floor a)): the hazard is constant within a year of age,
    and after the last age of the table stays that of its last year.

    `table[a]` is the cumulative hazard at exact age `a`, so table[a + 1] - table[a] = -ln(1 - q_a).

    >>> import numpy as np
    >>> round(hazard_until(np.array([0.0, 0.1, 0.3]), 1.5), 3)
    0.2
    """
    last = len(table) - 2
    year = min(int(age), last)
    return float(table[year] + (age - year) * (table[year + 1] - table[year]))


@compiled
def age_at_hazard(table: Floats, hazard: float, youngest: float) -> float:
    """Age (years) from `youngest` on at which the cumulative hazard from birth reaches `hazard`.

    The inverse of `hazard_until`; `youngest` only says where to begin to look.

    >>> import numpy as np
    >>> round(age_at_hazard(np.array([0.0, 0.1, 0.3]), 0.2, 0.0), 3)
    1.5
    """
    last = len(table) - 2
    year = min(int(youngest), last)
    while year < last and table[year + 1] < hazard:
        year += 1
    return float(year + (hazard - table[year]) / (table[year + 1] - table[year]))

"""Mean of draws, how exact it is, and how far the draws spread."""

from __future__ import annotations

import numpy as np

from rallsim.common.precision import mean
from rallsim.decision.rounding import Floats

LOW, HIGH = 0.025, 0.975


def spread(name: str, values: Floats) -> dict[str, float]:
    """Mean of draws, its standard error and the interval of 95 % of draws, under names that begin with `name`.

    >>> spread("NMB", np.array([1.0, 3.0]))
    {'NMB': 2.0, 'NMB_Std_Error': 1.0, 'NMB_Lower': 1.05, 'NMB_Upper': 2.95}
    """
    estimate = mean(values)
    lower, upper = np.quantile(values, [LOW, HIGH])
    return {
        name: estimate.value,
        f"{name}_Std_Error": estimate.std_error,
        f"{name}_Lower": float(lower),
        f"{name}_Upper": float(upper),
    }

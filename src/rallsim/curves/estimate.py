"""A form with its estimated parameters and their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rallsim.curves.distribution import Form, TimeToEvent
from rallsim.curves.families import Floats


@dataclass(frozen=True)
class CurveEstimate:
    """A form fitted by maximum likelihood.

    `point` and `covariance` are on the unconstrained scale (logs of positive parameters, logit of the cured share).
    """

    form: Form
    distribution: TimeToEvent
    point: Floats
    covariance: Floats
    log_likelihood: float
    aic: float
    bic: float

    @property
    def standard_errors(self) -> Floats:
        """Standard errors on the unconstrained scale."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def limits(self, z: float = 1.959964) -> list[tuple[float, float]]:
        """95 % limits of each parameter on its own scale: symmetric on the unconstrained one."""
        low, high = (self.form.at(self.point + sign * z * self.standard_errors).values for sign in (-1.0, 1.0))
        return list(zip(low, high, strict=True))

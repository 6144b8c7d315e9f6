"""What it costs to decide under uncertainty: expected loss, and the value of knowing everything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from rallsim.common.precision import mean
from rallsim.decision.acceptability import best, checked_wtp, net_benefit
from rallsim.decision.rounding import LARGEST
from rallsim.decision.sample import PsaSample
from rallsim.errors import InputError, Problem


def expected_loss(sample: PsaSample, wtp: Sequence[float]) -> pd.DataFrame:
    """Net benefit expected to be lost by choosing a strategy for good, against the best choice of each draw.

    L_d = mean(max_j NMB_j - NMB_d)

    The strategy with the smallest loss is on the frontier, and its loss is the EVPI.

    Columns: WTP, Strategy, Expected_Loss, On_Frontier (as dampack's `calc_exp_loss`), Std_Error.

    Source: Alarid-Escudero et al., Value Health 2019;22:611.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> expected_loss(sample, [30.0])[["Expected_Loss", "On_Frontier"]].values.tolist()
    [[2.5, False], [2.0, True]]
    """
    rows = []
    for k in checked_wtp(wtp):
        benefit = net_benefit(sample, k)
        losses = benefit.max(axis=1, keepdims=True) - benefit
        chosen = best(sample, k)
        for place, name in enumerate(sample.strategies):
            loss = mean(losses[:, place])
            row = {"WTP": k, "Strategy": name, "Expected_Loss": loss.value, "On_Frontier": place == chosen}
            rows.append(row | {"Std_Error": loss.std_error})
    return pd.DataFrame(rows)


def evpi(sample: PsaSample, wtp: Sequence[float], patients: float | None = None) -> pd.DataFrame:
    """Expected value of perfect information for one patient, and for `patients` of them.

    EVPI = mean(max_d NMB_d) - max_d mean(NMB_d)

    Columns: WTP, EVPI (as dampack's `calc_evpi`), Std_Error; with `patients` (see `patients_to_come`) also
    Population_EVPI and Population_Std_Error.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> evpi(sample, [30.0], patients=100)[["EVPI", "Population_EVPI"]].values.tolist()
    [[2.0, 200.0]]
    """
    losses = expected_loss(sample, wtp)
    chosen = losses[losses["On_Frontier"]].reset_index(drop=True)
    table = pd.DataFrame({"WTP": chosen["WTP"], "EVPI": chosen["Expected_Loss"], "Std_Error": chosen["Std_Error"]})
    return with_population(table, "EVPI", patients)


def patients_to_come(incidence: float, years: float, discount: float) -> float:
    """Patients whom a decision concerns, each counted at the present value of the year in which they come.

    N = I (1 - e^(-f T)) / f   with   f = ln(1 + r)

    `incidence` is patients a year, coming evenly; `years` how long the decision stands; `discount` an annual effective
    rate (0.035 for 3.5 % a year), applied continuously as everywhere in this package. At a rate of 0, N = I T.

    >>> round(patients_to_come(200, 10, 0.035), 1), patients_to_come(200, 10, 0)
    (1692.3, 2000.0)
    """
    faults = [
        Problem(f"must be a number from 0 to {LARGEST:g}", key=name, found=f"{value:g}")
        for name, value in (("incidence", incidence), ("years", years), ("discount", discount))
        if not 0 <= value <= LARGEST
    ]
    if faults:
        raise InputError(faults)
    force = math.log1p(discount)
    return incidence * (-math.expm1(-force * years) / force if force else float(years))


def with_population(table: pd.DataFrame, value: str, patients: float | None) -> pd.DataFrame:
    """Add the value for `patients` patients and its standard error; nothing when there is no number of patients."""
    if patients is None:
        return table
    return table.assign(
        **{f"Population_{value}": table[value] * patients, "Population_Std_Error": table["Std_Error"] * patients}
    )

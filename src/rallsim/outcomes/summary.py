"""What a history comes to: one row a patient, then shares, means, medians, differences and survival curves.

Everybody enters at time 0 and nobody is censored before the common horizon. Overall and event-free survival are thus
plain shares of patients up to the horizon. Only remissions, which begin at different times, need Kaplan and Meier.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rallsim.common.precision import Estimate, Floats, Mask, difference, mean, median, share
from rallsim.errors import InputError, Problem, nearest
from rallsim.model.states import CAUSES_OF_DEATH, Detail
from rallsim.outcomes.endpoints import outcomes_of
from rallsim.outcomes.history import History

LANDMARKS = (6, 12, 24, 36, 60)  # months
TOXICITIES = ("crs", "crs_grade3plus", "icans", "icans_grade3plus", "sos")
BEST_RESPONSES = ("none", "mrd_positive", "mrd_negative")
_PRECISION = ["estimate", "std_error", "lo", "hi"]


def patient_table(history: History) -> pd.DataFrame:
    """Return one row a patient: how long, how well and with what (defined in `endpoints.derive`).

    - `os_months`, `dead`, `cause`: from entry to death, or to the horizon for whoever is alive (no cause).
    - `efs_months`, `efs_event`: from entry to failure of the first line given, relapse, palliative care in a patient
      who never responded, or death; without any of these, to the horizon. A first product that is followed by a second
      attempt is no failure.
    - `response`: to the first line given. `mrd_negative`: of the first response in whatever line; empty without one.
      `best_response`: the best in any line, one of none, mrd_positive, mrd_negative.
    - `lines`: number given in this history; earlier ones are not counted.
    - `hsct`, `infusion`, `crs`, `crs_grade3plus`, `icans`, `icans_grade3plus`, `sos`: at least once.
    - `remission_months`, `remission_ended`: from the first response to relapse or death, or to the horizon; empty and
      False without a response.
    """
    found = outcomes_of(history.events, history.patients)
    responded = found["responded"] > 0
    cause = found["cause"].astype(np.int8) - Detail.LEUKAEMIA
    best = responded.astype(np.int8) + found["ever_mrd_negative"].astype(np.int8)
    return pd.DataFrame(
        {
            "patient": np.arange(history.patients),
            "os_months": found["os_months"],
            "dead": found["dead"] > 0,
            "cause": pd.Categorical.from_codes(np.maximum(cause, -1), categories=pd.Index(CAUSES_OF_DEATH)),
            "efs_months": found["efs_months"],
            "efs_event": found["efs_event"] > 0,
            "response": found["response"] > 0,
            "mrd_negative": pd.arrays.BooleanArray(found["mrd_negative"] > 0, mask=~responded),
            "best_response": pd.Categorical.from_codes(best, categories=pd.Index(BEST_RESPONSES), ordered=True),
            "lines": found["lines"].astype(np.int64),
            **{name: found[name] > 0 for name in ("hsct", "infusion", *TOXICITIES)},
            "remission_months": np.where(responded, found["remission_months"], np.nan),
            "remission_ended": found["remission_ended"] > 0,
        },
        copy=False,  # columns stay apart: putting them together costs more than all that is done with them
    )


def summary(tables: Mapping[str, pd.DataFrame], horizon: float) -> pd.DataFrame:
    """Estimate every outcome under every strategy, with its Monte Carlo standard error and 95 % limits.

    `tables` are patient tables by strategy; `horizon` (months) is what they were simulated to: landmarks beyond it are
    left out, and restricted means run up to it. What cannot be told (a median not reached, a share of nobody) is empty.
    The formulas are in `precision`.

    Not included: the uncertainty of the parameters. These limits narrow as patients are added; that one does not.
    """
    rows = (
        (strategy, outcome, unit, estimate.value, estimate.std_error, estimate.lo, estimate.hi)
        for strategy, table in tables.items()
        for outcome, (unit, estimate) in _estimates(table, horizon).items()
    )
    return pd.DataFrame(list(rows), columns=["strategy", "outcome", "unit", *_PRECISION])


def differences(tables: Mapping[str, pd.DataFrame], reference: str, horizon: float) -> pd.DataFrame:
    """Estimate, for every strategy but `reference`, every outcome minus the reference's, patient against same patient.

    Refuses a `reference` without a table and tables of other patients than the reference's.
    """
    if reference not in tables:
        names = list(tables)
        raise InputError(
            Problem(
                "must be a known strategy", found=reference, allowed=", ".join(names), hint=nearest(reference, names)
            )
        )
    base = _estimates(tables[reference], horizon)
    rows = []
    for strategy, table in tables.items():
        if strategy == reference:
            continue
        if not np.array_equal(table["patient"].to_numpy(), tables[reference]["patient"].to_numpy()):
            raise InputError(Problem(f"must have the same patients in '{strategy}' and '{reference}' to pair them"))
        for outcome, (unit, estimate) in _estimates(table, horizon).items():
            gain = difference(estimate, base[outcome][1])
            rows.append((strategy, reference, outcome, unit, gain.value, gain.std_error, gain.lo, gain.hi))
    return pd.DataFrame(rows, columns=["strategy", "reference", "outcome", "unit", *_PRECISION])


def survival(months: Floats, ended: Mask, at: Floats) -> Floats:
    """Share of patients without the event after each time of `at` (months, none of them beyond the horizon).

    S(t) = 1 - (number ended at or before t) / n

    A plain share is exact because nobody is censored before the common horizon: it is what Kaplan and Meier's product
    comes to. `months` of patients who have not `ended` are the horizon.

    >>> survival(np.array([2.0, 5.0, 60.0, 60.0]), np.array([True, True, False, False]), np.array([0.0, 2.0, 60.0]))
    array([1.  , 0.75, 0.5 ])
    """
    gone = np.searchsorted(np.sort(months[ended]), at, side="right")
    return np.asarray((len(months) - gone) / len(months))


def survival_curves(tables: Mapping[str, pd.DataFrame], horizon: float, step: float = 1.0) -> pd.DataFrame:
    """Return overall and event-free survival every `step` months from 0 up to the horizon.

    `survival` is the share without the event, SE = sqrt(S (1 - S) / n); `at_risk` is the number still followed and
    without the event just before `t`. Refuses a table without patients.
    """
    at = np.arange(int(np.floor(horizon / step + 1e-9)) + 1, dtype=np.float64) * step
    curves = []
    for strategy, table in tables.items():
        if table.empty:
            raise InputError(Problem(f"must have patients in '{strategy}' for a survival curve"))
        for endpoint, months, ended in _endpoints(table):
            share_left = survival(months, ended, at)
            curves.append(
                pd.DataFrame(
                    {
                        "strategy": strategy,
                        "endpoint": endpoint,
                        "t": at,
                        "survival": share_left,
                        "std_error": np.sqrt(share_left * (1.0 - share_left) / len(table)),
                        "at_risk": len(table) - np.searchsorted(np.sort(months), at, side="left"),
                    }
                )
            )
    return pd.concat(curves, ignore_index=True)


def _estimates(table: pd.DataFrame, horizon: float) -> dict[str, tuple[str, Estimate]]:
    """Every outcome of one strategy: its unit and estimate, in the order in which it is reported."""
    everyone, response = np.ones(len(table), dtype=bool), _flags(table, "response")
    of_all, of_responders = "share of patients", "share of responders"
    negative = table["mrd_negative"].to_numpy(dtype=bool, na_value=False)
    found = {
        "response": (of_all, share(response, everyone)),
        "mrd_negative": (of_responders, share(negative, response)),
    }
    for name in ("hsct", "infusion", *TOXICITIES):
        found[name] = (of_all, share(_flags(table, name), everyone))
    found["lines_mean"] = ("lines", mean(table["lines"].to_numpy(dtype=np.float64)))
    for endpoint, months, ended in _endpoints(table):
        found[f"{endpoint}_median"] = ("months", median(months, ended, everyone))
        for landmark in LANDMARKS:
            if landmark <= horizon:
                alive = ~(ended & (months <= landmark))
                found[f"{endpoint}_at_{landmark}_months"] = (of_all, share(alive, everyone))
        found[f"{endpoint}_restricted_mean"] = ("months", mean(months))
    remission = table["remission_months"].to_numpy(dtype=np.float64)
    found["remission_median"] = (
        "months",
        median(remission, _flags(table, "remission_ended"), ~np.isnan(remission)),
    )
    cause = table["cause"].cat.codes.to_numpy()
    for code, name in enumerate(CAUSES_OF_DEATH):
        found[f"death_{name}"] = (of_all, share(cause == code, everyone))
    return found


def _endpoints(table: pd.DataFrame) -> list[tuple[str, Floats, Mask]]:
    return [
        ("os", table["os_months"].to_numpy(dtype=np.float64), _flags(table, "dead")),
        ("efs", table["efs_months"].to_numpy(dtype=np.float64), _flags(table, "efs_event")),
    ]


def _flags(table: pd.DataFrame, column: str) -> Mask:
    return table[column].to_numpy(dtype=bool)

"""What papers report, counted from event times: one function a quantity of the evidence tables.

Each takes the records of the patients who count and returns one number, nan where it cannot be told. `since` is the
clock's beginning, `censored_at_hsct` ends follow-up at a transplant, as the paper did.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rallsim.model.states import Detail
from rallsim.outcomes.endpoints import ENDPOINTS
from rallsim.validation.kaplan_meier import hazard_ratio, incidence_at, median_time, survival_at

Records = np.ndarray
Floats = NDArray[np.float64]
RATES = (  # events by time on the first line given
    *("infection", "cytopenia", "gastrointestinal", "tumour_lysis", "liver_grade3plus"),
    *("crs_grade3plus", "icans_grade3plus"),
)
SINCE = ("entry", "treatment", "infusion", "remission", "hsct", "failure", "relapse", "failure_or_relapse")


@dataclass(frozen=True)
class Definition:
    """How an endpoint counts: the landmark (months), the clock's beginning, and whether transplant ends follow-up."""

    at_months: float = math.nan
    since: str = "entry"
    censored_at_hsct: bool = False
    cycle_months: float = field(default=math.nan)  # of the first line given, for rates by time on treatment


Count = Callable[[Records, Definition], float]


def begins(m: Records, since: str) -> Floats:
    """Months at which the clock begins, infinite for whoever never gets there."""
    if since == "entry":
        return np.zeros(len(m))
    return first_of(m, *since.split("_or_"))


def _time(m: Records, event: Floats, how: Definition) -> tuple[Floats, NDArray[np.bool_]]:
    """Months from the clock's beginning to an event or to the end of follow-up, and whether it was the event."""
    last = np.minimum(m["end"], m["hsct"]) if how.censored_at_hsct else m["end"]
    origin = begins(m, how.since)
    return np.maximum(np.minimum(event, last) - origin, 0.0), event <= last


def first_of(m: Records, *names: str) -> Floats:
    """Return the time of the first of several events."""
    return np.asarray(np.minimum.reduce([m[name] for name in names]))


EVENTS = {  # endpoints, and other names that papers have for them
    **ENDPOINTS,
    **dict.fromkeys(("dfs", "dor", "rfs_post_hsct", "alive_relapse_free"), ENDPOINTS["rfs"]),
    "post_hsct_os": ENDPOINTS["os"],
}


def time_to_event(name: str, m: Records, how: Definition) -> tuple[Floats, NDArray[np.bool_]]:
    """Months and whether the event happened, for an endpoint of EVENTS."""
    return _time(m, first_of(m, *EVENTS[name]), how)


def _survival_at(name: str, m: Records, how: Definition) -> float:
    return survival_at(*time_to_event(name, m, how), how.at_months)


def _median(name: str, m: Records, how: Definition) -> float:
    return median_time(*time_to_event(name, m, how))


def _share(flags: np.ndarray) -> float:
    return float(np.mean(flags)) if len(flags) else math.nan


def _median_of(values: Floats) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _median_between(m: Records, start: str, stop: str) -> float:
    """Median time from one event to another, of patients who had both."""
    both = m[_happened(m, start) & _happened(m, stop)]
    return _median_of(both[stop] - both[start])


def _competing(m: Records, relapse: bool, how: Definition) -> float:
    """Cumulative incidence after transplant of relapse, or of death without it."""
    relapsed, died = m["relapse_after_hsct"], m["death"]
    first, last = np.minimum(relapsed, died), m["end"]
    is_relapse = relapsed < died
    cause = np.where(first <= last, np.where(is_relapse == relapse, 1, 2), 0)
    return incidence_at(np.minimum(first, last) - m["hsct"], cause, how.at_months)


def _happened(m: Records, name: str) -> np.ndarray:
    return np.asarray(np.isfinite(m[name]))


def _of_relapses(m: Records, flag: str) -> float:
    relapsed = m[_happened(m, "relapse")]
    return _share(relapsed[flag] > 0)


def _per_year(name: str, m: Records, how: Definition) -> float:
    years = float(m["cycles"].sum()) * how.cycle_months / 12.0
    return float(m[name].sum()) / years if years > 0 else math.nan


def _early_death(m: Records, how: Definition) -> float:
    """Dead within `at_months` of the clock's beginning; without a landmark, before response or failure."""
    if math.isnan(how.at_months):
        return _share((m["death"] < np.inf) & (m["death"] <= first_of(m, "failure", "remission", "palliative")))
    return _share(m["death"] - begins(m, how.since) <= how.at_months)


_SHARES: dict[str, Count] = {
    "cr_rate": lambda m, how: _share(_happened(m, "response")),
    "mrd_neg_given_cr": lambda m, how: _share(m["mrd_negative"][_happened(m, "response")] > 0),
    "mrd_neg_cr_rate": lambda m, how: _share(_happened(m, "response") & (m["mrd_negative"] > 0)),
    "complete_mrd_response": lambda m, how: _share(_happened(m, "mrd_gone")[_happened(m, "mrd_treated")]),
    "non_response": lambda m, how: _share(_happened(m, "failure") & _happened(m, "infusion")),
    "early_death": _early_death,
    "hsct_rate": lambda m, how: _share(_happened(m, "hsct")),
    "hsct_direct_rate": lambda m, how: _share(_happened(m, "hsct") & (m["hsct_before_next_line"] > 0)),
    "no_hsct": lambda m, how: _share(~_happened(m, "hsct")),
    "hsct_given_cr": lambda m, how: _share(
        (_happened(m, "hsct") & (m["hsct_before_next_line"] > 0))[_happened(m, "remission")]
    ),
    "subsequent_salvage": lambda m, how: _share(_happened(m, "next_line")),
    "mrd_neg_before_hsct": lambda m, how: _share(m["mrd_negative_at_hsct"] > 0),
    "further_therapy_before_hsct": lambda m, how: _share(m["hsct_before_next_line"][_happened(m, "hsct")] == 0),
    "sos_rate": lambda m, how: _share(_happened(m, "sos_on_treatment") | _happened(m, "sos_after_hsct")),
    "sos_on_treatment_rate": lambda m, how: _share(_happened(m, "sos_on_treatment")),
    "sos_after_hsct_rate": lambda m, how: _share(_happened(m, "sos_after_hsct")),
    "sos_fatality": lambda m, how: _share(m["cause"][_happened(m, "sos_after_hsct")] == Detail.SOS),
    "fatal_sos": lambda m, how: _share((m["cause"] == Detail.SOS) & _happened(m, "death")),
    "nrm_at": lambda m, how: _competing(m, False, how),
    "relapse_post_hsct_at": lambda m, how: _competing(m, True, how),
    "crs_any": lambda m, how: _share(m["crs"] > 0),
    "crs_grade3plus": lambda m, how: _share(m["crs_grade3plus"] > 0),
    "icans_any": lambda m, how: _share(m["icans"] > 0),
    "icans_grade3plus": lambda m, how: _share(m["icans_grade3plus"] > 0),
    "infusion_given_enrolment": lambda m, how: _share(_happened(m, "infusion")),
    "manufacture_failure": lambda m, how: _share(m["manufacture_failure"] > 0),
    "bridging_rate": lambda m, how: _share(_happened(m, "bridging")),
    "cd19_negative_at_relapse": lambda m, how: _of_relapses(m, "antigen_lost_at_relapse"),
    "cd19_positive_at_relapse": lambda m, how: _of_relapses(m, "antigen_kept_at_relapse"),
    "lineage_switch_at_relapse": lambda m, how: _of_relapses(m, "lineage_switch_at_relapse"),
    "relapse_rate": lambda m, how: _share(_happened(m, "relapse")[_happened(m, "remission")]),
    "hepatic_ae_any": lambda m, how: _share(m["liver"] > 0),
    "months_to_hsct": lambda m, how: _median_between(m[m["hsct_before_next_line"] > 0], "remission", "hsct"),
    "weeks_vein_to_vein": lambda m, how: _median_between(m, "leukapheresis", "infusion") * 365.25 / 84.0,
    "months_to_subsequent_salvage": lambda m, how: median_time(*_time(m, m["next_line"], how)),
    "cycles_median": lambda m, how: _median_of(m["cycles"][_happened(m, "treatment")]),
    **{f"{name}_rate_py": partial(_per_year, name) for name in RATES},
    "blasts_under_5_share": lambda m, how: math.nan,  # of patients at entry: see `shares_of_entrants`
}
QUANTITIES: dict[str, Count] = {
    **_SHARES,
    **{f"{name}_at": partial(_survival_at, name) for name in EVENTS},
    **{f"median_{name}": partial(_median, name) for name in EVENTS},
}
RATIOS = {"hr_os": "os", "hr_efs": "efs", "hr_pfs": "pfs", "hr_rfs": "rfs", "hr_subsequent_salvage": "next_line"}
TIMES = tuple(name for name in QUANTITIES if name.startswith(("median_", "months_", "weeks_")))


def ratio(quantity: str, treated: Records, others: Records, how: Definition) -> float:
    """Hazard ratio of one group over another, for a quantity of RATIOS."""
    both = np.concatenate([treated, others])
    months, ended = time_to_event(RATIOS[quantity], both, how)
    return hazard_ratio(months, ended, np.arange(len(both)) < len(treated))


FILTERS: dict[str, Callable[[Records, np.ndarray], np.ndarray]] = {
    "all": lambda m, p: np.ones(len(m), dtype=bool),
    "treated": lambda m, p: np.asarray(np.isfinite(m["treatment"])),
    "infused": lambda m, p: np.asarray(np.isfinite(m["infusion"])),
    "responders": lambda m, p: np.asarray(np.isfinite(m["remission"])),
    "mrd_negative": lambda m, p: np.isfinite(m["remission"]) & (m["mrd_negative"] > 0),
    "mrd_positive": lambda m, p: np.isfinite(m["remission"]) & (m["mrd_negative"] == 0),
    "mrd_gone": lambda m, p: np.asarray(np.isfinite(m["mrd_gone"])),
    "mrd_stays": lambda m, p: np.isfinite(m["mrd_treated"]) & ~np.isfinite(m["mrd_gone"]),
    "transplanted": lambda m, p: np.asarray(np.isfinite(m["hsct"])),
    "transplanted_directly": lambda m, p: np.isfinite(m["hsct"]) & (m["hsct_before_next_line"] > 0),
    "not_transplanted": lambda m, p: ~np.isfinite(m["hsct"]),
    "not_transplanted_directly": lambda m, p: ~(np.isfinite(m["hsct"]) & (m["hsct_before_next_line"] > 0)),
    "bridged": lambda m, p: np.asarray(np.isfinite(m["bridging"])),
    "not_bridged": lambda m, p: ~np.isfinite(m["bridging"]),
    "failed": lambda m, p: np.isfinite(np.minimum(m["failure"], m["relapse"])),
    "relapsed": lambda m, p: np.asarray(np.isfinite(m["relapse"])),
    "no_response": lambda m, p: np.isfinite(m["failure"]),
    "first_salvage": lambda m, p: np.asarray(p["line"] == 1),
    "later_salvage": lambda m, p: np.asarray(p["line"] > 1),
    "second_salvage": lambda m, p: np.asarray(p["line"] == 2),
    "third_salvage": lambda m, p: np.asarray(p["line"] > 2),
    "short_remission": lambda m, p: np.asarray(p["cr1_months"] < 18.0),
    "long_remission": lambda m, p: np.asarray(p["cr1_months"] >= 18.0),
    "prior_hsct": lambda m, p: np.asarray(p["prior_hsct"] > 0),
    "no_prior_hsct": lambda m, p: np.asarray(p["prior_hsct"] == 0),
    "blasts_under_5": lambda m, p: (p["blasts"] < 0.05) | np.isfinite(m["bridging_response"]),  # after bridging
    "blasts_5_up": lambda m, p: (p["blasts"] >= 0.05) & ~np.isfinite(m["bridging_response"]),
    "blasts_under_50": lambda m, p: np.asarray(p["blasts"] < 0.5),
    "blasts_50_up": lambda m, p: np.asarray(p["blasts"] >= 0.5),
    "blasts_50_to_90": lambda m, p: (p["blasts"] >= 0.5) & (p["blasts"] <= 0.9),
    "blasts_over_90": lambda m, p: np.asarray(p["blasts"] > 0.9),
    "under_55": lambda m, p: np.asarray(p["age"] < 55.0),
    "from_55": lambda m, p: np.asarray(p["age"] >= 55.0),
    "ph_positive": lambda m, p: np.asarray(p["ph_positive"] > 0),
}

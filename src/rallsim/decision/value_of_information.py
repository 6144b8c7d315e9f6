"""What it costs to decide under uncertainty, and what knowing parameters would be worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from rallsim.common.precision import mean
from rallsim.decision.acceptability import best, checked_wtp, net_benefit
from rallsim.decision.regression import expected_given
from rallsim.decision.sample import Floats, PsaSample
from rallsim.errors import InputError, Problem, nearest


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
        chosen = best(benefit)
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
    return _with_population(table, "EVPI", patients)


def patients_to_come(incidence: float, years: float, discount: float) -> float:
    """Patients whom a decision concerns, each counted at the present value of the year in which they come.

    N = I (1 - e^(-f T)) / f   with   f = ln(1 + r)

    `incidence` is patients a year, coming evenly; `years` how long the decision stands; `discount` an annual effective
    rate (0.035 for 3.5 % a year), applied continuously as everywhere in this package. At a rate of 0, N = I T.

    >>> round(patients_to_come(200, 10, 0.035), 1), patients_to_come(200, 10, 0)
    (1692.3, 2000.0)
    """
    faults = [
        Problem("is no finite number from 0", key=name, found=f"{value:g}")
        for name, value in (("incidence", incidence), ("years", years), ("discount", discount))
        if not math.isfinite(value) or value < 0
    ]
    if faults:
        raise InputError(faults)
    force = math.log1p(discount)
    return incidence * (-math.expm1(-force * years) / force if force else float(years))


def evppi(
    sample: PsaSample,
    wtp: Sequence[float],
    groups: Mapping[str, Sequence[str]] | None = None,
    patients: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Expected value of perfect information on some parameters alone, for one patient, by regression.

    EVPPI = mean(max_d g_d) - max_d mean(g_d)   with   g_d = E[NMB_d - NMB_1 | parameters of the group]

    Incremental costs and effects are regressed on the group's parameters once (see `regression.expected_given`), so
    that all thresholds rest on the same fits. Bounds that the true values keep are kept here: a value is at least 0, at
    least that of each parameter of the group alone, and at most the EVPI.

    SE = s(NMB_a - NMB_b) / sqrt(n)

    in each draw a is the strategy with the highest g, b the one with the highest expected net benefit: an error of
    sampling, somewhat too wide. It does not know how well the regression's form suits, and is 0 where no draw's
    parameters would change the decision.

    `groups` names sets of parameters; each parameter alone when not given. Columns: Parameters (the group's name), WTP,
    EVPPI, Std_Error, EVPI, Share (of the EVPI), Members (separated by blanks); with `patients` also Population_EVPPI
    and Population_Std_Error. `progress` is called after each regression with its number of parameters (see `to_fit`).

    Refuses a sample without parameters, and groups with parameters that the sample does not have.

    Source: Strong, Oakley and Brennan, Med Decis Making 2014;34:311.

    >>> drug = np.linspace(-1, 1, 41)
    >>> sample = PsaSample(("usual_care", "new_drug"), np.zeros((41, 2)), np.column_stack([0 * drug, drug]),
    ...                    parameters=pd.DataFrame({"drug": drug, "other": np.cos(40 * drug)}))
    >>> evppi(sample, [100.0])[["Parameters", "EVPPI", "EVPI"]].round(1).values.tolist()
    [['drug', 25.6, 25.6], ['other', 0.0, 25.6]]
    """
    if sample.parameters is None:
        raise InputError(
            Problem("the sample has no parameters", key="EVPPI", allowed="a table of parameters, a row a draw")
        )
    table = sample.parameters
    groups = checked_groups(groups or {str(name): [str(name)] for name in table.columns}, list(table.columns))
    thresholds = checked_wtp(wtp)
    benefits = [net_benefit(sample, k) for k in thresholds]
    perfect = [float((benefit.max(axis=1) - benefit[:, best(benefit)]).mean()) for benefit in benefits]
    found: dict[tuple[str, ...], list[tuple[float, float]]] = {}

    def values(members: tuple[str, ...]) -> list[tuple[float, float]]:
        if members not in found:
            raw = _by_regression(sample, table[list(members)].to_numpy(float), thresholds, benefits)
            if progress:
                progress(len(members))
            alone = [values((one,)) for one in members] if len(members) > 1 else []
            found[members] = [
                (min(max(0.0, value, *(one[at][0] for one in alone)), perfect[at]), error)
                for at, (value, error) in enumerate(raw)
            ]
        return found[members]

    rows = []
    for name, members in groups.items():
        for k, limit, (value, error) in zip(thresholds, perfect, values(tuple(members)), strict=True):
            row = {"Parameters": name, "WTP": k, "EVPPI": value, "Std_Error": error, "EVPI": limit}
            rows.append(row | {"Share": value / limit if limit else 0.0, "Members": " ".join(members)})
    return _with_population(pd.DataFrame(rows), "EVPPI", patients)


def to_fit(groups: Mapping[str, Sequence[str]]) -> int:
    """Parameters of all regressions that `evppi` fits: each set once, and each parameter of a set alone.

    >>> to_fit({"price": ["price"], "both": ["price", "dose"]})
    4
    """
    sets = {tuple(members) for members in groups.values()}
    return sum(map(len, sets | {(one,) for members in sets for one in members}))


def checked_groups(groups: Mapping[str, Sequence[str]], parameters: Sequence[str]) -> dict[str, list[str]]:
    """Return the parameters of each group, with patterns such as `hsct.*` replaced by the names they match.

    Refuses, all at once, groups without members and members that are no parameters of the sample.

    >>> checked_groups({"hsct": ["hsct_*", "age"]}, ["age", "hsct_cost", "hsct_death"])
    {'hsct': ['hsct_cost', 'hsct_death', 'age']}
    """
    problems, checked = [], {}
    for group, members in groups.items():
        names: list[str] = []
        for member in members:
            matching = [one for one in parameters if one == member or fnmatchcase(one, member)]
            names += matching
            if not matching:
                hint = nearest(member, parameters)
                problems.append(Problem("no such parameter", key=f"group {group}", found=repr(member), hint=hint))
        if not members:
            problems.append(Problem("has no parameters", key=f"group {group}"))
        checked[group] = list(dict.fromkeys(names))
    if problems:
        raise InputError(problems)
    return checked


def _by_regression(
    sample: PsaSample, parameters: Floats, thresholds: Sequence[float], benefits: Sequence[Floats]
) -> list[tuple[float, float]]:
    """EVPPI and its standard error at each threshold, before bounds."""
    more = sample.costs[:, 1:] - sample.costs[:, :1]
    gain = sample.effects[:, 1:] - sample.effects[:, :1]
    fitted = expected_given(parameters, np.hstack([more, gain]))
    width = more.shape[1]
    draws = np.arange(sample.draws)
    found = []
    for k, benefit in zip(thresholds, benefits, strict=True):
        expected = np.zeros((sample.draws, width + 1))
        expected[:, 1:] = k * fitted[:, width:] - fitted[:, :width]
        chosen = best(expected)
        value = float((expected.max(axis=1) - expected[:, chosen]).mean())
        changed = benefit[draws, expected.argmax(axis=1)] - benefit[:, chosen]
        found.append((value, mean(changed).std_error))
    return found


def _with_population(table: pd.DataFrame, value: str, patients: float | None) -> pd.DataFrame:
    if patients is None:
        return table
    return table.assign(
        **{f"Population_{value}": table[value] * patients, "Population_Std_Error": table["Std_Error"] * patients}
    )

"""Histories as the tables of R's hesim: stage visits, occupancy of stages, survival curves; and plain logs.

Column names and their order are hesim's; names stand beside ids, after them. Ids count from 1, `sample` and `grp_id`
are 1: one set of parameter values, one group. Times are months.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rallsim.economics.settings.cost_files import CATEGORIES
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import by_stage_and_cycle
from rallsim.errors import InputError, Problem
from rallsim.model.states import STAGES
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import patient_table, survival_curves
from rallsim.output.history_files import event_table

CURVES = ("efs", "os")  # in hesim's order: state 1 lies under the first curve, state 2 between both
ROUNDING = 1e-9


def disprog(histories: Mapping[str, History]) -> pd.DataFrame:
    """Return every stage visit: who, from which stage to which, when, and whether it is the patient's last.

    The columns of hesim's `disprog`. Whoever is alive at the horizon goes `to` the stage they are `from`.
    """
    parts = []
    for number, (strategy, history) in enumerate(histories.items(), 1):
        visits = history.intervals()
        parts.append(
            pd.DataFrame(
                {
                    "sample": 1,
                    "strategy_id": number,
                    "patient_id": visits["patient_id"].to_numpy() + 1,
                    "grp_id": 1,
                    "from": visits["from"].cat.codes.to_numpy() + 1,
                    "to": visits["to"].cat.codes.to_numpy() + 1,
                    "final": visits["final"].to_numpy(),
                    "time_start": visits["time_start"].to_numpy(),
                    "time_stop": visits["time_stop"].to_numpy(),
                    "strategy": strategy,
                    "from_name": visits["from"].astype(object),
                    "to_name": visits["to"].astype(object),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def stateprobs(histories: Mapping[str, History], step: float = 1.0) -> pd.DataFrame:
    """Return the share of patients in each stage every `step` months: the columns of hesim's `stateprobs`.

    `patient_id` 1 stands for the whole cohort. A visit holds from its start up to its end, closed on the left; whoever
    is alive at the horizon is in the last stage then. The shares of a time sum to 1.
    """
    parts = []
    for number, (strategy, history) in enumerate(histories.items(), 1):
        at = grid(history.horizon, step)
        shares = occupancy(history, at)
        states, times = np.divmod(np.arange(shares.size), len(at))
        parts.append(
            pd.DataFrame(
                {
                    "sample": 1,
                    "strategy_id": number,
                    "patient_id": 1,
                    "grp_id": 1,
                    "state_id": states + 1,
                    "t": at[times],
                    "prob": shares.ravel(),
                    "strategy": strategy,
                    "state": np.array(STAGES, object)[states],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def occupancy(history: History, at: Floats) -> Floats:
    """Share of patients in each stage at each of the times `at`, sorted: stages × times.

    >>> from rallsim.model.event_rows import EVENT_ROW
    >>> from rallsim.outcomes.baseline import baseline_with
    >>> from rallsim.model.states import Detail, Event, Stage
    >>> death = (4.5, 0, Event.DEATH, Stage.DEAD, 0, -1, Detail.LEUKAEMIA)
    >>> rows = [(0, 0, Event.ENTRY, Stage.RELAPSED, 0, -1, 0), death]
    >>> one = History(np.array(rows, EVENT_ROW), "none", (), baseline_with(age=50.0), horizon=60.0, seed=7)
    >>> occupancy(one, np.array([0.0, 4.0, 4.5]))[[Stage.RELAPSED, Stage.DEAD]].tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    events = history.events
    stage, patient = events["stage"].astype(np.intp), events["patient"]
    last = np.append(patient[1:] != patient[:-1], True)
    from_place = np.searchsorted(at, events["time"], side="left")
    to_place = np.where(last, len(at), np.append(from_place[1:], len(at)))
    changes = np.zeros((len(STAGES), len(at) + 1))
    np.add.at(changes, (stage, from_place), 1.0)
    np.add.at(changes, (stage, to_place), -1.0)
    found: Floats = np.cumsum(changes, axis=1)[:, :-1] / history.patients
    return found


def survival(histories: Mapping[str, History], step: float = 1.0) -> pd.DataFrame:
    """Return EFS (curve 1) and OS (curve 2) every `step` months: the inputs of a partitioned-survival model.

    The columns of hesim's `survival`; `patient_id` 1 stands for the whole cohort.
    """
    curves = _curves(histories, step)
    names = list(histories)
    return pd.DataFrame(
        {
            "sample": 1,
            "strategy_id": curves["strategy"].map(names.index).to_numpy() + 1,
            "patient_id": 1,
            "grp_id": 1,
            "curve": curves["endpoint"].map(CURVES.index).to_numpy() + 1,
            "t": curves["t"].to_numpy(),
            "survival": curves["survival"].to_numpy(),
            "strategy": curves["strategy"].to_numpy(),
            "curve_name": curves["endpoint"].to_numpy(),
        }
    ).sort_values(["strategy_id", "curve", "t"], ignore_index=True)


def survival_wide(histories: Mapping[str, History], step: float = 1.0) -> pd.DataFrame:
    """Return the same curves for a spreadsheet: a row a time, a column a strategy and curve, `<strategy>_os`."""
    curves = _curves(histories, step)
    columns = {
        f"{name}_{curve}": curves.loc[(curves["strategy"] == name) & (curves["endpoint"] == curve), "survival"]
        for name in histories
        for curve in CURVES
    }
    times = curves.loc[(curves["strategy"] == next(iter(histories))) & (curves["endpoint"] == "os"), "t"]
    return pd.DataFrame({"month": times.to_numpy(), **{name: one.to_numpy() for name, one in columns.items()}})


def trace(results: EconomicResults, cycle_months: float = 1.0) -> pd.DataFrame:
    """Return costs, QALYs and life years of each stage in each cycle, a patient entered, discounted and not."""
    names = list(results.valuations)
    parts = []
    for number, name in enumerate(names, 1):
        table = by_stage_and_cycle(results.valuations[name], cycle_months)
        state = table["stage"].cat.codes.to_numpy() + 1
        ids = pd.DataFrame({"sample": 1, "strategy_id": number, "grp_id": 1, "state_id": state})
        rest = table.drop(columns=["strategy", "stage"])
        words = pd.DataFrame({"strategy": name, "state": table["stage"].astype(object)})
        parts.append(pd.concat([ids, rest, words], axis=1))
    return pd.concat(parts, ignore_index=True)


def ce_costs(results: EconomicResults) -> pd.DataFrame:
    """Return mean costs by category and in total, discounted and not: `costs` of hesim's `ce` object.

    `dr` is the annual effective rate, the first where it changes, and 0 for undiscounted.
    """
    rows = []
    for number, (strategy, valuation) in enumerate(results.valuations.items(), 1):
        found = {**valuation.by_category(), **valuation.totals()}
        for rate, suffix in {results.economics.rates.costs.rate: "", 0.0: "_undisc"}.items():
            for category in (*CATEGORIES, "total"):
                name = "costs" if category == "total" else f"costs_{category}"
                rows.append((category, rate, 1, number, 1, float(found[f"{name}{suffix}"].mean()), strategy))
    return pd.DataFrame(rows, columns=["category", "dr", "sample", "strategy_id", "grp_id", "costs", "strategy"])


def ce_qalys(results: EconomicResults) -> pd.DataFrame:
    """Return mean QALYs and life years, discounted and not: `qalys` of hesim's `ce` object; `dr` as in `ce_costs`."""
    rows = []
    for number, (strategy, totals) in enumerate(results.totals.items(), 1):
        for rate, suffix in {results.economics.rates.qalys.rate: "", 0.0: "_undisc"}.items():
            means = (float(totals[f"{what}{suffix}"].mean()) for what in ("qalys", "lys"))
            rows.append((rate, 1, number, 1, *means, strategy))
    return pd.DataFrame(rows, columns=["dr", "sample", "strategy_id", "grp_id", "qalys", "lys", "strategy"])


def patients(results: EconomicResults, histories: Mapping[str, History]) -> pd.DataFrame:
    """Return a row for every patient and strategy: age, sex, dead or alive at the horizon, costs, QALYs, life years."""
    parts = []
    for number, (strategy, history) in enumerate(histories.items(), 1):
        outcome = patient_table(history)
        dead = outcome["dead"].to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "sample": 1,
                    "strategy_id": number,
                    "patient_id": np.arange(1, history.patients + 1),
                    "grp_id": 1,
                    "strategy": strategy,
                    "age_years": history.baseline["age"],
                    "male": history.baseline["male"].astype(np.int8),
                    "status": np.where(dead, "dead", "alive"),
                    "cause": outcome["cause"].astype(object).where(dead, ""),
                    "os_months": outcome["os_months"],
                    "efs_months": outcome["efs_months"],
                    **results.totals[strategy],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def events(histories: Mapping[str, History]) -> pd.DataFrame:
    """Return every event in words: a row an event, `patient` counted from 0 as in `rallsim explain`."""
    table = event_table(histories)
    return table.assign(therapy=table["therapy"].fillna(""))


def vidigi(histories: Mapping[str, History]) -> pd.DataFrame:
    """Return arrivals, stage visits and departures in the columns of a vidigi event log; `pathway` is the strategy."""
    parts = []
    for strategy, history in histories.items():
        visits = history.intervals()
        who, last = visits["patient_id"].to_numpy() + 1, visits["final"].to_numpy() == 1
        everyone = np.arange(1, history.patients + 1)
        ends = np.zeros(history.patients)
        ends[who[last] - 1] = visits["time_stop"].to_numpy()[last]
        for entity, kind, event, time in (
            (everyone, "arrival_departure", "arrival", np.zeros(history.patients)),
            (who, "queue", visits["from"].astype(object).to_numpy(), visits["time_start"].to_numpy()),
            (everyone, "arrival_departure", "depart", ends),
        ):
            columns = {"entity_id": entity, "pathway": strategy, "event_type": kind, "event": event, "time": time}
            parts.append(pd.DataFrame(columns))
    table = pd.concat(parts, ignore_index=True)
    order = table["event"].map({"arrival": 0, "depart": 2}).fillna(1)
    return (
        table.assign(order=order)
        .sort_values(["pathway", "entity_id", "time", "order"], kind="stable", ignore_index=True)
        .drop(columns="order")
    )


def grid(horizon: float, step: float) -> Floats:
    """Times from 0 up to the horizon, every `step` months.

    >>> grid(6.0, 2.5).tolist()
    [0.0, 2.5, 5.0]
    """
    if not step > 0:
        raise InputError(Problem("must be more than 0 months", key="step", found=f"{step:g}"))
    return np.arange(int(np.floor(horizon / step + ROUNDING)) + 1, dtype=np.float64) * step


def check_balanced(name: str, table: pd.DataFrame, keys: Sequence[str] = ()) -> None:
    """Refuse a table with an empty cell, or without exactly one row for each combination of `keys`.

    Without `keys` only empty cells are looked for. hesim gives wrong answers on such a table without a word, so none is
    ever written.
    """
    holes = [str(column) for column in table.columns if table[column].isna().any()]
    if holes:
        raise InputError(Problem("must not have empty cells", file=name, found=", ".join(holes)))
    if not keys:
        return
    expected = int(np.prod([table[key].nunique() for key in keys]))
    found = len(table.drop_duplicates(list(keys)))
    if found != len(table) or found != expected:
        message = "must have one row for each combination"
        raise InputError(Problem(message, file=name, key=", ".join(keys), found=str(len(table)), allowed=str(expected)))


def _curves(histories: Mapping[str, History], step: float) -> pd.DataFrame:
    tables = {name: patient_table(history) for name, history in histories.items()}
    return survival_curves(tables, next(iter(histories.values())).horizon, step=step)

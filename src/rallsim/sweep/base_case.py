"""The deterministic answer beside the probabilistic one, and the parameters that part them.

The base case has every parameter at its base value. The mean of the draws differs from it where the base value is not
the mean of what is drawn, and where an outcome is no straight line in the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rallsim.common.precision import Z_95
from rallsim.decision.spread import HIGH, LOW
from rallsim.sweep.draws import SAMPLE, Joint
from rallsim.sweep.first_order_error import split
from rallsim.sweep.labels import Labels
from rallsim.sweep.measures import SHARE, Floats, name_of, pooled, unit_of
from rallsim.sweep.sampling import Sample
from rallsim.sweep.study import Study
from rallsim.sweep.tables import Tables

KEYS = ("outcome", "unit", "WTP", "strategy", "comparator")
REST = "other parameters, curvature, interactions and chance"
SIGNIFICANT = 0.05
ROUNDING = 1e-12  # of a sum of squares: what rounding leaves of nothing
NAMED = 3  # causes in a printed sentence; the table has all
SHOWN = ("costs", "qalys", "nmb")  # of each strategy, in the printed sentences


@dataclass(frozen=True, eq=False)
class Answers:
    """An outcome of a strategy, or its increment: in each draw and batch, in each batch of the base case."""

    outcome: str
    strategy: str
    comparator: str  # empty for the outcome itself
    draws: Floats  # draws × batches
    base: Floats  # batches
    patients: np.ndarray  # of each batch

    def compared(self) -> dict[str, float | bool]:
        """Return both answers and their difference, each with its standard error.

        The same patients meet every draw and the base case, so that the difference is paired batch by batch:

        SE(difference)^2 = A / D + SE_batches(mean_d y_db - y_0b)^2

        with A the variance that the parameters make between D draws. `differs` says that the difference is larger than
        its 95 % limits.
        """
        each = pooled(self.draws, self.patients).value
        base = pooled(self.base, self.patients)
        gap = pooled(self.draws.mean(axis=0) - self.base, self.patients)
        parts = split(self.draws)
        error = float(np.hypot(parts.error_of_draws, gap.std_error))
        lower, upper = np.quantile(each, [LOW, HIGH])
        return {
            "probabilistic": float(each.mean()),
            "probabilistic_std_error": parts.error,
            "lower": float(lower),
            "upper": float(upper),
            "deterministic": float(base.value),
            "deterministic_std_error": float(base.std_error),
            "difference": float(gap.value),
            "difference_std_error": error,
            "differs": bool(abs(gap.value) > Z_95 * error),
        }


def compare(study: Study, sample: Sample, outcomes: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return every outcome of every strategy, and its increment on the reference, in the draws and in the base case.

    Tables: `summary` (KEYS, then those of `Answers.compared`; comparator is empty for the outcome itself) and
    `difference_by_parameter` (see `by_parameter`), which has rows where the two answers differ by more than chance.
    """
    currency = study.labels().currency
    rows, parts = [], []
    factors: Mapping[str, list[str]] = {}
    for one in answers_of(study, sample, outcomes):
        compared = one.compared()
        where = one.outcome, unit_of(one.outcome, currency), study.wtp[0], one.strategy, one.comparator
        keys = dict(zip(KEYS, where, strict=True))
        rows.append(keys | compared)
        if compared["differs"]:
            factors = factors or Joint.of(study.draws(SAMPLE).varying()).factors({})
            found = by_parameter(one, sample.draws.varying(), study.base, factors, float(compared["difference"]))
            parts += [keys | part for part in found]
    columns = [*KEYS, "factor", "parameters", "base", "mean", "contribution", "std_error"]
    return {"summary": pd.DataFrame(rows), "difference_by_parameter": pd.DataFrame(parts, columns=columns)}


def answers_of(study: Study, sample: Sample, outcomes: Sequence[str]) -> Iterator[Answers]:
    """Go through the outcomes of all strategies, and their increments on the reference."""
    patients = sample.patients_in_batches()
    for outcome in outcomes:
        draws, base = sample.in_batches(outcome, study.wtp[0]), sample.base_in_batches(outcome, study.wtp[0])
        for place, name in enumerate(study.strategies):
            yield Answers(outcome, name, "", draws[:, place], base[place], patients)
            if place != study.reference:
                more = draws[:, place] - draws[:, study.reference], base[place] - base[study.reference]
                yield Answers(outcome, name, study.scenario.reference, *more, patients)


def by_parameter(
    answers: Answers,
    draws: pd.DataFrame,
    base: Mapping[str, float],
    factors: Mapping[str, Sequence[str]],
    difference: float,
) -> list[dict[str, Any]]:
    """Split a difference by the parameters that make it, to the first order.

    The outcome is regressed on the factors that explain it (`explaining`), each a parameter or several that are
    correlated. With its slopes b, their covariance V, and the distance d of a factor's mean from its base value:

    contribution = b'd, SE^2 = d'V d;  rest = difference - sum of contributions

    Listed are contributions beyond their 95 % limits, largest first, then the rest: of other parameters, of curvature
    and interactions, of chance.

    Each row has: factor, parameters (number), base and mean (of a single parameter), contribution, std_error.
    """
    outcome = np.asarray(pooled(answers.draws, answers.patients).value)
    values = draws.to_numpy()
    distance = values.mean(axis=0) - np.array([base[str(path)] for path in draws.columns])
    place = {str(path): number for number, path in enumerate(draws.columns)}
    members = {name: [place[path] for path in paths if path in place] for name, paths in factors.items()}
    chosen = explaining(outcome, values, {name: at for name, at in members.items() if at})
    slopes, covariance = least_squares(outcome, values[:, [at for name in chosen for at in members[name]]])
    rows: list[dict[str, Any]] = []
    start = 0
    for name in chosen:
        at, own = members[name], slice(start, start + len(members[name]))
        start = own.stop
        d = distance[at]
        value, error = float(slopes[own] @ d), float(np.sqrt(d @ covariance[own, own] @ d))
        if abs(value) > Z_95 * error:
            alone = {"base": base[name], "mean": float(draws[name].mean())} if len(at) == 1 else {}
            rows.append({"factor": name, "parameters": len(at), "contribution": value, "std_error": error} | alone)
    rows.sort(key=lambda row: -abs(row["contribution"]))
    return [*rows, {"factor": REST, "contribution": difference - sum(row["contribution"] for row in rows)}]


def explaining(outcome: Floats, draws: Floats, factors: Mapping[str, Sequence[int]]) -> list[str]:
    """Choose the factors (columns of the draws) that explain an outcome, one after the other.

    Each time it is the factor with the smallest p-value of an F test on what those before have left, as long as that
    is below 5 % divided by the number of factors: of factors that do nothing, one in twenty samples chooses any.

    >>> x = np.array([[0.0, 1.0], [1.0, -1.0], [2.0, 0.0], [3.0, 2.0], [4.0, -2.0]])
    >>> explaining(2.0 * x[:, 0], x, {"slope": [0], "idle": [1]})
    ['slope']
    """
    from scipy.special import fdtrc

    columns = np.column_stack([draws, outcome])
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    products = columns.T @ columns  # of what the factors chosen leave of each column; the outcome is the last
    free = len(outcome) - 1
    chosen: list[str] = []
    while len(chosen) < len(factors) and products[-1, -1] > ROUNDING * len(outcome):
        surprise = {}
        for name, at in factors.items():
            if name not in chosen and free > len(at):
                explained = float(products[-1, at] @ _inverse(products, at) @ products[at, -1])
                left = max(float(products[-1, -1]) - explained, ROUNDING)
                ratio = explained / len(at) / (left / (free - len(at)))
                surprise[name] = float(fdtrc(len(at), free - len(at), max(0.0, ratio)))
        best = min(surprise, key=lambda name: surprise[name], default="")
        if not best or surprise[best] > SIGNIFICANT / len(factors):
            break
        at = factors[best]
        products = products - products[:, at] @ _inverse(products, at) @ products[at]
        chosen.append(best)
        free -= len(at)
    return chosen


def _inverse(products: Floats, at: Sequence[int]) -> Floats:
    block = products[np.ix_(at, at)]
    if len(at) == 1:
        return np.asarray(1.0 / np.maximum(block, ROUNDING))
    return np.asarray(np.linalg.pinv(block, hermitian=True), np.float64)


def least_squares(outcome: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """Return the slopes of an outcome along columns of draws, all at once, and their covariance s^2 (X'X)^-1."""
    spread = draws.std(axis=0)
    x, y = (draws - draws.mean(axis=0)) / spread, outcome - outcome.mean()
    inverse = np.linalg.pinv(x.T @ x)
    slopes = inverse @ x.T @ y
    variance = float(((y - x @ slopes) ** 2).sum()) / (len(y) - draws.shape[1] - 1)
    return slopes / spread, variance * inverse / np.outer(spread, spread)


def summarise_both(tables: Tables, labels: Labels) -> list[str]:
    """Give the mean of the draws beside the base case, and the parameters that part them where chance does not."""
    summary = tables["summary"]
    lines = ["Mean of the draws, and in brackets the base case:"]
    own = summary[(summary["comparator"] == "") & summary["outcome"].isin(SHOWN)]
    for strategy, rows in own.groupby("strategy", sort=False):
        both = [
            f"{name_of(row['outcome'])} {_amount(row, 'probabilistic', labels)} "
            f"({_amount(row, 'deterministic', labels)})"
            for row in rows.to_dict("records")
        ]
        lines.append(f"  {labels.strategy(str(strategy))}: {', '.join(both)}")
    wanted = ["nmb", *labels.settings.get("outcomes", ())]
    differing = summary[(summary["comparator"] != "") & summary["differs"].astype(bool)]
    for row in differing[differing["outcome"].isin(wanted)].to_dict("records"):
        numbers = {name: _amount(row, name, labels) for name in ("probabilistic", "deterministic", "difference")}
        lines.append(
            f"{name_of(row['outcome'])} of {labels.pair(row['strategy'], row['comparator'])}: "
            f"{numbers['probabilistic']} on average over the draws, {numbers['deterministic']} in the base case. The "
            f"difference of {numbers['difference']} (standard error {_amount(row, 'difference_std_error', labels)}) is "
            "more than chance. To the first order it comes from:"
        )
        parts = tables["difference_by_parameter"].merge(pd.DataFrame([row])[list(KEYS)])
        *causes, rest = parts.to_dict("records")
        lines += [
            f"  {_factor(part, labels)}: {_amount(part, 'contribution', labels)} (standard error "
            f"{_amount(part, 'std_error', labels)})"
            for part in causes[:NAMED]
        ]
        left = rest | {"contribution": row["difference"] - sum(part["contribution"] for part in causes[:NAMED])}
        lines.append(f"  {REST}: {_amount(left, 'contribution', labels)}")
    return lines


def _factor(part: Mapping[Any, Any], labels: Labels) -> str:
    """Name a factor for people; of several parameters the first, and how many move with it."""
    first, _, others = str(part["factor"]).partition(" + ")
    return labels.parameter(first) + (f" and {others} correlated with it" if others else "")


def _amount(row: Mapping[Any, Any], column: str, labels: Labels) -> str:
    value, unit = float(row[column]), str(row["unit"])
    if unit == labels.currency:
        return labels.money(value)
    return f"{100 * value:.1f} %" if unit == SHARE else f"{value:.3g}" if unit == "QALYs" else f"{value:.3g} {unit}"

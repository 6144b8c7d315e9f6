"""What knowing some parameters alone would be worth, and what chance alone would make of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.common.precision import mean
from rallsim.decision.acceptability import best, checked_wtp, net_benefit
from rallsim.decision.regression import Regression
from rallsim.decision.rounding import Floats
from rallsim.decision.sample import PsaSample
from rallsim.decision.value_of_information import with_population
from rallsim.errors import InputError, Problem, nearest

PERMUTATIONS = 99  # of the draws: chance alone exceeds the highest of them once in a hundred times
DRAWS_PER_PARAMETER = 5  # from here on, five sixths of a value are found where half of the variance is of others
LEAST_SHARE = 0.01  # of the EVPI: what is worth less is not shown as worth knowing
LARGEST_FLOOR = 0.2  # of the EVPI: with a higher floor, what does not exceed it says nothing
SAMPLES_AT_ONCE = 2_000_000  # numbers of permuted outcomes in memory together


@dataclass(frozen=True)
class Worth:
    """The value of a group at one threshold, its standard error, and the highest value that chance alone made.

    `draws_needed` is 0 where the draws are enough.
    """

    value: float
    std_error: float
    floor: float
    exceeds: bool
    draws_needed: int = 0


def evppi(
    sample: PsaSample,
    wtp: Sequence[float],
    groups: Mapping[str, Sequence[str]] | None = None,
    patients: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Expected value of perfect information on some parameters alone, for one patient, by regression.

    EVPPI = mean(max(0, max_d g_d))   with   g_d = E[NMB_d - NMB_b | parameters of the group]

    b is the strategy with the highest expected net benefit. Each draw's g is what a regression on all other draws
    expects of it (see `regression.Regression`), so that a fit to chance earns nothing. The value is at most the EVPI.

    Floor is the highest value that the same estimate gives in 99 random orders of the draws, in which the parameters
    say nothing. Worth_Knowing says that the value exceeds it, and a hundredth of the EVPI; chance alone does so for one
    idle group in a hundred. A group is worth at least what one of its parameters is alone, if that exceeds the floors
    of the group and of all its parameters.

    Where the draws are too few, EVPPI is empty and Draws_Needed has the number it takes: five a parameter of the
    group; or, for a value that does not exceed a floor of more than a fifth of the EVPI, the number of draws that
    brings the floor there, F being the floor and n the draws:

    N = n (F / (EVPI / 5))^2

    SE = s(NMB_a - NMB_b) / sqrt(n)

    in each draw a is the strategy with the highest g: an error of sampling. It does not know how well the regression's
    form suits, and is 0 where no draw's parameters would change the decision.

    `groups` names sets of parameters; each parameter alone when not given. Columns: Parameters (the group's name), WTP,
    EVPPI, Std_Error, Floor, Worth_Knowing, Draws_Needed (empty where the draws are enough), EVPI, Share (of the EVPI),
    Members (separated by blanks); with `patients` also Population_EVPPI and Population_Std_Error. `progress` is called
    after each regression with its number of parameters (see `to_fit`).

    Refuses a sample without parameters, and groups with parameters that the sample does not have.

    Source: Strong, Oakley and Brennan, Med Decis Making 2014;34:311; Phipson and Smyth, Stat Appl Genet Mol Biol
    2010;9:39, for the number of permutations.

    >>> drug = np.linspace(-1, 1, 41)
    >>> sample = PsaSample(("usual_care", "new_drug"), np.zeros((41, 2)), np.column_stack([0 * drug, drug]),
    ...                    parameters=pd.DataFrame({"drug": drug, "other": np.cos(40 * drug)}))
    >>> evppi(sample, [100.0])[["Parameters", "EVPPI", "EVPI", "Draws_Needed"]].round(1).values.tolist()
    [['drug', 25.6, 25.6, nan], ['other', nan, 25.6, 420.0]]
    """
    from threadpoolctl import threadpool_limits

    if sample.parameters is None:
        raise InputError(
            Problem("must come with a sample of parameters", key="EVPPI", allowed="a table of parameters, a row a draw")
        )
    table = sample.parameters
    groups = checked_groups(groups or {str(name): [str(name)] for name in table.columns}, list(table.columns))
    gains = [Gains.of(sample, k) for k in checked_wtp(wtp)]
    orders = _orders(sample.draws)
    known: dict[tuple[str, ...], list[Worth]] = {}

    def worth(members: tuple[str, ...]) -> list[Worth]:
        if members not in known:
            alone = [worth((member,)) for member in members] if len(members) > 1 else []
            own = _worth(gains, table[list(members)].to_numpy(float), orders)
            if progress:
                progress(len(members))
            known[members] = [_at_least(own_worth, [each[at] for each in alone]) for at, own_worth in enumerate(own)]
        return known[members]

    with threadpool_limits(1):  # these matrices are small: threads only wait for one another
        worths = {name: worth(tuple(members)) for name, members in groups.items()}
    rows = []
    for name, members in groups.items():
        for gain, own in zip(gains, worths[name], strict=True):
            row = {"Parameters": name, "WTP": gain.wtp, "EVPPI": own.value, "Std_Error": own.std_error}
            row |= {"Floor": own.floor, "Worth_Knowing": own.exceeds, "Draws_Needed": own.draws_needed or np.nan}
            share = own.value / gain.evpi if gain.evpi else own.value
            rows.append(row | {"EVPI": gain.evpi, "Share": share, "Members": " ".join(members)})
    return with_population(pd.DataFrame(rows), "EVPPI", patients)


@dataclass(frozen=True, eq=False)
class Gains:
    """Net benefit of the other strategies less that of the best by expectation, draw by draw, at one threshold."""

    wtp: float
    values: Floats  # draws × other strategies

    @classmethod
    def of(cls, sample: PsaSample, wtp: float) -> Gains:
        """Return the gains of a sample."""
        benefit = net_benefit(sample, wtp)
        chosen = best(sample, wtp)
        return cls(wtp, np.delete(benefit, chosen, axis=1) - benefit[:, [chosen]])

    @cached_property
    def mean(self) -> Floats:
        """Expected gains, none above 0."""
        return np.asarray(np.minimum(self.values.mean(axis=0), 0.0))

    @cached_property
    def evpi(self) -> float:
        """Value of knowing everything."""
        return float(np.maximum(self.values.max(axis=1), 0.0).mean())

    def worth(self, expected: Floats) -> Floats:
        """Value of what is expected, less the means: (draws × any × other strategies) to one for each of `any`."""
        values = np.maximum((expected + self.mean).max(axis=2), 0.0).mean(axis=0)
        return np.asarray(np.minimum(values, self.evpi))

    def error(self, expected: Floats) -> float:
        """Standard error of a value, from what each draw's choice gains in that draw."""
        likely = expected + self.mean
        gained = self.values[np.arange(len(likely)), likely.argmax(axis=1)]
        return mean(np.where(likely.max(axis=1) > 0, gained, 0.0)).std_error


def not_shown(values: pd.DataFrame) -> str:
    """Say how many groups of a table of `evppi` are worth knowing at no threshold, and why; nothing if there is none.

    >>> not_shown(pd.DataFrame({"Parameters": ["a", "b"], "EVPPI": [0.1, np.nan], "Worth_Knowing": False,
    ...                         "Draws_Needed": [np.nan, 300]}))
    'Not shown: 1 not above chance, 1 with too few draws (b takes 300).'
    """
    left = values[~values.groupby("Parameters")["Worth_Knowing"].transform("any").astype(bool)]
    needed = left.groupby("Parameters")["Draws_Needed"].max().sort_values(ascending=False, kind="stable")
    counts = {"not above chance": int(needed.isna().sum()), "with too few draws": int(needed.notna().sum())}
    words = ", ".join(f"{number} {why}" for why, number in counts.items() if number)
    most = f" ({needed.index[0]} takes {needed.iloc[0]:,.0f})" if counts["with too few draws"] else ""
    return f"Not shown: {words}{most}." if words else ""


def to_fit(groups: Mapping[str, Sequence[str]]) -> int:
    """Parameters of all regressions that `evppi` fits: each set once, and each parameter of a set alone.

    >>> to_fit({"price": ["price"], "both": ["price", "dose"]})
    4
    """
    sets = {tuple(members) for members in groups.values()}
    return sum(map(len, sets | {(member,) for members in sets for member in members}))


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
            matching = [name for name in parameters if name == member or fnmatchcase(name, member)]
            names += matching
            if not matching:
                hint = nearest(member, parameters)
                problems.append(
                    Problem("must be a known parameter", key=f"group {group}", found=repr(member), hint=hint)
                )
        if not members:
            problems.append(Problem("must have parameters", key=f"group {group}"))
        checked[group] = list(dict.fromkeys(names))
    if problems:
        raise InputError(problems)
    return checked


def _orders(draws: int) -> NDArray[np.int_]:
    """Random orders of the draws, always the same ones: permutations × draws."""
    from rallsim.model.random_numbers import parameter_uniforms

    uniforms = parameter_uniforms(0, draws * PERMUTATIONS, ["orders of draws"])["orders of draws"]
    return np.asarray(uniforms.reshape(PERMUTATIONS, draws).argsort(axis=1, kind="stable"))


def _worth(gains: Sequence[Gains], parameters: Floats, orders: NDArray[np.int_]) -> list[Worth]:
    """Value of knowing parameters at each threshold, from the sample and from its draws in other orders."""
    draws = len(parameters)
    needed = DRAWS_PER_PARAMETER * int((np.ptp(parameters, axis=0) > 0).sum())
    if draws < needed:
        return [Worth(math.nan, math.nan, math.nan, exceeds=False, draws_needed=needed) for _ in gains]
    regression = Regression(parameters)
    together = np.hstack([gain.values for gain in gains])
    ends = np.cumsum([gain.values.shape[1] for gain in gains])[:-1]
    expected = np.split(regression.held_out(together), ends, axis=1)
    floors = np.zeros(len(gains))
    for part in np.array_split(orders, max(1, math.ceil(len(orders) * together.size / SAMPLES_AT_ONCE))):
        permuted = together[part.T]  # draws × permutations × outcomes
        chance = regression.held_out(permuted.reshape(draws, -1)).reshape(permuted.shape)
        values = [gain.worth(own).max() for gain, own in zip(gains, np.split(chance, ends, axis=2), strict=True)]
        floors = np.maximum(floors, values)
    worths = []
    for gain, own, floor in zip(gains, expected, floors.tolist(), strict=True):
        value = float(gain.worth(own[:, None, :])[0])
        worth = Worth(value, gain.error(own), floor, exceeds=value > max(floor, LEAST_SHARE * gain.evpi))
        if not worth.exceeds and floor > LARGEST_FLOOR * gain.evpi:
            needed = _rounded_up(draws * (floor / (LARGEST_FLOOR * gain.evpi)) ** 2)
            worth = replace(worth, value=math.nan, std_error=math.nan, draws_needed=needed)
        worths.append(worth)
    return worths


def _at_least(group: Worth, members: Sequence[Worth]) -> Worth:
    """Raise a group to its most valuable member, where that exceeds what chance made of the group or any member."""
    floor = max([group.floor, *(member.floor for member in members)])
    highest = max(members, key=lambda member: member.value if member.exceeds else 0.0, default=group)
    raised = not math.isnan(group.floor) and highest.value > floor and not group.value >= highest.value
    return replace(highest, floor=floor) if raised else group


def _rounded_up(number: float) -> int:
    """Round up to two digits that count.

    >>> _rounded_up(1234.0), _rounded_up(87.2)
    (1300, 88)
    """
    step = int(10 ** max(0, math.floor(math.log10(number)) - 1))
    return math.ceil(number / step) * step

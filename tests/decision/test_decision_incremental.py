from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallsim.decision.incremental import incremental_analysis, incremental_of
from rallsim.decision.pairwise import pairwise, plane, quadrants
from rallsim.decision.sample import PsaSample
from rallsim.decision.sample_files import read_sample
from rallsim.errors import InputError

REFERENCE = Path(__file__).parents[1] / "reference" / "decision"

PUBLISHED = {
    # Costs, effects, and who is on the frontier, under extended dominance and dominated; the rest of each is empty.
    "dampack test, from herc.research.va.gov": (
        {"UC": (5e3, 1), "A": (12e3, 1.5), "B": (10e3, 2), "C": (25e3, 3), "D": (35e3, 4), "E": (55e3, 5)},
        "UC B D E",
        "C",
        "A",
    ),
    "dampack test, equal effects": (
        {"none": (163771.0, 6.48273), "all": (164848.7, 6.52861), "test": (163765.1, 6.52861)},
        "test",
        "",
        "none all",
    ),
    "heemod 1 (Suen and Goldhaber-Fiebert 2016), a chain of dominated ones": (
        {
            "s1": (14807, 9.635),
            "s2": (26041, 10.2497),
            "s3": (49706, 11.1654),
            "s4": (64266, 11.5152),
            "s5": (40022, 11.582),
            "s6": (57392, 11.6248),
            "s7": (91744, 11.6296),
            "s8": (54651, 11.6588),
        },
        "s1 s5 s8",
        "s2",
        "s3 s6 s4 s7",
    ),
    "heemod 2, the least effective is not the cheapest": (
        {
            "s1": (26041, 9.13),
            "s2": (14807, 9.635),
            "s3": (49706, 11.1654),
            "s4": (64266, 11.5152),
            "s5": (40022, 11.582),
        },
        "s2 s5",
        "",
        "s1 s3 s4",
    ),
    "heemod 3, extended dominance only": (
        {
            "s1": (25000, 10.2497),
            "s2": (35000, 11.1654),
            "s3": (50000, 11.3),
            "s4": (54651, 11.6588),
            "s5": (64266, 11.7),
            "s6": (91744, 12.1),
        },
        "s1 s2 s4 s6",
        "s3 s5",
        "",
    ),
    "heemod 4, same effect at other costs": (
        {
            "s1": (26041, 10.2497),
            "s2": (49706, 11.1654),
            "s3": (64266, 11.5152),
            "s4": (57392, 11.6248),
            "s5": (91744, 11.6296),
            "s6": (54651, 11.6296),
        },
        "s1 s6",
        "s2",
        "s4 s3 s5",
    ),
    "heemod 5, all on the frontier": (
        {
            "s1": (26041, 10.2497),
            "s2": (42000, 11.1654),
            "s3": (54651, 11.6296),
            "s4": (60000, 11.7),
            "s5": (76000, 11.8),
        },
        "s1 s2 s3 s4 s5",
        "",
        "",
    ),
    "heemod 7, two with the same cost and effect, two with the same cost": (
        {
            "s1": (25000, 10.2497),
            "s2": (25000, 10.25),
            "s3": (50000, 11.3),
            "s4": (58500, 11.6588),
            "s5": (58500, 11.6588),
            "s6": (64266, 11.7),
            "s7": (91744, 12.1),
        },
        "s2 s4 s7",
        "s3 s6",
        "s1 s5",
    ),
    "a chain under extended dominance that falls one after the other": (
        {"a": (0, 0), "b": (4.0, 1), "c": (7.5, 2), "d": (10.5, 3), "e": (13.0, 4), "f": (15.0, 5)},
        "a f",
        "b c d e",
        "",
    ),
    "one beats everybody": ({"a": (3, 1), "b": (2, 2), "c": (1, 3)}, "c", "", "b a"),
}


def analysed(points: dict[str, tuple[float, float]]) -> pd.DataFrame:
    costs, effects = zip(*points.values(), strict=True)
    return incremental_analysis(list(points), costs, effects)


def with_status(table: pd.DataFrame, status: str) -> str:
    return " ".join(table.loc[table["Status"] == status, "Strategy"])


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_cases(case: str) -> None:
    """Frontier, extended dominance and dominance are those of the published cases, in order of cost."""
    points, on, extended, dominated = PUBLISHED[case]

    table = analysed(points)

    assert (with_status(table, "ND"), with_status(table, "ED"), with_status(table, "D")) == (on, extended, dominated)


def test_icers_of_the_va_example() -> None:
    """Increments and ICERs are those of dampack's own test, against the one before on the frontier."""
    table = analysed(PUBLISHED["dampack test, from herc.research.va.gov"][0]).set_index("Strategy")

    assert table.loc[["B", "D", "E"], "ICER"].tolist() == [5000, 12500, 20000]
    assert table.loc[["B", "D", "E"], "Inc_Cost"].tolist() == [5000, 25000, 20000]
    assert table.loc[["UC", "C", "A"], ["Inc_Cost", "Inc_Effect", "ICER"]].isna().all(axis=None)
    assert table.loc[["C", "A"], "Dominated_By"].tolist() == ["B + D", "B"]


def test_dampack_gives_the_same_table() -> None:
    """Order, increments, ICERs and statuses of the reference sample are dampack's, to 1e-9."""
    expected = pd.read_csv(REFERENCE / "expected_icers_dampack.csv")

    found = incremental_of(read_sample(REFERENCE).sample)[list(expected.columns)]

    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_a_twin_is_named() -> None:
    """Of two strategies with the same cost and effect the first given stays, and the other says whose twin it is."""
    table = analysed({"usual": (1, 1), "one": (2, 2), "two": (2, 2)})

    assert table["Status"].tolist() == ["ND", "ND", "D"]
    assert table["Dominated_By"].tolist() == ["", "", "= one"]


def test_equal_ratios_dominate_nobody() -> None:
    """Strategies on one straight line are all on the frontier, whatever rounding does to their ratios."""
    steps = np.arange(8)

    table = incremental_analysis([f"s{n}" for n in steps], 0.1 * 3e4 * steps, 0.1 * steps)

    assert set(table["Status"]) == {"ND"}


def test_one_strategy_has_no_icer() -> None:
    """A single strategy is on the frontier and has no increments."""
    table = analysed({"only": (1, 1)})

    assert table["Status"].tolist() == ["ND"]
    assert table["ICER"].isna().all()


def test_wrong_input_is_refused() -> None:
    """Lists of other lengths, no strategies, and what is no number are refused, each named."""
    with pytest.raises(InputError, match="lists of one length"):
        incremental_analysis(["a"], [1, 2], [1])
    with pytest.raises(InputError, match="must have strategies"):
        incremental_analysis([], [], [])
    with pytest.raises(InputError) as caught:
        incremental_analysis(["a", "b"], [1, np.nan], [np.inf, 1])
    assert [problem.key for problem in caught.value.problems] == ["cost of b", "effect of a"]


amounts = st.integers(0, 12).map(float)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=7))
def test_the_frontier_holds_whoever_is_best_at_some_threshold(points: list[tuple[float, float]]) -> None:
    """Whoever has the highest net benefit at a threshold is on the frontier; others have it nowhere alone."""
    names = [f"s{place}" for place in range(len(points))]
    costs, effects = (np.array(part) for part in zip(*points, strict=True))

    table = incremental_analysis(names, costs, effects)

    on = [names.index(name) for name in table.loc[table["Status"] == "ND", "Strategy"]]
    for k in [0.01, *np.linspace(0.05, 14, 80).tolist()]:
        benefit = k * effects - costs
        assert benefit[on].max() == benefit.max()
    icers = table["ICER"].dropna().to_numpy()
    assert (icers > 0).all()
    assert (np.diff(icers) >= -1e-9 * icers[1:]).all()
    for before, new in itertools.pairwise(on):
        assert effects[new] > effects[before]
        assert costs[new] > costs[before]


def test_directions_are_new_minus_reference() -> None:
    """Increments are the strategy minus the reference, whatever the order of columns; swapping them swaps signs."""
    sample = read_sample(REFERENCE).sample

    one = pairwise(sample, "chemotherapy").set_index("Strategy").loc["car_t_hsct"]
    other = pairwise(sample, "car_t_hsct").set_index("Strategy").loc["chemotherapy"]

    assert one["Inc_Cost"] == pytest.approx(254302.63085)
    assert one["Inc_Effect"] == pytest.approx(2.350412722)
    assert (other["Inc_Cost"], other["Inc_Effect"]) == (-one["Inc_Cost"], -one["Inc_Effect"])
    assert (one["Quadrant"], other["Quadrant"]) == ("NE", "SW")
    assert other["ICER"] == pytest.approx(one["ICER"])
    assert other["Reading"].startswith("costs less, gives less")


def two(more: list[float], gain: list[float]) -> PsaSample:
    zeros = np.zeros(len(more))
    return PsaSample(("usual", "new"), np.column_stack([zeros, more]), np.column_stack([zeros, gain]))


def test_no_icer_where_one_dominates() -> None:
    """A dominating or dominated strategy has no ICER; the words say which."""
    better = pairwise(two([-5, -6, -4], [1, 2, 1]), "usual").iloc[0]
    worse = pairwise(two([5, 6, 4], [-1, -2, -1]), "usual").iloc[0]

    assert np.isnan([better["ICER"], worse["ICER"], better["ICER_Lower"]]).all()
    assert (better["Quadrant"], worse["Quadrant"]) == ("SE", "NW")
    assert better["Reading"].startswith("dominates")
    assert worse["Reading"].startswith("dominated")


def test_equal_arms_differ_by_exactly_nothing() -> None:
    """The same numbers twice give increments of exactly 0 and no ICER."""
    row = pairwise(two([0, 0, 0], [0, 0, 0]), "usual").iloc[0]

    assert (row["Inc_Cost"], row["Inc_Effect"], row["Quadrant"], row["Share_None"]) == (0, 0, "none", 1)
    assert np.isnan(row["ICER"])


def test_an_icer_over_quadrants_is_flagged() -> None:
    """With draws in the opposite quadrant the interval of the ICER is left out, and the ICER is flagged."""
    row = pairwise(two([4, 5, 6, -1], [1, 1, 1, -0.1]), "usual").iloc[0]

    assert row["Ambiguous"]
    assert row["Share_SW"] == 0.25
    assert row["ICER"] == pytest.approx(3.5 / 0.725)
    assert np.isnan([row["ICER_Lower"], row["ICER_Upper"]]).all()


def test_dominating_draws_count_as_below_every_ratio() -> None:
    """Where some draws dominate or are dominated, the ICER's interval is open to that side."""
    gains = np.ones(100)
    north_east = pairwise(two([-1.0] * 10 + [5.0] * 90, gains.tolist()), "usual").iloc[0]
    south_west = pairwise(two([1.0] * 10 + [-5.0] * 90, (-gains).tolist()), "usual").iloc[0]

    assert (north_east["ICER_Lower"], north_east["ICER_Upper"]) == (-np.inf, 5)
    assert (south_west["ICER_Lower"], south_west["ICER_Upper"]) == (-np.inf, 5)


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1))
def test_every_point_has_one_quadrant(points: list[tuple[int, int]]) -> None:
    """The quadrant of the swapped comparison is the opposite one."""
    more, gain = (np.array(part, float) for part in zip(*points, strict=True))
    opposite = {"NE": "SW", "SW": "NE", "SE": "NW", "NW": "SE", "none": "none"}

    assert quadrants(-more, -gain).tolist() == [opposite[name] for name in quadrants(more, gain)]


def test_the_plane_has_a_point_a_draw() -> None:
    """The mean of the plane's points is the increment of the means."""
    sample = read_sample(REFERENCE).sample

    points = plane(sample, "chemotherapy")

    assert points.groupby("Strategy").size().to_dict() == dict.fromkeys(sample.strategies[1:], 500)
    means = points.groupby("Strategy")["Inc_Cost"].mean()
    table = pairwise(sample, "chemotherapy").set_index("Strategy")["Inc_Cost"]
    pd.testing.assert_series_equal(means.sort_index(), table.sort_index(), check_names=False)


def test_the_error_of_an_icer_is_that_of_repeated_samples() -> None:
    """The delta method's error agrees with the spread of ICERs over 400 samples, to 20 %.

    The spread of 400 values has a standard error of 3.5 %; 20 % is beyond five of them.
    """
    generator = np.random.default_rng(1)
    ratios, errors = [], []
    for _ in range(400):
        gain = generator.normal(0.5, 0.6, 300)
        row = pairwise(two((20e3 * gain + generator.normal(5e3, 9e3, 300)).tolist(), gain.tolist()), "usual").iloc[0]
        ratios.append(row["ICER"])
        errors.append(row["ICER_Std_Error"])

    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.2)

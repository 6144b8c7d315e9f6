from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rallsim.decision.acceptability import ceac, net_benefit, net_benefit_table
from rallsim.decision.analysis import answers, decide_sample, wtp_grid
from rallsim.decision.incremental import incremental_of
from rallsim.decision.pairwise import pairwise
from rallsim.decision.partial_information import evppi, to_fit
from rallsim.decision.regression import Regression
from rallsim.decision.sample import PsaSample
from rallsim.decision.sample_files import read_sample
from rallsim.decision.value_of_information import evpi, expected_loss, patients_to_come
from rallsim.errors import InputError

REFERENCE = Path(__file__).parents[1] / "reference" / "decision"
VOI_WTP = (30_000, 50_000, 100_000, 150_000)
GROUPS = {"car_t": ["cure_fraction_car_t", "cost_car_t_product"], "hsct": ["nrm_hsct", "cost_hsct"]}
EXACT = 1e-9  # relative; what is asked for is 1e-6


@cache
def sample() -> PsaSample:
    return read_sample(REFERENCE).sample


@cache
def by_regression() -> pd.DataFrame:
    assert sample().parameters is not None
    alone = {name: [name] for name in sample().parameters}
    return evppi(sample(), VOI_WTP, alone | GROUPS)


def test_ceac_and_frontier_are_dampacks() -> None:
    """The probability of being best, and who has the highest expected net benefit, agree with dampack row by row."""
    expected = pd.read_csv(REFERENCE / "expected_ceac_dampack.csv")

    found = ceac(sample(), expected["WTP"].unique().tolist())

    both = expected.merge(found, on=["WTP", "Strategy"], suffixes=("_dampack", ""))
    assert len(both) == len(expected) == len(found) == 186
    np.testing.assert_allclose(both["Proportion"], both["Proportion_dampack"], rtol=EXACT, atol=1e-15)
    assert (both["On_Frontier"] == both["On_Frontier_dampack"]).all()


def test_probabilities_are_hesims() -> None:
    """The probability of being best and the best by expectation agree with hesim's `mce`."""
    expected = pd.read_csv(REFERENCE / "expected_mce_hesim.csv")

    found = ceac(sample(), expected["k"].unique().tolist()).rename(columns={"WTP": "k", "Strategy": "strategy"})

    both = expected.merge(found, on=["k", "strategy"])
    assert len(both) == len(expected)
    np.testing.assert_allclose(both["Proportion"], both["prob"], rtol=EXACT, atol=1e-15)
    assert (both["On_Frontier"] == (both["best"] == 1)).all()


def test_expected_loss_is_dampacks() -> None:
    """Expected losses and their frontier agree with dampack."""
    expected = pd.read_csv(REFERENCE / "expected_loss_dampack.csv")

    found = expected_loss(sample(), expected["WTP"].unique().tolist())

    both = expected.merge(found, on=["WTP", "Strategy"], suffixes=("_dampack", ""))
    assert len(both) == len(expected)
    np.testing.assert_allclose(both["Expected_Loss"], both["Expected_Loss_dampack"], rtol=EXACT)
    assert (both["On_Frontier"] == both["On_Frontier_dampack"]).all()


@pytest.mark.parametrize(
    ("file", "wtp", "value"),
    [
        ("expected_evpi_dampack", "WTP", "EVPI"),
        ("expected_evi_bcea", "k", "evi"),
        ("expected_evpi_hesim", "k", "evpi"),
        ("expected_evpi_voi", "k", "evpi"),
    ],
)
def test_evpi_is_that_of_four_packages(file: str, wtp: str, value: str) -> None:
    """EVPI agrees with dampack, BCEA, hesim and voi."""
    expected = pd.read_csv(REFERENCE / f"{file}.csv")

    found = evpi(sample(), expected[wtp].tolist())

    assert len(expected) >= 4
    np.testing.assert_allclose(found["EVPI"], expected[value], rtol=EXACT)


def test_expected_net_benefit_is_hesims() -> None:
    """Net benefit with present and with perfect information, and the best strategy, are hesim's at each threshold."""
    expected = pd.read_csv(REFERENCE / "expected_evpi_hesim.csv")
    k = expected["k"].tolist()

    found = answers(sample(), k)

    assert found["Best"].tolist() == expected["best"].tolist()
    np.testing.assert_allclose(found["NMB"], expected["enmbci"], rtol=EXACT)
    np.testing.assert_allclose(found["NMB"] + found["EVPI"], expected["enmbpi"], rtol=EXACT)


def test_no_reference_answer_is_left_out() -> None:
    """Every file of expected answers is read by a test."""
    files = sorted(path.name.removesuffix(".csv") for path in REFERENCE.glob("expected_*.csv"))
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_decision_*.py"))

    assert len(files) >= 9
    assert [name for name in files if f'"{name}' not in tests] == []


def test_bcea_names_the_same_best() -> None:
    """The strategy with the highest expected net benefit is BCEA's at each threshold."""
    expected = pd.read_csv(REFERENCE / "expected_evi_bcea.csv")

    assert answers(sample(), expected["k"].tolist())["Best"].tolist() == expected["best"].tolist()


def test_evppi_is_vois() -> None:
    """EVPPI by regression agrees with voi's GAM within 10 % or 2 % of the EVPI, whichever is larger."""
    expected = pd.read_csv(REFERENCE / "expected_evppi_voi.csv").rename(columns={"pars": "Parameters", "k": "WTP"})

    both = expected.merge(by_regression(), on=["Parameters", "WTP"])

    assert len(both) == len(expected) == 40
    allowed = np.maximum(0.1 * both["evppi"], 0.02 * both["EVPI"])
    apart = (both["EVPPI"] - both["evppi"]).abs() / allowed
    assert apart.max() < 1, both[apart >= 1]


def test_evppi_keeps_its_bounds() -> None:
    """A group is worth no less than each of its members, nothing more than the EVPI, and nothing less than 0."""
    table = by_regression()
    values = table.set_index(["Parameters", "WTP"])["EVPPI"]

    assert table["EVPPI"].between(0, table["EVPI"]).all()
    for group, members in GROUPS.items():
        for k in VOI_WTP:
            assert values[group, k] >= max(values[one, k] for one in members)
    everything = evppi(sample(), VOI_WTP, {"all": ["*"], "car_t": GROUPS["car_t"], "hsct": GROUPS["hsct"]})
    for k, rows in everything.groupby("WTP"):
        of = rows.set_index("Parameters")["EVPPI"]
        assert of["all"] >= max(of["car_t"], of["hsct"]) - rows["Std_Error"].max(), k


@pytest.mark.parametrize(("mean", "spread"), [(1_000.0, 5_000.0), (-3_000.0, 4_000.0), (2_000.0, 3_000.0)])
def test_evppi_of_a_normal_net_benefit(mean: float, spread: float) -> None:
    """With INB = m + s X + noise, EVPPI(X) is s phi(m/s) - |m| Phi(-|m|/s); and the noise is worth nothing.

    120 samples of 500 draws; the mean of the estimates lies within four of its standard errors plus 3 % of the truth,
    for the regression's small bias, and the stated error is 0.9 to 1.5 times the spread of the estimates.
    The means lie apart: between strategies that are equal on average every estimate from draws, the EVPI too, is low.
    """
    generator = np.random.default_rng(7)
    found, errors = [], []
    for _ in range(120):
        x = generator.normal(size=500)
        more = mean + spread * x + generator.normal(0, 6_000, 500)
        effects = np.column_stack([np.zeros(500), more / 1_000])
        one = PsaSample(("usual", "new"), np.zeros((500, 2)), effects, parameters=pd.DataFrame({"x": x}))
        row = evppi(one, [1_000.0]).iloc[0]
        found.append(row["EVPPI"])
        errors.append(row["Std_Error"])
    truth = spread * norm.pdf(mean / spread) - abs(mean) * norm.cdf(-abs(mean) / spread)

    assert abs(np.mean(found) - truth) < 4 * np.std(found) / np.sqrt(len(found)) + 0.03 * truth
    assert 0.9 < np.mean(errors) / np.std(found) < 1.5


def test_evppi_of_a_product_needs_both() -> None:
    """Where only the product of two parameters matters, neither alone is worth anything and both together are all.

    INB = X Y with independent standard normals: E[max(0, XY)] = 1 / pi.
    """
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(2, 4_000))
    effects = np.column_stack([np.zeros(4_000), x * y])
    one = PsaSample(("usual", "new"), np.zeros((4_000, 2)), effects, parameters=pd.DataFrame({"x": x, "y": y}))

    table = evppi(one, [1.0], {"x": ["x"], "y": ["y"], "both": ["x", "y"]}).set_index("Parameters")

    assert table.loc["both", "EVPPI"] == pytest.approx(1 / np.pi, abs=0.05)
    assert table.loc[["x", "y"], "EVPPI"].max() < 0.05


def test_parameters_that_tell_nothing_new() -> None:
    """Constant parameters explain nothing, switches of two values and copies of a parameter do no harm."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=300)
    switch = (generator.random(300) < 0.3).astype(float)
    y = (2 * x + 3 * switch)[:, None]

    assert (Regression(np.ones((300, 1))).held_out(y) == 0).all()
    every = Regression(np.column_stack([x, x, 1 - x, switch, np.ones(300)]))
    assert every.held_out(y) == pytest.approx(y - y.mean(), abs=1e-6)
    assert (Regression(x[:, None]).held_out(np.full((300, 1), 4.0)) == 0).all()


def test_groups_are_checked_all_at_once() -> None:
    """Every unknown parameter of every group is named, with the nearest one; so is an empty group."""
    with pytest.raises(InputError) as caught:
        evppi(sample(), [3e4], {"one": ["cost_hcst", "nrm_hsct"], "two": ["zzz*"], "three": []})

    assert [(problem.key, problem.hint) for problem in caught.value.problems] == [
        ("group one", "cost_hsct"),
        ("group two", None),
        ("group three", None),
    ]
    with pytest.raises(InputError, match="must come with a sample of parameters"):
        evppi(PsaSample(("a", "b"), np.eye(2), np.eye(2)), [3e4])


def test_thresholds_are_checked() -> None:
    """Negative and infinite thresholds are refused together; none at all too."""
    with pytest.raises(InputError) as caught:
        ceac(sample(), [-1, 3e4, float("inf")])
    assert [problem.found for problem in caught.value.problems] == ["-1", "inf"]
    with pytest.raises(InputError, match="is missing"):
        evpi(sample(), [])


def test_ties_share_the_probability() -> None:
    """Strategies that tie in a draw share it, so that proportions always sum to 1; the frontier has one strategy."""
    one = PsaSample(("a", "b", "c"), np.zeros((4, 3)), np.array([[1, 1, 0]] * 4))

    found = ceac(one, [0.0, 10.0])

    assert found["Proportion"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.5, 0.5, 0])
    assert found["On_Frontier"].tolist() == [True, False, False] * 2


def test_a_tie_in_every_draw_has_no_error_and_is_said() -> None:
    """Equal costs and more effect: at 0 both share every draw, without error, and the one that gives more is best."""
    one = PsaSample(("a", "b"), np.full((3, 2), 1000.0), np.array([[1.0, 1.2]] * 3))

    shares, answer = ceac(one, [0.0]), answers(one, [0.0, 3e4])

    assert shares[["Proportion", "Std_Error"]].to_numpy().tolist() == [[0.5, 0], [0.5, 0]]
    assert answer["Best"].tolist() == answer["Most_Often_Best"].tolist() == ["b", "b"]
    assert answer["Tied_With"].tolist() == ["a", ""]
    assert answer["EVPI"].tolist() == [0, 0]


def test_rounding_makes_no_difference_anywhere() -> None:
    """Effects that are one sum in two orders: dominated in every draw, one quadrant, half the shares, no loss."""
    generator = np.random.default_rng(8)
    terms = generator.random((40, 9))
    effects = np.column_stack([terms.sum(axis=1), sum(terms[:, ::-1].T, np.zeros(40))])
    assert (effects[:, 0] != effects[:, 1]).any()
    one = PsaSample(("a", "b"), np.column_stack([np.full(40, 1e4), np.full(40, 1.1e4)]), effects)
    same = PsaSample(("a", "b"), np.full((40, 2), 1e4), effects)

    table, row = incremental_of(one).set_index("Strategy"), pairwise(one, "a").iloc[0]

    assert table["Frontier_Share"].to_dict() == {"a": 1.0, "b": 0.0}
    assert (table.loc["b", "Status"], table.loc["b", "Dominated_By"]) == ("D", "a")
    assert (row["Quadrant"], row["Share_NW"], row["Ambiguous"], row["Inc_Effect"]) == ("NW", 1.0, False, 0.0)
    assert (ceac(same, [0.0, 3e4])["Proportion"] == 0.5).all()
    assert (ceac(same, [3e4])["Std_Error"] == 0).all()
    assert (expected_loss(same, [3e4])["Expected_Loss"] == 0).all()
    assert net_benefit_table(same, [3e4], "a")["Share_Better"].tolist() == [0.5, 0.5]


def test_a_tie_of_expected_net_benefits_is_seen_through_rounding() -> None:
    """At a threshold equal to the ICER both strategies are equally good, though no draw has a tie."""
    gain = np.random.default_rng(2).normal(0.1, 1.0, 200)
    gain = gain - gain.mean() + 0.1
    one = PsaSample(
        ("a", "b"),
        np.column_stack([np.full(200, 2e4), np.full(200, 2.3e4)]),
        np.column_stack([np.full(200, 1.0), 1 + gain]),
    )

    row = answers(one, [3e4]).iloc[0]

    assert (row["Best"], row["Tied_With"]) == ("b", "a")


def test_the_frontier_is_by_expectation_not_by_probability() -> None:
    """A strategy that is best in most draws but loses much in the others is not on the frontier."""
    one = PsaSample(("safe", "risky"), np.zeros((10, 2)), np.array([[1.0, 1.1]] * 7 + [[1.0, 0.0]] * 3))

    found = ceac(one, [1.0]).set_index("Strategy")
    answer = answers(one, [1.0]).iloc[0]

    assert found.loc["risky", "Proportion"] == 0.7
    assert found["On_Frontier"].to_dict() == {"safe": True, "risky": False}
    assert (answer["Best"], answer["Most_Often_Best"], answer["Probability"]) == ("safe", "risky", 0.3)


def test_health_benefit_is_monetary_benefit_in_effects() -> None:
    """NMB = wtp NHB, and at a threshold of 0, where there is no NHB, NMB is minus the cost."""
    table = net_benefit_table(sample(), [0.0, 5e4], "chemotherapy")
    at = table[table["WTP"] == 5e4]

    np.testing.assert_allclose(at["NMB"], 5e4 * at["NHB"])
    assert table.loc[table["WTP"] == 0, "NHB"].isna().all()
    np.testing.assert_allclose(table.loc[table["WTP"] == 0, "NMB"], -sample().costs.mean(axis=0))
    assert table.loc[table["Strategy"] == "chemotherapy", "INMB"].tolist() == [0, 0]


numbers = st.integers(-5, 5).map(float)


@settings(max_examples=60)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=2, max_size=8), st.floats(0, 10))
def test_what_is_always_true(rows: list[tuple[float, ...]], k: float) -> None:
    """Proportions sum to 1; the smallest expected loss is the EVPI; nobody on the frontier loses more than others."""
    table = np.array(rows)
    one = PsaSample(("a", "b"), table[:, :2], table[:, 2:])

    losses = expected_loss(one, [k])
    information = evpi(one, [k], patients=10).iloc[0]

    assert ceac(one, [k])["Proportion"].sum() == pytest.approx(1)
    assert information["EVPI"] >= 0
    assert information["EVPI"] == pytest.approx(losses["Expected_Loss"].min(), abs=1e-12)
    assert information["Population_EVPI"] == pytest.approx(10 * information["EVPI"])
    benefit = net_benefit(one, k)
    assert information["EVPI"] == pytest.approx(benefit.max(axis=1).mean() - benefit.mean(axis=0).max(), abs=1e-9)


def test_patients_to_come() -> None:
    """Discounted patients are the integral of e^(-ft), f = ln(1 + r); what is no number from 0 is refused."""
    year = np.linspace(0, 7, 70_001)
    flow = 120 * 1.035**-year

    assert patients_to_come(120, 7, 0.035) == pytest.approx(np.trapezoid(flow, year))
    with pytest.raises(InputError) as caught:
        patients_to_come(-1, float("nan"), 0.035)
    assert [problem.key for problem in caught.value.problems] == ["incidence", "years"]


def test_the_grid_holds_the_thresholds() -> None:
    """Curves run over even steps and the thresholds asked for; far ICERs do not stretch them."""
    assert wtp_grid([20_000], [], 100_000)[:2] == [0, 1_000]
    assert 33_333 in wtp_grid([33_333], [50_000])
    assert max(wtp_grid([20_000], [9e9])) == 40_000
    assert max(wtp_grid([0.0], [])) > 0
    with pytest.raises(InputError, match="wtp-max must be above 0"):
        wtp_grid([1.0], [], 0.0)


def test_an_analysis_has_all_tables() -> None:
    """Without parameters there is no EVPPI and everything else; a group then has nothing to stand on."""
    bare = PsaSample(sample().strategies, sample().costs, sample().effects)

    assert set(decide_sample(sample(), [3e4]).tables()) - set(decide_sample(bare, [3e4]).tables()) == {"evppi"}
    with pytest.raises(InputError, match="must come with a sample of parameters"):
        decide_sample(bare, [3e4], groups={"hsct": ["cost_hsct"]})
    with pytest.raises(InputError, match="did you mean 'chemotherapy'"):
        decide_sample(bare, [3e4], reference="chemotherpy")


def test_progress_of_regressions_adds_up_to_all_of_them() -> None:
    """Each regression is told once, a set that comes twice or whose parameters stand alone too."""
    groups = {"cost_hsct": ["cost_hsct"], "hsct": GROUPS["hsct"], "again": GROUPS["hsct"]}
    told: list[float] = []

    evppi(sample(), VOI_WTP[:1], groups, progress=told.append)

    assert sorted(told) == [1, 1, 2]
    assert sum(told) == to_fit(groups)

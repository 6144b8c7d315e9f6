"""Analyses find what is known beforehand: outcomes here are formulas of the parameters, not simulations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from helpers_sweep import formula
from rallsim.errors import InputError
from rallsim.sweep.analyses import morris, oneway, psa, sobol, threshold, twoway, variants, voi
from rallsim.sweep.draws import Joint
from rallsim.sweep.first_order_error import split
from rallsim.sweep.sampling import sample_of
from rallsim.sweep.settings import SweepSettings

PRICE, RATE, OTHER = "costs.blinatumomab_vial", "hsct.sos_fatality", "hsct.acute_gvhd"
WTP = (1000.0,)


def columns(table: pd.DataFrame, *parts: object) -> np.ndarray:
    """A column a strategy, from numbers and columns."""
    return np.stack([np.broadcast_to(np.asarray(part, float), len(table)) for part in parts], axis=1)


def drawn() -> np.ndarray:
    """Luck of ten batches, with mean 0 and standard error 1 of the mean."""
    values = np.arange(10) - 4.5
    return np.asarray(values / values.std(ddof=1) * np.sqrt(10))


def test_a_threshold_is_where_lines_cross_and_its_error_that_of_the_difference(tmp_path: Path) -> None:
    """NMB 2000 - 2 price + luck against 1000 cross at 500, with standard error 1 / 2: that of the difference is 1."""
    luck = np.stack([np.zeros(10), drawn(), np.zeros(10)])
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 1200.0)}),
        costs=lambda table: columns(table, -1000.0, 2 * table[PRICE] - 2000.0, 1e6),
        luck=luck,
    )

    found = threshold.analyse(study)["threshold"]

    row = found.iloc[0]
    assert len(found) == 1
    assert (row["from"], row["to"], row["clear"]) == ("blinatumomab", "chemotherapy", True)
    assert row["value"] == pytest.approx(500.0, abs=1e-6)
    assert row["std_error"] == pytest.approx(0.5, rel=1e-6)


def test_two_changes_in_one_interval_are_both_found(tmp_path: Path) -> None:
    """Three lines that are the highest one after the other within one step of the grid give two thresholds."""
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 800.0)}, grid=2),
        costs=lambda table: -columns(table, 0 * table[PRICE], table[PRICE] - 300.0, 3 * table[PRICE] - 1500.0),
    )

    found = threshold.analyse(study)["threshold"]

    assert found["value"].tolist() == pytest.approx([300.0, 600.0])
    assert found[["from", "to"]].to_numpy().tolist() == [
        ["chemotherapy", "blinatumomab"],
        ["blinatumomab", "inotuzumab"],
    ]


def test_a_threshold_that_may_be_chance_is_said_to_be(tmp_path: Path) -> None:
    """A difference that changes sign by 0.1 within the range, with standard error 1, is no clear change."""
    luck = np.stack([np.zeros(10), drawn(), np.zeros(10)])
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 2.0)}),
        costs=lambda table: columns(table, 0.0, 0.1 * (table[PRICE] - 1), 1e6),
        luck=luck,
    )

    found = threshold.analyse(study)
    assert not found["threshold"]["clear"].any()
    assert "it may be chance" in " ".join(threshold.summarise(found, study.labels()))


def test_no_change_gives_no_row(tmp_path: Path) -> None:
    """A strategy that is preferred over the whole range leaves the table empty, and the sentence says so."""
    study = formula(
        tmp_path, SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 2.0)}), costs=lambda t: columns(t, 0.0, 5.0, 5.0)
    )

    found = threshold.analyse(study)

    assert len(found["threshold"]) == 0
    assert threshold.summarise(found, study.labels()) == ["Nothing depends here on: Costs: blinatumomab vial."]
    study.costs = lambda t: columns(t, 0.0, 5.0 + t[PRICE], 5.0)
    assert threshold.summarise(threshold.analyse(study), study.labels())[0].startswith(
        "No change at £1,000 per QALY along"
    )


def test_a_tornado_bar_is_the_change_that_its_parameter_makes(tmp_path: Path) -> None:
    """With costs a - 3 b the bars are 3 times the longer range and the shorter one, ordered by length."""
    base = formula(tmp_path, SweepSettings()).base
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 10.0), RATE: (0.1, 0.9)}),
        costs=lambda t: columns(t, t.get(PRICE, base[PRICE]) - 3000 * t.get(RATE, base[RATE]), 1e6, 2e6),
    )

    bars = oneway.analyse(study)["tornado"]
    main = bars[bars["outcome"] == "nmb"].set_index("parameter")

    assert list(main.index) == [RATE, PRICE]
    assert (main.loc[RATE, "strategy"], main.loc[RATE, "comparator"]) == ("chemotherapy", "blinatumomab")
    assert main["swing"].tolist() == pytest.approx([2400.0, -10.0])
    assert main["swing_std_error"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert bars.loc[bars["outcome"] == "qalys", "swing"].tolist() == [0.0, 0.0]


def test_a_tornado_says_where_another_strategy_is_preferred(tmp_path: Path) -> None:
    """A price that makes the preferred strategy dearer than its rival within its range has a row of switches."""
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 4000.0)}),
        costs=lambda t: columns(t, t[PRICE], 3000.0, 1e6),
    )

    found = oneway.analyse(study)

    assert found["switches"]["value"].tolist() == pytest.approx([3000.0])
    bar = found["tornado"].iloc[0]
    assert (bar["preferred_at_lo"], bar["preferred_at_hi"]) == ("chemotherapy", "blinatumomab")
    assert any("gives way" in line for line in oneway.summarise(found, study.labels()))


def test_changes_are_paired_batch_by_batch(tmp_path: Path) -> None:
    """Luck that is the same at every point is in the outcome's error and not in that of its change."""
    luck = np.stack([drawn(), np.zeros(10), np.zeros(10)])
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 9.0)}),
        costs=lambda t: columns(t, t[PRICE], 1, 1),
        luck=luck,
    )

    rows = oneway.analyse(study)["oneway"].query("strategy == 'chemotherapy' and outcome == 'costs'")

    assert rows["std_error"].tolist() == pytest.approx([1.0] * 3)
    assert rows["change_std_error"].tolist() == pytest.approx([0.0] * 3, abs=1e-9)


def test_variance_is_split_as_it_was_made() -> None:
    """Of effects with variances 9, 4 and 1 in 400 draws × 400 batches each is found again.

    Standard errors of the three estimates are 9 sqrt(2/399) = 0.64, 4 sqrt(2/399) = 0.28 and sqrt(2)/399 = 0.004; four
    of them are allowed.
    """
    at = (np.arange(400) + 0.5) / 400
    draw, batch = (np.asarray(norm.ppf(at[(np.arange(400) * step) % 400])) for step in (173, 259))
    own = norm.ppf(((np.arange(160_000) * 61_803.4) % 160_000 + 0.5) / 160_000).reshape(400, 400)
    values = 5.0 + 3.0 * draw[:, None] + 2.0 * batch[None, :] + own

    found = split(values)

    assert found.mean == pytest.approx(5.0, abs=0.05)
    assert found.parameters == pytest.approx(9.0, abs=4 * 0.64)
    assert found.shared == pytest.approx(4.0, abs=4 * 0.28)
    assert found.own == pytest.approx(1.0, abs=0.02)
    assert found.error_of_draws == pytest.approx(np.sqrt(found.parameters / 400))
    assert found.error == pytest.approx(np.hypot(found.error_of_draws, found.error_of_patients))


def test_luck_that_all_draws_share_is_no_spread_of_draws(tmp_path: Path) -> None:
    """The psa's table of variances puts batches' luck apart: error of patients 1, of draws that of the parameter."""
    luck = np.stack([np.zeros(10), drawn(), np.zeros(10)])
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, draws=50, patients=100),
        costs=lambda t: columns(t, 0.0, 100 * t[RATE], 1e6),
        luck=luck,
    )

    found = psa.analyse(study)
    row = found["variance"].query("Outcome == 'nmb' and Strategy == 'blinatumomab'").iloc[0]

    spread = 100 * found["psa_parameters"][RATE].std(ddof=1)
    assert row["Error_Of_Patients"] == pytest.approx(1.0, rel=1e-6)
    assert row["SD_Parameters"] == pytest.approx(spread, rel=1e-6)
    assert row["Error_Of_Draws"] == pytest.approx(spread / np.sqrt(50), rel=1e-6)
    assert row["First_Order_Share"] == pytest.approx(0.0, abs=1e-9)


def test_a_sample_grows_by_what_lowers_its_error(tmp_path: Path) -> None:
    """Where draws make the error, draws are added; where the patients' luck does, patients are."""
    of_draws = formula(
        tmp_path,
        SweepSettings(wtp=WTP, patients=100, until={"nmb": 0.5}),
        costs=lambda t: columns(t, 0.0, 100 * t[RATE], 1e6),
    )
    luck = np.stack([np.zeros(10), drawn(), np.zeros(10)])
    of_patients = formula(tmp_path, SweepSettings(wtp=WTP, patients=100, until={"nmb": 0.8}), luck=luck)

    many, long = sample_of(of_draws), sample_of(of_patients)

    spread = many.splits("nmb", WTP[0], 0)[1]
    assert len(many.replicates) == 1
    assert many.number > 100
    assert spread.error <= 0.5
    assert spread.error * np.sqrt(many.number / (many.number - 100)) > 0.45
    assert (long.number, len(long.replicates)) == (100, 2)
    assert long.stopped == many.stopped == "every stop rule holds"


def test_patients_are_chosen_so_that_their_luck_is_little(tmp_path: Path) -> None:
    """Without luck in single draws the fewest patients are enough."""
    study = formula(tmp_path, SweepSettings(wtp=WTP, draws=100), costs=lambda t: columns(t, 0.0, 100 * t[RATE], 1e6))

    assert sample_of(study).patients == 200


def test_every_draw_is_worth_its_net_benefit(tmp_path: Path) -> None:
    """The files of a psa hold, draw by draw, the formula at the parameters written beside."""
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, draws=30, patients=100),
        costs=lambda t: columns(t, 0.0, 100 * t[RATE], 7.0),
        qalys=lambda t: columns(t, 1.0, 2.0, 1 + t[OTHER]),
    )

    found = psa.analyse(study)

    parameters = found["psa_parameters"]
    np.testing.assert_allclose(found["psa_costs"]["blinatumomab"], 100 * parameters[RATE])
    np.testing.assert_allclose(found["psa_effects"]["inotuzumab"], 1 + parameters[OTHER])
    assert (parameters.nunique() > 1).all()
    assert len(found["psa_long"]) == 90
    assert set(found["parameters_left_out"]["parameter"]) & set(parameters.columns) == set()


def test_sobol_indices_of_a_sum_are_shares_of_its_variance(tmp_path: Path) -> None:
    """For a weighted sum of two independent parameters S1 = ST = its part of the variance, within three half widths."""
    asked = SweepSettings(wtp=WTP, ranges={RATE: None, "disease.late_relapse_until_months": None}, design=512)
    study = formula(tmp_path, asked)
    paths = list(asked.ranges)
    spreads = [study.draws(1000).table[path].std() for path in paths]
    study.costs = lambda t: columns(t, 0.0, 2 * t[paths[0]] / spreads[0] + t[paths[1]] / spreads[1], 0.5 * t[paths[0]])

    found = sobol.analyse(study)["sobol"].query("strategy == 'blinatumomab'").set_index("factor")

    for path, share in zip(paths, (0.8, 0.2), strict=True):
        for name in ("S1", "ST"):
            assert abs(found.loc[path, name] - share) < max(0.04, 3 * found.loc[path, f"{name}_conf"]), (path, name)
    assert found["S1"].sum() == pytest.approx(1.0, abs=0.06)


def test_what_is_in_no_group_keeps_its_base_value(tmp_path: Path) -> None:
    """With two groups of one parameter each, the design has their columns and no others."""
    groups = {"one": (RATE,), "other": ("disease.late_relapse_until_months",)}
    study = formula(tmp_path, SweepSettings(wtp=WTP, groups=groups, design=64))
    seen: list[list[str]] = []

    def costs(table: pd.DataFrame) -> np.ndarray:
        seen.append(list(table.columns))
        return columns(table, 0.0, table[RATE], 2 * table[RATE])

    study.costs = costs
    found = sobol.analyse(study)["sobol"].query("strategy == 'blinatumomab'").set_index("factor")

    assert seen == [[RATE, "disease.late_relapse_until_months"]]
    assert found.loc["one", "ST"] == pytest.approx(1.0, abs=0.05)
    assert found.loc["other", "ST"] == 0.0


def test_morris_finds_the_slope_of_a_straight_line(tmp_path: Path) -> None:
    """A parameter that does nothing has effects 0; the other has mu = -mu_star: net benefit falls with costs."""
    asked = SweepSettings(wtp=WTP, ranges={RATE: None, "disease.late_relapse_until_months": None}, design=10)
    study = formula(tmp_path, asked, costs=lambda t: columns(t, 0.0, 10 * t[RATE], 0.0))

    found = morris.analyse(study)["morris"].query("strategy == 'blinatumomab'").set_index("factor")

    assert found.loc["disease.late_relapse_until_months", "mu_star"] == 0.0
    assert found.loc[RATE, "mu_star"] == pytest.approx(-found.loc[RATE, "mu"])
    assert found.loc[RATE, "mu_star"] > 0


def test_correlated_parameters_are_one_factor_or_refused() -> None:
    """Parameters with rank correlation 1 move as one; a group that takes one without the other is refused."""
    x = np.linspace(0, 1, 200)
    joint = Joint.of(pd.DataFrame({"a": x, "b": x**3, "c": np.cos(40 * x)}))

    assert [len(members) for members in joint.factors({}).values()] == [2, 1]
    with pytest.raises(InputError, match="must hold correlated parameters together"):
        joint.factors({"one": ["a"], "other": ["c"]})
    assert joint.factors({"both": ["a", "b"]}) == {"both": ["a", "b"]}


def test_the_joint_distribution_is_kept() -> None:
    """From uniforms come the medians at 1/2, the marginal distributions, and the correlation within a block.

    Of 2,000 pairs with correlation 0.8 the standard error of the rank correlation is about 0.01; 0.04 is allowed.
    """
    at = (np.arange(2000) + 0.5) / 2000
    u, v = at, np.modf(at * 618.0339887)[0]
    z, other = norm.ppf(u), norm.ppf(np.clip(v, 1e-6, 1 - 1e-6))
    table = pd.DataFrame({"a": np.exp(z), "b": 0.8 * z + 0.6 * other, "c": norm.ppf(np.modf(at * 414.21356)[0] + 1e-9)})

    joint = Joint.of(table)
    again = joint.values(np.column_stack([v, np.modf(at * 732.0508)[0], np.modf(at * 236.0679)[0]]))

    assert joint.blocks == ((0, 1), (2,))
    assert again["a"].corr(again["b"], method="spearman") == pytest.approx(
        table["a"].corr(table["b"], method="spearman"), abs=0.04
    )
    middle = joint.values(np.full((1, 3), 0.5)).iloc[0]
    np.testing.assert_allclose(middle, table.median(), atol=1e-6)
    np.testing.assert_allclose(again.quantile([0.1, 0.9]), table.quantile([0.1, 0.9]), rtol=0.06, atol=0.03)


def test_the_map_shows_who_is_best_and_how_surely(tmp_path: Path) -> None:
    """With costs of two parameters the preferred strategy of each point is the cheaper one, without a loss."""
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 10.0), RATE: (0.1, 0.9)}, design=5, grid=3),
        costs=lambda t: columns(t, t[PRICE], 10 * t[RATE], 1e6),
    )

    found = twoway.analyse(study)["twoway"]

    chosen = found[found["Preferred"]]
    cheaper = np.where(chosen["value_1"] <= 10 * chosen["value_2"], "chemotherapy", "blinatumomab")
    assert len(chosen) == 9
    assert chosen["Strategy"].tolist() == cheaper.tolist()
    np.testing.assert_allclose(chosen["Expected_Loss"], 0.0, atol=1e-9)


def test_a_grid_needs_two_parameters(tmp_path: Path) -> None:
    """One parameter or three are refused."""
    with pytest.raises(InputError, match="must be given twice, for a grid"):
        twoway.analyse(formula(tmp_path, SweepSettings(wtp=WTP, ranges={PRICE: (0.0, 1.0)})))


def test_variants_are_evaluated_alone_and_crossed(tmp_path: Path) -> None:
    """Each variant is a row; of two to be crossed their combination too; a variant of nothing changes nothing."""
    path = "disease.late_relapse_rate"
    study = formula(
        tmp_path,
        SweepSettings(wtp=WTP, cross=("no_late_relapse", "no_antigen_loss")),
        costs=lambda t: columns(t, 0.0, np.where(t[path] == 0.0, -5.0, 5.0), 9.0),
    )

    found = variants.analyse(study)
    table = found["preferred"].set_index("variant")

    assert "no_late_relapse+no_antigen_loss" in table.index
    assert table.loc["base", "preferred"] == "chemotherapy"
    assert table.loc["no_late_relapse", "preferred"] == "blinatumomab"
    assert table.loc["no_late_relapse", "other_than_base"]
    assert not table.loc["no_antigen_loss", "changes_something"]
    change = found["variants"].query("variant == 'no_late_relapse' and outcome == 'nmb' and strategy == 'blinatumomab'")
    assert change["change"].tolist() == [10.0]


def test_an_unknown_variant_to_cross_is_refused(tmp_path: Path) -> None:
    """The message offers the one that may have been meant."""
    with pytest.raises(InputError, match="did you mean 'no_late_relapse'"):
        variants.analyse(formula(tmp_path, SweepSettings(wtp=WTP, cross=("no_late_relapes",))))


def test_the_value_of_knowing_the_only_parameter_is_that_of_knowing_everything(tmp_path: Path) -> None:
    """Net benefit hangs on one parameter: its EVPPI is the EVPI, another's about 0; N patients are worth N times."""
    study = formula(tmp_path, SweepSettings(wtp=WTP, draws=600, patients=100, incidence=50.0, years=2.0, discount=0.0))
    middle = float(study.draws(600).table[RATE].median())
    study.costs = lambda t: columns(t, 0.0, 1000 * (t[RATE] - middle), 1e6)

    found = voi.analyse(study)
    table = found["evppi"].set_index("Parameters")

    assert table.loc[RATE, "EVPPI"] == pytest.approx(table.loc[RATE, "EVPI"], rel=0.03)
    assert table.loc["all of hsct", "EVPPI"] == pytest.approx(table.loc[RATE, "EVPI"], rel=0.05)
    assert table.loc["therapies.inotuzumab.cr_rate", "EVPPI"] < 0.1 * table.loc[RATE, "EVPI"]
    assert table.loc[RATE, "Population_EVPPI"] == pytest.approx(100 * table.loc[RATE, "EVPPI"])

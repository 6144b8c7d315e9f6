"""Costs and QALYs in `rallsim run`, `explain --costs`, `check` and `budget`."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers_cli import Rallsim
from helpers_economics import results_of
from helpers_model import parameters
from rallsim.common.precision import mean
from rallsim.economics.tables.budget import budget_errors, budget_impact, monthly_profile
from rallsim.economics.tables.budget_plan import plan_of_file, plan_of_options
from rallsim.economics.tables.decisions import incremental, net_benefit, pairwise
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.errors import InputError
from rallsim.explain.bill import bill, valuations_of
from rallsim.explain.story import explain
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.simulation.simulate import Simulation, simulate
from rallsim.validation import identities

RUN = ("run", "first_salvage", "--patients", "60")
TABLES = {
    *("summary", "increments", "incremental", "incremental_undisc", "pairwise", "net_benefit", "activity", "trace"),
    *("inputs", "assumptions", "not_valued", "severity"),
}


def simulated(name: str = "first_salvage", patients: int = 300, **keys: Any) -> tuple[Simulation, EconomicResults]:
    simulation = simulate(load_scenario(name, patients=patients, **keys), parameters())
    found = results_of(simulation)
    return simulation, found


def test_a_run_counts_costs_and_qalys(rallsim: Rallsim, tmp_path: Path) -> None:
    """A run prints them with what they were counted with, and writes every table and the settings."""
    code, out, err = rallsim(*RUN)
    folder = tmp_path / "results" / "first_salvage"

    assert (code, err) == (0, "")
    assert "Costs and QALYs of a patient, NICE, England: GBP 2023, for life, discounted at 3.5 % (costs)" in out
    assert "List prices" in out
    assert "inputs are assumed" in out
    assert {path.stem for path in (folder / "economics").iterdir()} == TABLES
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["economics"]
    assert manifest["discount"]["convention"].startswith("annual_effective")
    assert {"costs/uk.yaml", "params/utilities.yaml", "perspectives/nice.yaml"} == set(manifest["inputs"])


def test_no_cell_of_the_tables_is_empty_without_a_reason(rallsim: Rallsim, tmp_path: Path) -> None:
    """Numbers are missing only where there cannot be any: ICERs off the frontier, price years of counts."""
    rallsim(*RUN)
    for name in ("summary", "increments", "activity", "trace", "not_valued"):
        table = pd.read_csv(tmp_path / "results" / "first_salvage" / "economics" / f"{name}.csv")
        assert len(table), name
        assert not table.isna().any().any(), name


def test_options_change_what_is_counted(rallsim: Rallsim, tmp_path: Path) -> None:
    """Costs, perspective, rates and thresholds of the command line reach results and manifest."""
    code, out, _ = rallsim(
        *RUN, "--costs", "fr", "--perspective", "zin", "--discount", "0.05,0.01", "--wtp", "50000", "--out", "a"
    )
    kept = json.loads((tmp_path / "a" / "manifest.json").read_text(encoding="utf-8"))["economics"]

    assert code == 0
    assert "EUR 2025, for life, discounted at 5 % (costs) and 1 % (QALYs" in out
    assert (kept["costs"], kept["perspective"], kept["wtp"]) == ("fr", "zin", [50000.0])
    assert (kept["discount"]["costs"], kept["discount"]["qalys"]) == (0.05, 0.01)


def test_a_run_without_economics(rallsim: Rallsim, tmp_path: Path) -> None:
    """--costs none leaves them out: no table, no word, null in the JSON."""
    code, out, _ = rallsim(*RUN, "--costs", "none", "--json")

    assert code == 0
    assert json.loads(out)["economics"] is None
    assert not (tmp_path / "results" / "first_salvage" / "economics").exists()


def test_a_dry_run_says_what_would_be_counted_with(rallsim: Rallsim) -> None:
    """--dry-run names perspective, currency and rates, and in JSON the whole basis."""
    assert "costs and QALYs: HAS, France: EUR 2025" in rallsim(*RUN, "--costs", "fr", "--dry-run")[1]
    assert json.loads(rallsim(*RUN, "--dry-run", "--json")[1])["economics"]["wtp"] == [25000.0, 35000.0]


def test_without_a_threshold_there_is_a_word_and_maybe_a_grid(rallsim: Rallsim, tmp_path: Path) -> None:
    """HAS states no threshold: the table has its grid; without a perspective there is none, and both say so."""
    table = "economics/net_benefit.csv"
    has = rallsim(*RUN, "--costs", "fr", "--out", "has")[1]
    none = rallsim(*RUN, "--costs", "uk", "--perspective", "none", "--discount", "0.03", "--out", "none")[1]

    assert "--wtp gives one; economics/net_benefit.csv has a grid." in has
    assert len(pd.read_csv(tmp_path / "has" / table)) > 100
    assert "--wtp gives one." in none
    assert pd.read_csv(tmp_path / "none" / table).empty


def test_json_of_a_run_has_the_economics(rallsim: Rallsim) -> None:
    """--json gives settings, summary, increments, incremental analysis, activity and what is assumed."""
    found = json.loads(rallsim(*RUN, "--json")[1])["economics"]

    assert {"costs", "discount", "wtp", "list_prices"} <= set(found)
    assert {row["Status"] for row in found["incremental"]} <= {"ND", "D", "ED"}
    assert all(row["lo"] <= row["value"] <= row["hi"] for row in found["assumptions"])


def test_a_shorter_horizon_is_marked(rallsim: Rallsim, tmp_path: Path) -> None:
    """Up to ten years ICERs carry a mark, the share alive and the ICER of a lifetime; for life they need none."""
    many = ("run", "first_salvage", "--patients", "2000")
    life, short = (rallsim(*many, *more, "--out", name)[1] for name, more in (("a", ()), ("b", ("--horizon", "120"))))
    tables = {name: pd.read_csv(tmp_path / name / "economics" / "incremental.csv") for name in ("a", "b")}
    wanted = tables["a"].set_index("Strategy")["ICER"]
    found = tables["b"].set_index("Strategy")
    one = found["ICER"].dropna().index[0]

    assert "†" not in life
    assert "% of patients are alive: what they cost and gain later is in no total and no ICER" in short
    assert f"† (for life £{found.loc[one, 'ICER_Lifetime']:,.0f})" in short
    assert found.loc[one, "ICER_Lifetime"] == pytest.approx(wanted[one], rel=1e-9)
    assert found.loc[one, "ICER"] > 1.5 * found.loc[one, "ICER_Lifetime"]
    assert found["Alive"].between(0.05, 0.20).all()
    assert (tables["a"]["Alive"] == 0).all()
    clinical = [(tmp_path / name / "summary.csv").read_bytes() for name in ("a", "b")]
    assert clinical[0] == clinical[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--horizon", "soon"), "must be lifetime, or months"),
        (("--horizon", "0"), "--horizon: economics.horizon_months must be more than 0"),
        (("--discount", "3.5"), "must be at most 1"),
        (("--discount", "low"), "must be a rate"),
        (("--costs", "germany"), "must be known costs"),
        (("--perspective", "none"), "nothing says how to discount"),
        (("--wtp", "-5"), "must be at least 0"),
    ],
)
def test_wrong_options_end_with_two(rallsim: Rallsim, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Wrong economics end with 2 before anything is simulated or written."""
    code, out, err = rallsim(*RUN, *arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_the_full_incremental_analysis_is_that_of_the_means() -> None:
    """Costs and effects are the means over patients; each ICER is that of the step, its error the paired one."""
    _, found = simulated("bridging_before_car_t")
    table = incremental(found.totals).set_index("Strategy")
    on = [name for name, row in table.iterrows() if row["Status"] == "ND"]

    for name in found.totals:
        assert table.loc[name, "Cost"] == pytest.approx(found.totals[name]["costs"].mean())
        assert table.loc[name, "Effect"] == pytest.approx(found.totals[name]["qalys"].mean())
    for before, after in itertools.pairwise(on):
        more, gain = (found.totals[after][what] - found.totals[before][what] for what in ("costs", "qalys"))
        assert table.loc[after, "ICER"] == pytest.approx(more.mean() / gain.mean())
        error = mean(more - table.loc[after, "ICER"] * gain).std_error / abs(gain.mean())
        assert table.loc[after, "ICER_Std_Error"] == pytest.approx(error)


def test_undiscounted_stands_beside_discounted() -> None:
    """Every table of totals has both, and at rates of 0 both are the same."""
    _, found = simulated(settings=["economics.discount.costs=0", "economics.discount.qalys=0"])
    summary = found.tables["summary"].set_index(["outcome", "strategy"])["estimate"]
    names = [str(name) for name in summary.index.get_level_values(0).unique() if not str(name).endswith("_undisc")]

    assert {"costs", "qalys", "lys", "costs_drug", "costs_line_1"} <= set(names)
    for name in names:
        assert summary[name].to_numpy() == pytest.approx(summary[f"{name}_undisc"].to_numpy(), rel=1e-12)


def test_net_benefit_and_reading() -> None:
    """NMB is threshold times QALYs minus costs; a dominating strategy has no ICER and is called so."""
    totals = {
        "usual": {"costs": np.array([10.0, 30.0]), "qalys": np.array([1.0, 1.0]), "lys": np.array([2.0, 2.0])},
        "new": {"costs": np.array([5.0, 15.0]), "qalys": np.array([1.5, 2.5]), "lys": np.array([2.0, 3.0])},
    }
    both = {name: {**one, **{f"{what}_undisc": values for what, values in one.items()}} for name, one in totals.items()}
    table = net_benefit(both, "usual", [0.0, 100.0]).set_index(["wtp", "strategy"])
    row = pairwise(both, "usual").iloc[0]

    assert table.loc[(100.0, "new"), "nmb"] == pytest.approx(190.0)
    assert table.loc[(100.0, "new"), "inmb"] == pytest.approx(110.0)
    assert table.loc[(100.0, "new"), "nhb"] == pytest.approx(1.9)
    assert table["best"].tolist() == [False, True, False, True]
    assert (row["quadrant"], bool(np.isnan(row["icer"]))) == ("SE", True)
    assert "dominates" in row["reading"]


def test_people_of_a_file_are_those_of_the_file(tmp_path: Path) -> None:
    """A scenario with a table of patients has their ages and sexes for the norms, row after row."""
    (tmp_path / "ward.csv").write_text("age,male\n30,1\n70,0\n", encoding="utf-8")
    text = dict(shipped_scenarios())["first_salvage"].read_text(encoding="utf-8")
    path = tmp_path / "ours.yaml"
    path.write_text(text.replace("population: adult_relapse", "population: ward.csv"), encoding="utf-8")
    simulation = simulate(load_scenario(path, patients=4), parameters())

    for history in simulation.histories.values():
        assert history.baseline["age"].tolist() == [30.0, 70.0, 30.0, 70.0]
        assert history.baseline["male"].tolist() == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("patient", [3, 17])
def test_a_bill_is_the_patients_part_of_the_cohort(patient: int) -> None:
    """The ledger of one patient sums to what the same patient costs in the run, under every strategy, and so QALYs."""
    _, found = simulated("bridging_before_car_t", patients=40)
    story = explain(found.scenario, patient, parameters())
    valuations = valuations_of(story, found.economics)
    table = bill(story, valuations)

    assert set(table["patient"]) == {patient}
    for name, totals in found.totals.items():
        mine = table[table["strategy"] == name]
        assert mine["amount"].sum() == pytest.approx(totals["costs_undisc"][patient], rel=1e-12)
        assert mine["discounted"].sum() == pytest.approx(totals["costs"][patient], rel=1e-12)
        assert valuations[name].totals()["qalys"][0] == pytest.approx(totals["qalys"][patient], rel=1e-12)


def test_explain_prints_and_writes_the_bill(rallsim: Rallsim, tmp_path: Path) -> None:
    """`explain --costs` shows charges and sums, and writes them to a new file only."""
    command = ("explain", "first_salvage", "--patient", "3", "--costs", "--out", "bill.csv")
    code, out, _ = rallsim(*command)

    assert code == 0
    assert "What patient 3 costs" in out
    assert "terminal_care" in out or "follow_up" in out
    assert len(pd.read_csv(tmp_path / "bill.csv"))
    assert rallsim(*command)[0] == 2
    assert rallsim("explain", "first_salvage", "--patient", "3", "--out", "other.csv")[0] == 2
    document = json.loads(rallsim("explain", "first_salvage", "--patient", "3", "--costs", "--json")[1])
    assert document["economics"]["ledger"]


def test_check_passes_and_says_with_which_figures(rallsim: Rallsim) -> None:
    """`check` prints each check with both figures, and ends with 0."""
    code, out, err = rallsim("check", "first_salvage", "--patients", "40")

    assert (code, err) == (0, "")
    assert "all passed" in out
    for name in ("utility_one", "discount_zero", "price_zero", "equal_arms", "mortality_one", "icer_follows_prices"):
        assert name in out
    document = json.loads(rallsim("check", "first_salvage", "--patients", "40", "--json")[1])
    assert document["passed"]
    assert {"check", "strategy", "passed", "found", "expected", "compares"} == set(document["checks"][0])


def test_check_fails_when_a_check_fails(rallsim: Rallsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A valuation that counts life years wrongly fails its check, which is named, and the exit code is 1."""
    from rallsim.economics.tables import economic_results as evaluation

    honest = evaluation.value_history

    def wrong(*given: Any, **keys: Any) -> Any:
        found = honest(*given, **keys)
        return replace(found, accrual=replace(found.accrual, years=found.accrual.years * 1.01))

    monkeypatch.setattr(evaluation, "value_history", wrong)
    code, out, _ = rallsim("check", "first_salvage", "--patients", "40")

    assert code == 1
    assert "FAIL  life_years" in out


def test_a_failing_check_has_figures_for_json() -> None:
    """A check as plain data has no figure that JSON cannot hold."""
    one = identities.Check("x", "one", False, float("nan"), 1.0, "what")

    assert one.as_data() == {
        "check": "x",
        "strategy": "one",
        "passed": False,
        "found": None,
        "expected": 1.0,
        "compares": "what",
    }


def test_a_budget_from_patients_is_the_budget_from_months() -> None:
    """Totals summed charge by charge over patients are those of the monthly profiles, and errors are paired."""
    _, found = simulated()
    plan = plan_of_options(found.scenario, 120.0, 3, {"inotuzumab": [0.25, 0.5]})
    profiles = {name: monthly_profile(one) for name, one in found.valuations.items()}
    impact = budget_impact(profiles, plan.patients, plan.uptake)
    errors = budget_errors(found.valuations, plan.patients, plan.uptake)

    costs = impact[impact["measure"] == "costs"].reset_index(drop=True)
    assert len(costs) == 2 * 3
    for column in ("total", "difference"):
        assert errors[column].to_numpy() == pytest.approx(costs[column].to_numpy(), rel=1e-9, abs=1e-6)
    categories = (
        impact[impact["measure"].str.startswith("costs_")].groupby(["world", "year"], sort=False)["total"].sum()
    )
    assert categories.to_numpy() == pytest.approx(costs["total"].to_numpy(), rel=1e-12)
    assert (errors.loc[errors["world"] == "without", "difference_std_error"] == 0.0).all()
    assert (errors.loc[errors["world"] == "with", "difference_std_error"] > 0.0).all()


def test_population_life_years_are_time_alive() -> None:
    """Life years of the first year are those of patients who entered evenly in it, counted by hand from survival."""
    simulation, found = simulated(patients=200)
    plan = plan_of_options(found.scenario, 12.0, 1, {"inotuzumab": [1.0]})
    profiles = {name: monthly_profile(one) for name, one in found.valuations.items()}
    impact = budget_impact(profiles, plan.patients, plan.uptake).set_index(["world", "measure"])["total"]
    events = simulation.histories["inotuzumab"].events
    ends = np.array([events["time"][events["patient"] == number].max() for number in range(200)])
    by_hand = sum(np.minimum(ends, 12.0 - month).mean() for month in range(12)) / 12.0

    assert impact["with", "lys"] == pytest.approx(by_hand, rel=1e-9)


def test_budget_prints_saves_and_says_it_in_json(rallsim: Rallsim, tmp_path: Path) -> None:
    """`budget` shows each year with the difference, writes tables and a figure, and is one document with --json."""
    command = ("budget", "first_salvage", "--patients", "60", "--incidence", "100", "--years", "2")
    code, out, err = rallsim(*command, "--uptake", "inotuzumab=0.5")
    folder = tmp_path / "results" / "budget" / "first_salvage"

    assert (code, err) == (0, "")
    assert "year 2" in out
    assert {path.name for path in folder.iterdir()} == {"budget.csv", "costs.csv", "budget.png", "manifest.json"}
    document = json.loads(rallsim(*command, "--uptake", "inotuzumab=0.5", "--json")[1])
    assert {row["world"] for row in document["budget"]} == {"without", "with"}


def test_the_scenario_may_say_how_many_enter(rallsim: Rallsim, tmp_path: Path) -> None:
    """Without --incidence the budget takes the scenario's economics.incidence, and an option goes before it."""
    command = ("budget", "first_salvage", "--patients", "60", "--uptake", "inotuzumab=0.5", "--json")
    given = (*command, "--set", "economics.incidence=40")

    assert set(json.loads(rallsim(*given)[1])["plan"]["patients"]) == {40.0}
    assert set(json.loads(rallsim(*given, "--incidence", "70")[1])["plan"]["patients"]) == {70.0}
    assert "must be more than 0" in rallsim(*command, "--set", "economics.incidence=0")[2]


def test_a_scenario_with_one_strategy(rallsim: Rallsim, tmp_path: Path) -> None:
    """Nothing to compare with is no fault: costs, checks, a budget and files are those of the one strategy."""
    text = dict(shipped_scenarios())["first_salvage"].read_text(encoding="utf-8")
    head = text[: text.index("strategies:")].replace("reference:", "# reference:")
    (tmp_path / "alone.yaml").write_text(f"{head}strategies:\n  one: {{salvage: [{{give: inotuzumab}}]}}\n", "utf-8")
    few = ("--patients", "40")

    code, out, _ = rallsim("run", "alone.yaml", *few)
    assert code == 0
    assert "Full incremental analysis" not in out
    assert "blinatumomab_vial" not in out  # a list price that nobody was charged
    assert rallsim("check", "alone.yaml", *few)[0] == 0
    assert "«all»" in rallsim("budget", "alone.yaml", *few, "--incidence", "10")[1]
    assert "One strategy alone" in rallsim("export", "alone.yaml", *few, "--excel")[1]
    assert rallsim("explain", "alone.yaml", "--patient", "3", "--costs")[0] == 0


def test_a_sweep_counts_as_the_scenario_says(rallsim: Rallsim, tmp_path: Path) -> None:
    """Sweeps take costs, perspective and thresholds of the scenario too, and draw no price that it sets."""
    command = ("sweep", "first_salvage", "psa", "--draws", "3", "--patients", "40", "--out", "swept")
    code, out, _ = rallsim(*command, "--set", "economics.costs=fr", "--set", "costs.ward_day=600")
    drawn = pd.read_csv(tmp_path / "swept" / "psa" / "psa_parameters.csv")

    assert code == 0
    assert "Costs: fr, EUR 2025, for life; perspective: HAS, France" in out
    assert any(name.startswith("costs.") for name in drawn)
    assert "costs.ward_day" not in drawn


def test_a_run_beside_a_budget_finds_its_folder_free(rallsim: Rallsim) -> None:
    """The results of a run and of a budget do not stand in each other's way."""
    rallsim("budget", "first_salvage", "--patients", "60", "--incidence", "100", "--uptake", "inotuzumab=0.5")

    assert rallsim(*RUN)[0] == 0


def test_a_plan_is_read_and_its_faults_have_lines(tmp_path: Path) -> None:
    """A plan gives patients and shares by world and year; all faults come together."""
    scenario = load_scenario("first_salvage")
    path = tmp_path / "plan.yaml"
    path.write_text(
        "incidence: [100, 110]\nuptake:\n  now: {chemotherapy: 1}\n  soon: {chemotherapy: 0.4, inotuzumab: 0.6}\n",
        encoding="utf-8",
    )
    plan = plan_of_file(path, scenario)
    assert (plan.patients, plan.uptake["soon"]["inotuzumab"]) == ((100.0, 110.0), (0.6, 0.6))

    path.write_text(
        "incidence: -1\nyear: 3\nuptake:\n  now: {chemo: 1}\n  soon: {chemotherapy: [0.4, 2]}\n", encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        plan_of_file(path, scenario)
    found = {(one.line, one.key) for one in caught.value.problems}
    assert found == {
        (1, "incidence"),
        (2, "year"),
        (4, "uptake.now.chemo"),
        (5, "uptake.soon.chemotherapy"),
    }


def test_shares_must_sum_to_one(tmp_path: Path) -> None:
    """A world that treats fewer or more than all its patients is refused, with the year."""
    path = tmp_path / "plan.yaml"
    path.write_text("incidence: 10\nyears: 2\nuptake:\n  now: {chemotherapy: [1, 0.5]}\n", encoding="utf-8")

    with pytest.raises(InputError, match="must sum to 1 in year 2"):
        plan_of_file(path, load_scenario("first_salvage"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--uptake", "inotuzumab=0.5"), "--incidence is missing"),
        (("--incidence", "10"), "--uptake is missing"),
        (("--incidence", "10", "--uptake", "inotuzumab"), "must be STRATEGY=SHARE,SHARE,"),
        (("--incidence", "10", "--uptake", "chemotherapy=1"), "must not be the reference, which takes what is left"),
        (
            ("--incidence", "10", "--uptake", "inotuzumab=0.6", "--uptake", "blinatumomab=0.6"),
            "must not exceed 1 in a year",
        ),
        (("--incidence", "10", "--years", "6", "--uptake", "inotuzumab=1"), "1 to 5"),
        (
            ("--incidence", "10", "--uptake", "inotuzumab=1", "--set", "horizon_months=24"),
            "must be as long as the budget",
        ),
        (("--incidence", "10", "--plan", "plan.yaml"), "cannot be given with a plan, which has it"),
    ],
)
def test_wrong_budgets_end_with_two(rallsim: Rallsim, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Wrong questions are told in their own words, and nothing is written."""
    code, out, err = rallsim("budget", "first_salvage", "--patients", "60", *arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert list(tmp_path.iterdir()) == []

"""Partitioned survival beside the simulation: known answers, and differences that sum to what they explain."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from helpers_economics import FLAT, results_of, round_values
from helpers_model import parameters
from rallsim.curves.background import NO_BACKGROUND, Background
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.economics.tables.partitioned_survival import COLUMNS, in_words, increments, partitioned_survival
from rallsim.economics.valuation.valuation import value_history
from rallsim.errors import InputError
from rallsim.export.extrapolation import background_of_results, checked_follow_up, continued_curves, years_of
from rallsim.export.extrapolation import in_words as tails_in_words
from rallsim.export.structure import plot_extrapolation
from rallsim.inputs.scenario import load_scenario
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.baseline import baseline_with
from rallsim.outcomes.history import History
from rallsim.simulation.simulate import Simulation, simulate

PARTS = COLUMNS[6:]


@cache
def found(*settings: str) -> tuple[Simulation, EconomicResults]:
    simulation = simulate(load_scenario("bridging_before_car_t", patients=400, settings=settings), parameters())
    results = results_of(simulation)
    return simulation, results


@pytest.mark.parametrize("discounted", [True, False])
def test_the_parts_sum_to_the_difference(discounted: bool) -> None:
    """Simulation minus partitioned survival is the sum of its parts, and the simulation's side is the run's own."""
    simulation, results = found()
    table = partitioned_survival(results, simulation.histories, discounted=discounted)
    suffix = "" if discounted else "_undisc"

    assert len(table) == 3 * len(simulation.histories)
    assert table["difference"].to_numpy() == pytest.approx(table[PARTS].sum(axis=1).to_numpy(), rel=1e-9, abs=1e-6)
    assert (table["simulation"] - table["partitioned_survival"]).to_numpy() == pytest.approx(table["difference"])
    own = [results.totals[row.strategy][f"{row.outcome}{suffix}"].mean() for row in table.itertuples()]
    assert table["simulation"].to_numpy() == pytest.approx(own, rel=1e-9)


@pytest.mark.parametrize("step", [2.0, 1.0, 0.1])
def test_life_years_agree_to_the_grid(step: float) -> None:
    """Area under OS is life expectancy whatever the structure, to half a step: the most that trapezes under a falling
    curve can miss.
    """
    simulation, results = found()
    table = partitioned_survival(results, simulation.histories, discounted=False, step=step)
    gaps = table.loc[table["outcome"] == "lys", "difference"].abs()

    assert 0.0 < gaps.max() <= step / 24.0


def test_a_strategy_alone_differs_by_the_grid_only() -> None:
    """With one strategy the mean of all is its own, and only reading curves is left."""
    simulation, results = found()
    name = simulation.scenario.reference
    alone = replace(results, valuations={name: results.valuations[name]})
    table = partitioned_survival(alone, {name: simulation.histories[name]})

    assert table["of_curves"].to_numpy() == pytest.approx(table["difference"].to_numpy(), abs=1e-6)
    assert table[PARTS[1:]].abs().to_numpy().max() < 1e-6


def test_states_are_split_at_the_patients_own_event() -> None:
    """Two patients done by hand: event-free utility up to relapse, the other after it."""
    costs, utilities = round_values()
    flat = utilities.with_values(FLAT)
    rows = []
    for number, (relapse, death) in enumerate(((12.0, 18.0), (24.0, 36.0))):
        rows += [
            (0.0, number, Event.ENTRY, Stage.RELAPSED, 0, -1, 0),
            (0.0, number, Event.TREATMENT_START, Stage.SALVAGE, 1, 0, 0),
            (0.0, number, Event.RESPONSE, Stage.REMISSION, 1, 0, Detail.MRD_NEGATIVE),
            (relapse, number, Event.RELAPSE, Stage.RELAPSED, 1, 0, Detail.ANTIGEN_KEPT),
            (death, number, Event.DEATH, Stage.DEAD, 1, 0, Detail.BACKGROUND),
        ]
    history = History(
        np.array(rows, EVENT_ROW),
        "one",
        ("chemotherapy",),
        baseline_with(age=[50.0, 50.0], male=0.0),
        horizon=60.0,
        seed=1,
    )
    history.check()
    valuation = value_history(history, costs, flat, Rates.of(0.0))
    economics = EconomicSettings(costs, flat, Rates.of(0.0))
    results = EconomicResults(load_scenario("first_salvage"), economics, {"one": valuation}, None, parameters())
    table = partitioned_survival(results, {"one": history}, step=0.01).set_index("outcome")

    # months in remission 12 and 24 at 0.8, after relapse 6 and 12 at 0.4
    assert table.loc["qalys", "simulation"] == pytest.approx((18 * 0.8 + 9 * 0.4) / 12)
    assert table.loc["qalys", "partitioned_survival"] == pytest.approx((18 * 0.8 + 9 * 0.4) / 12, abs=2e-3)
    assert table.loc["lys", "simulation"] == pytest.approx(27 / 12)


def test_increments_are_against_the_reference_and_told_in_words() -> None:
    """Increments are differences of rows; each sentence holds both answers and the largest part."""
    simulation, results = found()
    table = partitioned_survival(results, simulation.histories)
    gains = increments(table, simulation.scenario.reference)
    rows = table.set_index(["strategy", "outcome"])
    one = gains[(gains["strategy"] == "bridge_inotuzumab") & (gains["outcome"] == "qalys")].iloc[0]
    labels = {name: strategy.label for name, strategy in simulation.scenario.strategies.items()}
    words = in_words(gains, labels)

    expected = rows.loc[("bridge_inotuzumab", "qalys"), "simulation"] - rows.loc[("no_bridging", "qalys"), "simulation"]
    assert one["simulation"] == pytest.approx(expected)
    assert len(words) == 2 * (len(labels) - 1)
    assert any(f"simulation {one['simulation']:+.3f}" in sentence for sentence in words)
    assert any(f"apart by {one['difference']:+.3f}" in sentence for sentence in words)


def exponential(rate: float, patients: int, horizon: float) -> History:
    """A cohort whose deaths are spread evenly over the quantiles of an exponential time."""
    return dying_at(-np.log1p(-(np.arange(patients) + 0.5) / patients) / rate, horizon)


def dying_at(times: np.ndarray, horizon: float) -> History:
    """A cohort with these times of death; those from the horizon on are censored there."""
    rows = []
    for number, time in enumerate(times):
        rows.append((0.0, number, Event.ENTRY, Stage.RELAPSED, 0, -1, 0))
        late = time >= horizon
        rows.append(
            (horizon, number, Event.CENSORED, Stage.RELAPSED, 0, -1, 0)
            if late
            else (time, number, Event.DEATH, Stage.DEAD, 0, -1, Detail.BACKGROUND)
        )
    baseline = baseline_with(age=np.full(len(times), 50.0))
    return History(np.array(rows, EVENT_ROW), "one", (), baseline, horizon=horizon, seed=1)


def test_an_exponential_curve_continues_itself() -> None:
    """Deaths at a constant rate are extrapolated to the closed form (1 - exp(-r H)) / r, within 1 %."""
    rate, horizon = 0.03, 120.0
    curves = continued_curves({"one": exponential(rate, 4000, horizon)}, 24.0, NO_BACKGROUND)
    table = years_of(curves).set_index("endpoint")
    truth = (1.0 - np.exp(-rate * horizon)) / rate / 12.0

    assert table.loc["os", "years_simulated"] == pytest.approx(truth, rel=2e-3)
    assert table.loc["os", "years_extrapolated"] == pytest.approx(truth, rel=1e-2)
    assert table.loc["os", "family"] == "exponential"


def test_a_cured_share_is_continued() -> None:
    """Of 4,000 patients 0.3 are cured and the others die at 0.1 a month: years to 3 %, from a family with a cure."""
    cured, rate, patients, horizon = 0.3, 0.1, 4000, 120.0
    left = (np.arange(patients) + 0.5) / patients
    times = np.where(left > cured, -np.log(np.maximum(left - cured, 1e-9) / (1.0 - cured)) / rate, horizon)
    table = years_of(continued_curves({"one": dying_at(times, horizon)}, 24.0, NO_BACKGROUND)).set_index("endpoint")
    truth = (cured * horizon + (1.0 - cured) * (1.0 - np.exp(-rate * horizon)) / rate) / 12.0

    assert table.loc["os", "years_extrapolated"] == pytest.approx(truth, rel=0.03)
    assert str(table.loc["os", "family"]).endswith("_cure")


def test_others_causes_of_death_go_on_behind_a_cure() -> None:
    """The same curve above a background of 0.01 a month has that hazard on its plateau."""
    months = 121
    background = Background(0.01 * np.arange(months))
    times = np.append(np.linspace(0.5, 12.0, 500), np.full(500, 120.0))
    curve = continued_curves({"one": dying_at(times, 120.0)}, 24.0, background)
    tail = curve[(curve["endpoint"] == "os") & (curve["t"] >= 60.0)]
    hazard = -np.diff(np.log(tail["extrapolated"].to_numpy()))

    assert hazard == pytest.approx(np.full(len(hazard), 0.01), rel=0.02)


def test_each_strategy_has_a_sentence() -> None:
    """What extrapolation makes of survival is said of every strategy of a scenario."""
    simulation, results = found()
    curves = continued_curves(simulation.histories, 24.0, background_of_results(results))
    labels = {name: strategy.label for name, strategy in simulation.scenario.strategies.items()}
    words = tails_in_words(years_of(curves), labels)

    assert len(words) == len(labels)
    assert all("continued" in sentence for sentence in words)


def test_what_has_ended_is_not_continued() -> None:
    """Where all have died by the follow-up, or nobody has, the curve stays as it is and no family is named."""
    gone, alive = exponential(3.0, 50, 120.0), exponential(1e-9, 50, 120.0)
    table = years_of(continued_curves({"gone": gone, "alive": alive}, 24.0, NO_BACKGROUND))
    rows = table[table["endpoint"] == "os"].set_index("strategy")

    assert rows["family"].to_dict() == {"gone": "nobody left", "alive": "must have enough events"}
    assert rows["difference"].tolist() == [0.0, 0.0]
    assert rows.loc["alive", "years_simulated"] == pytest.approx(10.0)
    assert "(nobody left)" in tails_in_words(table, {"gone": "Gone", "alive": "Alive"})[0]


def test_the_figure_shows_the_curves() -> None:
    """Each strategy is a line as simulated and, from the follow-up on, a dashed one of the same colour."""
    simulation, _ = found()
    curves = continued_curves(simulation.histories, 24.0, NO_BACKGROUND)
    ax = plot_extrapolation(curves, {})
    solid = [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    dashed = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata())]

    assert len(solid) == len(dashed) == len(simulation.histories)
    for one, other, name in zip(solid, dashed, simulation.histories, strict=True):
        mine = curves[(curves["strategy"] == name) & (curves["endpoint"] == "os")]
        assert one.get_color() == other.get_color()
        assert np.asarray(one.get_ydata()) == pytest.approx(mine["simulated"].to_numpy())
        assert np.asarray(other.get_ydata()) == pytest.approx(mine.loc[mine["t"] >= 24.0, "extrapolated"].to_numpy())
        assert np.asarray(other.get_xdata()).min() == 24.0


@pytest.mark.parametrize("months", [0.0, 120.0, 500.0])
def test_a_follow_up_outside_the_horizon_is_refused(months: float) -> None:
    """Curves can be cut only where they are."""
    with pytest.raises(InputError, match="must be a month within"):
        checked_follow_up(months, 120.0, 1.0)


def test_every_structure_table_is_complete() -> None:
    """No cell of the comparison is empty."""
    simulation, results = found()
    curves = continued_curves(simulation.histories, 24.0, NO_BACKGROUND)
    for table in (partitioned_survival(results, simulation.histories), years_of(curves)):
        assert isinstance(table, pd.DataFrame)
        assert not table.isna().any().any()

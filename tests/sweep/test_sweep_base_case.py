"""A psa gives the base case beside the mean of the draws, and names the parameters that part them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, norm

from helpers_sweep import FormulaStudy, economics, parameters, runner
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.scenario import load_scenario
from rallsim.sweep.analyses import psa
from rallsim.sweep.base_case import REST, compare, explaining
from rallsim.sweep.draws import Draws
from rallsim.sweep.sampling import sample_of
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.study import Study

SWITCH, CENTRED = "disease.bridging_causal_share", "hsct.sos_fatality"
MEAN_OF_SWITCH = 1 / 6  # of PERT(0, 0, 1), whose base value is 0


def uniforms(number: int, step: float) -> np.ndarray:
    """Evenly spread numbers between 0 and 1 in an order that depends on the step."""
    return np.asarray((np.arange(number) * step + 0.5 / number) % 1.0)


class OwnDraws(Study):
    """A study that draws the switch from PERT(0, 0, 1), as an expert's range was once drawn, and maybe one more."""

    others = True

    def draws(self, number: int) -> Draws:
        columns = {SWITCH: beta.ppf(uniforms(number, 0.618033988749895), 1, 5)}
        if self.others:
            noise = norm.ppf(uniforms(number, 0.414213562373095))
            columns[CENTRED] = self.base[CENTRED] + 0.02 * (noise - noise.mean())
        return Draws(pd.DataFrame(columns), {})


class OwnFormula(OwnDraws, FormulaStudy):
    """The same with outcomes that are a formula."""


def studied(folder: Path, slope: float) -> OwnFormula:
    study = OwnFormula(runner(folder), SweepSettings(wtp=(1000.0,), draws=200, patients=100))
    study.costs = lambda t: np.stack([np.zeros(len(t)), slope * t[SWITCH] + 900 * t[CENTRED], np.full(len(t), 9e5)], 1)
    return study


def test_a_switch_at_the_end_of_its_range_parts_the_answers_and_is_named(tmp_path: Path) -> None:
    """Costs of 300 a unit of a switch with base value 0 and mean 1/6 are 50 higher on average, all from the switch.

    Two hundred evenly spread draws have the mean of their distribution to 2 %.
    """
    study = studied(tmp_path, slope=300.0)

    tables = compare(study, sample_of(study), ["nmb", "costs"])
    row = tables["summary"].query("outcome == 'costs' and strategy == 'blinatumomab' and comparator != ''").iloc[0]
    parts = tables["difference_by_parameter"].query("outcome == 'costs' and comparator == 'chemotherapy'")

    assert row["deterministic"] == pytest.approx(900 * study.base[CENTRED])
    assert row["difference"] == pytest.approx(300 * MEAN_OF_SWITCH, rel=0.02)
    assert bool(row["differs"])
    assert parts["factor"].tolist() == [SWITCH, REST]
    assert parts["contribution"].tolist() == pytest.approx([row["difference"], 0.0], abs=1e-6)
    assert parts[["base", "mean"]].iloc[0].tolist() == pytest.approx([0.0, MEAN_OF_SWITCH], rel=0.02)
    said = f"Disease: bridging causal share: {study.labels().money(-row['difference'])} (standard error"
    assert said in " ".join(psa.summarise(psa.analyse(study), study.labels()))


def test_where_base_values_are_the_means_the_answers_agree(tmp_path: Path) -> None:
    """A parameter that is drawn around its base value moves the outcome and parts nothing; the table is empty."""
    study = studied(tmp_path, slope=0.0)

    tables = compare(study, sample_of(study), ["nmb"])

    assert not tables["summary"]["differs"].any()
    assert tables["difference_by_parameter"].empty
    assert not [line for line in psa.summarise(psa.analyse(study), study.labels()) if "more than chance" in line]


def test_only_what_explains_an_outcome_is_named() -> None:
    """Of forty parameters in 200 draws those two are found on which the outcome depends; 38 idle ones are not.

    A factor whose columns are one column twice hides nothing and adds nothing.
    """
    x = np.column_stack([norm.ppf(uniforms(200, np.sqrt(number))) for number in range(2, 80) if number**0.5 % 1][:40])
    outcome = 3.0 * x[:, 4] - x[:, 7] + 2.0 * norm.ppf(uniforms(200, np.sqrt(83)))

    alone = {str(place): [place] for place in range(40)}

    assert explaining(outcome, x, alone) == ["4", "7"]
    doubled = {**alone, "4": [4, 40], "9": [9, 41]}
    assert explaining(outcome, np.column_stack([x, x[:, 4], x[:, 9]]), doubled) == ["4", "7"]


def test_the_base_case_of_a_sample_is_that_of_a_run(tmp_path: Path) -> None:
    """The patients of a sample without draws: their sums are those of an evaluation without draws, to the last bit."""
    study = Study(runner(tmp_path), SweepSettings(wtp=(1000.0,), draws=3, patients=60))

    base = sample_of(study).base[0]

    whole = evaluate(load_scenario("first_salvage", patients=60), parameters(), economics())
    kept = [whole.measures.index(name) for name in base.measures]
    np.testing.assert_array_equal(base.sums, whole.sums[..., kept])


@pytest.mark.slow
def test_a_drawn_share_of_a_published_hazard_ratio_is_found_in_the_model(tmp_path: Path) -> None:
    """What bridging is worth falls when a sixth of its hazard ratio of relapse is drawn on average, and that is said.

    In the base case nothing of the published hazard ratio is an effect of bridging. The relation holds for any fit.
    """
    scenario = load_scenario("bridging_before_car_t")
    settings = SweepSettings(wtp=(25_000.0,), draws=60, patients=1000, outcomes=("os_months",))
    study = OwnDraws(runner(tmp_path, scenario=scenario), settings)
    study.others = False

    tables = compare(study, sample_of(study), ["os_months"])
    rows = tables["summary"].query("strategy == 'bridge_inotuzumab' and comparator == 'no_bridging'").iloc[0]
    parts = tables["difference_by_parameter"].query("strategy == 'bridge_inotuzumab' and comparator == 'no_bridging'")

    assert rows["difference"] < 0
    assert bool(rows["differs"])
    assert parts["factor"].iloc[0] == SWITCH
    assert parts["contribution"].iloc[0] < -2 * parts["std_error"].iloc[0]

"""What a scenario may say of parameters and therapies, and what a strategy becomes for the pathway."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rallsim.errors import InputError, Problem
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import load_scenario
from rallsim.model.conditions import ATTRIBUTES
from rallsim.model.patient import GIVEN
from rallsim.simulation.engine_inputs import Prepared, check_draws, check_scenario, prepare

SCENARIO = """\
title: Order
question: Which first?
population: adult_relapse
patients: 100
horizon_months: 60
seed: 1
eligibility: {car_t_cd19: broad}
parameters:
  hsct.sos_fatality: 0.3
  population.male: 0.5
defaults:
  salvage:
    - {give: inotuzumab, when: {line: 1}}
    - {give: chemotherapy}
strategies:
  one:
    label: One
  two:
    label: Two
    parameters:
      hsct.sos_fatality: 0.1
    salvage:
      - {give: car_t_cd19, when: {blasts: {min: 0.1}, given.inotuzumab: true}}
      - {give: chemotherapy}
    bridging:
      - {before: car_t_cd19, give: inotuzumab}
    consolidation:
      - {after: car_t_cd19, hsct: false}
      - {hsct: true}
"""

# what is replaced, by what, and the line, key and words of the one problem this makes
FAULTS = {
    "unknown parameter": (
        *("  hsct.sos_fatality: 0.3", "  hsct.sos_fatalty: 0.3", 9),
        *("parameters.hsct.sos_fatalty", "must be a known parameter; did you mean 'hsct.sos_fatality'?"),
    ),
    "unknown parameter of a strategy": (
        *("      hsct.sos_fatality: 0.1", "      hsct.nrm: 0.1", 21),
        *("strategies.two.parameters.hsct.nrm", "must be a known parameter"),
    ),
    "impossible value": (
        *("sos_fatality: 0.3", "sos_fatality: 1.3", 9),
        *("parameters.hsct.sos_fatality", "must lie within 0 to 1 (probability), got 1.3"),
    ),
    "unknown label": (
        *("car_t_cd19: broad", "car_t_cd19: brod", 7),
        *(
            "eligibility.car_t_cd19",
            "must be a known label (allowed: broad, slides, trial), got brod; did you mean 'broad'?",
        ),
    ),
    "bridging with CAR-T": (
        *("give: inotuzumab}", "give: car_t_cd19}", 26),
        *("strategies.two.bridging.0.give", "must be a therapy of kind drug (allowed: blinatumomab"),
    ),
    "bridging to a transplant": (
        *("before: car_t_cd19", "before: hsct_in_relapse", 26),
        *(
            "strategies.two.bridging.0.before",
            "must be a therapy of kind drug or car_t (allowed",
        ),
    ),
    "other patients in one strategy": (
        *("      hsct.sos_fatality: 0.1", "      population.male: 0.1", 21),
        *("strategies.two.parameters.population.male", "all strategies treat the same patients"),
    ),
}


@cache
def parameters() -> ParameterSet:
    return load_parameters()


def faults_of(path: Path, text: str) -> list[Problem]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        check_scenario(load_scenario(path), parameters())
    return list(caught.value.problems)


def prepared(path: Path, strategy: str) -> Prepared:
    path.write_text(SCENARIO, encoding="utf-8")
    scenario = load_scenario(path)
    check_scenario(scenario, parameters())
    return prepare(scenario, scenario.strategies[strategy], parameters(), parameters().values(scenario.population_id))


@pytest.mark.parametrize("kind", FAULTS)
def test_what_parameters_do_not_allow_is_told_with_the_scenarios_line(tmp_path: Path, kind: str) -> None:
    """A scenario that does not fit the parameters is told so at the line of the scenario."""
    old, new, line, key, said = FAULTS[kind]
    assert SCENARIO.count(old) == 1
    path = tmp_path / "order.yaml"

    (problem,) = faults_of(path, SCENARIO.replace(old, new))

    assert (problem.file, problem.line, problem.key) == (str(path), line, key)
    assert said in str(problem)


def test_all_faults_of_a_scenario_come_together(tmp_path: Path) -> None:
    """Everything that does not fit is told at once."""
    text = SCENARIO
    for old, new, *_ in (FAULTS["unknown label"], FAULTS["impossible value"], FAULTS["bridging with CAR-T"]):
        text = text.replace(old, new)

    assert sorted(problem.line or 0 for problem in faults_of(tmp_path / "order.yaml", text)) == [7, 9, 26]


def test_a_setting_that_does_not_fit_is_told_as_the_setting(tmp_path: Path) -> None:
    """A fault that came by --set names the setting, not a line of the file."""
    path = tmp_path / "order.yaml"
    path.write_text(SCENARIO, encoding="utf-8")

    with pytest.raises(InputError, match="must lie within") as caught:
        check_scenario(load_scenario(path, settings=["hsct.sos_fatality=2"]), parameters())

    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("--set hsct.sos_fatality=2", None)


def test_a_strategys_value_goes_before_the_scenarios_and_that_before_the_files(tmp_path: Path) -> None:
    """Strategy over scenario over parameter file."""
    path = tmp_path / "order.yaml"
    own, shared = prepared(path, "two"), prepared(path, "one")

    assert (own.values["hsct.sos_fatality"], shared.values["hsct.sos_fatality"]) == (0.1, 0.3)
    assert (own.models["hsct_sos_fatality"][0], shared.models["hsct_sos_fatality"][0]) == (0.1, 0.3)
    assert own.values["population.male"] == 0.5
    assert own.values["mortality.ratio_after_hsct"] == parameters().parameters["mortality.ratio_after_hsct"].value


def test_rules_become_rows_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Salvage, bridging, consolidation: each rule a row with its subject, action and conditions, worked out by hand."""
    one = prepared(tmp_path / "order.yaml", "two")
    ids = list(parameters().therapies)
    car_t, inotuzumab, chemotherapy = (ids.index(name) for name in ("car_t_cd19", "inotuzumab", "chemotherapy"))

    rules = [(int(rule["subject"]), int(rule["action"])) for rule in one.rules]
    assert rules == [(-1, car_t), (-1, chemotherapy), (car_t, inotuzumab), (car_t, 0), (-1, 1)]
    ends = [one.models[f"after_last_{part}"][0] for part in ("salvage", "bridging", "consolidation")]
    assert ends == [2, 3, 5]
    first, last = one.rules[0]["first_condition"], one.rules[0]["after_last_condition"]
    assert one.conditions[first:last].tolist() == [
        (list(ATTRIBUTES).index("blasts"), 0.1, np.inf),
        (GIVEN + inotuzumab, 1.0, np.inf),
    ]


def test_a_therapy_is_given_no_more_often_than_its_file_says(tmp_path: Path) -> None:
    """Whoever gets a therapy has had fewer courses than allowed of it, and of what it is a form of."""
    one = prepared(tmp_path / "order.yaml", "two")

    therapies = parameters().therapies
    ids = list(therapies)
    for index, therapy in enumerate(therapies.values()):
        record = one.therapies[0, index]
        own = one.conditions[record["first_condition"] : record["after_last_condition"]].tolist()
        for name in (therapy.id, therapy.based_on):
            if name:
                assert (GIVEN + ids.index(name), 0.0, therapies[name].max_courses - 1.0) in own


def test_the_scenarios_label_decides_who_is_eligible(tmp_path: Path) -> None:
    """With `eligibility: {car_t_cd19: broad}` the conditions are those of the label `broad`, not of the default."""
    one = prepared(tmp_path / "order.yaml", "two")
    therapy = parameters().therapies["car_t_cd19"]
    row = one.therapies[0, list(parameters().therapies).index("car_t_cd19")]
    conditions = one.conditions[row["first_condition"] : row["after_last_condition"] - 1]

    assert [list(ATTRIBUTES)[part["attribute"]] for part in conditions] == [
        part.attribute for part in therapy.labels["broad"]
    ]
    assert therapy.labels["broad"] != therapy.eligibility


def test_cumulative_hazards_give_back_the_life_table(tmp_path: Path) -> None:
    """exp(-(H(a + 1) - H(a))) is the chance to survive year a, women in the first row and men in the second."""
    one = prepared(tmp_path / "order.yaml", "one")

    for row, sex in enumerate(("female", "male")):
        qx = parameters().evidence.life_table(parameters().countries["adult_relapse"], sex)
        assert one.life_tables[row][0] == 0.0
        np.testing.assert_allclose(-np.expm1(-np.diff(one.life_tables[row])), np.minimum(qx, 0.9999), rtol=1e-10)


@pytest.mark.parametrize(
    ("draws", "said"),
    [
        ({"hsct.sos_fatalty": [0.1]}, "hsct.sos_fatalty must be a known parameter; did you mean 'hsct.sos_fatality'?"),
        ({"hsct.sos_fatality": [0.1, 1.5]}, "hsct.sos_fatality must lie within 0 to 1 (probability), got 1.5"),
        ({"hsct.sos_fatality": [-0.1, 0.5]}, "hsct.sos_fatality must lie within 0 to 1 (probability), got -0.1"),
        ({"hsct.sos_fatality": [0.1], "population.male": [0.5, 0.6]}, "must have columns of draws of one length"),
        ({"hsct.sos_onset_days": [10.0]}, "hsct.sos_onset_days cannot be drawn, for the scenario sets it"),
        ({"population.age_sd": [10.0, 60.0]}, "draw 1 must have an age_sd that fits the ages"),
    ],
    ids=["unknown", "too high", "too low", "lengths", "set", "population"],
)
def test_a_table_of_draws_is_checked(draws: dict[str, list[float]], said: str) -> None:
    """A column of draws nobody would read, or with a value that cannot be, is refused before anything runs."""
    scenario = load_scenario("first_salvage", settings=["hsct.sos_onset_days=12"])
    with pytest.raises(InputError) as refused:
        check_draws({path: np.array(column) for path, column in draws.items()}, scenario, parameters())
    assert said in str(refused.value)


def test_possible_draws_pass() -> None:
    """Draws within their bounds, of the population too, raise nothing."""
    draws = {"hsct.sos_fatality": np.array([0.0, 1.0]), "population.age_mean": np.array([35.0, 45.0])}
    check_draws(draws, load_scenario("first_salvage"), parameters())

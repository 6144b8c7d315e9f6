"""Every endpoint has one definition: the summary, validation and the sums in the loop count the same in any history."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import helpers_model as m
from property.test_histories import questions, some
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.scenario import Scenario, load_scenario, shipped_scenarios
from rallsim.model.states import Event, Stage
from rallsim.outcomes.endpoints import MEASURES
from rallsim.outcomes.event_times import event_times_of
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import LANDMARKS, patient_table, summary
from rallsim.simulation.simulate import simulate
from rallsim.validation.quantities import FILTERS, QUANTITIES, Definition, time_to_event

SHIPPED = [identity for identity, _ in shipped_scenarios()]
SAME = {  # outcome of the summary: quantity of validation
    "response": "cr_rate",
    "hsct": "hsct_rate",
    "infusion": "infusion_given_enrolment",
    "sos": "sos_rate",
    "death_sos": "fatal_sos",
    "mrd_negative": "mrd_neg_given_cr",
    "os_median": "median_os",
    "efs_median": "median_efs",
}
BATCHES = 10


def assert_summary_is_validation(history: History) -> None:
    """Assert that each patient's endpoints, and what a cohort comes to, are the same in both."""
    table, records = patient_table(history), event_times_of(history.events, history.patients)
    for name, months, ended in (("os", "os_months", "dead"), ("efs", "efs_months", "efs_event")):
        found = time_to_event(name, records, Definition())
        np.testing.assert_array_equal(found[0], table[months], err_msg=name)
        np.testing.assert_array_equal(found[1], table[ended], err_msg=name)
    in_remission = FILTERS["responders"](records, records)
    for name in ("rfs", "dfs", "dor"):
        months, ended = time_to_event(name, records[in_remission], Definition(since="remission"))
        np.testing.assert_array_equal(months, table["remission_months"][in_remission], err_msg=name)
        np.testing.assert_array_equal(ended, table["remission_ended"][in_remission], err_msg=name)
    first_line_only = table["lines"] <= 1
    for name in ("crs", "crs_grade3plus", "icans", "icans_grade3plus"):
        np.testing.assert_array_equal(records[name][first_line_only] > 0, table[name][first_line_only], err_msg=name)
    reported = summary({"one": table}, history.horizon).set_index("outcome")["estimate"]
    for outcome, quantity in SAME.items():
        value = QUANTITIES[quantity](records, Definition())
        expected = math.nan if math.isinf(value) else value  # a median that is not reached
        assert reported[outcome] == pytest.approx(expected, rel=1e-9, nan_ok=True), outcome
    for landmark in (one for one in LANDMARKS if one <= history.horizon):
        for name in ("os", "efs"):
            value = QUANTITIES[f"{name}_at"](records, Definition(at_months=landmark))
            assert reported[f"{name}_at_{landmark}_months"] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def assert_sums_are_those_of_tables(scenario: Scenario, histories: dict[str, History]) -> None:
    """Assert that the sums in the loop are those of the patient tables, batch by batch, to 1e-12 of their size."""
    found = evaluate(scenario, m.parameters(), None, batches=BATCHES)
    batch = np.arange(scenario.patients) % BATCHES
    for place, history in enumerate(histories.values()):
        table = patient_table(history)
        columns = {name: table[name].astype(float) for name in MEASURES if name in table}
        columns |= {
            "responded": (~table["remission_months"].isna()).astype(float),
            "ever_mrd_negative": (table["best_response"] == "mrd_negative").astype(float),
            "icu": pd.Series(np.isfinite(m.first_times(history, Event.ICU_ADMISSION)).astype(float)),
        }
        assert set(columns) == set(MEASURES)
        for name, values in columns.items():
            sums = np.bincount(batch, values.fillna(0.0), BATCHES)
            mine = found.sums[0, place, :, found.measures.index(name)]
            np.testing.assert_allclose(mine, sums, rtol=1e-12, err_msg=name)


def assert_one_definition(scenario: Scenario) -> dict[str, History]:
    histories = simulate(scenario, m.parameters()).histories
    for history in histories.values():
        assert_summary_is_validation(history)
    assert_sums_are_those_of_tables(scenario, histories)
    return histories


@pytest.mark.parametrize("identity", SHIPPED)
def test_endpoints_agree_in_shipped_scenarios(identity: str) -> None:
    """In 1,100 patients of every strategy of every shipped scenario all readers of an endpoint find the same."""
    assert assert_one_definition(load_scenario(identity, patients=1100))


@some
@given(questions())
def test_endpoints_agree_in_any_history(scenario: Scenario) -> None:
    """Whatever the rules and the numbers, all readers of an endpoint find the same."""
    assert_one_definition(scenario)


def test_endpoints_agree_where_a_second_product_is_made() -> None:
    """They agree too where most first products fail and are followed by a second attempt, which may fail as well."""
    cells = m.therapies_of_kind("car_t")
    failing = {f"therapies.{name}.{field}": 0.7 for name in cells for field in FAILING}
    strategy = {"salvage": [{"give": name} for name in cells], "max_lines": 4}
    histories = assert_one_definition(m.question({"one": strategy}, values=failing, patients=400))
    failed = histories["one"].events[histories["one"].events["event"] == Event.MANUFACTURE_FAILURE]
    assert (failed["stage"] == Stage.AWAITING_CELLS).sum() > 50
    assert (failed["stage"] == Stage.REFRACTORY).sum() > 50


FAILING = ("manufacture_failure", "retry_given_manufacture_failure")

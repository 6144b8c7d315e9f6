from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.test_history import CURED, TRANSPLANTED, history_of
from rallsim.errors import InputError
from rallsim.outcomes.summary import LANDMARKS, differences, patient_table, summary, survival_curves

UNTREATED = """
    0    entry            relapsed   0
    0    palliative_care  palliative 0
    3    death            dead       0 - leukaemia
"""
LATE_RESPONDER = """
    0    entry               relapsed       0
    1    treatment_start     awaiting_cells 1 car_t_cd19
    2    manufacture_failure refractory     1 car_t_cd19
    2.5  treatment_start     awaiting_cells 2 car_t_cd19
    3    infusion            infused        2 car_t_cd19
    3.25 crs                 infused        2 car_t_cd19 grade_3_plus
    3.5  icans               infused        2 car_t_cd19 grade_1_2
    4    response            awaiting_hsct  2 car_t_cd19 mrd_negative
    6    hsct                after_hsct     2 car_t_cd19
    7    sos                 after_hsct     2 car_t_cd19 grade_3_plus
    8    death               dead           2 car_t_cd19 sos
"""
SECOND_TRY = """
    0    entry               relapsed  2
    1    treatment_start     salvage   3 chemotherapy
    2    response            remission 3 chemotherapy mrd_positive
    9    relapse             relapsed  3 chemotherapy antigen_lost
    10   treatment_start     salvage   4 chemotherapy
    11   response            remission 4 chemotherapy mrd_negative
    60   censored            remission 4 chemotherapy
"""
EVERYONE = (TRANSPLANTED, CURED, UNTREATED, LATE_RESPONDER, SECOND_TRY)


def invented_table(os_months: np.ndarray, horizon: float, response: np.ndarray | None = None) -> pd.DataFrame:
    """Turn death times into a patient table in which nothing else than response and death happens."""
    patients = len(os_months)
    responded = np.zeros(patients, bool) if response is None else response
    table = patient_table(history_of(*[UNTREATED] * patients, horizon=horizon))
    table["os_months"], table["dead"] = np.minimum(os_months, horizon), os_months < horizon
    table["efs_months"], table["efs_event"] = table["os_months"], table["dead"]
    table["response"], table["mrd_negative"] = responded, pd.array(np.where(responded, os_months > 5, None), "boolean")
    return table


def estimates(frame: pd.DataFrame, column: str = "estimate") -> pd.Series:
    return frame.set_index("outcome")[column]


def test_patient_table_worked_on_paper() -> None:
    """Five patients whose every outcome was read off their events by hand."""
    table = patient_table(history_of(*EVERYONE))
    by_hand = {
        "os_months": [16, 60, 3, 8, 60],
        "dead": [True, False, True, True, False],
        "efs_months": [10, 60, 0, 2, 9],
        "efs_event": [True, False, True, True, True],
        "response": [True, True, False, False, True],
        "best_response": ["mrd_negative", "mrd_positive", "none", "mrd_negative", "mrd_negative"],
        "lines": [2, 1, 0, 2, 2],
        "hsct": [True, False, False, True, False],
        "infusion": [True, False, False, True, False],
        "crs": [True, False, False, True, False],
        "crs_grade3plus": [False, False, False, True, False],
        "icans": [False, False, False, True, False],
        "icans_grade3plus": [False] * 5,
        "sos": [False, False, False, True, False],
        "remission_ended": [True, False, False, True, True],
    }
    assert {name: table[name].tolist() for name in by_hand} == by_hand
    assert table["cause"].astype(object).fillna("").tolist() == ["leukaemia", "", "leukaemia", "sos", ""]
    assert table["mrd_negative"].astype(object).fillna("").tolist() == [True, False, "", True, False]
    np.testing.assert_array_equal(table["remission_months"], [8, 57, np.nan, 4, 7])


@pytest.mark.parametrize(
    ("event", "stage"), [("leukapheresis_failure", "refractory"), ("manufacture_failure", "refractory")]
)
def test_failure_to_make_cells_ends_event_free_survival_in_the_first_line(event: str, stage: str) -> None:
    """Cells that fail in the first line given are an event, like a treatment without response."""
    text = f"0 entry relapsed 1\n1 treatment_start awaiting_cells 2 car_t_cd19\n2 {event} {stage} 2 car_t_cd19\n"
    table = patient_table(history_of(text + f"60 censored {stage} 2 car_t_cd19"))
    assert table[["efs_months", "efs_event", "dead"]].iloc[0].tolist() == [2.0, True, False]


def test_later_lines_and_late_palliation_are_no_event_after_a_response() -> None:
    """A responder's second line that fails without relapse, and palliative care then, leave the patient event-free."""
    text = """
        0  entry           relapsed   0
        1  treatment_start salvage    1 chemotherapy
        2  response        remission  1 chemotherapy mrd_positive
        3  treatment_start salvage    2 chemotherapy
        4  no_response     refractory 2 chemotherapy
        5  palliative_care palliative 2 chemotherapy
        9  death           dead       2 chemotherapy background
    """
    assert patient_table(history_of(text))["efs_months"].tolist() == [9.0]


def test_who_dies_at_a_landmark_is_not_alive_at_it() -> None:
    """Of four patients, two die at exactly 6 and 12 months: survival at these months no longer counts them."""
    rows = summary({"order": invented_table(np.array([6.0, 12.0, 13.0, 99.0]), 60.0)}, 60.0)
    found = estimates(rows)[["os_at_6_months", "os_at_12_months", "os_at_24_months"]]
    assert found.tolist() == [0.75, 0.5, 0.25]


def test_summary_worked_on_paper() -> None:
    """The five patients' shares, means and medians, with binomial errors, and empty cells where nothing can be told."""
    rows = summary({"order": patient_table(history_of(*EVERYONE))}, horizon=60.0)
    assert list(rows) == ["strategy", "outcome", "unit", "estimate", "std_error", "lo", "hi"]
    found = estimates(rows)
    expected = {
        "response": 3 / 5,
        "mrd_negative": 1 / 3,
        "hsct": 2 / 5,
        "sos": 1 / 5,
        "lines_mean": 7 / 5,
        "os_median": 16,
        "os_at_6_months": 4 / 5,
        "os_at_12_months": 3 / 5,
        "os_at_60_months": 2 / 5,
        "os_restricted_mean": 147 / 5,
        "efs_median": 9,
        "efs_at_6_months": 3 / 5,
        "efs_restricted_mean": 81 / 5,
        "remission_median": 7,
        "death_leukaemia": 2 / 5,
        "death_sos": 1 / 5,
        "death_background": 0,
    }
    assert found[list(expected)].to_dict() == pytest.approx(expected)
    errors = estimates(rows, "std_error")
    assert errors["response"] == pytest.approx(np.sqrt(0.6 * 0.4 / 5))
    assert errors["mrd_negative"] == pytest.approx(np.sqrt(1 / 3 * 2 / 3 / 3))
    assert errors["lines_mean"] == pytest.approx(np.std([2, 1, 0, 2, 2], ddof=1) / np.sqrt(5))
    assert np.isnan(estimates(rows, "hi")["os_median"])


def test_landmarks_beyond_the_horizon_are_left_out() -> None:
    """A horizon of 24 months has survival at 6, 12 and 24 months, and none later."""
    rows = summary({"order": invented_table(np.arange(40.0), 24.0)}, horizon=24.0)
    held = [landmark for landmark in LANDMARKS if f"os_at_{landmark}_months" in set(rows["outcome"])]
    assert held == [6, 12, 24]


def test_nobody_responding_or_dying_gives_empty_cells() -> None:
    """Without a responder or a death, shares of responders and medians are empty, and differences of them too."""
    alive = invented_table(np.full(50, 99.0), 60.0)
    rows = summary({"order": alive}, 60.0).set_index("outcome")
    numbers = ["estimate", "std_error", "lo", "hi"]
    assert rows.loc[["mrd_negative", "os_median", "efs_median", "remission_median"], numbers].isna().all(axis=None)
    assert rows.loc["os_at_60_months", ["estimate", "std_error"]].tolist() == [1.0, 0.0]
    gains = differences({"a": alive, "b": invented_table(np.full(50, 9.0), 60.0)}, "a", 60.0).set_index("outcome")
    assert gains.loc[["mrd_negative", "os_median", "remission_median"], numbers].isna().all(axis=None)


def test_a_cohort_of_nobody_gives_empty_cells() -> None:
    """No patients: every estimate is empty, and none is zero."""
    nobody = patient_table(history_of())
    assert summary({"order": nobody}, 60.0)["estimate"].isna().all()
    with pytest.raises(InputError, match="must have patients"):
        survival_curves({"order": nobody}, 60.0)


def test_exponential_survival_is_recovered() -> None:
    """20,000 exponential times of mean 12 to 36 months: median 8.318, restricted mean 11.403; within 4 SE."""
    times = np.random.default_rng(1).exponential(12.0, 20_000)
    table = invented_table(np.zeros(1), 36.0).loc[[0] * 20_000].assign(patient=np.arange(20_000))
    table["os_months"], table["dead"] = np.minimum(times, 36.0), times < 36.0
    rows = summary({"order": table}, 36.0).set_index("outcome")
    expected = {
        "os_median": 12 * np.log(2),
        "os_restricted_mean": 12 * (1 - np.exp(-3)),
        "os_at_12_months": np.exp(-1),
    }
    for outcome, value in expected.items():
        row = rows.loc[outcome]
        assert abs(row["estimate"] - value) < 4 * row["std_error"], outcome
        assert row["std_error"] < 0.02 * row["estimate"], outcome


def test_identical_tables_do_not_differ() -> None:
    """A strategy that does the same as the reference differs by exactly 0 with an error of exactly 0, in everything."""
    table = patient_table(history_of(*EVERYONE * 20))
    gains = differences({"a": table, "b": table.copy()}, "a", 60.0)
    assert set(gains["strategy"]) == {"b"}
    assert (gains[["estimate", "std_error", "lo", "hi"]] == 0.0).all(axis=None)


def paired_tables(rng: np.random.Generator, patients: int, shared: float) -> dict[str, pd.DataFrame]:
    """Two strategies on exponential times whose luck is the same for a share of the patients."""
    luck = rng.random(patients)
    other = np.where(rng.random(patients) < shared, luck, rng.random(patients))
    one, two = -10 * np.log(luck), -14 * np.log(other)
    template = invented_table(np.zeros(1), 60.0).loc[[0] * patients].assign(patient=np.arange(patients))

    def table(times: np.ndarray) -> pd.DataFrame:
        responded = times > 3
        return template.assign(
            os_months=np.minimum(times, 60.0),
            dead=times < 60.0,
            response=responded,
            mrd_negative=pd.array(np.where(responded, times > 8, None), "boolean"),
            remission_months=np.where(responded, np.minimum(times, 60.0) - 3, np.nan),
            remission_ended=responded & (times < 60.0),
        )

    return {"one": table(one), "two": table(two)}


PAIRED = ["os_median", "os_restricted_mean", "os_at_12_months", "response", "mrd_negative", "remission_median"]


def test_pairing_narrows_a_difference() -> None:
    """With the same luck for nine patients in ten, the paired error is smaller than that of two independent cohorts."""
    tables = paired_tables(np.random.default_rng(4), 2_000, shared=0.9)
    paired = estimates(differences(tables, "one", 60.0), "std_error")
    alone = summary(tables, 60.0).pivot(index="outcome", columns="strategy", values="std_error")
    unpaired = np.hypot(alone["one"], alone["two"])
    assert (paired[PAIRED] < 0.75 * unpaired[PAIRED]).all()


def test_paired_errors_agree_with_repetition() -> None:
    """Over 200 pairs of cohorts of 500 the mean paired SE is within 20 % of the differences' own spread.

    The spread of 200 has a standard error of 5 %: the threshold is four of them, for six outcomes at once.
    """
    rng = np.random.default_rng(5)
    found = [differences(paired_tables(rng, 500, 0.7), "one", 60.0).set_index("outcome") for _ in range(200)]
    spread = pd.concat([one["estimate"] for one in found], axis=1).std(axis=1)
    claimed = pd.concat([one["std_error"] for one in found], axis=1).mean(axis=1)
    for outcome in PAIRED:
        assert claimed[outcome] / spread[outcome] == pytest.approx(1.0, abs=0.2), outcome


def test_differences_refuse_what_cannot_be_paired() -> None:
    """An unknown reference and cohorts of other sizes are refused by name."""
    two, three = invented_table(np.ones(2), 60.0), invented_table(np.ones(3), 60.0)
    with pytest.raises(InputError, match="did you mean 'chemotherapy'"):
        differences({"chemotherapy": two}, "chemoterapy", 60.0)
    with pytest.raises(InputError, match="must have the same patients in 'b' and 'a'"):
        differences({"a": two, "b": three}, "a", 60.0)


def test_survival_curves_worked_on_paper() -> None:
    """Deaths at 1 and 2 of four patients over three months: steps at their times, numbers at risk just before."""
    curves = survival_curves({"order": invented_table(np.array([1.0, 2.0, 9.0, 9.0]), 3.0)}, horizon=3.0)
    assert list(curves) == ["strategy", "endpoint", "t", "survival", "std_error", "at_risk"]
    overall = curves[curves["endpoint"] == "os"]
    assert overall["t"].tolist() == [0, 1, 2, 3]
    assert overall["survival"].tolist() == [1.0, 0.75, 0.5, 0.5]
    assert overall["at_risk"].tolist() == [4, 4, 3, 2]
    assert overall["std_error"].tolist() == pytest.approx([0, np.sqrt(0.1875 / 4), 0.25, 0.25])


def test_results_are_the_same_to_the_last_bit() -> None:
    """The same history gives the same tables, byte for byte."""
    tables = [patient_table(history_of(*EVERYONE * 10)) for _ in range(2)]
    first, second = (summary({"order": table}, 60.0).to_csv() for table in tables)
    assert first == second

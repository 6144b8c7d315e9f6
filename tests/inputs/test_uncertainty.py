"""How uncertain numbers are: distributions against what they were made from, draws that stay what they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rallsim.inputs.evidence import Row, load_evidence
from rallsim.inputs.parameters import load_parameters
from rallsim.inputs.pooled import pool
from rallsim.inputs.spreads import (
    Spread,
    effective_size,
    gamma,
    in_range,
    spread_of_range,
    spread_of_row,
    whole_numbers,
)
from rallsim.inputs.uncertainty import bounded, interval, parameter_draws, posterior_sample, unbounded
from rallsim.model.parameter_fields import UNITS

ROW = Row("row", "published", "response", "cr_rate", 0.4, None, None, "proportion", "made_up.csv", 2)
EVEN = (np.arange(20_000) + 0.5) / 20_000


def spread(**changed: object) -> Spread:
    found = spread_of_row(replace(ROW, **changed))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_counts_give_jeffreys_beta() -> None:
    """40 of 100 is Beta(40.5, 60.5): its mean and variance, by the quantiles of an even grid."""
    found = spread(events=40.0, total=100.0).quantile(EVEN)
    assert found.mean() == pytest.approx(40.5 / 101.0, abs=1e-4)
    assert found.var() == pytest.approx(40.5 * 60.5 / (101.0**2 * 102.0), rel=1e-3)


def test_printed_limits_come_back() -> None:
    """Times, ratios and proportions drawn from printed 95 % limits have those limits again, and the value as median."""
    cases: list[dict[str, object]] = [
        {"quantity": "median_os", "value": 7.7, "lo": 7.7 / 1.4, "hi": 7.7 * 1.4, "unit": "months"},
        {"quantity": "hr_os", "value": 0.7, "lo": 0.7 / 1.5, "hi": 0.7 * 1.5, "unit": "hazard_ratio"},
        {"value": 0.5, "lo": 0.4, "hi": 0.6},
    ]
    for case in cases:
        limits = spread(ci_level="0.95", **case).quantile(np.array([0.025, 0.5, 0.975]))
        assert limits == pytest.approx([case["lo"], case["value"], case["hi"]], rel=1e-6)


def test_a_range_is_no_interval() -> None:
    """Limits that are a range are not taken for an interval of 95 %."""
    ranged = spread(quantity="median_os", value=7.7, lo=1.0, hi=60.0, unit="months", ci_level="range", total=100.0)
    spread_of_log = float(np.std(np.log(ranged.quantile(EVEN))))
    assert spread_of_log == pytest.approx(1.0 / (math.log(2.0) * 10.0), rel=1e-2)


def test_less_is_known_without_a_size() -> None:
    """A number without size or interval is wider than one of 229 patients and narrower than one of 20."""
    widths = [
        float(np.ptp(spread(**case).quantile(np.array([0.025, 0.975]))))
        for case in ({"total": 229.0, "events": 92.0}, {}, {"total": 20.0, "events": 8.0})
    ]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3


def test_definitions_and_assumptions_are_not_estimates() -> None:
    """A threshold of a definition, a row without value and an assumed row have no distribution as published ones."""
    assert spread_of_row(replace(ROW, quantity="low_burden_blast_threshold")) is None
    assert spread_of_row(replace(ROW, value=None)) is None
    assert spread_of_row(replace(ROW, kind="assumed")) is None


def test_an_interval_of_a_curve_goes_before_its_size() -> None:
    """A share at 12 months with printed limits and a size has those limits; one of counts has its beta all the same."""
    landmark: dict[str, object] = {"value": 0.5, "lo": 0.3, "hi": 0.7, "ci_level": "0.95", "total": 100.0}
    limits = spread(at_months=12.0, **landmark).quantile(np.array([0.025, 0.975]))
    assert limits == pytest.approx([0.3, 0.7], rel=1e-6)
    assert spread(**landmark).kind == "beta(50.5, 50.5)"


def test_censoring_lowers_the_size_behind_a_landmark() -> None:
    """Limits of 0.3 and 0.7 around one half are those of 21 patients, however many were enrolled.

    The log odds of 0.7 are 0.847, so s = 0.847 / 1.96 = 0.432 and 1 / (s² / 4) = 21.4.
    """
    row = replace(ROW, value=0.5, lo=0.3, hi=0.7, ci_level="0.95", total=100.0)
    assert effective_size(replace(row, at_months=12.0)) == pytest.approx(21.4, abs=0.05)
    assert effective_size(row) == 100.0


def test_an_assumed_number_is_the_mean_of_its_range() -> None:
    """In the middle of 0 to 4 the standard deviation is that of a normal with the ends as 95 % limits, 4 / 3.92.

    Near an end the mean stays, no value leaves the range, and the density has no peak there: of the values below the
    mean about a hundredth lie within a hundredth of the way.
    """
    middle = in_range(0.0, 2.0, 4.0).quantile(EVEN)
    assert (middle.mean(), middle.std()) == pytest.approx((2.0, 4.0 / 3.92), rel=1e-3)
    skewed = in_range(1.0, 1.3, 5.0).quantile(EVEN)
    assert skewed.mean() == pytest.approx(1.3, rel=1e-3)
    assert 1.0 <= skewed.min() < skewed.max() <= 5.0
    assert np.mean(skewed < 1.003) < 0.02


def test_a_fixed_number_stays() -> None:
    """A number whose range is one value has that value in every draw."""
    fixed = next(one for one in load_parameters(calibrated=False).parameters.values() if one.lo == one.hi is not None)
    assert set(spread_of_range(fixed).quantile(EVEN[:5])) == {fixed.value}


def test_cycles_are_whole_numbers_around_their_value() -> None:
    """From 1 to 4 around 2: one cycle and a binomial of three with chance 1/3, mean 2 and variance 2/3."""
    found = whole_numbers(1.0, 2.0, 4.0).quantile(EVEN)
    assert set(found) == {1.0, 2.0, 3.0, 4.0}
    assert (found.mean(), found.var()) == pytest.approx((2.0, 2.0 / 3.0), abs=1e-3)


def test_a_cost_without_limits_is_a_gamma_of_its_relative_error() -> None:
    """A mean of 100 with a relative error of 20 % has a standard deviation of 20."""
    found = gamma(100.0, 0.2).quantile(EVEN)
    assert (found.mean(), found.std()) == pytest.approx((100.0, 20.0), rel=1e-3)


def test_series_and_prior_are_weighted_by_their_precision() -> None:
    """A ratio of e (limits e^±0.98 around it, so variance 1/4) and a prior of variance 1 around none give e^0.8.

    The posterior precision is 4 + 1, so its standard deviation is 5^-1/2. A second such series gives e^(8/9).
    """
    row = replace(ROW, value=math.e, lo=math.exp(1 - 0.98), hi=math.exp(1 + 0.98), unit="hazard_ratio")
    evidence = replace(load_evidence(), rows={"row": row})
    estimate = {"ratio": "row", "lo": "lo(row)", "hi": "hi(row)"}
    found = pool([estimate], "hazard_ratio", evidence)
    assert math.log(found.value) == pytest.approx(0.8, abs=1e-4)
    assert math.log(found.hi / found.lo) == pytest.approx(2.0 * 1.96 / math.sqrt(5.0), rel=1e-3)
    assert math.log(pool([estimate] * 2, "hazard_ratio", evidence).value) == pytest.approx(8.0 / 9.0, abs=1e-4)


@pytest.mark.parametrize("unit", ["probability", "odds_ratio", "months"])
def test_scales_go_there_and_back(unit: str) -> None:
    """A value put on its unbounded scale and back is itself."""
    values = np.array([0.01, 0.3, 0.9])
    np.testing.assert_allclose(bounded(unbounded(values, unit), unit), values, rtol=1e-12)


def test_a_draw_stays_what_it_is() -> None:
    """Row i is the same however many draws are asked for, beyond the sample too; another seed has another order."""
    parameters = load_parameters()
    size = len(posterior_sample())
    few, many = parameter_draws(parameters, 7), parameter_draws(parameters, size + 40)
    assert few.equals(many.iloc[:7])
    longer = parameter_draws(parameters, size + 60)
    assert many.equals(longer.iloc[: size + 40])
    assert not few.equals(parameter_draws(parameters, 7, seed=2))


def test_every_draw_is_possible_and_the_posterior_is_large_enough() -> None:
    """The committed sample has at least 500 draws, no gaps, known parameters, and values that their units allow."""
    parameters = load_parameters()
    drawn = parameter_draws(parameters, len(posterior_sample()) + 200)
    assert len(posterior_sample()) >= 500
    assert not drawn.isna().any().any()
    assert len(drawn.columns) > 200
    for path in drawn:
        low, high = UNITS[parameters.parameters[str(path)].unit]
        assert drawn[path].between(low, high).all(), path


def test_forms_of_a_therapy_move_with_it() -> None:
    """What a form takes over from its therapy is drawn once, and inherited parameters are there for every form."""
    parameters = load_parameters()
    drawn = parameter_draws(parameters, 20)
    origins = {path: origin for path, origin in parameters.origins.items() if origin in drawn}
    assert len(origins) > 50
    for path, origin in origins.items():
        assert drawn[path].equals(drawn[origin]), path


def test_the_smoothed_rows_have_the_samples_spread() -> None:
    """Rows beyond the sample keep mean and standard deviation on the unbounded scale.

    Of 2,000 such rows the mean differs by less than 4 SE and the standard deviation by less than 10 %.
    """
    parameters = load_parameters()
    path = "disease.palliative_median_survival"
    size = len(posterior_sample())
    sample = np.log(posterior_sample()[path].to_numpy())
    more = np.log(parameter_draws(parameters, size + 2000)[path].to_numpy()[size:])
    assert abs(more.mean() - sample.mean()) < 4.0 * sample.std() / math.sqrt(size)
    assert more.std() == pytest.approx(sample.std(), rel=0.10)


def test_intervals_hold_the_base_case() -> None:
    """The one-way range of every calibrated parameter holds its value."""
    parameters = load_parameters()
    calibrated = [one for one in parameters.parameters.values() if one.basis == "calibrated"]
    assert len(calibrated) > 10
    for one in calibrated:
        if one.path not in parameters.origins:
            lo, hi = interval(one)
            assert lo <= one.value <= hi, one.path

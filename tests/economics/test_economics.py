"""Values on histories against sums done by hand, on histories of a few events."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from helpers_economics import (
    CELL_LIFE,
    CHEMO,
    DRUG_LIFE,
    ENTRY,
    FLAT,
    HORIZON,
    Row,
    by_item,
    history_of,
    round_values,
    valued,
)
from rallsim.economics.discounting import UNDISCOUNTED, Discount, Rates, moments
from rallsim.economics.settings.cost_files import Costs
from rallsim.economics.settings.entries import PriceIndex
from rallsim.economics.settings.triggers import DAYS_PER_MONTH
from rallsim.economics.settings.utility_files import Utilities
from rallsim.economics.valuation.valuation import ledger
from rallsim.errors import InputError
from rallsim.model.states import Detail, Event, Stage


@pytest.fixture
def costs() -> Costs:
    return round_values()[0]


@pytest.fixture
def utilities() -> Utilities:
    return round_values()[1]


def test_the_worth_of_money_and_time() -> None:
    """A rate is annual effective: 1 after a year is worth 1 / 1.035, a flow of 1 a month for a year its integral."""
    discount = Discount(0.035)
    force = math.log(1.035) / 12

    assert discount.worth(np.array([12.0, 120.0])) == pytest.approx([1 / 1.035, 1.035**-10], rel=1e-14)
    assert discount.flow(np.array([6.0]), np.array([18.0]))[0] == pytest.approx(
        (math.exp(-6 * force) - math.exp(-18 * force)) / force, rel=1e-14
    )
    assert UNDISCOUNTED.flow(np.array([6.0]), np.array([18.0]))[0] == 12.0


def test_a_rate_that_changes() -> None:
    """From the change on the worth goes on falling at the later rate, and a flow across it is the sum of both sides."""
    changing = Discount(0.025, 0.015, 360.0)

    assert changing.worth(np.array([480.0]))[0] == pytest.approx(1.025**-30 * 1.015**-10, rel=1e-14)
    across, before, after = (
        changing.flow(np.array([a]), np.array([b]))[0] for a, b in ((300.0, 480.0), (300.0, 360.0), (360.0, 480.0))
    )
    assert across == pytest.approx(before + after, rel=1e-14)
    assert before == pytest.approx(Discount(0.025).flow(np.array([300.0]), np.array([360.0]))[0], rel=1e-14)


@pytest.mark.parametrize(("start", "stop"), [(3.0, 700.0), (3.0, 3.1), (359.0, 361.0), (400.0, 401.0)])
@pytest.mark.parametrize(
    "discount", [Discount(0.0), Discount(1e-7), Discount(0.035), Discount(0.1), Discount(0.025, 0.015, 360.0)]
)
def test_a_flow_that_changes_with_age(discount: Discount, start: float, stop: float) -> None:
    """Present values of a quadratic in time are the integral that adaptive quadrature finds, long or short."""
    from scipy.integrate import quad

    def worth(time: float) -> float:
        return float((0.9 - 2e-4 * time - 3e-7 * time**2) * discount.worth(np.array([time]))[0])

    expected, _ = quad(worth, start, stop, epsabs=0.0, epsrel=1e-13, points=[360.0] if start < 360 < stop else None)
    m0, m1, m2 = moments(start, stop, discount.forces)
    found = (0.9 - 2e-4 * start - 3e-7 * start**2) * m0 + (-2e-4 - 6e-7 * start) * m1 - 3e-7 * m2
    assert found == pytest.approx(expected, rel=1e-12)


def test_money_of_another_year_and_currency() -> None:
    """Amounts are converted, then inflated with the new currency's index; a year without an index is refused."""
    index = PriceIndex("an example", {2010: 80.0, 2020: 100.0})

    assert round_values()[0].value("icu") == 400.0 * 0.5 * index.factor(2010, 2020) == 250.0
    with pytest.raises(InputError, match="must have a price index for this year"):
        index.factor(1990, 2020)


def test_prices_as_used(costs: Costs) -> None:
    """A list price stays what it is; other money is converted and inflated."""
    assert {name: costs.value(name) for name in ("vial", "stay", "icu")} == {
        "vial": 100.0,
        "stay": 1000.0,
        "icu": 250.0,
    }
    assert costs.list_prices() == ["vial"]


def test_drugs_by_the_cycle(costs: Costs, utilities: Utilities) -> None:
    """Cycles count from the start of a course, go on counting in remission, and begin anew with the next line."""
    found = by_item(valued(history_of(DRUG_LIFE), costs, utilities))

    assert found["inotuzumab.first"] == 2 * 4 * 100.0
    assert found["inotuzumab.later"] == 2 * 3 * 100.0
    assert found["severe"] == 10.0
    assert found["end_of_life"] == 1000.0


def test_cells_stays_and_days(costs: Costs, utilities: Utilities) -> None:
    """Intensive care ends with its stage; a harvest is charged apart only without an infusion in its line."""
    valuation = valued(history_of(CELL_LIFE), costs, utilities)
    found = by_item(valuation)

    assert found["car_t_cd19.product"] == 50000.0
    assert found["car_t_cd19.in_vain"] == 1000.0
    assert found["intensive_care"] == pytest.approx(0.5 * DAYS_PER_MONTH * 250.0)
    assert found["transplant"] == 1000.0
    assert found["bed"] == 0.0
    assert valuation.resources()["transplant_days"].tolist() == [30.0]
    assert valuation.resources()["icu_days"] == pytest.approx([0.5 * DAYS_PER_MONTH])
    assert found["gvhd"] == pytest.approx(2.0 / 12.0 * 1000.0)  # ended by the relapse, not after six months
    assert found["inotuzumab.first"] == 400.0  # bridging is a course of its own
    assert "end_of_life" not in found  # a background death


def test_time_in_a_stage_by_a_clock(costs: Costs, utilities: Utilities) -> None:
    """Follow-up runs from month 3 to 12 of the remission, on the course's therapy, whatever events fall between."""
    life: list[Row] = [
        ENTRY,
        (1.0, Event.TREATMENT_START, Stage.SALVAGE, 1, CHEMO, 0),
        (2.0, Event.RESPONSE, Stage.REMISSION, 1, CHEMO, Detail.MRD_NEGATIVE),
        (4.0, Event.INFECTION, Stage.REMISSION, 1, CHEMO, Detail.GRADE_3_PLUS),
        (10.0, Event.RELAPSE, Stage.RELAPSED, 1, CHEMO, Detail.ANTIGEN_KEPT),
        (11.0, Event.DEATH, Stage.DEAD, 1, CHEMO, Detail.LEUKAEMIA),
    ]
    rates = Rates.of(0.035)
    rows = ledger(valued(history_of(life), costs, utilities, rates), 0)
    bill = rows[rows["item"] == "chemotherapy.follow_up"]

    assert bill[["time_start", "time_stop", "quantity", "amount"]].to_numpy().tolist() == [[5.0, 10.0, 5.0, 50.0]]
    force = math.log(1.035) / 12
    assert bill["discounted"].item() == pytest.approx(10 * (math.exp(-5 * force) - math.exp(-10 * force)) / force)


def test_utilities_by_stage_therapy_and_time(costs: Costs, utilities: Utilities) -> None:
    """QALYs are months times utilities: by therapy in salvage, by months since transplant after it, less decrements."""
    flat = utilities.with_values(FLAT)
    drug = valued(history_of(DRUG_LIFE), costs, flat).totals()
    # relapsed 2 months, salvage 4 months on an antibody, remission 6; CRS from 1.5 to 3.5
    assert drug["qalys"][0] == pytest.approx((2 * 0.4 + 4 * 0.6 + 6 * 0.8 - 2 * 0.3) / 12)
    assert drug["lys"][0] == pytest.approx(1.0)

    cells = valued(history_of(CELL_LIFE), costs, flat).totals()
    # relapsed 2, awaiting cells 4, infused 1, awaiting transplant 2, after it 6 and 8 months
    assert cells["qalys"][0] == pytest.approx((7 * 0.4 + 2 * 0.8 + 6 * 0.2 + 8 * 0.8) / 12)


def test_a_decrement_ends_with_the_patient(costs: Costs, utilities: Utilities) -> None:
    """A decrement lasts no longer than the patient, and a moment belongs to what follows it."""
    life: list[Row] = [
        ENTRY,
        (1.0, Event.TREATMENT_START, Stage.SALVAGE, 1, CHEMO, 0),
        (1.0, Event.CRS, Stage.SALVAGE, 1, CHEMO, Detail.GRADE_1_2),
        (1.5, Event.DEATH, Stage.DEAD, 1, CHEMO, Detail.TREATMENT),
    ]
    found = valued(history_of(life), costs, utilities.with_values(FLAT)).totals()["qalys"][0]

    assert found == pytest.approx((1.5 * 0.4 - 0.5 * 0.3) / 12)


def test_norms_fall_with_age_and_are_never_exceeded(costs: Costs, utilities: Utilities) -> None:
    """The utility at an age is the value times norm(age) / norm(50), at most norm(age); unless the file says so."""
    from scipy.integrate import quad

    life: list[Row] = [
        (0.0, Event.ENTRY, Stage.REMISSION, 0, CHEMO, 0),
        (HORIZON, Event.CENSORED, Stage.REMISSION, 0, CHEMO, 0),
    ]

    def norm(age: float) -> float:
        return 1.0 - 0.002 * age - 0.00004 * age**2

    def qalys(utilities: Utilities, age: float) -> float:
        return float(valued(history_of(life, age=age), costs, utilities).totals()["qalys"][0])

    years, _ = quad(lambda month: norm(60 + month / 12) / 12, 0, HORIZON)
    assert qalys(utilities, 60.0) == pytest.approx(0.8 / norm(50) * years)
    too_high = utilities.with_values({"high": 0.95})
    assert norm(50) < 0.95
    assert qalys(too_high, 60.0) == pytest.approx(years)
    lifted = replace(too_high, stages=tuple(replace(one, may_exceed_norm=True) for one in too_high.stages))
    assert qalys(lifted, 60.0) == pytest.approx(0.95 / norm(50) * years)

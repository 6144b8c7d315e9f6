"""Tables of valuations: nothing lost or counted twice, increments paired, identities that hold and can fail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from helpers_economics import CELL_LIFE, DRUG_LIFE, history_of, round_values, valued
from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import Costs
from rallsim.economics.settings.utility_files import Utilities
from rallsim.economics.tables import comparison
from rallsim.economics.valuation.valuation import by_stage_and_cycle, ledger
from rallsim.errors import InputError
from rallsim.validation import identities


@pytest.fixture
def costs() -> Costs:
    return round_values()[0]


@pytest.fixture
def utilities() -> Utilities:
    return round_values()[1]


def test_categories_lines_and_years_make_the_total(costs: Costs, utilities: Utilities) -> None:
    """Nothing is lost or counted twice between totals, categories, lines, and stages by year."""
    valuation = valued(history_of(DRUG_LIFE, CELL_LIFE), costs, utilities, Rates.of(0.03, 0.015))
    totals, table = valuation.totals(), by_stage_and_cycle(valuation)
    for suffix in ("", "_undisc"):
        for parts in (valuation.by_category(), valuation.by_line()):
            mine = [values for name, values in parts.items() if name.endswith("_undisc") == bool(suffix)]
            assert np.sum(mine, axis=0) == pytest.approx(totals[f"costs{suffix}"])
        for name in ("costs", "qalys", "lys"):
            assert table[f"{name}{suffix}"].sum() == pytest.approx(totals[f"{name}{suffix}"].mean(), rel=1e-12)
    assert ledger(valuation, 1)["discounted"].sum() == pytest.approx(totals["costs"][1])


def test_increments_are_paired(costs: Costs, utilities: Utilities) -> None:
    """A strategy against itself differs by exactly 0; against another, patient by patient."""
    one = valued(history_of(DRUG_LIFE, DRUG_LIFE), costs, utilities)
    other = valued(history_of(DRUG_LIFE, CELL_LIFE, strategy="other"), costs, utilities)
    found = comparison.increments({"one": one, "other": other}, "one").set_index("outcome")
    gain = other.totals()["costs"] - one.totals()["costs"]

    assert identities.equal_arms(one).passed
    assert found.loc["costs", "estimate"] == pytest.approx(gain.mean())
    assert found.loc["costs", "std_error"] == pytest.approx(gain.std(ddof=1) / math.sqrt(2))
    with pytest.raises(InputError, match="must have the same patients"):
        comparison.increments({"one": one, "few": valued(history_of(DRUG_LIFE), costs, utilities)}, "one")
    with pytest.raises(InputError, match="must be a known strategy"):
        comparison.increments({"one": one}, "two")


def test_a_therapy_without_costs_is_refused(costs: Costs, utilities: Utilities) -> None:
    """What was given and is not in the file costs an error, not nothing."""
    poor = replace(costs, therapies=costs.therapies - {"inotuzumab"})

    with pytest.raises(InputError, match="must be among the therapies of costs"):
        valued(history_of(DRUG_LIFE), poor, utilities)
    with pytest.raises(InputError, match=r"male must be known of every patient, got none of patient 1"):
        valued(history_of(DRUG_LIFE, DRUG_LIFE, male=[0.0, np.nan]), costs, utilities)
    with pytest.raises(InputError, match="must be the number of a patient"):
        ledger(valued(history_of(DRUG_LIFE), costs, utilities), 1)


def test_every_identity_holds_and_can_fail(costs: Costs, utilities: Utilities) -> None:
    """Black-box checks pass on a sound valuation, and say so when a figure is changed behind their back."""
    history = history_of(DRUG_LIFE, CELL_LIFE, age=[30.0, 60.0], male=[0.0, 1.0])
    sound = valued(history, costs, utilities, Rates.of(0.035))
    found = identities.check_all({"one": sound})

    assert len(found) == len(identities.CHECKS) + 1
    assert [str(one) for one in found if not one.passed] == []
    spoilt = replace(sound, accrual=replace(sound.accrual, years=sound.accrual.years * 1.01))
    assert not identities.life_years_are_survival(spoilt).passed
    assert "FAIL" in str(identities.life_years_are_survival(spoilt))


def test_tables_of_inputs(costs: Costs, utilities: Utilities) -> None:
    """Every number is listed as published and as used; unvalued events are named."""
    inputs = comparison.inputs(costs, utilities).set_index("parameter")
    icu: Mapping[Any, Any] = inputs.loc["costs.xx.icu"].to_dict()

    assert (icu["value"], icu["unit"], icu["price_year"]) == (400.0, "EUR", 2010)
    assert (icu["exchange_rate"], icu["inflation"], icu["value_used"], icu["unit_used"]) == (
        0.5,
        1.25,
        250.0,
        "GBP 2020",
    )
    assert set(inputs["basis"]) == {"assumed"}
    valuation = valued(history_of(DRUG_LIFE, CELL_LIFE), costs, utilities)
    assert comparison.not_valued({"one": valuation})["event"].tolist() == ["bridging_start"]
    table = comparison.activity({"one": valuation}).set_index("outcome")
    assert table.loc["infusion", "estimate"] == 0.5
    assert table.loc["cycle", "estimate"] == 2.5

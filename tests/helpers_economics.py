"""Round costs and utilities, and histories of a few events, for sums that can be done by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from rallsim.economics.discounting import Rates
from rallsim.economics.settings.cost_files import Costs, load_costs
from rallsim.economics.settings.settings import economic_settings
from rallsim.economics.settings.utility_files import Utilities, load_utilities
from rallsim.economics.tables.economic_results import EconomicResults, value_histories
from rallsim.economics.valuation.valuation import Valuation, ledger, value_history
from rallsim.inputs.parameters import load_parameters
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.baseline import baseline_with
from rallsim.outcomes.history import History
from rallsim.simulation.simulate import Simulation

THERAPIES = ("chemotherapy", "inotuzumab", "car_t_cd19", "hsct_in_relapse", "blinatumomab_mrd")
CHEMO, INO, CELLS, IN_RELAPSE, FOR_MRD = range(len(THERAPIES))
HORIZON = 120.0

COSTS = """
id: xx
about: round numbers
currency: GBP
price_year: 2020
price_index: {source: an example, values: {2010: 80.0, 2020: 100.0}}
exchange: {EUR: pounds_per_euro}
parameters:
  vial: {value: 100, unit: GBP, price_year: 2020, list_price: true, basis: assumed, lo: 1, hi: 1000, reason: round}
  stay: {value: 800, unit: GBP, price_year: 2010, basis: assumed, lo: 1, hi: 1000, reason: "1000 in 2020"}
  icu: {value: 400, unit: EUR, price_year: 2010, basis: assumed, lo: 1, hi: 1000, reason: "200 pounds, 250 in 2020"}
  month: {value: 10, unit: GBP, price_year: 2020, basis: assumed, lo: 1, hi: 100, reason: round}
  product: {value: 50000, unit: GBP, price_year: 2020, basis: assumed, lo: 1, hi: 100000, reason: round}
  pounds_per_euro: {value: 0.5, unit: exchange_rate, basis: assumed, lo: 0.5, hi: 0.5, reason: round}
  vials_first: {value: 4, unit: count, basis: assumed, lo: 1, hi: 9, reason: round}
  vials_later: {value: 3, unit: count, basis: assumed, lo: 1, hi: 9, reason: round}
  bed_days: {value: 30, unit: days, basis: assumed, lo: 1, hi: 90, reason: round}
  gvhd_months: {value: 6, unit: months, basis: assumed, lo: 1, hi: 90, reason: round}
items:
  transplant:
    {category: hsct, at: {event: hsct}, price: stay, covers: {resources: [transplant_day], stages: [after_hsct]}}
  bed: {category: hsct, at: {event: hsct}, quantity: bed_days, price: included, resource: transplant_day}
  intensive_care:
    category: icu
    after: {event: icu_admission, until: [icu_discharge, stage_end]}
    per: day
    price: icu
    resource: icu_day
  gvhd: {category: toxicity, after: {event: chronic_gvhd, lasting: gvhd_months, until: relapse}, per: year, price: stay}
  severe: {category: toxicity, at: {event: [crs, icans], detail: grade_3_plus}, price: month}
  end_of_life: {category: palliative, at: {event: death, detail: [leukaemia, treatment]}, price: stay}
therapies:
  chemotherapy:
    follow_up:
      {category: follow_up, while: {stage: remission, since: remission, from: 3, to: 12}, per: month, price: month}
  inotuzumab:
    first: {category: drug, at: {event: cycle, cycle: {max: 1}}, quantity: vials_first, price: vial}
    later: {category: drug, at: {event: cycle, cycle: {min: 2}}, quantity: vials_later, price: vial}
  car_t_cd19:
    product: {category: car_t, at: {event: infusion}, price: product}
    in_vain: {category: car_t, at: {event: leukapheresis, unless_followed_by: infusion}, price: stay}
  hsct_in_relapse: {}
  blinatumomab_mrd: {}
"""
UTILITIES = """
about: round numbers
parameters:
  low: {value: 0.4, unit: utility, basis: assumed, lo: 0, hi: 1, reason: round}
  high: {value: 0.8, unit: utility, basis: assumed, lo: 0, hi: 1, reason: round}
  transplant: {value: 0.2, unit: utility, basis: assumed, lo: 0, hi: 1, reason: round}
  antibody: {value: 0.6, unit: utility, basis: assumed, lo: 0, hi: 1, reason: round}
  crs: {value: 0.3, unit: disutility, basis: assumed, lo: 0, hi: 1, reason: round}
  crs_months: {value: 2, unit: months, basis: assumed, lo: 0, hi: 12, reason: round}
  one: {value: 1.0, unit: coefficient, basis: assumed, lo: 0, hi: 1, reason: round}
  men: {value: 0.0, unit: coefficient, basis: assumed, lo: 0, hi: 1, reason: round}
  falls: {value: -0.002, unit: coefficient, basis: assumed, lo: -1, hi: 1, reason: round}
  curves: {value: -0.00004, unit: coefficient, basis: assumed, lo: -1, hi: 1, reason: round}
  age: {value: 50, unit: years, basis: assumed, lo: 50, hi: 50, reason: round}
norm: {intercept: one, male: men, age: falls, age_squared: curves, reference_age: age}
stages:
  relapsed: [{utility: low}]
  debulking: [{utility: low}]
  salvage: [{utility: low}, {utility: antibody, therapy: inotuzumab}]
  awaiting_cells: [{utility: low}]
  infused: [{utility: low}]
  mrd_therapy: [{utility: low}]
  remission: [{utility: high}]
  awaiting_hsct: [{utility: high}]
  after_hsct: [{utility: transplant, since: hsct, to: 6}, {utility: high, since: hsct, from: 6}]
  refractory: [{utility: low}]
  palliative: [{utility: low}]
  long_term_remission: [{utility: high}]
decrements:
  crs: {disutility: crs, after: {event: crs, lasting: crs_months, until: relapse}}
"""
FLAT = {"falls": 0.0, "curves": 0.0}  # a population in full health at every age


@cache
def round_values() -> tuple[Costs, Utilities]:
    """Read the costs and utilities above as a user's files are read."""
    known = load_parameters(fitted=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "costs").mkdir()
        (folder / "costs" / "xx.yaml").write_text(COSTS, encoding="utf-8")
        (folder / "utilities.yaml").write_text(UTILITIES, encoding="utf-8")
        return load_costs("xx", known, folder), load_utilities(known, folder)


Row = tuple[float, int, int, int, int, int]  # time, event, stage, line, therapy, detail


def history_of(*patients: Sequence[Row], strategy: str = "one", **attributes: ArrayLike) -> History:
    """Write a history of women, of 50 if not told otherwise; it must be one that the model could have written."""
    known = {"age": np.full(len(patients), 50.0), "male": 0.0, **attributes}
    baseline = baseline_with(**known)
    rows = [
        (time, number, event, stage, line, therapy, detail)
        for number, events in enumerate(patients)
        for time, event, stage, line, therapy, detail in events
    ]
    history = History(np.array(rows, EVENT_ROW), strategy, THERAPIES, baseline, horizon=HORIZON, seed=1)
    history.check()
    return history


def results_of(simulation: Simulation) -> EconomicResults:
    """Value a simulation as its scenario says, up to the end of its histories."""
    economics = economic_settings(simulation.scenario, simulation.parameters)
    assert economics is not None
    end = min(economics.horizon_months, *(history.horizon for history in simulation.histories.values()))
    economics = replace(economics, horizon_months=end)
    return value_histories(simulation.scenario, simulation.parameters, simulation.histories, economics)


def valued(history: History, costs: Costs, utilities: Utilities, rates: Rates | None = None) -> Valuation:
    return value_history(history, costs, utilities, rates or Rates.of(0.0))


ENTRY: Row = (0.0, Event.ENTRY, Stage.RELAPSED, 0, -1, 0)
DRUG_LIFE: list[Row] = [  # two lines of inotuzumab, the first with two cycles, then death of leukaemia
    ENTRY,
    (1.0, Event.TREATMENT_START, Stage.SALVAGE, 1, INO, 0),
    (1.0, Event.CYCLE, Stage.SALVAGE, 1, INO, 0),
    (1.5, Event.CRS, Stage.SALVAGE, 1, INO, Detail.GRADE_3_PLUS),
    (2.0, Event.CYCLE, Stage.SALVAGE, 1, INO, 0),
    (3.0, Event.RESPONSE, Stage.REMISSION, 1, INO, Detail.MRD_NEGATIVE),
    (3.0, Event.CYCLE, Stage.REMISSION, 1, INO, 0),
    (9.0, Event.RELAPSE, Stage.RELAPSED, 1, INO, Detail.ANTIGEN_KEPT),
    (10.0, Event.TREATMENT_START, Stage.SALVAGE, 2, INO, 0),
    (10.0, Event.CYCLE, Stage.SALVAGE, 2, INO, 0),
    (12.0, Event.DEATH, Stage.DEAD, 2, INO, Detail.LEUKAEMIA),
]
CELL_LIFE: list[Row] = [  # cells made and given, intensive care to the end of the stage, transplant, chronic GVHD
    ENTRY,
    (1.0, Event.TREATMENT_START, Stage.AWAITING_CELLS, 1, CELLS, 0),
    (1.5, Event.LEUKAPHERESIS, Stage.AWAITING_CELLS, 1, CELLS, 0),
    (2.0, Event.BRIDGING_START, Stage.AWAITING_CELLS, 1, INO, 0),
    (2.0, Event.CYCLE, Stage.AWAITING_CELLS, 1, INO, 0),
    (3.0, Event.INFUSION, Stage.INFUSED, 1, CELLS, 0),
    (3.5, Event.ICU_ADMISSION, Stage.INFUSED, 1, CELLS, 0),
    (4.0, Event.RESPONSE, Stage.AWAITING_HSCT, 1, CELLS, Detail.MRD_NEGATIVE),
    (6.0, Event.HSCT, Stage.AFTER_HSCT, 1, CELLS, Detail.ONE_ALKYLATOR),
    (18.0, Event.CHRONIC_GVHD, Stage.AFTER_HSCT, 1, CELLS, 0),
    (20.0, Event.RELAPSE, Stage.RELAPSED, 1, CELLS, Detail.ANTIGEN_KEPT),
    (21.0, Event.TREATMENT_START, Stage.AWAITING_CELLS, 2, CELLS, 0),
    (22.0, Event.LEUKAPHERESIS, Stage.AWAITING_CELLS, 2, CELLS, 0),
    (23.0, Event.DEATH, Stage.DEAD, 2, CELLS, Detail.BACKGROUND),
]


def by_item(valuation: Valuation, column: str = "amount") -> dict[str, float]:
    rows = ledger(valuation, 0)
    return {str(item): float(values.sum()) for item, values in rows.groupby("item")[column]}

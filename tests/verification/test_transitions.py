"""Everything that the table of transitions allows does happen to somebody, and the drawing is that of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import diagram
import helpers_model as m
from marks import renewed
from rallsim.model.parameter_fields import KIND_FIELDS
from rallsim.model.states import EVENTS, STAGES, Event, Stage
from rallsim.model.transitions import ENTRIES, TRANSITIONS
from rallsim.outcomes.history import History

DOCS = Path(__file__).parents[2] / "docs"

ALWAYS = {"disease.treated_at_entry": 1.0, "disease.next_line_given_failure": 0.9}
TOXIC = dict.fromkeys(
    ("infection_rate", "cytopenia_rate", "gastrointestinal_rate", "tumour_lysis_rate", "liver_rate"), 0.5
) | {"crs": 0.6, "crs_grade3plus": 0.5, "icu_given_severe_crs": 0.9, "icu_days": 3.0, "icans": 0.5}
TOXIC |= {"icans_grade3plus": 0.2, "sos_on_treatment": 0.3, "cycles_planned": 6.0, "cycles_before_hsct": 4.0}
HARD = {"mrd_negative_given_cr": 0.3, "antigen_loss_at_failure": 0.3, "lineage_switch": 0.2}


def everything() -> list[tuple[dict[str, Any], dict[str, float]]]:
    """Strategies and parameters that between them go every way there is."""
    treat_mrd = {"mrd": [{"give": "blinatumomab_mrd"}]}
    by_b_cells = [
        {"when": {"b_cell_recovery": True, "age": {"max": 40}}, "hsct": True},
        {"when": {"line": 2}, "hsct": True},
    ]
    drugs = ("chemotherapy", "blinatumomab", "inotuzumab")
    toxic = {
        f"therapies.{one}.{name}": value
        for one in (*drugs, "car_t_cd19", "blinatumomab_mrd")
        for name, value in TOXIC.items()
        if name in KIND_FIELDS[m.parameters().therapies[one].kind]
    }
    hard = {f"therapies.{one}.{name}": value for one in (*drugs, "car_t_cd19") for name, value in HARD.items()}
    cells = m.of(
        "car_t_cd19",
        manufacture_failure=0.3,
        retry_given_manufacture_failure=0.6,
        waiting_progression_rate=0.1,
        b_cell_recovery=0.8,
        reinfusion_success=0.3,
    )
    common = ALWAYS | toxic | hard | cells | {"hsct.acute_gvhd": 0.9, "hsct.chronic_gvhd": 0.9}
    soon = {"hsct.chronic_gvhd_onset_months": 0.5, "hsct.acute_gvhd_onset_days": 10.0, "hsct.sos_onset_days": 10.0}
    sick = m.of("hsct_in_relapse", sos_after_hsct=0.5, cycle_months=2.0)
    return [
        (
            {
                "salvage": [{"give": "car_t_cd19"}, {"give": "blinatumomab"}, {"give": "inotuzumab"}],
                "bridging": [
                    {"before": "car_t_cd19", "give": "blinatumomab", "when": {"age": {"max": 50}}},
                    {"before": "blinatumomab", "give": "chemotherapy"},
                    {"before": "inotuzumab", "give": "chemotherapy"},
                ],
                "consolidation": by_b_cells,
                "reinfusion": True,
                **treat_mrd,
            },
            common,
        ),
        ({"salvage": [{"give": "chemotherapy"}], "consolidation": [{"hsct": True}], **treat_mrd}, common),
        (
            {"salvage": [{"give": "hsct_in_relapse"}, {"give": "chemotherapy"}], "max_transplants": 2},
            common | soon | sick,
        ),
        (
            {
                "salvage": [{"give": "chemotherapy"}],
                "consolidation": [{"when": {"age": {"max": 40}}, "hsct": True}],
                "mrd": [{"give": "blinatumomab_mrd", "when": {"age": {"min": 30}}}],
            },
            common | {"population.in_mrd_remission": 1.0},
        ),
        ({"salvage": [{"give": "supportive_care"}]}, common),
        (
            {
                "salvage": [{"give": "chemotherapy", "when": {"line": 1}}, {"give": "car_t_cd19"}],
                "mrd": [{"give": "blinatumomab_mrd", "when": {"b_cell_recovery": True}}],
                "consolidation": [{"when": {"age": {"min": 40}}, "hsct": True}],
                "reinfusion": True,
            },
            common | {"mortality.ratio_active": 100.0},
        ),
    ]


def taken(history: History) -> set[tuple[int, int, int]]:
    """Return every (event, stage before, stage after) of a history, the entries apart."""
    events = history.events
    same = events["patient"][1:] == events["patient"][:-1]
    steps = zip(events["event"][1:][same], events["stage"][:-1][same], events["stage"][1:][same], strict=True)
    return {(int(event), int(before), int(after)) for event, before, after in steps}


def test_every_transition_is_taken() -> None:
    """Each transition of the table is taken by somebody, and nobody takes another; every stage of entry has entrants.

    Left out: what needs more than one course of MRD therapy in a remission, which no shipped therapy allows.
    """
    found: set[tuple[int, int, int]] = set()
    entries: set[int] = set()
    for strategy, values in everything():
        for horizon in (4.0, 240.0):
            scenario = m.question({"one": strategy}, values=values, patients=4000, horizon_months=horizon)
            history = m.run(m.prepared(scenario), scenario, engine="batch")
            found |= taken(history)
            entries |= set(np.unique(history.events["stage"][history.events["event"] == Event.ENTRY]).tolist())
    wanted = {(event, before, after) for event, pairs in TRANSITIONS.items() for before, after in pairs}
    found.add((Event.MRD_RESPONSE, Stage.MRD_THERAPY, Stage.MRD_THERAPY))
    named = sorted((EVENTS[e], STAGES[b], STAGES[a]) for e, b, a in wanted - found)
    assert not named
    assert found <= wanted
    assert entries == set(ENTRIES)


def test_the_drawing_is_that_of_the_code() -> None:
    """The diagram and the table of events in docs/pathway.md are what the code draws."""
    text = (DOCS / "pathway.md").read_text(encoding="utf-8")
    for name, part in diagram.parts().items():
        text = renewed(text, name, part)
    assert text == (DOCS / "pathway.md").read_text(encoding="utf-8")

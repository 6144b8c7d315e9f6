"""Small questions for the model: scenarios from Python values, doctored tables, one patient led by the hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rallsim.common.records import readable
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.model.event_rows import put_patients_in_order
from rallsim.model.population import sample_patients
from rallsim.model.random_numbers import COLUMNS, COURSE_COLUMNS, ENTRY_COLUMNS, InCourse
from rallsim.model.states import DETAILS, EVENTS, STAGES, Event, Stage
from rallsim.model.step import FINISHED, step
from rallsim.model.world import World
from rallsim.outcomes.baseline import baseline_of
from rallsim.outcomes.history import History
from rallsim.simulation.blocks import Block
from rallsim.simulation.engine_inputs import Prepared, check_scenario, prepare
from rallsim.simulation.engines import engine_called
from rallsim.simulation.entrants import blocks_of, entrants_of_block

NO_BACKGROUND = {"mortality.ratio_active": 0.0, "mortality.ratio_long_term": 0.0, "mortality.ratio_after_hsct": 0.0}


@cache
def parameters() -> ParameterSet:
    """Return the shipped parameters, read once."""
    return load_parameters()


def therapies_of_kind(kind: str) -> list[str]:
    """Return the ids of the shipped drugs or CAR-T products."""
    return [therapy.id for therapy in parameters().therapies.values() if therapy.kind == kind]


def of(therapy: str, **values: float) -> dict[str, float]:
    """Return parameter values of one therapy under their paths."""
    return {f"therapies.{therapy}.{name}": value for name, value in values.items()}


def question(
    strategies: Mapping[str, Mapping[str, Any]], *, values: Mapping[str, float] | None = None, **keys: Any
) -> Scenario:
    """Return a checked scenario from Python values; `values` are parameters by path, `keys` those of the file."""
    content = {
        "title": "Test",
        "question": "What follows?",
        "population": "adult_relapse",
        "patients": 500,
        "horizon_months": 120,
        "seed": 11,
        "eligibility": {"car_t_cd19": "broad"},
        "parameters": dict(values or {}),
        "strategies": strategies,
        **keys,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "question.yaml"
        path.write_text(json.dumps(content), encoding="utf-8")
        scenario = load_scenario(path)
    check_scenario(scenario, parameters())
    return scenario


def prepared(scenario: Scenario, strategy: str | None = None) -> Prepared:
    """Return the tables of a strategy of a scenario, the first when none is named."""
    chosen = scenario.strategies[strategy or next(iter(scenario.strategies))]
    return prepare(scenario, chosen, parameters(), parameters().values(scenario.population_id))


def with_constant_background(tables: Prepared, rate_per_month: float) -> Prepared:
    """Replace both life tables by a hazard that is the same at every age."""
    cumulative = 12.0 * rate_per_month * np.arange(tables.life_tables.shape[1])
    return replace(tables, life_tables=np.stack([cumulative, cumulative]))


def run(tables: Prepared, scenario: Scenario, *, replicate: int = 0, engine: str = "agents") -> History:
    """Simulate one strategy from its tables, which a test may have changed."""
    blocks = [entrants_of_block(scenario.seed, tables, block, replicate) for block in blocks_of(scenario.patients)]
    history = History(
        events=np.concatenate([engine_called(engine)(who, luck, tables) for who, luck in blocks]),
        strategy=tables.strategy,
        therapies=tuple(parameters().therapies),
        baseline=np.concatenate([baseline_of(who) for who, _ in blocks]),
        horizon=scenario.horizon_months,
        replicate=replicate,
        seed=scenario.seed,
    )
    history.check()
    return history


def first_times(history: History, event: int, detail: int | None = None) -> np.ndarray:
    """Return for each patient the time of the first such event, infinite when it never comes."""
    rows = history.events[history.events["event"] == event]
    if detail is not None:
        rows = rows[rows["detail"] == detail]
    times = np.full(history.patients, np.inf)
    np.minimum.at(times, rows["patient"], rows["time"])
    return times


def ends_of(history: History) -> np.ndarray:
    """Return for each patient the time of death or of censoring."""
    return np.minimum(first_times(history, Event.DEATH), first_times(history, Event.CENSORED))


def entrants(tables: Prepared, scenario: Scenario, *, replicate: int = 0) -> np.ndarray:
    """Return the records of the whole cohort at entry."""
    blocks = blocks_of(scenario.patients)
    return np.concatenate([entrants_of_block(scenario.seed, tables, block, replicate)[0] for block in blocks])


def world(attributes: np.ndarray, tables: Prepared) -> World:
    """Return what the rules are asked about a patient with these attributes, under the first draw."""
    models, therapies, rules, conditions, life_tables = readable(*tables.tables(0))
    return World(attributes, attributes, models[0], therapies, rules, conditions, life_tables[0], rules, attributes)


def assert_share(found: np.ndarray, expected: float, what: str) -> None:
    """Assert that a share of patients is the expected one: within 4 standard errors of a binomial share."""
    std_error = float(np.sqrt(expected * (1.0 - expected) / len(found)))
    share = float(np.mean(found))
    assert abs(share - expected) <= 4.0 * std_error, f"{what}: {share:.5f}, expected {expected:.5f} ± {std_error:.5f}"


class Patient:
    """One patient led by the hand: in any stage, with any uniforms, one step of the pathway at a time.

    Uniforms are 0.5 unless `luck` says otherwise, by name for the first course or by (name, course). Background death
    is out of the way (an infinite hazard to spend) unless `hazard_left` is given. Other keywords set the record.
    """

    def __init__(
        self,
        tables: Prepared,
        stage: int,
        luck: Mapping[str | tuple[str, int], float] | None = None,
        *,
        given: Mapping[str, float] | None = None,
        **record: float,
    ) -> None:
        uniforms = np.full((1, COLUMNS), 0.5)
        for name, value in (luck or {}).items():
            decision, course = (name, 0) if isinstance(name, str) else name
            uniforms[0, ENTRY_COLUMNS + course * COURSE_COLUMNS + InCourse[decision.upper()]] = value
        self.block = Block.of(sample_patients(uniforms, tables.populations), uniforms)
        self.record = self.block.patients[0]
        fields = {
            "hazard_left": np.inf,
            "blasts": 0.8,
            "hsct_fit": 1.0,
            "donor": 1.0,
            "prior_hsct": 0.0,
            "liver_disease": 0.0,
        }
        fields |= {"cd19_positive": 1.0, "cd22_positive": 1.0, "remission_months": 6.0, "cr1_months": 6.0}
        for name, number in (fields | record).items():
            self.record[name] = number
        self.record["age"] = self.record["entry_age"]
        self.record["entry_blasts"] = self.record["blasts"]
        self.record["ends"] = self.record["time"]
        self.record["next_stage"] = stage
        for therapy, number in (given or {}).items():
            self.record[f"given_{list(parameters().therapies).index(therapy)}"] = number
        self._arguments = self.block.arrays(tables, draw=0)
        self._wakes = step(0, *self._arguments)

    @property
    def coming(self) -> tuple[str, str, str, float]:
        """What ends the present stage: event, next stage, detail, time."""
        record = self.record
        event, stage = EVENTS[record["next_event"]], STAGES[record["next_stage"]]
        return event, stage, DETAILS[record["next_detail"]], float(record["ends"])

    @property
    def stage(self) -> str:
        """The present stage."""
        return Stage(self.record["stage"]).word

    def step(self) -> None:
        """Move on to the next stage."""
        assert self._wakes != FINISHED, "this history has ended"
        self._wakes = step(0, *self._arguments)

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more can happen."""
        return bool(self._wakes == FINISHED)

    def noted(self, *events: str) -> list[tuple[str, float, str]]:
        """Return event, time and detail of what the history says so far, in order; only `events` when named."""
        rows = self.block.written.copy()
        put_patients_in_order(*readable(rows))
        found = [(EVENTS[row["event"]], float(row["time"]), DETAILS[row["detail"]]) for row in rows]
        return [row for row in found if not events or row[0] in events]


def rows_of(history: History, patients: Sequence[int]) -> pd.DataFrame:
    """Return what happened to some patients, in words, numbered from 0 again."""
    frame = history.frame()
    return frame[frame["patient"].isin(patients)].reset_index(drop=True)

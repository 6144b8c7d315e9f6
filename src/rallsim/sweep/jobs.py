"""Jobs: the pieces of work of a sweep, each a strategy under a few draws in a few patients of a replicate.

How work is cut does not depend on who does it. A job's key is the hash of everything that its result depends on, so a
result found under a key is the result.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.economics.settings.settings import EconomicSettings
from rallsim.evaluation.evaluate import Evaluation, evaluate
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.model.random_numbers import BLOCK
from rallsim.sweep.job_key import code_of, columns_of, digest, identity_of

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
EVALUATES = "evaluation.evaluate"  # the module whose code results depend on
BATCHES = 10  # of patients, from which every Monte Carlo error comes
DRAWS_OF_ONE_BLOCK = 100  # in a job whose patients fill at most one block of random numbers
BLOCKS_AT_ONCE = 10  # in a job of more patients, with as many fewer draws


@dataclass(frozen=True, eq=False)
class Job:
    """A strategy under some draws in the patients `first` to `first + patients - 1` of a replicate.

    `draws` holds a value a draw of each drawn parameter that is relevant to the strategy; none is the base case.
    """

    key: str
    strategy: str
    draws: Mapping[str, Floats] = field(repr=False)
    first: int
    patients: int
    replicate: int

    @property
    def rows(self) -> int:
        """Number of draws."""
        return len(next(iter(self.draws.values()))) if self.draws else 1

    @property
    def histories(self) -> int:
        """Number of patients' histories to simulate."""
        return self.rows * self.patients


@dataclass(frozen=True, eq=False)
class Model:
    """What all jobs of a sweep share: a scenario, parameters, and what histories are valued with."""

    scenario: Scenario
    parameters: ParameterSet
    economics: EconomicSettings | None

    def packed(self) -> bytes:
        """Return the model as bytes that `compute` takes, in any process."""
        return zlib.compress(pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL), level=1)


@dataclass(frozen=True, eq=False)
class Work:
    """The jobs of one strategy over a table of points, and which row of theirs each point is."""

    jobs: list[list[Job]]  # by draws, then by patients
    row_of_point: Ints


def work_of(model: Model, strategy: str, points: pd.DataFrame, patients: int, replicate: int = 0) -> Work:
    """Cut the evaluation of a strategy at some points (a row a draw, a column a parameter) into jobs.

    Columns that cannot change the strategy's results are left out, and points that are then the same are computed once.
    """
    scenario, parameters = model.scenario, model.parameters
    own = scenario.strategies[strategy]
    columns = columns_of([str(name) for name in points.columns], scenario, own, parameters)
    values = np.ascontiguousarray(points[columns].to_numpy(np.float64))
    row_of_point, first_points = _distinct(values)
    table = values[first_points]
    base = digest(identity_of(scenario, own, parameters, model.economics)), code_of(EVALUATES), BATCHES
    several = patients > BLOCK
    draws_at_once = DRAWS_OF_ONE_BLOCK // BLOCKS_AT_ONCE if several else DRAWS_OF_ONE_BLOCK
    span = BLOCK * BLOCKS_AT_ONCE if several else BLOCK
    jobs = []
    for start in range(0, len(table), draws_at_once):
        part = table[start : start + draws_at_once]
        draws = {name: np.ascontiguousarray(part[:, place]) for place, name in enumerate(columns)}
        jobs.append(
            [
                Job(digest([base, draws, first, size, replicate]), strategy, draws, first, size, replicate)
                for first, size in _spans(patients, span)
            ]
        )
    return Work(jobs, row_of_point)


def compute(packed: bytes, job: Job) -> Evaluation:
    """Simulate and value a job; `packed` is the model (`Model.packed`)."""
    model = _unpacked(packed)
    scenario = model.scenario
    alone = scenario.model_copy(
        update={
            "strategies": {job.strategy: scenario.strategies[job.strategy]},
            "reference": job.strategy,
            "patients": job.first + job.patients,
        }
    )
    blocks = range(job.first // BLOCK, -(-(job.first + job.patients) // BLOCK))
    return evaluate(
        alone,
        model.parameters,
        model.economics,
        job.draws,
        replicate=job.replicate,
        blocks=blocks,
        batches=BATCHES,
    )


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Model:
    found = pickle.loads(zlib.decompress(packed))  # written by Model.packed of the process that shares out the work
    assert isinstance(found, Model)
    return found


def _distinct(values: Floats) -> tuple[Ints, Ints]:
    """Number of each row among the distinct rows in order of appearance, and where each of these stands first."""
    if not values.shape[1]:
        return np.zeros(len(values), np.intp), np.zeros(min(1, len(values)), np.intp)
    as_bytes = values.view(np.dtype((np.void, values.shape[1] * values.itemsize))).ravel()
    numbers, found = pd.factorize(np.array([one.tobytes() for one in as_bytes], object))
    first = np.zeros(len(found), np.intp)
    first[numbers[::-1]] = np.arange(len(values))[::-1]
    return numbers.astype(np.intp), first


def _spans(patients: int, span: int) -> Iterator[tuple[int, int]]:
    for first in range(0, patients, span):
        yield first, min(span, patients - first)

"""`Runner.evaluate`: points in, sums out; kept jobs are read, the others are computed, planned or missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import numpy as np
import pandas as pd

from rallsim.common.progress import bar_of
from rallsim.evaluation.evaluate import STRATEGIES, Evaluation
from rallsim.simulation.engines import must_compile
from rallsim.sweep.jobs import Job, Model, compute, work_of
from rallsim.sweep.store import Store
from rallsim.sweep.workers import Pool, run

Wanted = Callable[[Job], bool]


class MissingJobsError(Exception):
    """Jobs that nobody may compute now are missing: what an analysis needs next."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = tuple(jobs)
        super().__init__(f"{len(self.jobs)} jobs are missing")


@dataclass(eq=False)
class Runner:
    """Evaluates a model at points, strategy by strategy.

    `wanted` says which missing jobs may be computed here; when others are missing, `MissingJobsError` ends the
    analysis. Results do not depend on the pool, the number of workers, or what was in the store before.
    """

    model: Model
    store: Store
    pool: Pool
    wanted: Wanted = field(default=lambda _: True)
    show_progress: bool = False
    computed: int = 0
    reused: int = 0
    _seen: set[str] = field(default_factory=set, repr=False)  # keys counted already
    _packed: bytes | None = field(default=None, repr=False)

    def evaluate(
        self,
        points: pd.DataFrame,
        *,
        patients: int,
        replicate: int = 0,
        measures: Sequence[str] | None = None,
        words: str = "Simulating",
    ) -> Evaluation:
        """Evaluate every strategy at each point (a row), all with the same patients and random numbers.

        Columns are parameter paths; a strategy that sets one of them itself keeps its own value. `measures` are those
        to keep, all when not given; `words` head the progress bar.
        """
        works = [work_of(self.model, name, points, patients, replicate) for name in self.model.scenario.strategies]
        jobs = [job for work in works for parts in work.jobs for job in parts]
        results = self._results(jobs, measures, words)
        strategies = []
        for work in works:
            rows = [reduce(add, (results[job.key] for job in parts)) for parts in work.jobs]
            strategies.append(rows_of(Evaluation.joined(rows), work.row_of_point))
        return Evaluation.joined(strategies, STRATEGIES)

    def _results(self, jobs: Sequence[Job], measures: Sequence[str] | None, words: str) -> dict[str, Evaluation]:
        """Return the result of each job by key; a key that two jobs share is computed once."""
        by_key = {job.key: job for job in jobs}
        results: dict[str, Evaluation] = {}
        for key in by_key:
            kept = self.store.read(key)
            if kept is not None:
                results[key] = select_measures(kept, measures)
        self.reused += len(results.keys() - self._seen)
        self._seen |= results.keys()
        missing = [job for key, job in by_key.items() if key not in results]
        mine = [job for job in missing if self.wanted(job)]
        with self._progress(words, mine) as advance:

            def done(job: Job, evaluation: Evaluation) -> None:
                self.store.write(job.key, evaluation)
                results[job.key] = select_measures(evaluation, measures)
                self.computed += 1
                self._seen.add(job.key)
                advance(job.histories)

            if mine:
                if self._packed is None:
                    self._packed = self.model.packed()
                    self._compile(mine[0])
                run(mine, self._packed, self.pool, done)
        if len(mine) < len(missing):
            raise MissingJobsError([job for job in missing if job.key not in results])
        return results

    def _compile(self, job: Job) -> None:
        """Compile here and once, if that has not been done: other processes then read what this one leaves."""
        if must_compile("evaluation.loop"):
            draws = {path: values[:1] for path, values in job.draws.items()}
            compute(self._packed or b"", replace(job, draws=draws, first=0, patients=1))

    @contextmanager
    def _progress(self, words: str, jobs: Sequence[Job]) -> Iterator[Callable[[float], None]]:
        """Show on a terminal's standard error how far the jobs are, and the time left."""
        total = sum(job.histories for job in jobs)
        with bar_of(words, total, quiet=not (self.show_progress and jobs)) as advance:
            yield advance or (lambda _: None)


def select_measures(evaluation: Evaluation, measures: Sequence[str] | None) -> Evaluation:
    """Return an evaluation with some of its measures."""
    if measures is None:
        return evaluation
    kept = [evaluation.measures.index(name) for name in dict.fromkeys(measures)]
    return replace(
        evaluation,
        measures=tuple(evaluation.measures[place] for place in kept),
        sums=np.ascontiguousarray(evaluation.sums[..., kept]),
    )


def rows_of(evaluation: Evaluation, rows: np.ndarray) -> Evaluation:
    """Return an evaluation with some of its draws, or some of them several times, numbered from 0."""
    patients, sums = evaluation.patients[rows], evaluation.sums[rows]
    return replace(evaluation, draws=np.arange(len(rows)), patients=patients, sums=sums)


def points_with(base: Mapping[str, float], rows: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return a table of points: a row for each mapping, with base values where it says nothing.

    Columns are what some row names.

    >>> points_with({"a": 1.0, "b": 2.0}, [{}, {"b": 5.0}]).to_dict("list")
    {'b': [2.0, 5.0]}
    """
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(base)
    return pd.DataFrame([[row.get(name, base[name]) for name in names] for row in rows], columns=names, dtype=float)

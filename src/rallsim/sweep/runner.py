"""`Runner.evaluate`: points in, sums out; kept cells are read, the others are computed, planned or missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.common.progress import bar_of
from rallsim.evaluation.evaluate import STRATEGIES, Evaluation
from rallsim.simulation.engines import must_compile
from rallsim.sweep.jobs import Cell, Model, compute, work_of
from rallsim.sweep.store import Store
from rallsim.sweep.workers import Pool, run

Wanted = Callable[[Cell], bool]


class MissingCellsError(Exception):
    """Cells that nobody may compute now are missing: what an analysis needs next."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        super().__init__(f"{len(self.cells)} cells are missing")


@dataclass(eq=False)
class Runner:
    """Evaluates a model at points, strategy by strategy.

    `wanted` says which missing cells may be computed here; when others are missing, `MissingCellsError` ends the
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
        """Evaluate every strategy at each point (a row), all with the same patients and luck.

        Columns are parameter paths; a strategy that sets one of them itself keeps its own value. `measures` are those
        to keep, all when not given; `words` head the progress bar.
        """
        strategies = list(self.model.scenario.strategies)
        works = [work_of(self.model, name, points, patients, replicate) for name in strategies]
        cells = [cell for work in works for parts in work.cells for cell in parts]
        found = self._results(cells, measures, words)
        parts = []
        for work in works:
            blocks = [_added([found[cell.key] for cell in parts]) for parts in work.cells]
            parts.append(_expanded(_renumbered(blocks), work.row_of_point))
        return Evaluation.joined(parts, STRATEGIES)

    def _results(self, cells: Sequence[Cell], measures: Sequence[str] | None, words: str) -> dict[str, Evaluation]:
        """Return what each cell came to, by key; a key that two cells share is computed once."""
        by_key = {cell.key: cell for cell in cells}
        found: dict[str, Evaluation] = {}
        for key in by_key:
            kept = self.store.read(key)
            if kept is not None:
                found[key] = only(kept, measures)
        self.reused += len(found.keys() - self._seen)
        self._seen |= found.keys()
        missing = [cell for key, cell in by_key.items() if key not in found]
        mine = [cell for cell in missing if self.wanted(cell)]
        with self._progress(words, mine) as advance:

            def done(cell: Cell, evaluation: Evaluation) -> None:
                self.store.write(cell.key, evaluation)
                found[cell.key] = only(evaluation, measures)
                self.computed += 1
                self._seen.add(cell.key)
                advance(cell.histories)

            if mine:
                if self._packed is None:
                    self._packed = self.model.packed()
                    self._compile(mine[0])
                run(mine, self._packed, self.pool, done)
        if len(mine) < len(missing):
            raise MissingCellsError([cell for cell in missing if cell.key not in found])
        return found

    def _compile(self, cell: Cell) -> None:
        """Compile here and once, if that has not been done: other processes then read what this one leaves."""
        if must_compile("evaluation.loop"):
            draws = {path: values[:1] for path, values in cell.draws.items()}
            compute(self._packed or b"", replace(cell, draws=draws, first=0, patients=1))

    @contextmanager
    def _progress(self, words: str, cells: Sequence[Cell]) -> Iterator[Callable[[float], None]]:
        """Show on a terminal's standard error how far the cells are, and the time left."""
        total = sum(cell.histories for cell in cells)
        with bar_of(words, total, quiet=not (self.show_progress and cells)) as advance:
            yield advance or (lambda _: None)


def only(evaluation: Evaluation, measures: Sequence[str] | None) -> Evaluation:
    """Return an evaluation with some of its measures."""
    if measures is None:
        return evaluation
    kept = [evaluation.measures.index(name) for name in dict.fromkeys(measures)]
    return replace(
        evaluation,
        measures=tuple(evaluation.measures[place] for place in kept),
        sums=np.ascontiguousarray(evaluation.sums[..., kept]),
    )


def _added(parts: Sequence[Evaluation]) -> Evaluation:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _renumbered(blocks: Sequence[Evaluation]) -> Evaluation:
    found = Evaluation.joined(blocks)
    return replace(found, draws=np.arange(len(found.draws)))


def _expanded(evaluation: Evaluation, rows: np.ndarray) -> Evaluation:
    """Give each point its row."""
    return replace(
        evaluation, draws=np.arange(len(rows)), patients=evaluation.patients[rows], sums=evaluation.sums[rows]
    )


def cells_folder(out: Path) -> Path:
    """Return where the cells of a sweep are kept."""
    return out / "cells"


def points_with(base: Mapping[str, float], rows: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return a table of points: a row for each mapping, with base values where it says nothing.

    Columns are what some row names.

    >>> points_with({"a": 1.0, "b": 2.0}, [{}, {"b": 5.0}]).to_dict("list")
    {'b': [2.0, 5.0]}
    """
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(base)
    return pd.DataFrame([[row.get(name, base[name]) for name in names] for row in rows], columns=names, dtype=float)

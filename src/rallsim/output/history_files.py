"""Histories in a results folder: events.parquet, baseline.parquet, and what the manifest says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.errors import InputError, Problem
from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import DETAILS, EVENTS, STAGES
from rallsim.outcomes.baseline import baseline_from, baseline_table
from rallsim.outcomes.history import History
from rallsim.output.manifest import MANIFEST

EVENTS_FILE, BASELINE_FILE = "events.parquet", "baseline.parquet"


def write_histories(histories: Mapping[str, History], folder: Path) -> None:
    """Write every event of every strategy in words, and the patients, who are the same under every strategy."""
    event_table(histories).to_parquet(folder / EVENTS_FILE, index=False)
    baseline_table(next(iter(histories.values())).baseline).to_parquet(folder / BASELINE_FILE, index=False)


def event_table(histories: Mapping[str, History]) -> pd.DataFrame:
    """Return every event of every strategy in words, a row an event; no therapy yet is an empty cell."""
    frames = [history.frame() for history in histories.values()]
    words = frames[0].select_dtypes("category").columns  # no categoricals: those of two strategies cannot be joined
    return pd.concat([frame.astype(dict.fromkeys(words, object)) for frame in frames], ignore_index=True)


def read_histories(folder: Path) -> dict[str, History]:
    """Return the histories by strategy that `rallsim run --events` left in a folder, checked.

    They end at the scenario's horizon; their therapies are those that were given. Raises InputError when a file is
    missing or has an unknown word, and ModelError when a history breaks a rule.
    """
    missing = [name for name in (EVENTS_FILE, BASELINE_FILE, MANIFEST) if not (folder / name).is_file()]
    if missing:
        found = f"no {' and no '.join(missing)}"
        allowed = "a folder that `rallsim run --events` made"
        raise InputError(Problem("must hold histories", file=str(folder), found=found, allowed=allowed))
    scenario = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["scenario"]
    table = pd.read_parquet(folder / EVENTS_FILE)
    baseline = baseline_from(pd.read_parquet(folder / BASELINE_FILE))
    therapies = tuple(sorted(table["therapy"].dropna().unique()))
    histories = {}
    for strategy, rows in table.groupby("strategy", sort=False):
        events = np.empty(len(rows), EVENT_ROW)
        for name in ("time", "patient", "line"):
            events[name] = rows[name]
        for name, words in (("event", EVENTS), ("stage", STAGES), ("detail", DETAILS), ("therapy", therapies)):
            events[name] = _codes(rows[name], words, folder / EVENTS_FILE)
        histories[str(strategy)] = History(
            events,
            str(strategy),
            therapies,
            baseline,
            scenario["horizon_months"],
            draw=int(rows["draw"].iloc[0]),
            replicate=int(rows["replicate"].iloc[0]),
            seed=scenario["seed"],
        )
        histories[str(strategy)].check()
    return histories


def _codes(column: pd.Series, words: Sequence[str], file: Path) -> np.ndarray:
    """Return the positions of words; an empty cell, which no therapy leaves, has -1."""
    codes = pd.Categorical(column, categories=pd.Index(tuple(words))).codes
    unknown = column[(codes < 0) & column.notna()]
    if len(unknown):
        found, allowed = str(unknown.iloc[0]), ", ".join(words)
        raise InputError(
            Problem("must be a known word", file=str(file), key=str(column.name), found=found, allowed=allowed)
        )
    return np.asarray(codes)

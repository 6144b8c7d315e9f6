"""Finished jobs on disk: one Parquet file each, whole or not there, and never trusted without a labels."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.lib as arrow

from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.evaluation.sums import KEYS, Evaluation

KEY, CONTENT = b"rallsim.job", b"rallsim.content"  # of a file's metadata: the job's key, the hash of its content
WRITTEN: dict[str, Any] = {  # sums hardly ever come twice: no dictionaries of them, and nobody searches them by size
    "compression": "zstd",
    "use_dictionary": ["strategy"],
    "write_statistics": False,
}
FOLDER = "jobs"  # of a sweep's results, where its jobs are kept
OLDER_FOLDER = "cells"  # of version 0.1 before they were called jobs; nothing in it is read
LEFT_BEHIND = 3600.0  # seconds after which a file that was being written is taken for one of a dead process


class Store:
    """Results of jobs by key, in a folder; several processes may use it at the same time.

    A file is written beside its place and then moved there. It carries the hash of its content; a file that is cut off,
    changed, or of another job is `damaged`, and read as missing. With `fresh` only what was written here is read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        self.damaged: set[str] = set()
        self._written: set[str] = set()

    def path(self, key: str) -> Path:
        """Return where the result of a job is kept."""
        return self.folder / key[:2] / f"{key}.parquet"

    def write(self, key: str, evaluation: Evaluation) -> None:
        """Keep the result of a job."""
        import pyarrow.parquet as pq  # 15 MB that processes which only draw do without

        metadata = {KEY: key.encode(), CONTENT: content_hash(evaluation).encode()}
        table = _columns_of(evaluation).replace_schema_metadata(metadata)
        with written_atomically(self.path(key)) as temporary:
            try:
                pq.write_table(table, temporary, **WRITTEN)  # type: ignore[no-untyped-call]
            except OSError as error:
                raise InputError(Problem(f"cannot be written: {error.strerror}", file=str(self.folder))) from error
        self._written.add(key)

    def read(self, key: str) -> Evaluation | None:
        """Return the result of a job; None where there is none, or where the file is damaged."""
        import pyarrow.parquet as pq

        path = self.path(key)
        if not path.is_file() or (self.fresh and key not in self._written):
            return None
        try:
            table = pq.read_table(path)  # type: ignore[no-untyped-call]
            metadata = table.schema.metadata or {}
            evaluation = Evaluation.from_table(_frame(table))
            if (metadata.get(KEY), metadata.get(CONTENT)) != (key.encode(), content_hash(evaluation).encode()):
                raise ValueError("holds something else")
            return evaluation
        except (OSError, ValueError, KeyError, arrow.ArrowException, InputError):
            self.damaged.add(key)
            return None

    def sweep_up(self) -> None:
        """Remove what processes that were killed left half written."""
        for path in self.folder.glob("*/.*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                    path.unlink()


def content_hash(evaluation: Evaluation) -> str:
    """Hash of all that an evaluation says."""
    digest = hashlib.sha256(repr((evaluation.strategies, evaluation.measures)).encode())
    for values in (evaluation.draws, evaluation.patients, evaluation.sums):
        digest.update(repr(values.shape).encode() + values.tobytes())
    return digest.hexdigest()


def _columns_of(evaluation: Evaluation) -> Any:
    """Return the columns of `Evaluation.table`, without a data frame in between: a third of the time.

    Strategies are a dictionary, as pandas reads a category from.
    """
    draws, strategies, batches = (grid.ravel() for grid in np.indices(evaluation.patients.shape))
    names = arrow.DictionaryArray.from_arrays(strategies.astype(np.int32), list(evaluation.strategies))
    sums = np.ascontiguousarray(evaluation.sums.reshape(-1, len(evaluation.measures)).T)
    columns = [evaluation.draws[draws], names, batches, evaluation.patients.ravel(), *sums]
    return arrow.Table.from_arrays([arrow.array(one) for one in columns], names=[*KEYS, *evaluation.measures])


def _frame(table: Any) -> pd.DataFrame:
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    return frame

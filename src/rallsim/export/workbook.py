"""A workbook for planners: results with live formulas, traces, charts, and every input with its source.

Totals, differences, ICERs and net benefit are formulas, so that a threshold or the costs of a category can be tried
out; the figures they start from are the simulation's. The same results make the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from rallsim.economics.tables.economic_results import Evaluation
from rallsim.export.charts import Charts
from rallsim.export.course_sheets import write_activity, write_by_year, write_survival, write_traces
from rallsim.export.input_sheets import write_inputs, write_read_first
from rallsim.export.result_sheets import Results, write_incremental
from rallsim.export.sheets import Book
from rallsim.report.economics import SIGNS

CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # fixed: a time of making would make other bytes every time


def write_workbook(evaluation: Evaluation, tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the workbook of an evaluation; `tables` are those of `export.folder.export_tables`."""
    found, title = evaluation.tables(), evaluation.scenario.title
    with Book(path, CREATED, title, SIGNS[evaluation.economics.costs.currency]) as book:
        write_read_first(book, evaluation, found)
        results = Results(book, evaluation, found)
        charts = Charts(book, f"Charts: {title}")
        write_incremental(book, evaluation, found, results)
        drawings = [
            results.drawing(),
            *write_by_year(book, evaluation, found["trace"]),
            *write_survival(book, evaluation, tables["survival"]),
            *write_traces(book, evaluation, tables["stateprobs"]),
        ]
        charts.draw(drawings)
        write_activity(book, evaluation, found["activity"])
        write_inputs(book, evaluation, found)

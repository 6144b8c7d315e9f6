"""A workbook for planners: results with live formulas, traces, charts, and every input with its source.

Totals, differences, ICERs and net benefit are formulas, so that a threshold or the costs of a category can be tried
out; the figures they start from are the simulation's. The same results make the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export.charts import Charts
from rallsim.export.course_sheets import write_activity, write_by_year, write_survival, write_traces
from rallsim.export.input_sheets import write_inputs, write_read_first
from rallsim.export.result_sheets import ResultSheet, write_incremental
from rallsim.export.sheets import Book
from rallsim.report.economics import SIGNS

CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # fixed: a time of making would make other bytes every time


def write_workbook(results: EconomicResults, tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the workbook of results; `tables` are those of `export.folder.export_tables`."""
    title = results.scenario.title
    with Book(path, CREATED, title, SIGNS[results.economics.costs.currency]) as book:
        write_read_first(book, results)
        result_sheet = ResultSheet(book, results)
        charts = Charts(book, f"Charts: {title}")
        write_incremental(book, results, result_sheet)
        drawings = [
            result_sheet.drawing(),
            *write_by_year(book, results),
            *write_survival(book, results, tables["survival"]),
            *write_traces(book, results, tables["stateprobs"]),
        ]
        charts.draw(drawings)
        write_activity(book, results)
        write_inputs(book, results)

"""What all printed tables share, and rows for JSON."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table


def terminal() -> Console:
    """Print wide when nobody looks: a pipe has no width, and folded tables cannot be read by programs."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def numbers_right(table: Table) -> None:
    """Align all columns but the first to the right."""
    for column in table.columns[1:]:
        column.justify = "right"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table for JSON: what is no number and what is infinite is null.

    >>> records(pd.DataFrame({"a": [1.0, float("nan")], "b": ["x", "y"]}))
    [{'a': 1.0, 'b': 'x'}, {'a': None, 'b': 'y'}]
    """
    return [
        {
            str(key): None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]

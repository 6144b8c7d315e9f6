"""Figures of an analysis drawn from its tables, by this process or by several at the same time."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from pathlib import Path

from rallsim import analyses
from rallsim.sweep.execute import Pool
from rallsim.sweep.look import Look
from rallsim.sweep.tables import read_tables

MOST_AT_ONCE = 4  # processes that draw: each reads the tables first


def draw_figures(analysis: str, folder: Path, look: Look, pool: Pool) -> None:
    """Draw every figure of an analysis into the folder that holds its tables.

    The processes of the pool must see the folder. Where they die, this one draws.
    """
    try:
        with pool() as opened:
            shares = min(opened.at_once, MOST_AT_ONCE)
            drawn = [
                opened.executor.submit(draw_share, analysis, folder, look, (share, shares)) for share in range(shares)
            ]
            for one in drawn:
                one.result()
    except BrokenExecutor:
        draw_share(analysis, folder, look)


def draw_share(analysis: str, folder: Path, look: Look, share: tuple[int, int] = (0, 1)) -> None:
    """Draw each n-th figure from the k-th on, where `share` is (k, n): what `rallsim plot` draws, to the last digit."""
    figures = analyses.called(analysis).draw(read_tables(folder), look)
    first, step = share
    for name in list(figures)[first::step]:
        figures[name]().savefig(folder / name)

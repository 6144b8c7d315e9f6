"""Printing sweeps: the question, the work to do, what was found, and all of it as one document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rallsim.report.economics import horizon_words
from rallsim.report.terminal import records

if TYPE_CHECKING:
    from rallsim.sweep.plan import Workload
    from rallsim.sweep.session import Finished
    from rallsim.sweep.study import Study

MOST_ROWS_AS_JSON = 60  # of a table; samples and curves are longer, and in files


def print_question(study: Study, names: Sequence[str]) -> None:
    """Print what is analysed, and what costs and QALYs are counted with."""
    economics, view = study.economics, study.economics.perspective
    print(
        f"{study.scenario.title}: {', '.join(names)}. Costs: {economics.costs.id}, {economics.costs.currency} "
        f"{economics.costs.price_year}, {horizon_words(economics)}; perspective: {view.label if view else 'none'}; "
        "willingness to pay: " + ", ".join(f"{one:,.0f}" for one in study.wtp)
    )


def print_work(names: Sequence[str], work: Workload, workers: int, kept: int, folder: Path) -> None:
    """Print how many jobs are to be computed, and what that takes."""
    minutes, megabytes = work.seconds / workers / 60, work.bytes / 1e6
    print(f"{', '.join(names)}: {work.jobs:,} jobs to compute, {kept:,} kept; {work.histories:,} histories,")
    print(f"  about {minutes:,.1f} minutes with {workers} at work, and {megabytes:,.0f} MB in {folder}/.")
    print("  Analyses that choose their points by what they find may need more after these.")


def print_finished(finished: Finished) -> None:
    """Print the sentences of an analysis, and where its files are."""
    print(f"\n{finished.name}")
    for line in finished.lines:
        print(f"  {line}")
    if finished.saved.moved:
        print(f"  Earlier results with other inputs were moved to {finished.saved.moved}/")
    names = sorted(path.name for path in finished.saved.folder.iterdir())
    print(f"  Saved in {finished.saved.folder}/: " + ", ".join(names))


def document_of(study: Study, done: Sequence[Finished]) -> dict[str, Any]:
    """Return what --json prints: sentences, and the tables that are no samples and no curves."""
    return {
        "scenario": study.scenario.id,
        "wtp": list(study.wtp),
        "cells_computed": study.runner.computed,
        "cells_kept": study.runner.reused,
        "analyses": {
            one.name: {
                "folder": str(one.saved.folder),
                "moved_earlier_results_to": str(one.saved.moved) if one.saved.moved else None,
                "says": list(one.lines),
                "tables": {
                    name: records(table) for name, table in one.tables.items() if len(table) <= MOST_ROWS_AS_JSON
                },
            }
            for one in done
        },
    }

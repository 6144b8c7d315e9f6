"""Figures of analyses, drawn from their saved tables: by a worker that has what draws them loaded, or again later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.output.manifest import MANIFEST
from rallsim.sweep import analyses
from rallsim.sweep.labels import Labels
from rallsim.sweep.tables import SavedTables
from rallsim.sweep.workers import Pool, interruptions_wait


def draw_elsewhere(analysis: str, folder: Path, labels: Labels, pool: Pool) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, in a process of a pool that sees it.

    Where that process dies, this one draws.
    """
    try:
        with pool() as workers:
            with interruptions_wait():
                future = workers.executor.submit(draw_figures, analysis, folder, labels)
            future.result()
    except BrokenExecutor:
        draw_figures(analysis, folder, labels)


def draw_figures(analysis: str, folder: Path, labels: Labels) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, as `rallsim plot` does."""
    for name, figure in analyses.get_analysis(analysis).draw(SavedTables(folder), labels).items():
        figure().savefig(folder / name)


def replot(folder: Path, out: Path | None = None) -> Iterator[Path]:
    """Draw every figure of an analysis, or of all analyses in a folder; yield where each was written."""
    inside = [folder / name for name in analyses.names()]
    manifests = {path: manifest for path in (folder, *inside) if (manifest := _manifest(path))}
    if not manifests:
        raise InputError(
            Problem("must hold an analysis of a sweep", file=str(folder), allowed="a folder that 'rallsim sweep' wrote")
        )
    for path, manifest in manifests.items():
        target = path if out is None else out / path.name if path != folder else out
        try:
            labels = Labels.from_json(manifest["labels"])
            for name, figure in analyses.get_analysis(manifest["analysis"]).draw(SavedTables(path), labels).items():
                with written_atomically(target / name) as temporary:
                    figure().savefig(temporary)
                yield target / name
        except (KeyError, TypeError) as error:
            message = (
                f"must have {error}: it was changed, or made by another version ({manifest.get('rallsim', 'unknown')})"
            )
            problem = Problem(message, str(path), allowed="run the sweep again")
            raise InputError(problem) from error


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an analysis's folder; None where there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("analysis") in analyses.names() else None

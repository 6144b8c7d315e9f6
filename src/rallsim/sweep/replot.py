"""Figures of finished analyses, drawn again from their tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.output.folder import MANIFEST
from rallsim.sweep import analyses
from rallsim.sweep.labels import Look
from rallsim.sweep.tables import SavedTables


def replot(folder: Path, out: Path | None = None) -> Iterator[Path]:
    """Draw every figure of an analysis, or of all analyses in a folder; yield where each was written."""
    inside = [folder / name for name in analyses.names()]
    found = [(path, manifest) for path in (folder, *inside) if (manifest := _manifest(path))]
    if not found:
        raise InputError(
            Problem("holds no analysis of a sweep", file=str(folder), allowed="a folder that 'rallsim sweep' wrote")
        )
    for path, manifest in found:
        target = path if out is None else out / path.name if path != folder else out
        try:
            look = Look.from_json(manifest["look"])
            for name, figure in analyses.called(manifest["analysis"]).draw(SavedTables(path), look).items():
                with written_atomically(target / name) as temporary:
                    figure().savefig(temporary)
                yield target / name
        except (KeyError, TypeError) as error:
            problem = Problem(f"lacks {error}: changed, or of another version", str(path), allowed="sweep again")
            raise InputError(problem) from error


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an analysis's folder; None where there is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("analysis") in analyses.names() else None

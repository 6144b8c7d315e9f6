"""What a run of `rallsim curves` writes: tables, a page a curve, and how it was made."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rallsim import __version__
from rallsim.curves.analysis import Judged, tables
from rallsim.curves.figures import draw_page
from rallsim.output.folder import Saved, save_folder
from rallsim.output.manifest import code_sha256, file_sha256

PACKAGES = ("matplotlib", "numpy", "pandas", "scipy")


def manifest_of(judged: Mapping[str, Judged], params: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to make the results again, without anything that changes from run to run."""
    files = [one.curve.file for one in judged.values()]
    files += sorted((params / "evidence").glob("*.csv")) + sorted((params / "population").glob("*.yaml"))
    return {
        "rallsim": __version__,
        "code": code_sha256(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "analysis": "curves",
        "curves": list(judged),
        "settings": dict(settings),
        "inputs": {path.relative_to(params.parent).as_posix(): file_sha256(path) for path in files},
        "evidence": sorted({row for one in judged.values() for row in one.curve.rows}),
    }


def save_pages(
    judged: Mapping[str, Judged],
    folder: Path,
    content: Mapping[str, Any],
    *,
    with_pages: bool = True,
    done: Callable[[], None] = lambda: None,
) -> Saved:
    """Write chosen.csv, families.csv, parameters.csv, points.csv, a PNG a curve, and manifest.json.

    See `results.save_folder` for what happens to earlier results. `done` is called after each page.
    """

    def write(temporary: Path) -> None:
        for name, table in tables(judged).items():
            table.to_csv(temporary / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n")
        for name, one in judged.items() if with_pages else ():
            draw_page(one).savefig(temporary / f"{name}.png")
            done()

    return save_folder(folder, content, write)

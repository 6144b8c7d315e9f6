"""One command's sweep: its analyses run, planned or collected, and their results folders written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rallsim.errors import InputError, Problem, nearest
from rallsim.output.folder import Saved, check_folder, save_folder
from rallsim.sweep import analyses
from rallsim.sweep.figures import draw_elsewhere
from rallsim.sweep.jobs import Job
from rallsim.sweep.runner import MissingJobsError
from rallsim.sweep.study import Study
from rallsim.sweep.tables import Tables, write_tables


@dataclass(frozen=True)
class Finished:
    """An analysis that is done: its tables, its sentences, and where they are."""

    name: str
    tables: Tables
    lines: tuple[str, ...]
    saved: Saved


def check_analyses(names: Sequence[str], out: Path) -> list[str]:
    """Return the analyses once each; refuses unknown ones, and folders that cannot take their results."""
    known = analyses.names()
    problems = [
        Problem(
            "no such analysis", key="ANALYSIS", found=f"'{name}'", allowed=", ".join(known), hint=nearest(name, known)
        )
        for name in names
        if name not in known
    ]
    for name in dict.fromkeys(names):
        try:
            check_folder(out / name)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(names))


def finish(study: Study, name: str, out: Path, settings: Sequence[str]) -> Finished:
    """Run an analysis and write its tables, figures and manifest into a folder of its own, complete or not at all."""
    analysis = analyses.get_analysis(name)
    tables: Tables = analysis.analyse(study)
    labels = study.labels()

    def write(folder: Path) -> None:
        write_tables(tables, folder)
        draw_elsewhere(name, folder, labels, study.drawers)

    saved = save_folder(out / name, study.manifest(name, settings), write)
    return Finished(name, tables, tuple(analysis.summarise(tables, labels)), saved)


def missing_jobs(study: Study, names: Sequence[str]) -> list[Job]:
    """Return the jobs that analyses need next and that are not kept yet; their later steps may need more."""
    by_key: dict[str, Job] = {}
    for name in names:
        try:
            analyses.get_analysis(name).analyse(study)
        except MissingJobsError as missing:
            by_key |= {job.key: job for job in missing.jobs}
    return list(by_key.values())

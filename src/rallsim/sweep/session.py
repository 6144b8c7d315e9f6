"""One command's sweep: its analyses run, planned or collected, and their results folders written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario
from rallsim.output.folder import Saved, check_folder, save_folder
from rallsim.simulation.engine_inputs import check_scenario, parameters_for
from rallsim.sweep import analyses
from rallsim.sweep.figures import draw_elsewhere
from rallsim.sweep.jobs import Job, Model
from rallsim.sweep.runner import MissingJobsError, Runner
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.store import FOLDER, Store
from rallsim.sweep.study import Study
from rallsim.sweep.tables import Tables, write_tables
from rallsim.sweep.workers import pool_of


@dataclass(frozen=True)
class Finished:
    """An analysis that is done: its tables, its sentences, and where they are."""

    name: str
    tables: Tables
    lines: tuple[str, ...]
    saved: Saved


def run_sweep(
    scenario: Scenario,
    names: Sequence[str] = ("psa",),
    folder: Path | None = None,
    *,
    settings: SweepSettings | None = None,
    parameters: ParameterSet | None = None,
    economics: EconomicSettings | None = None,
    workers: int = 1,
    cluster: str | None = None,
) -> dict[str, Finished]:
    """Run analyses of a scenario under many parameter values, as `rallsim sweep` does, and save them.

    `names` are the analyses (`rallsim sweep --analyses` lists them); `settings` say how many draws and patients, which
    parameters and thresholds. `folder` holds a folder an analysis, and the finished jobs, so that the same call goes on
    where it was stopped; it is results/sweep/<scenario> when not given. `parameters` are the shipped ones and
    `economics` those of the scenario when not given. `workers` processes share the jobs, or those of `cluster`, the
    address of a Dask scheduler; the results do not depend on how many there are.

    Returned are, by the name of the analysis, its tables, the sentences of its findings, and where it was saved. Raises
    InputError with all faults before anything is computed.

    >>> from tempfile import TemporaryDirectory
    >>> from rallsim.inputs.scenario import load_scenario
    >>> with TemporaryDirectory() as folder:
    ...     settings = SweepSettings(draws=4, patients=20)
    ...     found = run_sweep(load_scenario("first_salvage"), ["psa"], Path(folder) / "sweep", settings=settings)
    >>> found["psa"].tables["psa_costs"].shape
    (4, 3)
    """
    folder = Path("results") / "sweep" / scenario.id if folder is None else Path(folder)
    parameters = parameters_for(scenario, parameters or load_parameters())
    check_scenario(scenario, parameters)
    economics = economics or economic_settings(scenario, parameters)
    if economics is None:
        raise InputError(Problem("must name costs for a sweep", file=str(scenario.path), key="economics"))
    names = check_analyses(names, folder)
    model = Model(scenario, parameters, economics)
    study = open_study(model, folder, settings or SweepSettings(), workers=workers, cluster=cluster)
    return {name: finish(study, name, folder, []) for name in names}


def open_study(
    model: Model,
    folder: Path,
    settings: SweepSettings,
    *,
    workers: int = 1,
    cluster: str | None = None,
    fresh: bool = False,
    show_progress: bool = False,
) -> Study:
    """Return what the analyses of a sweep share, checked; whom a decision concerns is the scenario's where left open.

    `fresh` leaves aside the jobs that `folder` keeps.
    """
    assert model.economics is not None
    settings = replace(
        settings,
        incidence=settings.incidence or model.scenario.economics.incidence,
        discount=model.economics.rates.costs.rate,
        draw_seed=model.scenario.seed,
    )
    store = Store(folder / FOLDER, fresh=fresh)
    store.sweep_up()
    runner = Runner(model, store, pool_of(workers, cluster), show_progress=show_progress)
    study = Study(runner, settings, drawers=pool_of(1 if cluster else workers))
    study.check()
    return study


def check_analyses(names: Sequence[str], out: Path) -> list[str]:
    """Return the analyses once each; refuses unknown ones, and folders that cannot take their results."""
    known = analyses.names()
    problems = [
        Problem(
            "must be one of", key="ANALYSIS", found=f"'{name}'", allowed=", ".join(known), hint=nearest(name, known)
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

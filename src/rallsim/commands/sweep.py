"""`rallsim sweep`: sensitivity, uncertainty and value of information of a scenario, never losing work."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rallsim.commands.options import (
    INTERRUPTED,
    CostsOption,
    DiscountOption,
    HorizonOption,
    JsonOption,
    PatientsOption,
    PerspectiveOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    VariantOption,
    WtpOption,
)
from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from rallsim.sweep.session import Finished
    from rallsim.sweep.settings import SweepSettings
    from rallsim.sweep.study import Study

PLACE = 30  # among the commands that `--help` lists
DEFAULT_ANALYSES = ("psa",)


def _list_analyses(wanted: bool) -> None:
    if not wanted:
        return
    from rallsim.sweep.analyses import get_analysis, names

    for name in names():
        print(f"{name:10} {get_analysis(name).ABOUT}")
    raise typer.Exit


def sweep(
    scenario: ScenarioArgument,
    analysis: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ANALYSIS]...", help="Any of those that --analyses lists; psa when none is named."),
    ] = None,
    _: Annotated[
        bool, typer.Option("--analyses", is_eager=True, callback=_list_analyses, help="List the analyses, and stop.")
    ] = False,
    draws: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Draws of the parameters for psa and voi; 1000.")
    ] = None,
    design: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Morris' trajectories, Sobol's base sample, draws at a point of twoway."),
    ] = None,
    patients: PatientsOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work; results are the same.")] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler (tcp://...), or 'local' for one made on this machine."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/sweep/<scenario>/.")
    ] = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    costs: CostsOption = None,
    perspective: PerspectiveOption = None,
    discount: DiscountOption = None,
    wtp: WtpOption = None,
    horizon: HorizonOption = None,
    until: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME_se=X", help="Add draws or patients until an error is this small. Repeatable."),
    ] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="nmb, qalys, costs, lys, os_months, ... Repeatable.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH[=LO:HI]", help="Only these parameters, over their interval or LO to HI. Repeatable."
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A,B", help="Parameters taken together; hsct=hsct.* takes all that match. Repeatable."
        ),
    ] = None,
    cross: Annotated[
        list[str] | None, typer.Option(metavar="VARIANT", help="Combine these variants in every way. Repeatable.")
    ] = None,
    grid: Annotated[int | None, typer.Option(min=2, metavar="N", help="Points along a parameter.")] = None,
    incidence: Annotated[
        float | None, typer.Option(metavar="N", help="Patients a year, for values of information of the population.")
    ] = None,
    years: Annotated[float, typer.Option(metavar="N", help="Years the decision stands, with --incidence.")] = 10.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what is kept.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Write the list of jobs for a batch queue, and stop.")] = False,
    part: Annotated[
        str | None, typer.Option(metavar="K/N", help="Compute the K-th of N parts of the plan, and stop.")
    ] = None,
    collect: Annotated[bool, typer.Option("--collect", help="Make tables of what is kept; compute no job.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say how much work it is, stop.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Sweep a scenario: one-way, two-way, threshold, variants, probabilistic, Morris, Sobol, value of information.

    Results of every job are kept in DIR/jobs: the same command goes on where it was interrupted, and computes again
    only what changed. Each analysis writes tables, figures and manifest.json to DIR/<analysis>/. Costs and QALYs
    are counted as the scenario says, else with UK costs from the view of NICE.

    Example: rallsim sweep bridging_before_car_t psa --draws 1000 --patients 1000 --workers 2
    """
    from rallsim.sweep.workers import start_server

    if workers > 1 and cluster is None and not (dry_run or plan):
        start_server()  # loads the package while this process does
    from rallsim.sweep.plan import read_part
    from rallsim.sweep.session import check_analyses

    chosen = Path("results") / "sweep" / Path(scenario).stem if out is None else out
    names = check_analyses(analysis or list(DEFAULT_ANALYSES), chosen)
    study = _study(
        _settings((draws, design), patients, wtp, until, outcome, parameter, group, cross, grid, (incidence, years)),
        (scenario, seed, settings, variant),
        (costs, perspective, discount, horizon),
        chosen,
        (workers, cluster),
        fresh=fresh,
        quiet=as_json,
    )
    if dry_run or plan:
        _only_plan(study, names, chosen, workers, write=plan)
        return
    _announce(study, names, as_json)
    if part is not None:
        _do_part(study, names, chosen, read_part(part))
        return
    if collect:
        study.runner.wanted = lambda _: False
    _finish(study, names, chosen, settings or [], as_json)


def _study(
    wanted: SweepSettings,
    scenario: tuple[str, int | None, list[str] | None, list[str] | None],
    view: tuple[str | None, str | None, dict[str, float] | None, str | float | None],
    out: Path,
    who: tuple[int, str | None],
    *,
    fresh: bool,
    quiet: bool,
) -> Study:
    """Load and check everything before anything is computed."""
    from rallsim.commands.shared import economic_options, economics_wanted, load_checked
    from rallsim.sweep.jobs import Model
    from rallsim.sweep.session import open_study
    from rallsim.sweep.store import OLDER_FOLDER

    reference, seed, settings, variants = scenario
    options = economic_options(*view[:3], list(wanted.wtp), view[3])
    loaded, parameters = load_checked(reference, None, seed, settings, variants, options)
    model = Model(loaded, parameters, economics_wanted(loaded, parameters))
    if (out / OLDER_FOLDER).is_dir():
        older = f"{out / OLDER_FOLDER}/ was made by an older version"
        print(f"rallsim: {older}; nothing in it is read, and it can be deleted", file=sys.stderr)
    workers, cluster = who
    return open_study(model, out, wanted, workers=workers, cluster=cluster, fresh=fresh, show_progress=not quiet)


def _settings(
    sizes: tuple[int | None, int | None],
    patients: int | None,
    wtp: list[float] | None,
    until: list[str] | None,
    outcome: list[str] | None,
    parameter: list[str] | None,
    group: list[str] | None,
    cross: list[str] | None,
    grid: int | None,
    population: tuple[float | None, float],
) -> SweepSettings:
    """Read the options that say what to analyse; refuses all that is wrong with them at once."""
    from rallsim.sweep.settings import SweepSettings, combine, read_groups, read_ranges, read_until

    return combine(
        lambda: SweepSettings(draws=sizes[0], design=sizes[1], patients=patients, grid=grid, cross=tuple(cross or ())),
        wtp=lambda: tuple(wtp or ()),
        outcomes=lambda: tuple(dict.fromkeys(outcome or ["nmb"])),
        until=lambda: read_until(until or []),
        ranges=lambda: read_ranges(parameter or []),
        groups=lambda: read_groups(group or []),
        incidence=lambda: population[0],
        years=lambda: population[1],
    )


def _announce(study: Study, names: list[str], quiet: bool) -> None:
    """Say what is valued and how, and compile before other processes would each do so."""
    from rallsim.commands.shared import announce_compiling
    from rallsim.report.sweep import print_question

    announce_compiling("evaluation.loop")
    if not quiet:
        print_question(study, names)


def _only_plan(study: Study, names: list[str], out: Path, workers: int, *, write: bool) -> None:
    """Print what is still to do, and write it as a plan."""
    from rallsim.report.sweep import print_work
    from rallsim.sweep.plan import estimate, planned
    from rallsim.sweep.session import missing_jobs

    runner = study.runner
    runner.wanted = lambda _: False
    jobs = missing_jobs(study, names)
    print_work(names, estimate(runner.model, jobs), workers, runner.reused, runner.store.folder)
    if write:
        path = planned(jobs, " ".join(names)).write(out)
        print(f"Plan of {len(jobs):,} jobs written to {path}. Run the same command N times with --part K/N")
        print("instead of --plan, for K from 1 to N, and in the end with --collect.")


def _do_part(study: Study, names: list[str], out: Path, part: tuple[int, int]) -> None:
    """Compute the jobs of one part of the plan."""
    from rallsim.sweep.plan import read_plan
    from rallsim.sweep.session import missing_jobs

    mine = read_plan(out).part(*part)
    study.runner.wanted = lambda job: job.key in mine
    with _interruption(study):
        missing_jobs(study, names)
    runner = study.runner
    print(
        f"Part {part[0]} of {part[1]}: {runner.computed:,} jobs computed, {len(mine) - runner.computed:,} were there."
    )


def _finish(study: Study, names: list[str], out: Path, settings: list[str], as_json: bool) -> None:
    """Run the analyses, and print what they found and where it is."""
    from rallsim.report.sweep import document_of, print_finished
    from rallsim.sweep.runner import MissingJobsError
    from rallsim.sweep.session import finish

    done: list[Finished] = []
    for name in names:
        with _interruption(study):
            try:
                done.append(finish(study, name, out, settings))
            except MissingJobsError as missing:
                message = f"must have all jobs, and {len(missing.jobs):,} are missing for {name}"
                raise InputError(Problem(message, allowed="--plan, --part of each, then --collect")) from None
        if not as_json:
            print_finished(done[-1])
    runner = study.runner
    if runner.store.damaged:
        print(f"rallsim: {len(runner.store.damaged)} damaged files were computed again", file=sys.stderr)
    if as_json:
        print(json.dumps(document_of(study, done), indent=2, allow_nan=False, ensure_ascii=False))
        return
    print(f"Jobs: {runner.computed:,} computed, {runner.reused:,} kept from before, in {runner.store.folder}/")


@contextmanager
def _interruption(study: Study) -> Iterator[None]:
    """Say what is kept when the user stops, and end with the exit code of an interruption."""
    try:
        yield
    except KeyboardInterrupt:
        kept = study.runner.computed
        words = f"{kept:,} finished jobs are kept, the same command goes on from there"
        print(f"rallsim: interrupted; {words}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None

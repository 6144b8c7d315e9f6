"""The command line: thin commands that read, call, and print. Heavy modules load inside the command that needs them."""

from __future__ import annotations

import gc
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rallsim.commands.decide import decide
from rallsim.engine import ENGINES
from rallsim.errors import InputError, ModelError

EngineName = StrEnum("EngineName", list(ENGINES))  # type: ignore[misc]  # choices from what exists
DEFAULT_ENGINE = EngineName(ENGINES[0])
FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="rallsim",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=(
        "Simulate treatment pathways of adults with relapsed or refractory B-cell acute lymphoblastic leukaemia and "
        "compare strategies.\n\n"
        "Start with: rallsim scenarios, then rallsim run first_salvage\n\n"
        "Exit codes: 0 done, 1 the model or a check failed, 2 wrong input. Not medical advice."
    ),
)

ScenarioArgument = Annotated[
    str, typer.Argument(help="A YAML file, or the id of a shipped scenario.", metavar="SCENARIO")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replace one value: a scenario key (patients=500) or a parameter (hsct.sos_fatality=0.2). Repeatable.",
    ),
]
PatientsOption = Annotated[int | None, typer.Option("--patients", metavar="N", help="Patients, instead of the file's.")]
SeedOption = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed, instead of the file's.")]
EngineOption = Annotated[
    EngineName,
    typer.Option("--engine", help="batch: compiled loop; agents: a SimPy process a patient. The results are the same."),
]
VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant", metavar="NAME", help="Switch on a structural alternative of params/variants. Repeatable."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]


@app.command()
def run(
    scenario: ScenarioArgument,
    patients: PatientsOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/<scenario>/.")
    ] = None,
    engine: EngineOption = DEFAULT_ENGINE,
    workers: Annotated[int, typer.Option(min=1, help="Threads that share the patients; results are the same.")] = 1,
    events: Annotated[bool, typer.Option("--events", help="Write every event too, to events.parquet.")] = False,
    as_json: JsonOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, say what would run, stop.")] = False,
) -> None:
    """Run a scenario: compare its strategies and save tables and a figure.

    Every strategy treats the same simulated patients with the same luck. Saved are summary.csv, differences.csv,
    survival.csv, os.png and manifest.json. Earlier results with other inputs are moved aside, never overwritten.

    Example: rallsim run bridging_before_car_t --patients 2000 --set horizon_months=60
    """
    from rallsim.commands.shared import announce_compiling, load_checked, print_plan, progress_of
    from rallsim.results import check_folder

    loaded, parameters = load_checked(scenario, patients, seed, settings, variant)
    folder = out or Path("results") / loaded.id
    check_folder(folder)
    if dry_run:
        print_plan(loaded, folder, as_json)
        return

    from rallsim.report.tables import print_results
    from rallsim.report.terminal import records
    from rallsim.results import results_of, save
    from rallsim.simulation import simulate

    announce_compiling(engine)
    try:
        with progress_of(loaded, quiet=as_json) as progress:
            simulation = simulate(loaded, parameters, engine=engine, workers=workers, progress=progress)
    except KeyboardInterrupt:
        print("rallsim: interrupted, nothing was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    results = results_of(simulation)
    saved = save(simulation, results, folder, settings=settings or [], with_events=events)
    if as_json:
        document = {
            "scenario": loaded.id,
            "patients": loaded.patients,
            "seed": loaded.seed,
            "folder": str(saved.folder),
            "moved_earlier_results_to": str(saved.moved) if saved.moved else None,
            "summary": records(results.summary),
            "differences": records(results.differences),
        }
        print(json.dumps(document, indent=2, allow_nan=False))
        return
    print_results(simulation.scenario, results)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))


@app.command()
def verify(
    scenario: ScenarioArgument,
    patients: Annotated[int, typer.Option("--patients", metavar="N", help="Patients to compare.")] = 2000,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
) -> None:
    """Check that both engines write the same histories of a scenario, row for row and to the last bit.

    Exit code 1, and the first row that differs, when they part.
    """
    from rallsim.commands.shared import announce_compiling, load_checked
    from rallsim.simulation import first_difference, simulate

    loaded, parameters = load_checked(scenario, patients, seed, settings, variant)
    for engine in ENGINES:
        announce_compiling(engine)
    reference, *others = [simulate(loaded, parameters, engine=engine) for engine in ENGINES]
    rows = sum(len(history.events) for history in reference.histories.values())
    for engine, other in zip(ENGINES[1:], others, strict=True):
        difference = first_difference(reference, other)
        if difference:
            print(f"{ENGINES[0]} and {engine} part: {difference}")
            raise typer.Exit(FAILED)
    print(
        f"{loaded.id}: {' and '.join(ENGINES)} wrote the same {rows:,} rows, {patients:,} patients, seed {loaded.seed}."
    )


@app.command()
def explain(
    scenario: ScenarioArgument,
    patient: Annotated[int, typer.Option("--patient", metavar="N", help="Number in the history, from 0.")],
    strategies: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="ID", help="Only under this strategy. Repeatable; all when left out."),
    ] = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell one patient's story under every strategy, side by side, with where the paths part and why.

    The events are those of a run with the same seed, by whatever engine; only this patient is simulated.

    Example: rallsim explain first_salvage --patient 17
    """
    from rallsim.commands.shared import announce_compiling, load_checked
    from rallsim.explain.show import print_story
    from rallsim.explain.story import explain as story_of
    from rallsim.report.terminal import terminal

    loaded, parameters = load_checked(scenario, None, seed, settings, variant)
    announce_compiling("agents")  # the story leads the patient as the agents do
    story = story_of(loaded, patient, parameters, strategies=strategies or ())
    if as_json:
        print(json.dumps(story.as_data(), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        print_story(story, terminal())


@app.command()
def scenarios(as_json: JsonOption = False) -> None:
    """List the scenarios that come with the package, with their questions."""
    from rallsim.scenario import catalogue

    found = catalogue()
    if as_json:
        listed = [
            {"id": one.id, "title": one.title, "question": one.question, "strategies": list(one.strategies)}
            for one in found
        ]
        print(json.dumps(listed, indent=2))
        return
    for one in found:
        print(f"{one.id}\n  {one.title}\n  {one.question}")
        print(f"  {one.patients:,} patients; strategies: {', '.join(one.strategies)}\n")
    print("Run one with: rallsim run ID")


@app.command()
def evidence(
    identity: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An evidence row: where its number comes from and what uses it."),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Only rows of this topic, such as response or survival.")] = None,
    therapy: Annotated[str | None, typer.Option(help="Only rows of this therapy.")] = None,
    quantity: Annotated[str | None, typer.Option(help="Only rows of this quantity, such as cr_rate.")] = None,
    source: Annotated[str | None, typer.Option(help="Only rows of this source id.")] = None,
    text: Annotated[str | None, typer.Option(help="Only rows with this text in id, population or note.")] = None,
    used: Annotated[bool, typer.Option("--used", help="Only rows that a parameter rests on.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the published numbers behind the model, filter them, and trace one to the parameters that use it.

    Example: rallsim evidence tower_blin_cr_all
    """
    from rallsim.evidence import describe
    from rallsim.parameters import load_parameters
    from rallsim.report.tables import evidence_records, print_evidence

    parameters = load_parameters()
    if identity:
        row = parameters.evidence.row(identity)
        uses = parameters.uses(identity)
        print(json.dumps(evidence_records([row], parameters)[0], indent=2) if as_json else describe(row, uses))
        return
    filters = {"topic": topic, "therapy": therapy, "quantity": quantity, "source": source, "text": text}
    rows = parameters.evidence.filtered(**{key: value for key, value in filters.items() if value is not None})
    if used:
        rows = [row for row in rows if parameters.uses(row.id)]
    if as_json:
        print(json.dumps(evidence_records(rows, parameters), indent=2))
    else:
        print_evidence(rows, parameters)


@app.command()
def fit(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the fitted files are current.")] = False,
) -> None:
    """Fit what parameter files ask for to the evidence, and write params/fitted/.

    With --check nothing is written; the exit code is 1 when a fitted file is stale.
    """
    from rallsim.fit.run import stale_fits, write_fits

    changed = stale_fits() if check else write_fits()
    for path in changed:
        print(f"{'stale' if check else 'written'}: {path}")
    if not changed:
        print("All fitted files are current.")
    if check and changed:
        raise typer.Exit(FAILED)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors to complete and check them."""
    from rallsim.scenario import schema_text

    print(schema_text(), end="")


app.command()(decide)


def main() -> None:
    """Run the command line; turn our own errors into messages and exit codes."""
    # Imports and YAML trees make many objects and little garbage: collecting at every 700 takes a tenth of a short run.
    gc.set_threshold(100_000)
    try:
        app()
    except InputError as error:
        print(f"rallsim: {_count(len(error.problems))}", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    except ModelError as error:
        print(f"rallsim: the model is broken: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)


def _count(problems: int) -> str:
    return "one thing is wrong" if problems == 1 else f"{problems} things are wrong"

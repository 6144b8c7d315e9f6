"""`rallsim decide`: from a folder with anyone's probabilistic sample to tables and figures for a decision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from rallsim.decision.analysis import Decision
    from rallsim.decision.sample_files import FolderSample
    from rallsim.decision.style import Style

PLACE = 50  # among the commands that `--help` lists
DEFAULT_YEARS, DEFAULT_DISCOUNT = 10.0, 0.035
Result = TypeVar("Result")
PACKAGES = ("numpy", "pandas", "scipy")


def decide(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with psa_costs.csv and psa_effects.csv, or psa_long.csv.")
    ],
    reference: Annotated[
        str | None,
        typer.Option(metavar="STRATEGY", help="What others are compared with; a sweep's own, else the first column."),
    ] = None,
    wtp: Annotated[
        list[float] | None,
        typer.Option(
            metavar="AMOUNT",
            help="Willingness to pay for one QALY. Repeatable; a sweep's own, or 30,000, 50,000, 100,000.",
        ),
    ] = None,
    wtp_max: Annotated[float | None, typer.Option(metavar="AMOUNT", help="Where the curves end.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A,B", help="Parameters to value together; hsct=hsct.* takes all that match. Repeatable."
        ),
    ] = None,
    incidence: Annotated[
        float | None, typer.Option(metavar="N", help="Patients a year, for values of information of the population.")
    ] = None,
    years: Annotated[
        float | None, typer.Option(metavar="N", help="Years the decision stands, with --incidence; 10 when not given.")
    ] = None,
    discount: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Annual effective rate, with --incidence; 0.035 when not given."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="SIGN", help="Sign or code written before amounts; a sweep's own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Results go here instead of results/decide/<DIR>/.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
) -> None:
    """Decide between strategies: full incremental analysis, CEAC and CEAF, expected loss, EVPI and EVPPI.

    DIR holds a probabilistic sample made by this package or another: psa_costs.csv and psa_effects.csv (a column a
    strategy, a row a draw), with psa_life_years.csv and psa_parameters.csv where there are any. The psa folder of a
    sweep brings its labels, currency, reference and thresholds. Saved are a CSV file a table, figures and
    manifest.json. Earlier results with other inputs are moved aside, never overwritten.

    Example: rallsim decide psa/ --reference chemotherapy --wtp 30000 --wtp 50000 --currency £
    """
    from rallsim.decision.analysis import DEFAULT_WTP, decide_sample, write
    from rallsim.decision.style import Style
    from rallsim.output.folder import save_folder

    target = out or Path("results") / "decide" / folder.resolve().name
    read, groups, population = _checked(folder, target, reference, wtp, wtp_max, group, (incidence, years, discount))
    patients = population["patients"] if population else None
    currency = read.currency if currency is None else currency
    thresholds = wtp or read.wtp or DEFAULT_WTP
    decision = decide_sample(read.sample, thresholds, reference or read.reference, wtp_max, groups, patients)
    style = Style(read.sample.strategies, read.labels, currency)
    settings = {"wtp_max": wtp_max, "currency": currency, "groups": groups, "population": population}
    content = _manifest(decision, read, settings)
    saved = save_folder(target, content, lambda temporary: write(decision, style, temporary))
    if as_json:
        _print_json(decision, content, saved.folder, saved.moved, read.notes)
        return
    _print(decision, style)
    for note in read.notes:
        print(note)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: " + ", ".join(sorted(path.name for path in saved.folder.iterdir())))


def _checked(
    folder: Path,
    target: Path,
    reference: str | None,
    wtp: list[float] | None,
    wtp_max: float | None,
    group: list[str] | None,
    population: tuple[float | None, float | None, float | None],
) -> tuple[FolderSample, dict[str, list[str]], dict[str, float] | None]:
    """Read and check files and options before anything is computed; refuses with all their faults at once."""
    from rallsim.decision.acceptability import checked_wtp
    from rallsim.decision.analysis import DEFAULT_WTP, wtp_grid
    from rallsim.decision.partial_information import checked_groups
    from rallsim.decision.sample_files import read_sample
    from rallsim.output.folder import check_folder

    problems: list[Problem] = []

    def attempt(check: Callable[[], Result]) -> Result | None:
        try:
            return check()
        except InputError as error:
            problems.extend(error.problems)
            return None

    read = attempt(lambda: read_sample(folder))
    groups = attempt(lambda: _groups(group or []))
    whom = attempt(lambda: _population(*population))
    attempt(lambda: _keep_apart(folder, target))
    attempt(lambda: check_folder(target))
    attempt(lambda: checked_wtp(wtp or DEFAULT_WTP))
    attempt(lambda: wtp_grid(DEFAULT_WTP, [], wtp_max))
    if read is not None:
        sample = read.sample
        if reference is not None:
            attempt(lambda: sample.position(reference, "--reference"))
        if groups and sample.parameters is not None:
            names = list(sample.parameters.columns)
            attempt(lambda: checked_groups(groups, names))
        elif groups:
            problems.append(
                Problem("must come with a sample of parameters", key="--group", allowed="a file psa_parameters.csv")
            )
    if problems or read is None or groups is None:
        raise InputError(problems)
    return read, groups, whom


def _groups(texts: list[str]) -> dict[str, list[str]]:
    """Read NAME=A,B options."""
    groups, problems = {}, []
    for text in texts:
        name, _, members = text.partition("=")
        names = [member.strip() for member in members.split(",") if member.strip()]
        if not name.strip() or not names:
            problems.append(Problem("must be", key="--group", found=repr(text), allowed="NAME=PARAMETER,PARAMETER"))
        elif name.strip() in groups:
            problems.append(Problem("must be given once", key="--group", found=repr(text)))
        groups[name.strip()] = names
    if problems:
        raise InputError(problems)
    return groups


def _population(incidence: float | None, years: float | None, discount: float | None) -> dict[str, float] | None:
    """Whom the decision concerns; refuses years or a rate without the patients they belong to."""
    from rallsim.decision.value_of_information import patients_to_come

    if incidence is None:
        if years is None and discount is None:
            return None
        raise InputError(Problem("is missing: --years and --discount need it", key="--incidence"))
    years = DEFAULT_YEARS if years is None else years
    discount = DEFAULT_DISCOUNT if discount is None else discount
    patients = patients_to_come(incidence, years, discount)
    return {"incidence": incidence, "years": years, "discount": discount, "patients": patients}


def _keep_apart(folder: Path, target: Path) -> None:
    """Refuse a results folder whose making would move the sample."""
    if folder.resolve().is_relative_to(target.resolve()):
        raise InputError(
            Problem(
                "cannot hold results: the sample is in it", file=str(target), allowed="another folder for the results"
            )
        )


def _manifest(decision: Decision, read: FolderSample, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything needed to make the results again, without anything that changes from run to run."""
    import platform
    from importlib.metadata import version

    from rallsim import __version__
    from rallsim.output.manifest import code_sha256, file_sha256

    sample = decision.sample
    return {
        "rallsim": __version__,
        "code": code_sha256(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "analysis": "decide",
        "sample": {"draws": sample.draws, "strategies": list(sample.strategies), "reference": decision.reference},
        "settings": {"wtp": list(decision.wtp), **settings},
        "inputs": {path.name: file_sha256(path) for path in read.files},
    }


def _print(decision: Decision, style: Style) -> None:
    from rallsim.report.decision import print_decision

    print_decision(decision, style)


def _print_json(
    decision: Decision, content: dict[str, Any], folder: Path, moved: Path | None, notes: tuple[str, ...]
) -> None:
    """Print settings and all tables but those of single draws and of curves."""
    import json

    from rallsim.report.terminal import records

    shown = ("answers", "incremental", "pairwise", "summary", "net_benefit", "evppi")
    document = {
        "sample": content["sample"],
        "settings": content["settings"],
        "folder": str(folder),
        "moved_earlier_results_to": str(moved) if moved else None,
        "notes": list(notes),
        **{name: records(table) for name, table in decision.tables().items() if name in shown},
    }
    print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))

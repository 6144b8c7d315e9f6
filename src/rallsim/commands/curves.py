"""`rallsim curves`: published survival curves, every family fitted to them, and the one that is taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rallsim.commands.options import JsonOption

if TYPE_CHECKING:
    from rallsim.curves.analysis import Judged
    from rallsim.curves.published import PublishedCurve

PLACE = 65  # among the commands that `--help` lists


def curves(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CURVE", help="Published curves by id; all when none is named.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Tables and pages go here.")] = Path(
        "results/curves"
    ),
    background: Annotated[
        bool,
        typer.Option(
            "--background/--no-background",
            help="Fit the hazard in excess of the general population's, or that of all causes.",
        ),
    ] = True,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Draw a page a curve.")] = True,
    list_only: Annotated[bool, typer.Option("--list", help="Show which curves there are, and fit none.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit six families, plain and with a cured share, to published survival curves, and choose one by a written rule.

    Saved are chosen.csv (the family taken, its parameters and tail, and why), families.csv, parameters.csv, points.csv
    (every printed figure beside the fit), a page a curve and manifest.json. Earlier results with other inputs are moved
    aside, never overwritten.

    Example: rallsim curves graall_os inovate_inotuzumab_os --out results/two_curves
    """
    from rallsim.commands.shared import interruptible
    from rallsim.common.files import shipped
    from rallsim.common.progress import bar_of
    from rallsim.curves.analysis import chosen_curves, chosen_table, judge
    from rallsim.curves.background import shipped_backgrounds
    from rallsim.curves.curve_files import load_curves
    from rallsim.curves.pages import manifest_of, save_pages
    from rallsim.output.folder import check_folder

    known = load_curves()
    wanted = chosen_curves(known, names or [])
    if list_only:
        _print_list({name: known[name] for name in wanted}, as_json)
        return
    check_folder(out)
    steps = len(wanted) * (2 if pages else 1)
    with interruptible(), bar_of("Fitting and drawing", steps, quiet=as_json) as advance:

        def done() -> None:
            if advance:
                advance(1)

        judged = judge(known, shipped_backgrounds(), wanted, with_background=background, done=done)
        content = manifest_of(judged, shipped("params"), {"background": background, "pages": pages})
        saved = save_pages(judged, out, content, with_pages=pages, done=done)
    if as_json:
        import json

        from rallsim.report.terminal import records

        moved = str(saved.moved) if saved.moved else None
        document = {"folder": str(saved.folder), "moved_earlier_results_to": moved}
        print(json.dumps({**document, "curves": records(chosen_table(judged))}, indent=2, ensure_ascii=False))
        return
    _print(judged)
    if saved.moved:
        print(f"Earlier results with other inputs were moved to {saved.moved}/")
    print(f"Saved in {saved.folder}/: chosen.csv, families.csv, parameters.csv, points.csv, manifest.json", end="")
    print(f" and {len(judged)} pages" if pages else "")


def _print(judged: dict[str, Judged]) -> None:
    from rallsim.report.curves import print_chosen

    print_chosen(judged)


def _print_list(known: dict[str, PublishedCurve], as_json: bool) -> None:
    from rallsim.report.curves import print_curves

    print_curves(known, as_json)

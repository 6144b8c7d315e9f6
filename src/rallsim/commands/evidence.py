"""`rallsim evidence`: the published numbers behind the model."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rallsim.commands.options import JsonOption

PLACE = 70  # among the commands that `--help` lists


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
    from rallsim.inputs.evidence import describe
    from rallsim.inputs.parameters import load_parameters
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

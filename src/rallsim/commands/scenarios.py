"""`rallsim scenarios`: what comes with the package."""

from __future__ import annotations

import json

from rallsim.commands.options import JsonOption

PLACE = 5  # among the commands that `--help` lists


def scenarios(as_json: JsonOption = False) -> None:
    """List the scenarios that come with the package, with their questions."""
    from rallsim.inputs.scenario import catalogue

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

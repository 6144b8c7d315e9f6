"""Parameters as they were on a day, for tests whose right values were computed with them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from rallsim.inputs.parameters import ParameterSet, load_parameters

FROZEN = Path(__file__).parent / "fixtures" / "parameters_2026_11.json"


@cache
def frozen_parameters() -> ParameterSet:
    """Return the shipped parameters with every value as it was in November 2026.

    A parameter that came later needs a value in the file that leaves the model as it was without it. One that is gone
    leaves the file too. Therapies, labels and life tables are the shipped ones.
    """
    shipped = load_parameters().parameters
    frozen: dict[str, float] = json.loads(FROZEN.read_text(encoding="utf-8"))
    missing, gone = sorted(shipped.keys() - frozen.keys()), sorted(frozen.keys() - shipped.keys())
    assert not missing, f"{FROZEN.name} needs the values that leave the model as it was, for {missing}"
    assert not gone, f"{FROZEN.name} has parameters that are no more: {gone}"
    return replace(
        load_parameters(), parameters={path: replace(one, value=frozen[path]) for path, one in shipped.items()}
    )

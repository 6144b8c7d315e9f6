"""What worker processes have before they begin: the package, compiled code read from the cache, what draws figures.

Only the server that workers are forked from imports this module. One patient is evaluated and one figure drawn, which
brings in compiled code and fonts; the workers then share these, and neither read nor hold them each for themselves.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from io import BytesIO

from rallsim.economics.setting import economics_of
from rallsim.engine import must_compile
from rallsim.errors import RallsimError
from rallsim.evaluation import evaluate
from rallsim.parameter_cache import shipped_parameters
from rallsim.plots import new_axes
from rallsim.scenario import load_scenario, shipped_scenarios
from rallsim.sweep import drawing
from rallsim.sweep.figures import figure_of

__all__ = ["drawing"]  # what workers do beside cells


def preload() -> None:
    """Evaluate one patient of a shipped scenario; faults are left to the work itself, which tells them.

    Where the pathway was never compiled, nothing is evaluated: the process that shares out the work compiles it.
    """
    if must_compile("valued"):
        return
    with suppress(RallsimError):
        parameters = shipped_parameters()
        scenario = load_scenario(shipped_scenarios()[0][0], patients=1)
        evaluate(scenario, parameters, economics_of(parameters=parameters))


preload()
figure_of(new_axes()).savefig(BytesIO())
gc.collect()
gc.freeze()  # what was loaded stays as it is: pages are shared as long as nobody counts their objects

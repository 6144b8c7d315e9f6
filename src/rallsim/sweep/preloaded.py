"""What worker processes have before they begin: the package, and compiled code read from the cache.

Only the server that workers are forked from imports this module. One patient is evaluated, which brings the compiled
code in; the workers then share it, and neither read nor hold it each for themselves.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from rallsim.economics.setting import economics_of
from rallsim.errors import RallsimError
from rallsim.evaluation import evaluate
from rallsim.parameter_cache import shipped_parameters
from rallsim.scenario import load_scenario, shipped_scenarios


def preload() -> None:
    """Evaluate one patient of a shipped scenario; faults are left to the work itself, which tells them."""
    with suppress(RallsimError):
        parameters = shipped_parameters()
        scenario = load_scenario(shipped_scenarios()[0][0], patients=1)
        evaluate(scenario, parameters, economics_of(parameters=parameters))


preload()
gc.collect()
gc.freeze()  # what was loaded stays as it is: pages are shared as long as nobody counts their objects

"""What worker processes have before they begin: the package, compiled code read from the cache, what draws figures.

Only the server that workers are forked from imports this module. One patient is evaluated and one figure drawn, which
brings in compiled code and fonts; the workers then share these, and neither read nor hold them each for themselves.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from io import BytesIO


def load_package() -> None:
    """Import what workers do, and draw an empty figure."""
    from rallsim.common.figures import figure_of, new_axes
    from rallsim.sweep import figures, jobs  # noqa: F401  # both are called in workers

    figure_of(new_axes()).savefig(BytesIO())


def load_compiled() -> None:
    """Evaluate one patient of a shipped scenario; faults are left to the work itself, which reports them.

    Where the pathway was never compiled nothing is evaluated: the process that shares out the work compiles it.
    """
    from rallsim.economics.settings.settings import economic_settings
    from rallsim.errors import RallsimError
    from rallsim.evaluation.evaluate import evaluate
    from rallsim.inputs.parameter_cache import shipped_parameters
    from rallsim.inputs.scenario import load_scenario, shipped_scenarios
    from rallsim.simulation.engines import must_compile

    if must_compile("evaluation.loop"):
        return
    with suppress(RallsimError):
        parameters = shipped_parameters()
        scenario = load_scenario(shipped_scenarios()[0][0], patients=1)
        evaluate(scenario, parameters, economic_settings(scenario, parameters))


gc.disable()  # imports make many objects and no garbage: a fifth of the time
load_package()
load_compiled()
gc.freeze()  # what was loaded stays as it is: pages are shared as long as nobody counts their objects
gc.enable()

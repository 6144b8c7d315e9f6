"""Treatment pathways of adults with relapsed or refractory B-cell acute lymphoblastic leukaemia.

The names of `__all__` are the public ones. They load when they are first used, so that `import rallsim` takes no time.
Nothing in this package is medical advice: it compares strategies in simulated cohorts.

>>> import rallsim
>>> scenario = rallsim.load_scenario("first_salvage", patients=200)
>>> tables = rallsim.summarise(rallsim.simulate(scenario))
>>> list(tables.summary.columns)
['strategy', 'outcome', 'unit', 'estimate', 'std_error', 'lo', 'hi']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rallsim.common.figures import plot_survival
    from rallsim.decision.analysis import decide_sample
    from rallsim.decision.figures import plot_ceac, plot_evpi, plot_evppi, plot_expected_loss, plot_frontier, plot_plane
    from rallsim.decision.style import Style
    from rallsim.economics.settings.settings import economic_settings
    from rallsim.economics.tables.economic_results import value_histories
    from rallsim.evaluation.evaluate import evaluate
    from rallsim.inputs.parameters import load_parameters
    from rallsim.inputs.scenario import load_scenario
    from rallsim.output.folder import summarise
    from rallsim.simulation.simulate import simulate
    from rallsim.sweep.session import run_sweep
    from rallsim.sweep.settings import SweepSettings
    from rallsim.validation.figures import plot_trial
    from rallsim.validation.overview import plot_calibration
    from rallsim.validation.run import validate_model

__version__ = "0.1.0"
__all__ = [
    "Style",
    "SweepSettings",
    "decide_sample",
    "economic_settings",
    "evaluate",
    "load_parameters",
    "load_scenario",
    "plot_calibration",
    "plot_ceac",
    "plot_evpi",
    "plot_evppi",
    "plot_expected_loss",
    "plot_frontier",
    "plot_plane",
    "plot_survival",
    "plot_trial",
    "run_sweep",
    "simulate",
    "summarise",
    "validate_model",
    "value_histories",
]
_MODULES = {  # where each public name is defined
    "plot_survival": "common.figures",
    "decide_sample": "decision.analysis",
    "plot_ceac": "decision.figures",
    "plot_evpi": "decision.figures",
    "plot_evppi": "decision.figures",
    "plot_expected_loss": "decision.figures",
    "plot_frontier": "decision.figures",
    "plot_plane": "decision.figures",
    "Style": "decision.style",
    "economic_settings": "economics.settings.settings",
    "value_histories": "economics.tables.economic_results",
    "evaluate": "evaluation.evaluate",
    "load_parameters": "inputs.parameters",
    "load_scenario": "inputs.scenario",
    "summarise": "output.folder",
    "simulate": "simulation.simulate",
    "run_sweep": "sweep.session",
    "SweepSettings": "sweep.settings",
    "plot_trial": "validation.figures",
    "plot_calibration": "validation.overview",
    "validate_model": "validation.run",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'rallsim' has no attribute '{name}'")
    return getattr(import_module(f"rallsim.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Engines: they move patients along the pathway and keep the clock; they know no medicine.

An engine is a module with `simulate_block(entrants, uniforms, prepared, draw=0)`, which returns the history rows of
a block, and `COMPILED`, the name of the compiled function it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

ENGINES = ("batch", "agents")


def engine_called(name: str) -> Callable[..., Any]:
    """Return `simulate_block` of an engine; its module loads now."""
    return cast(Callable[..., Any], import_module(f"rallsim.simulation.{name}").simulate_block)


def must_compile(module: str) -> bool:
    """Tell whether a module, such as `simulation.batch`, will compile the pathway on its first call, a while."""
    loop = import_module(f"rallsim.{module}")
    compiled = import_module("rallsim.common.compiled")
    return bool(compiled.is_compiling() and not compiled.was_compiled(loop.COMPILED))

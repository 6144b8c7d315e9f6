"""Analyses of a sweep: every module here is one, found by being here.

A module has `ABOUT` (a line), `analyse(study) -> tables by name`, `draw(tables, labels) -> figures by file name` and
`summarise(tables, labels) -> sentences`. Tables are written as CSV; `draw` and `summarise` read nothing else.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names() -> list[str]:
    """Return the names of all analyses.

    >>> "psa" in names()
    True
    """
    return sorted(one.name for one in iter_modules(__path__))


def get_analysis(name: str) -> ModuleType:
    """Return the module of an analysis."""
    return import_module(f"{__name__}.{name}")

"""The public names: what `import rallsim` gives, when it loads, and what is said of it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import rallsim
from api_page import api
from marks import renewed

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
HEAVY = {"numpy", "pandas", "numba", "pydantic", "matplotlib", "scipy", "simpy", "typer"}
FUNCTIONS = ("load_scenario", "load_parameters", "simulate", "evaluate", "summarise", "validate_model")


def test_the_import_takes_no_time() -> None:
    """`import rallsim` loads no heavy package, and ends within a second even on a busy machine."""
    code = "import sys, time; t = time.perf_counter(); import rallsim; print(time.perf_counter() - t, *sys.modules)"
    seconds, *loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(loaded) & HEAVY == set()
    assert float(seconds) < 1.0


def test_every_public_name_is_there() -> None:
    """Each name of `__all__` loads, is listed by `dir`, and is known to type checkers from the same module."""
    tree = ast.parse(inspect.getsource(rallsim))
    typed = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rallsim.")
        for alias in node.names
    }
    assert set(FUNCTIONS) <= set(rallsim.__all__) <= set(dir(rallsim))
    assert rallsim.__all__ == sorted(rallsim.__all__)
    assert set(typed) == set(rallsim.__all__)
    for name, module in typed.items():
        assert getattr(rallsim, name) is getattr(import_module(str(module)), name)


def test_no_public_name_is_that_of_a_folder() -> None:
    """Modules of the package still import under their names, and an unknown name is no attribute."""
    modules = [module.name for module in iter_modules(rallsim.__path__)]
    assert len(modules) > 10
    assert set(modules) & set(rallsim.__all__) == set()
    for name in modules:
        assert import_module(f"rallsim.{name}").__name__ == f"rallsim.{name}"
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        rallsim.simulat  # noqa: B018


@pytest.mark.parametrize("name", rallsim.__all__)
def test_what_is_public_is_explained(name: str) -> None:
    """A public name has types and an example that runs as a doctest; it, or the page, says what each argument means."""
    thing = getattr(rallsim, name)
    text = inspect.getdoc(thing) or ""
    assert ">>> " in text
    shared = PAGE.read_text(encoding="utf-8").split("<!-- api:")[0]
    for parameter in inspect.signature(thing).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert f"`{parameter.name}" in text or f"`{parameter.name}`" in shared, parameter.name


def test_the_page_is_made_of_the_docstrings() -> None:
    """docs/api.md says what the docstrings say (`python tools/api_page.py` renews it)."""
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text, "api", api()) == text

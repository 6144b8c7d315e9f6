from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import rallsim
from rallsim.common.compiled import FOLDERS, is_compiling


def compiled_functions() -> Iterator[Callable[..., Any]]:
    """Yield the Python function of everything the package compiles."""
    for found in pkgutil.walk_packages(rallsim.__path__, "rallsim."):
        for function in list(vars(importlib.import_module(found.name)).values()):
            if hasattr(function, "py_func") and function.py_func.__module__ == found.name:
                yield function.py_func


def test_examples_of_compiled_functions_hold() -> None:
    """Examples in docstrings of compiled functions, which pytest does not find by itself, give what they print."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(verbose=False)
    examples = 0
    for function in compiled_functions():
        names = function.__globals__ | {function.__name__: function}
        for test in finder.find(function, f"{function.__module__}.{function.__name__}", globs=names):
            examples += runner.run(test).attempted
    assert runner.summarize(verbose=False).failed == 0
    assert examples >= 8 or not is_compiling()


def test_the_cache_knows_every_source_of_compiled_code() -> None:
    """Whatever file holds a compiled function is hashed into the cache's name, so old machine code is never used."""
    modules = {function.__module__.removeprefix("rallsim.") for function in compiled_functions()}
    folders = {name.partition(".")[0] for name in modules}
    assert folders <= set(FOLDERS)
    assert folders or not is_compiling()

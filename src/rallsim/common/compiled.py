"""One decorator that compiles the pathway: the same functions run as plain Python when NUMBA_DISABLE_JIT=1.

Compiled code is kept in a folder of the user's cache named after a hash of the sources, since numba itself looks
only at the file of the outermost function and would keep using a loop whose inner functions have changed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

from rallsim.common.files import PACKAGE

Function = TypeVar("Function", bound=Callable[..., object])
Result = TypeVar("Result")

FOLDERS = ("common", "model", "outcomes", "simulation", "economics", "evaluation")  # with compiled functions


def user_cache() -> Path:
    """Return the package's folder in the user's cache, or a temporary one where that cannot be written."""
    wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rallsim"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"rallsim-{os.getuid() if hasattr(os, 'getuid') else 0}"


def _cache_folder() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return user_cache() / digest.hexdigest()[:16]


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]  # set at import time by numba


# The pathway allocates nothing, so counting references to its arrays (two atomic operations a step, half of the time)
# is left out.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def compiled(function: Function) -> Function:
    """Compile `function` to machine code inside its callers, on their first call, and keep the result."""
    return cast(Function, numba.njit(cache=True, forceinline=True, **OPTIONS)(function))


def compiled_entry(function: Callable[..., Result]) -> Callable[..., Result]:
    """Compile a function that Python calls: like `compiled`, but a function of its own.

    In plain Python it may wrap around 2^64 as the compiled one does.
    """
    if not is_compiling():
        return np.errstate(over="ignore")(function)
    return cast(Callable[..., Result], numba.njit(cache=True, nogil=True, **OPTIONS)(function))


def was_compiled(name: str) -> bool:
    """Tell whether an earlier run left compiled code of a function that Python calls."""
    return next(Path(str(numba.config.CACHE_DIR)).rglob(f"*.{name}-*.nbi"), None) is not None  # type: ignore[attr-defined]


def is_compiling() -> bool:
    """Tell whether functions are compiled at all (NUMBA_DISABLE_JIT is not set)."""
    return not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

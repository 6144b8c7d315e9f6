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

Function = TypeVar("Function", bound=Callable[..., object])

SOURCES = ("compiled.py", "survival.py", "luck.py", "patient.py", "stages.py", "history.py", "pathway.py", "rules.py")


def _cache_folder() -> Path:
    folder = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for name in SOURCES:
        digest.update((folder / name).read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = base / "rallsim" / digest.hexdigest()[:16]
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"rallsim-{os.getuid() if hasattr(os, 'getuid') else 0}" / wanted.name


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]  # set at import time by numba


def compiled(function: Function) -> Function:
    """Compile `function` to machine code on its first call, and keep the result for the next run."""
    result: Any = numba.njit(cache=True, error_model="numpy")(function)
    return cast(Function, result)


def is_compiling() -> bool:
    """Tell whether functions are compiled at all (NUMBA_DISABLE_JIT is not set)."""
    return not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

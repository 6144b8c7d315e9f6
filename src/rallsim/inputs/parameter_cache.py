"""The shipped parameters as an earlier run left them: checked once for every state of the files and of the code.

Reading and checking all of `params/` takes half a second, every time a command starts. What came of it is kept in the
user's cache under a hash of those files and of the package's own code, and only ever read from there by the same user.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from contextlib import suppress

from rallsim.common.compiled import user_cache
from rallsim.common.files import PACKAGE, shipped, written_atomically
from rallsim.errors import InputError
from rallsim.inputs.parameters import ParameterSet, load_parameters


def shipped_parameters() -> ParameterSet:
    """Return `load_parameters()`, from the cache where it can be; a cache that cannot be read or written is ignored.

    >>> shipped_parameters().values("adult_relapse") == load_parameters().values("adult_relapse")
    True
    """
    kept = user_cache() / f"parameters-{_state()[:24]}.pickle"
    with suppress(OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, TypeError, ValueError):
        if not hasattr(os, "getuid") or kept.stat().st_uid == os.getuid():
            found = pickle.loads(kept.read_bytes())  # written by this user below
            if isinstance(found, ParameterSet):
                return found
    parameters = load_parameters()
    with suppress(OSError, InputError), written_atomically(kept) as temporary:
        temporary.write_bytes(pickle.dumps(parameters, protocol=pickle.HIGHEST_PROTOCOL))
    return parameters


def _state() -> str:
    digest = hashlib.sha256()
    for folder, pattern in ((shipped("params"), "*.*"), (PACKAGE, "*.py")):
        for path in sorted(folder.rglob(pattern)):
            digest.update(f"{path}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()

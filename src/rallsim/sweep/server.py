"""The server that worker processes are forked from. It can be started before anything heavy is loaded here.

This module imports nothing of the package: a command starts the server first, which then loads the package and the
compiled code on another processor while the command reads and checks its files.
"""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.context import BaseContext

LOADED = ["rallsim.sweep.preloaded"]


def context() -> BaseContext:
    """Return what starts worker processes: by the server, or anew where there can be none."""
    if not _possible():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(LOADED)
    return found


def start() -> None:
    """Start the server and do not wait for it; where it runs already, or none can be, nothing happens.

    Interruptions are kept from it and so from its workers: this process decides what they mean, and the server ends
    with it, however it ends.
    """
    if not _possible():
        return
    from multiprocessing import forkserver, resource_tracker

    context()
    resource_tracker.ensure_running()  # would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _possible() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()

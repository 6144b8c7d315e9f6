"""Who computes the cells: this process, processes on this machine, or a Dask cluster, all by `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

from rallsim.errors import InputError, Problem
from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep import server
from rallsim.sweep.jobs import Cell, compute

LOCAL = "local"  # as a cluster's address: a Dask cluster made for this run on this machine
IN_FLIGHT = 2  # cells handed out a worker, so that none waits and few are lost
MOST_BREAKS = 3  # of a pool whose workers die, before it is given up
Done = Callable[[Cell, Evaluation], None]


class Opened(NamedTuple):
    """An executor, and how many cells it computes at the same time."""

    executor: Executor
    at_once: int


Pool = Callable[[], AbstractContextManager[Opened]]


class Here(Executor):
    """An executor that computes at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Call the function and return a future that holds what came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def pool_of(workers: int, cluster: str | None = None) -> Pool:
    """Return what opens an executor: of this process for one worker, of several, or of the cluster at an address."""
    if cluster is not None:
        return lambda: _dask(cluster, workers)
    return _here if workers == 1 else lambda: _processes(workers)


@contextmanager
def _here() -> Iterator[Opened]:
    yield Opened(Here(), 1)


def run(cells: Sequence[Cell], packed: bytes, pool: Pool, done: Done) -> None:
    """Compute cells and hand each to `done` as it comes, in whatever order.

    A worker that dies loses the cells it was at; they are given to a new pool. After an interruption no cell is handed
    out any more, those in flight are finished and handed to `done`, and the interruption goes on.
    """
    waiting = list(reversed(cells))
    for _ in range(MOST_BREAKS):
        try:
            with pool() as opened:
                _work_off(waiting, opened, packed, done)
            return
        except BrokenExecutor:
            continue
    raise InputError(Problem("workers died again and again", key="--workers", allowed="fewer, or more memory"))


def _work_off(waiting: list[Cell], opened: Opened, packed: bytes, done: Done) -> None:
    flying: dict[Future[Evaluation], Cell] = {}

    def land(futures: set[Future[Evaluation]]) -> None:
        for future in futures:
            done(flying[future], future.result())
            del flying[future]

    try:
        while waiting or flying:
            with interruptions_wait():
                while waiting and len(flying) < IN_FLIGHT * opened.at_once:
                    cell = waiting.pop()
                    try:
                        flying[opened.executor.submit(compute, packed, cell)] = cell
                    except BrokenExecutor:
                        waiting.append(cell)
                        raise
            land(wait(flying, return_when=FIRST_COMPLETED).done)
    except BrokenExecutor:
        waiting += flying.values()
        raise
    except KeyboardInterrupt:
        land(wait(flying).done)
        raise


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """Let an interruption come at the end of the block: a process half started would be lost, and complain of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _processes(workers: int) -> Iterator[Opened]:
    """Open processes that fork from a server which has loaded the package once, or start anew where there is none."""
    server.start()
    with ProcessPoolExecutor(workers, mp_context=server.context(), initializer=_begin) as pool:
        yield Opened(pool, workers)


def _begin() -> None:
    """Leave interruptions to the parent, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(address: str, workers: int) -> Iterator[Opened]:
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            Problem("needs Dask", key="--cluster", allowed="pip install 'rallsim[cluster]' first, or --workers")
        ) from error
    with ExitStack() as stack:
        where: Any = address
        if address == LOCAL:
            where = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))  # type: ignore[no-untyped-call]
        try:
            client = stack.enter_context(Client(where, timeout="10s"))  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InputError(Problem("no Dask scheduler answers", key="--cluster", found=address)) from error
        yield dask_pool(client)


def dask_pool(client: Any) -> Opened:
    """Return the executor of a Dask client; a cell whose worker dies goes to another."""
    return Opened(client.get_executor(retries=MOST_BREAKS), max(1, sum(client.ncores().values())))

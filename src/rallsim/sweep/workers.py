"""Who computes the jobs: this process, processes on this machine, or a Dask cluster, all by `concurrent.futures`.

Importing this module loads nothing heavy: a command starts the server first (`start_server`), which then loads the
package and the compiled code on another processor while the command reads and checks its files.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any, NamedTuple

from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from rallsim.evaluation.evaluate import Evaluation
    from rallsim.sweep.jobs import Job

    Done = Callable[[Job, Evaluation], None]

LOCAL = "local"  # as a cluster's address: a Dask cluster made for this run on this machine
JOBS_A_WORKER = 2  # handed out to each worker at a time, so that none waits and few are lost
MOST_BREAKS = 3  # of a pool whose workers die, before it is given up
PRELOADED = ["rallsim.sweep.preloaded"]  # what the server imports before it makes workers


class Workers(NamedTuple):
    """An executor, and how many jobs it computes at the same time."""

    executor: Executor
    at_once: int


Pool = Callable[[], AbstractContextManager[Workers]]


class SerialExecutor(Executor):
    """An executor that computes at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Call the function and return a future that holds its result or its error."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def pool_of(workers: int, cluster: str | None = None) -> Pool:
    """Return what opens workers: this process for one worker, several processes, or the cluster at an address."""
    if cluster is not None:
        return lambda: _dask(cluster, workers)
    return _this_process if workers == 1 else lambda: _processes(workers)


def run(jobs: Sequence[Job], packed: bytes, pool: Pool, done: Done) -> None:
    """Compute jobs and hand each to `done` when it is finished, in whatever order.

    A worker that dies loses the jobs it was at; they are given to a new pool. After an interruption no job is handed
    out any more, those in flight are finished and handed to `done`, and the interruption goes on.
    """
    waiting = list(reversed(jobs))
    for _ in range(MOST_BREAKS):
        try:
            with pool() as workers:
                process_queue(waiting, workers, packed, done)
            return
        except BrokenExecutor:
            continue
    raise InputError(Problem("must be fewer, or have more memory: they died again and again", key="--workers"))


def process_queue(waiting: list[Job], workers: Workers, packed: bytes, done: Done) -> None:
    """Hand out the jobs that are waiting until none is left; a job that is lost is waiting again."""
    from rallsim.sweep.jobs import compute

    in_flight: dict[Future[Evaluation], Job] = {}

    def collect(futures: set[Future[Evaluation]]) -> None:
        for future in futures:
            done(in_flight[future], future.result())
            del in_flight[future]

    try:
        while waiting or in_flight:
            with interruptions_wait():
                while waiting and len(in_flight) < JOBS_A_WORKER * workers.at_once:
                    job = waiting.pop()
                    try:
                        in_flight[workers.executor.submit(compute, packed, job)] = job
                    except BrokenExecutor:
                        waiting.append(job)
                        raise
            collect(wait(in_flight, return_when=FIRST_COMPLETED).done)
    except BrokenExecutor:
        waiting += in_flight.values()
        raise
    except KeyboardInterrupt:
        collect(wait(in_flight).done)
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


def start_server() -> None:
    """Start the server that workers fork from, and do not wait for it; nothing happens where it runs or none can be.

    Interruptions are kept from it and so from its workers: this process decides what they mean, and the server ends
    with it, however it ends.
    """
    if not _can_fork():
        return
    from multiprocessing import forkserver, resource_tracker

    _context()
    resource_tracker.ensure_running()  # would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> BaseContext:
    """Return what starts worker processes: by the server, or anew where there can be none."""
    if not _can_fork():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _can_fork() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


@contextmanager
def _this_process() -> Iterator[Workers]:
    yield Workers(SerialExecutor(), 1)


@contextmanager
def _processes(workers: int) -> Iterator[Workers]:
    """Open processes that fork from a server which has loaded the package once, or start anew where there is none."""
    start_server()
    with ProcessPoolExecutor(workers, mp_context=_context(), initializer=_begin) as pool:
        yield Workers(pool, workers)


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
def _dask(address: str, workers: int) -> Iterator[Workers]:
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            Problem("cannot work without Dask: pip install 'rallsim[cluster]' first, or use --workers", key="--cluster")
        ) from error
    with ExitStack() as stack:
        where: Any = address
        if address == LOCAL:
            where = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))  # type: ignore[no-untyped-call]
        try:
            client = stack.enter_context(Client(where, timeout="10s"))  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InputError(
                Problem("must be the address of a Dask scheduler that answers", key="--cluster", found=address)
            ) from error
        yield dask_pool(client)


def dask_pool(client: Any) -> Workers:
    """Return the executor of a Dask client; a job whose worker dies goes to another."""
    return Workers(client.get_executor(retries=MOST_BREAKS), max(1, sum(client.ncores().values())))

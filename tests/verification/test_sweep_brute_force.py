"""Slow checks of sweeps: value of information by brute force, and a real cluster that loses a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from helpers_sweep import formula, points, runner
from rallsim.decision.partial_information import evppi
from rallsim.inputs.scenario import load_scenario
from rallsim.sweep.analyses.psa import psa_sample
from rallsim.sweep.draws import Joint
from rallsim.sweep.measures import Floats, means
from rallsim.sweep.sampling import sample_of
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.study import Study
from rallsim.sweep.workers import Pool, dask_pool

WTP = 25_000.0


def _opened(client: Any) -> Pool:
    return lambda: nullcontext(dask_pool(client))


class Nested(NamedTuple):
    """EVPPI and its standard error over the outer draws."""

    value: float
    std_error: float


def nested_evppi(
    study: Study,
    members: Sequence[str],
    wtp: float,
    *,
    outer: int,
    inner: int,
    patients: int,
    expected: Floats | None = None,
) -> Nested:
    """Expected value of perfect information on some parameters, by nested simulation.

    EVPPI = mean_o max_d m_od - max_d mean_o m_od,  m_od = mean_i NMB_d(members of outer draw o, others of draw i)

    Outer and inner draws are the first rows of the joint draws, so the members must be independent of all other
    parameters. Every m_od carries the error of its inner draws, most of which all outer draws share because they meet
    the same inner ones. `expected` takes that out: net benefits that a larger sample expects of each strategy, to which
    the m_od are shifted. All meet the same patients.
    """
    draws = study.draws(max(outer, inner)).table
    own, others = list(members), draws.iloc[:inner]
    known = draws[own].iloc[:outer].to_dict("records")
    parts = [others.assign(**{str(path): value for path, value in row.items()}) for row in known]
    table = pd.concat(parts, ignore_index=True)
    evaluation = study.evaluate(table, patients=patients, words=f"{outer} × {inner} nested draws")
    found = means(evaluation, "nmb", wtp).reshape(outer, inner, -1).mean(axis=1)
    if expected is not None:
        found = found + (expected - found.mean(axis=0))
    chosen = int(found.mean(axis=0).argmax())
    gains = found.max(axis=1) - found[:, chosen]
    return Nested(float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(outer)))


def test_nested_simulation_meets_the_closed_form(tmp_path: Path) -> None:
    """Net benefit a x with x of the draws: EVPPI = E max(0, a x - a m) for the mean m, by sums over the same draws."""
    path = "hsct.sos_fatality"
    study = formula(tmp_path, SweepSettings(wtp=(1.0,)))
    x = study.draws(300).table[path].to_numpy()
    study.costs = lambda t: np.stack([np.zeros(len(t)), 100 * (t[path].to_numpy() - x.mean()), np.full(len(t), 1e6)], 1)

    found = nested_evppi(study, [path], 1.0, outer=300, inner=3, patients=100)

    assert found.value == pytest.approx(float(np.maximum(0, -100 * (x - x.mean())).mean()), rel=1e-6)


@pytest.mark.slow
def test_regression_meets_nested_simulation(tmp_path: Path) -> None:
    """The two most valuable independent factors of a simulated model: 1,000 regressed draws and 60 × 20 nested agree.

    Both rest on the same 200 patients. Allowed are three standard errors of the difference; each value itself is more
    than two of its own above 0, so that agreement means something.
    """
    scenario = load_scenario("bridging_before_car_t")
    study = Study(runner(tmp_path, workers=2, scenario=scenario), SweepSettings(wtp=(WTP,), draws=1000, patients=200))
    found = psa_sample(study, sample_of(study))
    assert found.parameters is not None
    expected = (WTP * found.effects - found.costs).mean(axis=0)
    factors = Joint.of(found.parameters).factors({})
    table = evppi(found, [WTP], factors).sort_values("EVPPI", ascending=False)

    for row in table.head(2).to_dict("records"):
        group = factors[str(row["Parameters"])]
        nested = nested_evppi(study, group, WTP, outer=60, inner=20, patients=200, expected=expected)

        error = float(np.hypot(row["Std_Error"], nested.std_error))
        assert nested.value > 2 * nested.std_error, group
        assert row["EVPPI"] > 2 * row["Std_Error"], group
        assert abs(row["EVPPI"] - nested.value) < 3 * error, group


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_finishes_with_the_same_sums(tmp_path: Path) -> None:
    """Two Dask workers, one killed by signal 9 in the middle: all jobs come, and the sums are those of one process."""
    from dask.distributed import Client, LocalCluster

    table = points(40)
    alone = runner(tmp_path / "alone").evaluate(table, patients=3000)
    killed: list[int] = []
    clustered = runner(tmp_path / "cluster")

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        clustered.pool = _opened(client)

        def kill() -> None:
            while not list((tmp_path / "cluster").glob("*/*.parquet")):
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        thread = threading.Thread(target=kill)
        thread.start()
        found = clustered.evaluate(table, patients=3000)
        thread.join()

    assert killed
    assert clustered.computed == 12
    np.testing.assert_array_equal(found.sums, alone.sums)

"""Value of partial information by brute force, a simulation inside a simulation: what regression is checked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rallsim.errors import InputError, Problem
from rallsim.sweep.measures import Floats, means
from rallsim.sweep.study import Study


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

    Refuses members that are no drawn parameters.
    """
    draws = study.draws(max(outer, inner)).table
    unknown = [path for path in members if path not in draws.columns]
    if unknown:
        raise InputError([Problem("is not drawn here", key="nested", found=path) for path in unknown])
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

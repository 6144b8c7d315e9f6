"""From evidence to the joint posterior: prior draws, calibration, and the two files that hold what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rallsim.common.files import shipped, written_atomically
from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError, Problem, nearest
from rallsim.fit.calibrate import Calibrated, Prior, Progress, calibrate, posterior_table
from rallsim.fit.prior import prior_draws
from rallsim.fit.yaml_text import rounded, yaml_text
from rallsim.inputs.calibrated_values import calibrated_file
from rallsim.inputs.parameter_values import ParameterFile, number_at
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.spreads import RULES, Z
from rallsim.inputs.uncertainty import POSTERIOR
from rallsim.validation.targets import Target, load_targets
from rallsim.validation.trials import load_trials

SPEC = "calibration.yaml"
DRAWS = 500
DIGITS = 3  # significant, of the sample: far finer than its spread
UNINFORMED = 0.9  # posterior over prior standard deviation from which data are said to tell nothing
STRONG = 0.7  # correlation from which two parameters are said to be told apart poorly
HEADER = "# Written by `rallsim fit` from calibration.yaml, the trials and the evidence; not edited by hand.\n"
METHOD = (
    "Laplace approximation around the mode found by Gauss-Newton steps, sampled by randomised maximum likelihood: the "
    "whole model simulated in each trial's population with common random numbers; parameters with evidence of "
    "their own are drawn from it and not moved"
)
NUMBERS = ("value", "lo", "hi", "events", "total", "at_months")  # of an evidence row


@dataclass(frozen=True)
class Start:
    """What calibration starts from: parameters without it, what to calibrate, and what to meet."""

    folder: Path
    parameters: ParameterSet
    spec: Mapping[str, Mapping[str, Any]]
    targets: list[Target]


def starting_point(folder: Path | None = None) -> Start:
    """Read and check all that calibration needs; raises InputError with all faults of `calibration.yaml`."""
    folder = folder or shipped("params")
    parameters = load_parameters(folder, calibrated=False)
    faults: list[Problem] = []
    file = ParameterFile(read_yaml(folder / SPEC), faults)
    file.only_keys(("about", "parameters"))
    for path in file.mapping("parameters"):
        place = ("parameters", path)
        file.only_keys(("lo", "hi", "reason"), *place)
        if path not in parameters.parameters or path in parameters.origins:
            known = [one for one in parameters.parameters if one not in parameters.origins]
            file.fault(place, "must be a parameter with a value of its own", hint=nearest(str(path), known))
        if not file.at(*place, "reason"):
            file.fault((*place, "reason"), "is missing: say why no evidence settles it")
        if file.at(*place, "lo") is not None or file.at(*place, "hi") is not None:
            lo, hi = number_at(file, (*place, "lo")), number_at(file, (*place, "hi"))
            if lo is not None and hi is not None and not lo < hi:
                file.fault((*place, "lo"), "must lie below hi", found=f"{lo:g}", allowed=f"below {hi:g}")
    if faults:
        raise InputError(faults)
    trials = load_trials(parameters)
    targets = load_targets(parameters.evidence, {name: list(trial.arms) for name, trial in trials.items()})
    return Start(folder, parameters, file.at("parameters"), targets)


def inputs_hash(start: Start) -> str:
    """Hash of everything that the posterior follows from, code apart: values, evidence behind them, trials, targets."""
    parameters = start.parameters
    rows = {row for one in parameters.parameters.values() for row in one.evidence}
    rows |= {one.evidence for one in start.targets} & set(parameters.evidence.rows)
    numbers = {row: [getattr(parameters.evidence.rows[row], key) for key in NUMBERS] for row in rows}
    values = {path: [one.value, one.lo, one.hi, one.held] for path, one in parameters.parameters.items()}
    risk = {one.id: one.observed for one in start.targets if one.quantity == "at_risk"}
    files = [start.folder / SPEC, start.folder / RULES, *sorted((start.folder / "trials").iterdir())]
    texts = [path.read_text(encoding="utf-8") for path in files]
    content = json.dumps([numbers, values, risk, texts, dict(start.spec), DRAWS], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def is_stale(start: Start) -> bool:
    """Tell whether the posterior on disk follows from other inputs than the present ones, or is not there."""
    path = calibrated_file(start.folder)
    if not path.exists() or not (start.folder / "fitted" / POSTERIOR).exists():
        return True
    return bool(read_yaml(path).data.get("inputs_sha256") != inputs_hash(start))


def write_posterior(
    start: Start, *, seed: int = 1, workers: int = 2, progress: Progress | None = None
) -> tuple[Path, Path]:
    """Draw the prior, calibrate, and write `calibrated.yaml` and `posterior.csv`: nothing before both exist."""
    if progress:
        progress("prior draws", 0.0)
    draws = prior_draws(start.parameters, DRAWS, seed, progress=progress)
    found = calibrate(start.parameters, start.spec, start.targets, draws, seed=seed, workers=workers, progress=progress)
    sample = posterior_table(found, draws)
    values, table = calibrated_file(start.folder), start.folder / "fitted" / POSTERIOR
    with written_atomically(table) as temporary:
        sample.to_csv(temporary, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
    with written_atomically(values) as temporary:
        temporary.write_text(_text(start, found, draws, seed), encoding="utf-8")
    return values, table


def _before(prior: Prior, start: Start, draws: pd.DataFrame) -> dict[str, np.ndarray]:
    """Lower limit, median and upper limit of each prior: as stated, or of the parameter's own draws."""
    stated = prior.values(np.array([[-Z], [0.0], [Z]]) * np.ones(len(prior.paths)))
    own = [path for path, entry in start.spec.items() if "lo" not in entry]
    return stated | {path: np.quantile(draws[path], [0.025, 0.5, 0.975]) for path in own}


def _text(start: Start, found: Calibrated, draws: pd.DataFrame, seed: int) -> str:
    prior, deviation = found.prior, np.sqrt(np.diag(found.covariance))
    mode = prior.values(found.mode[None])
    limits = prior.values(np.quantile(found.draws, [0.025, 0.975], axis=0))
    before = _before(prior, start, draws)
    parameters = {}
    for k, path in enumerate(prior.paths):
        ratio = float(deviation[k])
        parameters[path] = {
            "value": rounded(mode[path][0]),
            "lo": rounded(limits[path][0]),
            "hi": rounded(limits[path][1]),
            "prior": dict(zip(("lo", "value", "hi"), map(rounded, before[path].tolist()), strict=True)),
            "sd_ratio": rounded(ratio, 3),
            "informed": ratio < UNINFORMED,
            "why": prior.reasons[k],
        }
    correlation = found.covariance / np.outer(deviation, deviation)
    pairs = [
        {"one": prior.paths[i], "other": prior.paths[j], "correlation": rounded(float(correlation[i, j]), 3)}
        for i in range(len(prior.paths))
        for j in range(i)
        if abs(correlation[i, j]) >= STRONG
    ]
    spread = np.sqrt(found.data.variance)
    content: dict[str, Any] = {
        "source": SPEC,
        "method": METHOD,
        "inputs_sha256": inputs_hash(start),
        "draws": len(draws),
        "seed": seed,
        "overdispersion": rounded(found.overdispersion, 4),
        "parameters": parameters,
        "correlations": pairs,
        "failed_fits": dict(sorted(draws.attrs.get("failed", {}).items())),
        "targets": [
            {
                "id": target.id,
                "published": rounded(target.observed),
                "fitted": rounded(float(fitted), 4),
                "standardised_difference": rounded(float((target.observed - fitted) / sd), 3),
            }
            for target, fitted, sd in zip(found.data.targets, found.fitted, spread, strict=True)
        ],
    }
    return HEADER + yaml_text(content)

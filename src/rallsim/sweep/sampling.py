"""A probabilistic sample of a study: how many draws of how many patients, evaluated until it is large enough.

All draws and strategies meet the same patients with the same random numbers. The error that these leave in the means
shrinks with more patients only, and that of the choice of draws with more draws only; a growing sample gets whichever
of the two lowers the error of the means more for the same work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rallsim.evaluation.evaluate import Evaluation
from rallsim.sweep.draws import Draws
from rallsim.sweep.first_order_error import ENOUGH, Split, evpi_bias_corrected, split
from rallsim.sweep.jobs import DRAWS_OF_ONE_BLOCK
from rallsim.sweep.measures import Floats, in_batches
from rallsim.sweep.runner import rows_of
from rallsim.sweep.study import Study

DEFAULT_DRAWS = 1000
MOST_DRAWS, MOST_REPLICATES = 10_000, 20  # of a sample that grows
CHOICES = (200, 500, 1000, 2000, 5000, 10_000)  # patients a draw
PILOT_PATIENTS = 1000


@dataclass(frozen=True, eq=False)
class Sample:
    """Evaluations of the same draws, and of the base case, in the patients of one replicate each."""

    draws: Draws
    replicates: tuple[Evaluation, ...]
    base: tuple[Evaluation, ...]  # every drawn parameter at its base value; as many
    patients: int  # a draw and replicate
    stopped: str = ""  # why no more were added

    @property
    def number(self) -> int:
        """Number of draws."""
        return len(self.replicates[0].draws)

    def total(self) -> Evaluation:
        """All replicates in one: sums over all patients."""
        found = self.replicates[0]
        for one in self.replicates[1:]:
            found = found + one
        return found

    def in_batches(self, outcome: str, wtp: float) -> Floats:
        """Return an outcome of draws × strategies × batches, of all replicates."""
        return np.concatenate([in_batches(one, outcome, wtp) for one in self.replicates], axis=2)

    def base_in_batches(self, outcome: str, wtp: float) -> Floats:
        """Return an outcome of the base case of strategies × batches, of all replicates."""
        return np.concatenate([in_batches(one, outcome, wtp)[0] for one in self.base], axis=1)

    def patients_in_batches(self) -> np.ndarray:
        """Return the number of patients in each batch of all replicates."""
        return np.concatenate([one.patients[0, 0] for one in self.base])

    def bias_corrected(self, curve: pd.DataFrame) -> pd.DataFrame:
        """Return a curve of the EVPI with `EVPI_Bias_Corrected`, free of first-order uncertainty, beside it."""
        costs, qalys = self.in_batches("costs", 1.0), self.in_batches("qalys", 1.0)
        corrected = evpi_bias_corrected(costs, qalys, curve["WTP"].tolist(), curve["EVPI"].tolist())
        return curve.assign(EVPI_Without_Luck=corrected)

    def increments(self, outcome: str, wtp: float, reference: int) -> Floats:
        """Return an outcome less that of the reference: draws × strategies × batches, of all replicates."""
        values = self.in_batches(outcome, wtp)
        return np.asarray(values - values[:, reference : reference + 1])

    def splits(self, outcome: str, wtp: float, reference: int) -> list[Split]:
        """Split the variance of an outcome against the reference, strategy by strategy."""
        values = self.increments(outcome, wtp, reference)
        return [split(values[:, place]) for place in range(values.shape[1])]


def sample_of(study: Study) -> Sample:
    """Evaluate the sample that was asked for."""
    patients = study.settings.patients or _enough_patients(study)
    if study.settings.until:
        return _grown(study, patients)
    number = study.settings.draws or DEFAULT_DRAWS
    return _evaluated(study, number, patients, 1)


def _evaluated(study: Study, number: int, patients: int, replicates: int) -> Sample:
    """Evaluate draws and, after them in the same table, the base case: a plan then holds the jobs of both."""
    draws = study.draws(number)
    table = pd.concat([draws.table, pd.DataFrame([{path: study.base[path] for path in draws.table.columns}])])
    words = f"{number:,} draws × {patients:,} patients"
    both = [study.evaluate(table, patients=patients, replicate=one, words=words) for one in range(replicates)]
    first, last = np.arange(number), np.array([number])
    return Sample(
        draws, tuple(rows_of(one, first) for one in both), tuple(rows_of(one, last) for one in both), patients
    )


def _enough_patients(study: Study) -> int:
    """Choose patients a draw so that first-order uncertainty is a small share of the variance, from the first draws.

    share(n) = E / n / (A + E / n), E for one patient; the smallest of CHOICES at which it is at most ENOUGH for every
    strategy's net benefit against the reference. More patients than that are better spent on draws.
    """
    number = min(DRAWS_OF_ONE_BLOCK, study.settings.draws or DEFAULT_DRAWS)
    pilot = _evaluated(study, number, PILOT_PATIENTS, 1)
    worst = 0.0
    for place, one in enumerate(pilot.splits("nmb", study.wtp[0], study.reference)):
        if place != study.reference and one.parameters > 0:
            of_patient = one.own * PILOT_PATIENTS / one.batches
            worst = max(worst, of_patient * (1 - ENOUGH) / (ENOUGH * one.parameters))
    return next((choice for choice in CHOICES if choice >= worst), CHOICES[-1])


def _grown(study: Study, patients: int) -> Sample:
    """Add draws or patients until every stop rule holds, or there are as many as may be."""
    most = study.settings.draws or MOST_DRAWS
    number, replicates = min(DRAWS_OF_ONE_BLOCK, most), 1
    while True:
        sample = _evaluated(study, number, patients, replicates)
        worst = max(
            (
                (one, one.error / target)
                for outcome, target in study.settings.until.items()
                for place, one in enumerate(sample.splits(outcome, study.wtp[0], study.reference))
                if place != study.reference
            ),
            key=lambda pair: pair[1],
        )
        if worst[1] <= 1.0:
            return replace(sample, stopped="every stop rule holds")
        more_draws, more_replicates = number < most, replicates < MOST_REPLICATES
        if not more_draws and not more_replicates:
            return replace(sample, stopped="as many draws and patients as may be; a stop rule does not hold")
        step = min(max(DRAWS_OF_ONE_BLOCK, number // 4 // DRAWS_OF_ONE_BLOCK * DRAWS_OF_ONE_BLOCK), most - number)
        by_draws = (
            worst[0].error_of_draws ** 2 * (1 - number / (number + step)) / (step * replicates) if more_draws else 0
        )
        by_patients = worst[0].error_of_patients ** 2 / (replicates + 1) / number if more_replicates else 0
        if by_draws >= by_patients and more_draws:
            number += step
        else:
            replicates += 1


def running_means(
    sample: Sample, wtp: float, strategies: Sequence[str], reference: int, points: int = 40
) -> pd.DataFrame:
    """Mean net benefit against the reference over the first draws, with its error of draws and of patients.

    Columns: WTP, Draws, Strategy, Reference, INMB, Error_Of_Draws, Error_Of_Patients, Lower, Upper (95 %, both errors).
    """
    from rallsim.common.precision import Z_95

    values = sample.increments("nmb", wtp, reference)
    counts = np.unique(np.linspace(min(20, sample.number), sample.number, points).round().astype(int))
    rows = []
    for place, name in enumerate(strategies):
        if place == reference:
            continue
        for count in counts:
            one = split(values[:count, place])
            half = Z_95 * one.error
            row = (one.mean, one.error_of_draws, one.error_of_patients, one.mean - half, one.mean + half)
            rows.append((wtp, count, name, strategies[reference], *row))
    columns = ["WTP", "Draws", "Strategy", "Reference", "INMB", "Error_Of_Draws", "Error_Of_Patients", "Lower", "Upper"]
    return pd.DataFrame(rows, columns=columns)


def variance_table(
    sample: Sample, outcomes: Sequence[str], wtp: float, strategies: Sequence[str], reference: int
) -> pd.DataFrame:
    """What the spread and the error of each increment come from.

    Columns: Outcome, WTP, Strategy, Reference, Increment, Std_Error, Error_Of_Draws, Error_Of_Patients, SD_Parameters
    (standard deviation between draws that the parameters make), SD_Draws (as seen), Share_Of_Luck
    (first-order uncertainty, of the variance seen), SD_Shared_Luck (of a batch, the same in all draws), Draws, Patients
    (of each draw), Batches.
    """
    rows = []
    for outcome in outcomes:
        for place, one in enumerate(sample.splits(outcome, wtp, reference)):
            if place == reference:
                continue
            seen = one.parameters + one.own / one.batches
            row = (one.mean, one.error, one.error_of_draws, one.error_of_patients)
            spread = (np.sqrt(one.parameters), np.sqrt(seen), one.first_order_share, np.sqrt(one.shared))
            size = (one.draws, sample.patients * len(sample.replicates), one.batches)
            rows.append((outcome, wtp, strategies[place], strategies[reference], *row, *spread, *size))
    columns = ["Outcome", "WTP", "Strategy", "Reference", "Increment", "Std_Error", "Error_Of_Draws"]
    columns += ["Error_Of_Patients", "SD_Parameters", "SD_Draws", "Share_Of_Luck", "SD_Shared_Luck"]
    return pd.DataFrame(rows, columns=[*columns, "Draws", "Patients", "Batches"])

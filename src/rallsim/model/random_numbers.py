"""Every random number of a patient's history, each with a name.

A patient owns a row of uniforms: the columns of `ENTRY` once, the columns of `COURSE` once for every course of
treatment. Numbers depend on seed, replicate, patient, name and course, never on the strategy, the size of the
cohort or the number of workers, so the same patient meets every strategy with the same luck.

Patients come in blocks of `BLOCK`. A decision added at the end of a family changes no other number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from rallsim.common.compiled import compiled, compiled_entry

BLOCK = 1000
MAX_COURSES = 6

ENTRY = (
    "age",
    "sex",
    "cr1_months",
    "blasts",
    "prior_hsct",
    "cd19",
    "cd22",
    "liver_disease",
    "hsct_fit",
    "background_death",
    "lines_before_entry",
    "primary_refractory",
    "neuro_history",
    "ph_positive",
    "kmt2a",
    "extramedullary",
    "sibling_donor",
    "other_donor",
    "in_mrd_remission",
)
(
    U_AGE,
    U_SEX,
    U_CR1_MONTHS,
    U_BLASTS,
    U_PRIOR_HSCT,
    U_CD19,
    U_CD22,
    U_LIVER_DISEASE,
    U_HSCT_FIT,
    U_BACKGROUND_DEATH,
    U_LINES_BEFORE_ENTRY,
    U_PRIMARY_REFRACTORY,
    U_NEURO_HISTORY,
    U_PH_POSITIVE,
    U_KMT2A,
    U_EXTRAMEDULLARY,
    U_SIBLING_DONOR,
    U_OTHER_DONOR,
    U_IN_MRD_REMISSION,
) = range(len(ENTRY))

COURSE = (
    "treated",
    "time_to_treatment",
    "response",
    "response_cycle",
    "time_of_early_death",
    "mrd",
    "b_cell_recovery",
    "crs",
    "crs_onset",
    "icans",
    "icans_onset",
    "sos_on_treatment",
    "sos_on_treatment_time",
    "leukapheresis",
    "vein_to_vein",
    "manufacture",
    "death_while_waiting",
    "bridging_response",
    "relapse",
    "antigen_loss",
    "time_to_hsct",
    "sos_after_hsct",
    "sos_onset",
    "sos_death",
    "transplant_death",
    "relapse_after_hsct",
    "late_relapse",
    "palliative_survival",
    "antigen_loss_at_failure",
    "antigen_loss_in_bridging",
    "lineage_switch",
    "manufacture_retry",
    "vein_to_vein_again",
    "manufacture_again",
    "drop_out",
    "cause_of_death_while_waiting",
    "intensive_care",
    "length_of_intensive_care",
    "mrd_therapy",
    "mrd_therapy_death",
    "relapse_after_mrd_therapy",
    "time_to_b_cell_recovery",
    "reinfusion",
    "bilirubin",
    "effect_of_hsct",
    "acute_gvhd",
    "acute_gvhd_onset",
    "chronic_gvhd",
    "chronic_gvhd_onset",
    "infection",
    "cytopenia",
    "gastrointestinal",
    "tumour_lysis",
    "liver",
    "liver_grade",
    "hsct_realised",
    "cause_of_early_death",
)
(
    TREATED,
    TIME_TO_TREATMENT,
    RESPONSE_DRAW,
    RESPONSE_CYCLE,
    TIME_OF_EARLY_DEATH,
    MRD,
    B_CELL_RECOVERY,
    CRS_DRAW,
    CRS_ONSET,
    ICANS_DRAW,
    ICANS_ONSET,
    SOS_ON_TREATMENT,
    SOS_ON_TREATMENT_TIME,
    LEUKAPHERESIS_DRAW,
    VEIN_TO_VEIN,
    MANUFACTURE,
    DEATH_WHILE_WAITING,
    BRIDGING_DRAW,
    RELAPSE_DRAW,
    ANTIGEN_LOSS,
    TIME_TO_HSCT,
    SOS_AFTER_HSCT,
    SOS_ONSET,
    SOS_DEATH,
    TRANSPLANT_DEATH,
    RELAPSE_AFTER_HSCT,
    LATE_RELAPSE,
    PALLIATIVE_SURVIVAL,
    ANTIGEN_LOSS_AT_FAILURE,
    ANTIGEN_LOSS_IN_BRIDGING,
    LINEAGE_SWITCH_DRAW,
    MANUFACTURE_RETRY,
    VEIN_TO_VEIN_AGAIN,
    MANUFACTURE_AGAIN,
    DROP_OUT_DRAW,
    CAUSE_OF_DEATH_WHILE_WAITING,
    INTENSIVE_CARE,
    LENGTH_OF_INTENSIVE_CARE,
    MRD_THERAPY_DRAW,
    MRD_THERAPY_DEATH,
    RELAPSE_AFTER_MRD_THERAPY,
    TIME_TO_B_CELL_RECOVERY,
    REINFUSION_DRAW,
    BILIRUBIN,
    EFFECT_OF_HSCT,
    ACUTE_GVHD_DRAW,
    ACUTE_GVHD_ONSET,
    CHRONIC_GVHD_DRAW,
    CHRONIC_GVHD_ONSET,
    INFECTION_DRAW,
    CYTOPENIA_DRAW,
    GASTROINTESTINAL_DRAW,
    TUMOUR_LYSIS_DRAW,
    LIVER_DRAW,
    LIVER_GRADE,
    HSCT_REALISED,
    CAUSE_OF_EARLY_DEATH,
) = range(len(COURSE))

ENTRY_COLUMNS = len(ENTRY)
COURSE_COLUMNS = len(COURSE)
FAMILIES = 1 + MAX_COURSES + 1  # the entry, the courses, and the palliative care after the last of them
COLUMNS = ENTRY_COLUMNS + (FAMILIES - 1) * COURSE_COLUMNS
FAMILY_STRIDE = 256  # numbers kept for each family, so that a decision added at its end changes no other number

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
GAMMA = np.uint64(GOLDEN_GAMMA)
PARAMETERS = 0x7061726D  # tells the streams of parameters from those of patients
SPARE = 0x7370617265  # tells the spare uniforms from those of decisions
TO_UNIT, TO_WHOLE = 2.0**-53, 2.0**53


def luck_of_block(seed: int, replicate: int, block: int) -> np.ndarray:
    """Uniforms in [0, 1) of the patients `block * BLOCK` to `(block + 1) * BLOCK - 1`.

    Each patient has a 64-bit key from numpy's counter-based generator keyed by (seed, replicate, block). The patient's
    n-th number is the n-th output of SplitMix64 started at the key:

    z = key + n * gamma;  z = (z ^ z >> 30) * m1;  z = (z ^ z >> 27) * m2;  u = ((z ^ z >> 31) >> 11) / 2^53

    with n = 1 + FAMILY_STRIDE * family + decision. Returns an array of shape (BLOCK, COLUMNS): the entry's columns,
    then those of each course.

    Source: Steele, Lea and Flood, «Fast splittable pseudorandom number generators», OOPSLA 2014.

    >>> luck = luck_of_block(seed=1, replicate=0, block=0)
    >>> luck.shape == (BLOCK, COLUMNS), bool((luck_of_block(1, 0, 0) == luck).all())
    (True, True)
    """
    keys = np.random.Philox(np.random.SeedSequence((seed, replicate, block))).random_raw(BLOCK)
    return uniforms_of(keys, _offsets())


def uniforms_of(keys: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Uniforms of SplitMix64 from each key at each offset (n * gamma modulo 2^64): keys × offsets.

    >>> keys, offsets = np.array([0], np.uint64), np.array([GOLDEN_GAMMA], np.uint64)
    >>> hex(int(uniforms_of(keys, offsets)[0, 0] * 2**53)), hex(0xE220A8397B1DCDAF >> 11)
    ('0x1c4415072f63b9', '0x1c4415072f63b9')
    """
    luck = np.empty((len(keys), len(offsets)))
    fill_uniforms(keys, offsets, luck)
    return luck


@compiled_entry
def fill_uniforms(keys: Any, offsets: Any, luck: Any) -> None:
    """Fill `luck` with the uniforms of each key at each offset."""
    for place in range(len(keys)):
        for column in range(len(offsets)):
            luck[place, column] = uniform_of(keys[place] + offsets[column])


@compiled
def uniform_of(state: Any) -> float:
    """Output of SplitMix64 at a state, as a number in [0, 1)."""
    z = (state ^ (state >> SHIFT_30)) * MIX_1
    z = (z ^ (z >> SHIFT_27)) * MIX_2
    return float(((z ^ (z >> SHIFT_31)) >> SHIFT_11) * TO_UNIT)


@compiled
def another(uniform: float, repeat: int) -> float:
    """Return a further number for a decision taken again and again, such as the time to the next infection.

    The 53 bits of the decision's own uniform are the key of a SplitMix64 sequence; `repeat` counts in it from 1, and 0
    is the uniform itself.

    >>> another(0.25, 0)
    0.25
    """
    if repeat == 0:
        return uniform
    return uniform_of(np.uint64(uniform * TO_WHOLE) + np.uint64(repeat) * GAMMA)


def spare_uniforms(seed: int, replicate: int, block: int) -> np.ndarray:
    """One more uniform of each patient of a block, which no decision uses: for the end of a trial's follow-up."""
    return _uniforms((seed, replicate, block, SPARE), BLOCK)


def parameter_uniforms(seed: int, draws: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Uniforms in (0, 1) for draws of parameters: a stream a name, apart from every patient's.

    Number i of a name is the same however many draws and other names there are.

    >>> bool((parameter_uniforms(1, 3, ["a", "b"])["b"] == parameter_uniforms(1, 5, ["b"])["b"][:3]).all())
    True
    """
    keys = {name: int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) for name in names}
    return {name: _uniforms((seed, PARAMETERS, key), draws) for name, key in keys.items()}


def _uniforms(key: tuple[int, ...], number: int) -> np.ndarray:
    raw = np.random.Philox(np.random.SeedSequence(key)).random_raw(number)
    return np.asarray(((raw >> SHIFT_11).astype(np.float64) + 0.5) * TO_UNIT)


def _offsets() -> np.ndarray:
    families = [range(ENTRY_COLUMNS)] + [range(COURSE_COLUMNS)] * (FAMILIES - 1)
    numbers = [1 + FAMILY_STRIDE * family + decision for family, some in enumerate(families) for decision in some]
    return np.array([number * GOLDEN_GAMMA % 2**64 for number in numbers], np.uint64)

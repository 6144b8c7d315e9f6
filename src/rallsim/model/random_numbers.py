"""Every random number of a patient's history, each with a name.

A patient owns a row of uniforms: the columns of `AtEntry` once, the columns of `InCourse` once for every course of
treatment. Numbers depend on seed, replicate, patient, name and course, never on the strategy, the size of the
cohort or the number of workers, so the same patient meets every strategy with the same random numbers.

Patients come in blocks of `BLOCK`. A decision added at the end of a family changes no other number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import auto

import numpy as np
from numpy.typing import NDArray

from rallsim.common.codes import Code
from rallsim.common.compiled import compiled, compiled_entry
from rallsim.model.world import Floats

BLOCK = 1000
MAX_COURSES = 6


class AtEntry(Code):
    """The uniforms that make a patient at entry."""

    AGE = auto()
    SEX = auto()
    CR1_MONTHS = auto()
    BLASTS = auto()
    PRIOR_HSCT = auto()
    CD19 = auto()
    CD22 = auto()
    LIVER_DISEASE = auto()
    HSCT_FIT = auto()
    BACKGROUND_DEATH = auto()
    LINES_BEFORE_ENTRY = auto()
    PRIMARY_REFRACTORY = auto()
    NEURO_HISTORY = auto()
    PH_POSITIVE = auto()
    KMT2A = auto()
    EXTRAMEDULLARY = auto()
    SIBLING_DONOR = auto()
    OTHER_DONOR = auto()
    IN_MRD_REMISSION = auto()


class InCourse(Code):
    """The uniforms of a course of treatment, from the wait for it to the end of what follows it."""

    TREATED = auto()
    TIME_TO_TREATMENT = auto()
    RESPONSE = auto()
    RESPONSE_CYCLE = auto()
    TIME_OF_EARLY_DEATH = auto()
    MRD = auto()
    B_CELL_RECOVERY = auto()
    CRS = auto()
    CRS_ONSET = auto()
    ICANS = auto()
    ICANS_ONSET = auto()
    SOS_ON_TREATMENT = auto()
    SOS_ON_TREATMENT_TIME = auto()
    LEUKAPHERESIS = auto()
    VEIN_TO_VEIN = auto()
    MANUFACTURE = auto()
    DEATH_WHILE_WAITING = auto()
    BRIDGING_RESPONSE = auto()
    RELAPSE = auto()
    ANTIGEN_LOSS = auto()
    TIME_TO_HSCT = auto()
    SOS_AFTER_HSCT = auto()
    SOS_ONSET = auto()
    SOS_DEATH = auto()
    TRANSPLANT_DEATH = auto()
    RELAPSE_AFTER_HSCT = auto()
    LATE_RELAPSE = auto()
    PALLIATIVE_SURVIVAL = auto()
    ANTIGEN_LOSS_AT_FAILURE = auto()
    ANTIGEN_LOSS_IN_BRIDGING = auto()
    LINEAGE_SWITCH = auto()
    MANUFACTURE_RETRY = auto()
    VEIN_TO_VEIN_AGAIN = auto()
    MANUFACTURE_AGAIN = auto()
    DROP_OUT = auto()
    CAUSE_OF_DEATH_WHILE_WAITING = auto()
    INTENSIVE_CARE = auto()
    LENGTH_OF_INTENSIVE_CARE = auto()
    MRD_THERAPY = auto()
    MRD_THERAPY_DEATH = auto()
    RELAPSE_AFTER_MRD_THERAPY = auto()
    TIME_TO_B_CELL_RECOVERY = auto()
    REINFUSION = auto()
    BILIRUBIN = auto()
    EFFECT_OF_HSCT = auto()
    ACUTE_GVHD = auto()
    ACUTE_GVHD_ONSET = auto()
    CHRONIC_GVHD = auto()
    CHRONIC_GVHD_ONSET = auto()
    INFECTION = auto()
    CYTOPENIA = auto()
    GASTROINTESTINAL = auto()
    TUMOUR_LYSIS = auto()
    LIVER = auto()
    LIVER_GRADE = auto()
    HSCT_REALISED = auto()
    CAUSE_OF_EARLY_DEATH = auto()
    ONE_MORE_CYCLE = auto()
    DEATH_BEFORE_THE_LINE = auto()
    CAUSE_OF_DEATH_BEFORE_THE_LINE = auto()
    TOO_ILL_FOR_THE_LINE = auto()


ENTRY_COLUMNS = len(AtEntry)
COURSE_COLUMNS = len(InCourse)
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


def uniforms_of_block(seed: int, replicate: int, block: int) -> np.ndarray:
    """Uniforms in [0, 1) of the patients `block * BLOCK` to `(block + 1) * BLOCK - 1`.

    Each patient has a 64-bit key from numpy's counter-based generator keyed by (seed, replicate, block). The patient's
    n-th number is the n-th output of SplitMix64 started at the key:

    z = key + n * gamma;  z = (z ^ z >> 30) * m1;  z = (z ^ z >> 27) * m2;  u = ((z ^ z >> 31) >> 11) / 2^53

    with n = 1 + FAMILY_STRIDE * family + decision. Returns an array of shape (BLOCK, COLUMNS): the entry's columns,
    then those of each course.

    Source: Steele, Lea and Flood, «Fast splittable pseudorandom number generators», OOPSLA 2014.

    >>> uniforms = uniforms_of_block(seed=1, replicate=0, block=0)
    >>> uniforms.shape == (BLOCK, COLUMNS), bool((uniforms_of_block(1, 0, 0) == uniforms).all())
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
    uniforms = np.empty((len(keys), len(offsets)))
    fill_uniforms(keys, offsets, uniforms)
    return uniforms


@compiled_entry
def fill_uniforms(keys: NDArray[np.uint64], offsets: NDArray[np.uint64], uniforms: Floats) -> None:
    """Fill `uniforms` with those of each key at each offset."""
    for place in range(len(keys)):
        for column in range(len(offsets)):
            uniforms[place, column] = uniform_of(keys[place] + offsets[column])


@compiled
def uniform_of(state: np.uint64) -> float:
    """Output of SplitMix64 at a state, as a number in [0, 1)."""
    z = (state ^ (state >> SHIFT_30)) * MIX_1
    z = (z ^ (z >> SHIFT_27)) * MIX_2
    return float(((z ^ (z >> SHIFT_31)) >> SHIFT_11) * TO_UNIT)


@compiled
def repeated(uniform: float, repeat: int) -> float:
    """Return the uniform of a decision that is taken again and again, such as the time to the next infection.

    The 53 bits of the decision's own uniform are the key of a SplitMix64 sequence; `repeat` counts in it from 1, and 0
    is the uniform itself.

    >>> repeated(0.25, 0)
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

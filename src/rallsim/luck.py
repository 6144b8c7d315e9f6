"""Every random number of a patient's history, each with a name.

A patient owns a row of uniforms: the columns of `ENTRY` once, the columns of `COURSE` once for every course of
treatment. Numbers depend on seed, replicate, patient, name and course, never on the strategy, the size of the
cohort or the number of workers, so the same patient meets every strategy with the same luck.

Patients come in blocks of `BLOCK`. A family of columns (the entry, each course) of a block is drawn column after
column from its own counter-based generator, so a decision added at the end of a family changes no other number.
"""

from __future__ import annotations

import numpy as np

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
) = range(len(COURSE))

ENTRY_COLUMNS = len(ENTRY)
COURSE_COLUMNS = len(COURSE)
FAMILIES = 1 + MAX_COURSES + 1  # the entry, the courses, and the palliative care after the last of them
COLUMNS = ENTRY_COLUMNS + (FAMILIES - 1) * COURSE_COLUMNS


def luck_of_block(seed: int, replicate: int, block: int) -> np.ndarray:
    """Uniforms in [0, 1) of the patients `block * BLOCK` to `(block + 1) * BLOCK - 1`.

    Returns an array of shape (BLOCK, COLUMNS): the entry's columns, then those of each course.

    >>> luck = luck_of_block(seed=1, replicate=0, block=0)
    >>> luck.shape == (BLOCK, COLUMNS), bool((luck_of_block(1, 0, 0) == luck).all())
    (True, True)
    """
    columns = np.empty((COLUMNS, BLOCK))
    start = 0
    for family in range(FAMILIES):
        stop = start + (ENTRY_COLUMNS if family == 0 else COURSE_COLUMNS)
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, replicate, block, family))))
        generator.random(out=columns[start:stop])
        start = stop
    return np.ascontiguousarray(columns.T)

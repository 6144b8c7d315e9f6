"""What happened to whom and when: the one thing the simulation writes."""

from __future__ import annotations

import numpy as np

EVENT_ROW = np.dtype(
    [
        ("time", "f8"),  # months since the patient's entry
        ("patient", "i4"),  # number in the cohort, from 0
        ("event", "u1"),  # position in stages.EVENTS
        ("stage", "u1"),  # the stage the patient is in from this event on: position in stages.STAGES
        ("line", "u1"),  # salvage line being given or last given; 0 before the first
        ("therapy", "i1"),  # position in the list of therapies, -1 before the first
        ("detail", "u1"),  # position in stages.DETAILS
    ],
    align=True,
)

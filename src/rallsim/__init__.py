"""Treatment pathways of adults with relapsed or refractory B-cell acute lymphoblastic leukaemia.

Nothing in this package is medical advice: it compares strategies in simulated cohorts.
"""

__version__ = "0.1.0"

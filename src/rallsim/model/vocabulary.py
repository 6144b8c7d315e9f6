"""The words in which the stages of the pathway are written: one import for the files that hold them."""

from __future__ import annotations

from rallsim.common.compiled import compiled
from rallsim.model.adverse_events import (
    BRIDGING_PART,
    MRD_PART,
    SALVAGE_PART,
    give_consolidation_cycles,
    record_course_toxicity,
    record_cycles,
    record_toxicity_over_time,
)
from rallsim.model.competing_risks import (
    DAYS_PER_MONTH,
    compete,
    compete_background_death,
    compete_death,
    count_course,
    lose_antigen,
    record,
    record_in_stage,
    uniform,
    wait,
)
from rallsim.model.distributions import (
    NEVER,
    exponential_quantile,
    later_quantile,
    log_logistic_quantile,
    mixture_cure_quantile,
    probability_after_odds_ratio,
    weibull_quantile,
)
from rallsim.model.parameter_fields import TherapyParameters
from rallsim.model.patient import NO_TRANSPLANT, Patient
from rallsim.model.random_numbers import MAX_COURSES, InCourse
from rallsim.model.risk_equations import (
    compete_relapse,
    compete_response,
    cycles_to_response,
    relapse_hazard_ratio,
    relapse_time,
    remission_probability,
)
from rallsim.model.rules import NOTHING, bridging_rule, consolidation_rule, mrd_rule, salvage_rule
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage
from rallsim.model.world import World

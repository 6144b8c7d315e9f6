"""The words in which the stages of the pathway are written: one import for the files that hold them."""

from __future__ import annotations

from rallsim.common.compiled import compiled
from rallsim.model.adverse_events import *
from rallsim.model.competing_risks import *
from rallsim.model.distributions import *
from rallsim.model.parameter_fields import TherapyParameters
from rallsim.model.patient import NO_TRANSPLANT, Patient
from rallsim.model.random_numbers import MAX_COURSES, InCourse
from rallsim.model.risk_equations import *
from rallsim.model.rules import *
from rallsim.model.states import *
from rallsim.model.world import World

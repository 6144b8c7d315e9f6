"""What histories cost and what they are worth: pure functions of the table of events, never part of a simulation.

`load_costs`, `load_utilities` and `load_perspective` read the files; `value_history` values a history; `comparison`
holds the tables over strategies, `budget` the budget impact, `identities` what must be true of any of it.
"""

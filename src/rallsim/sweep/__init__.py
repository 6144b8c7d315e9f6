"""Many evaluations of a scenario, cut into jobs that are kept as they finish and shared out over processes.

An analysis (`analyses/`) is given a `study`, evaluates points with it, and returns tables. `runner` cuts an evaluation
into `jobs`, whose `job_key` is the hash of what they depend on; `store` keeps finished jobs, `workers` compute the
others, `plan` spreads them over a batch queue. `session` is what one command does, `figures` draws from saved tables.
"""

"""Many evaluations of a scenario: cut into cells of work, kept as they come, shared out over processes or a cluster.

`runner.Runner.evaluate` is the only thing an analysis calls. `cells` says what a cell is and what it depends on,
`store` keeps finished ones, `execute` runs the others, `plan` spreads them over a batch queue.
"""

"""What to do next: `(Rollout, World, now) -> Plan`.

Belongs here: the order of a pass, steps, pauses, abort, weights under capacity, replica counts,
revisions, which AnalysisRuns must exist, and every sentence a user reads about them.

Never here: I/O, `await`, a clock, chance, kopf, a Kubernetes client. The same input gives the same
Plan, so a test is a table and a crash is repeated by calling again. Imports `davy.api` only.
"""

"""Plays releases through the engine and the judge: those to come, and what the past would have had.

Belongs here: invented traffic, a cluster that does what plans say, a release's course, what many of
them come to, an analysis over the past. It is pure: chance comes from a generator that the caller
seeds, time is counted in looks or is an argument, and the caller brings who remembers the past.

Never here: a rule of judgement, which `analysis` has, or of releases, which `engine` has; files,
clusters, printing.
"""

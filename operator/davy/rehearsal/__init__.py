"""Plays releases that haven't happened yet, through the judge: traffic and steps -> what to expect.

Belongs here: invented traffic, a release's course under the judge, what many of them come to.
It is pure: chance comes from a generator that the caller seeds, time is counted in looks.

Never here: a rule of judgement, which `analysis` has; files, clusters, printing.
"""

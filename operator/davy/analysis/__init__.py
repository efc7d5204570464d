"""How good the canary is: `(metric, measurements, now) -> verdict`.

Belongs here: the expression language of conditions, counters and limits, the schedule of
measurements, the sequential comparison, what missing evidence means.

Never here: asking anyone. Measurements come as arguments, time too; no I/O, no clock, no chance.
No evidence is never success. Imports `davy.api` only.
"""

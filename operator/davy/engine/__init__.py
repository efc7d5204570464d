"""Decides: `(Rollout, World, now) -> Plan`.

Belongs here: what the next weights, ReplicaSets, runs, status and words are.
Never: I/O, a clock, await, kopf, kubernetes; nothing here knows how anything is read or written.
"""

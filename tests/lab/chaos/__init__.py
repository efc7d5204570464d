"""Chaos: releases under load while everything around them breaks; then everything is judged.

    make chaos                       # about 20 minutes; SEED=… MINUTES=… REPLICAS=… JSON=…
    python -m pytest tests/lab/chaos # the 2-minute excerpt, inside the lab

Recording and judging are apart. A run writes down what it did and saw (`history.py`): its faults,
every request that failed, every state of every object as a watch of its own saw it, and the API
server's audit log. Judges are pure functions over that record: `invariants.py` for I1 to I9,
`blame.py` for the failed requests, `outcomes.py` for the releases. Each counts what it looked at,
so that one which looked at nothing can't pass.

`storm.py` says when faults come (from the seed alone) and `faults.py` what each does; `releases.py`
is the users. The seed fixes which faults and releases come in which order and with which delays;
what else the machine does in between it can't fix, so a replay meets the same storm, not the same
microsecond.
"""

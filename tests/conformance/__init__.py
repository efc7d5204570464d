"""One suite, two servers: the simulation's cluster and the lab's real API server.

Every body here runs against both, so a rule that the simulation gets wrong fails on one side:

    make unit ARGS="tests/conformance"                                     # the simulation
    python -m tests.lab exec -- python -m pytest tests/conformance -m lab  # the real one

What the simulation leaves out on purpose, and no test here asks for:

- schemas, defaults, admission and pruning (`tests/lab/test_admission.py` asks the real server);
- `creationTimestamp`, `managedFields` and server-side apply;
- namespaces as objects: everything may be created anywhere;
- a pod's graceful deletion, and every other controller but the garbage collector;
- foreground deletion; orphans by `propagationPolicy`; metadata by the /status of built-in kinds;
- what is served, which is everything, unless a test says otherwise;
- versions that a watch could go on from, and narrowed watches (`test_streams.py`, real only);
- batches of a list (`tests/unit/cluster/test_listing.py`), and exact wordings of refusals.
"""

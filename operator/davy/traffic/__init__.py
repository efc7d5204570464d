"""Steers: each router says what weight is written, what to write, and whether it is verified.

Belongs here: how a route's objects are read and which leaves are patched. All of it is pure:
objects in, answers and JSON patches out.
Never: I/O, deciding a weight, knowing another router.
"""

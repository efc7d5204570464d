"""Hostile input, generated: `make fuzz N=100000 SEED=0`.

A case is a target and a number; the number seeds everything, so `--target NAME --seed K -n 1`
replays it. `targets` says what must hold, `strange` and `expressions` make the input, `whole` puts
it into a whole operator.
"""

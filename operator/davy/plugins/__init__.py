"""Other people's routers, metric providers and steps: their contract, finding them, calling them.

What comes from them is never trusted to come in time, or to be what it should.
"""

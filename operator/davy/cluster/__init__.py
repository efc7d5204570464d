"""Talking to the API server: the few calls Davy makes, typed, and what its watches saw.

Belongs here: the client, the cache, a function per action that compares before it writes, events,
the lease. The only room that may import `kubernetes`.

Never here: decisions. A call is skipped when the world already looks so, and says so. Imports
`davy.api` only.
"""

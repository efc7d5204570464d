"""Steering: one file per router that reads, writes and verifies the weights of a user's route.

Belongs here: the Router protocol with its three answers (verified, not yet, unknown, each with
why), the registry, the patches of weight leaves, one file per router.

Never here: which weight is right (the engine says), a touch of any field but weights and subset
hashes, or an import of one router by another. Imports `davy.api` only.
"""

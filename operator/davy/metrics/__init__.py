"""Asks: one file per metric provider.

Belongs here: turning a resolved metric into one answer, and a provider's failures into sentences.
Never: judging an answer, retrying, knowing another provider.
"""

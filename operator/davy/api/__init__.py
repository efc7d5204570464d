"""What users write: the models of the kinds, their validation and their CRDs.

Belongs here: field names, defaults, bounds and descriptions (they become the CRDs), the sentences
that refuse a bad object, the names built from the API group, the exception tree.
Never: I/O, a clock, decisions about traffic, imports of another room.
"""

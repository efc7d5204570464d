"""Asking for evidence: one file per metric provider, each an answer or a named failure.

Belongs here: the Provider protocol, the registry, and one file per provider that turns a query
into a measurement and the library's errors into ours, with time-outs on every call.

Never here: judging the answer (`davy.analysis` does), retry policy, state between measurements, or
an import of one provider by another. Imports `davy.api` and `davy.analysis` only.
"""

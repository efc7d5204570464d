"""Davy: progressive delivery for Kubernetes.

A room a package; `pyproject.toml` holds the contract of who may import whom. This module imports
none of them, so that a tool can read the version without starting anything.
"""

__version__ = "0.1.0.dev0"

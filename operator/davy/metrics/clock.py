"""The present, as providers are given it."""

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Aware, UTC."""

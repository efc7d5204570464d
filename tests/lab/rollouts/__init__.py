"""Whole rollouts on real components, with real traffic counted request by request."""

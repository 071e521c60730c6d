"""Figures, not tests: each is a ratio to a yardstick measured beside it, or a cost."""

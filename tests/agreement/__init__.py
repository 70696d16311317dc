"""Whole histories: both sides, everything in between, and whatever may happen."""

"""Measurements: what the product costs, beside floors measured in the same run."""

"""From the first call to live."""

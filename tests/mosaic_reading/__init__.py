"""Time as Mosaic has it."""

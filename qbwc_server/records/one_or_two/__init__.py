"""What was said, and seen, of entries of two sides that are one, or two."""

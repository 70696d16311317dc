"""What support looks at and does."""

"""The pages and hooks."""

"""Jobs and exchanges."""

"""No company sees another's data, and nobody sees what is secret."""

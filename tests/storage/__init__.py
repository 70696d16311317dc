"""Both databases, and their schema."""

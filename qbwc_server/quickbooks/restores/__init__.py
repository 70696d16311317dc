"""A restored backup of the company file: `signs`, then `comparing`, `deciding`."""

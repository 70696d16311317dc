"""The way in: through a real company file, with and without HTTP."""

"""The pages in a browser, against real processes."""

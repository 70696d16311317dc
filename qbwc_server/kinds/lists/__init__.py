"""The lists of QuickBooks: what is read of each, and what it is in Mosaic."""

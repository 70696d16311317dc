"""The sandbox's Mosaic."""

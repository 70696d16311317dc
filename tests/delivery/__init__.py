"""Delivery to Mosaic."""

"""Mosaic's API. The only place that imports httpx; knows nothing of QuickBooks."""

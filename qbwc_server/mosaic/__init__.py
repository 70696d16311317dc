"""Mosaic's API: the user of httpx, begin with `client`; knows nothing of QuickBooks."""

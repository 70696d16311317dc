"""Keeps QuickBooks Desktop company files and Mosaic in agreement.

QuickBooks Web Connector calls `web_connector`, which works through the queue in `jobs`;
`quickbooks` does what the answers ask for, and `worker` brings what changed to Mosaic.
`docs/architecture.md` has the map of the wings.
"""

__version__ = "0.1.0"

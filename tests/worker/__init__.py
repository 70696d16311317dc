"""The loop beside the server."""

"""The server: what is gathered, bounded and handed over."""

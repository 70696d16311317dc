"""What attackers send, and what it costs."""

"""What people say, and what comes of it."""

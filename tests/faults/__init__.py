"""Real processes over real sockets, broken on purpose."""

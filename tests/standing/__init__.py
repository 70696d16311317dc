"""How a connection stands."""
